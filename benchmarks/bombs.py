"""What refusing an expansion bomb takes, besides start-up: the slowest and the largest.

python -m benchmarks.bombs
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Row, table
from tests.safety.bombs import BOMBS, LATE
from tests.safety.running import measured


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.cnn"
        for title, bombs in (("that show what they unfold to", BOMBS), ("that show it late", LATE)):
            took = {}
            for name, text in bombs.items():
                path.write_text(text)
                runs = [measured("check", str(path)) for _ in range(3)]
                took[name] = (min(run.seconds for run in runs), min(run.memory for run in runs))
            slow = max(took, key=lambda name: took[name][0])
            large = max(took, key=lambda name: took[name][1])
            found = f"{1000 * took[slow][0]:.0f} ms ({slow}), {took[large][1] / 2**20:.0f} MB ({large})"
            must = "100 ms, 100 MB" if bombs is BOMBS else "2 s, 500 MB"
            rows.append(Row(f"the worst of {len(bombs)} bombs {title}", must, found))
    sys.stdout.write(table("Bombs", rows))


if __name__ == "__main__":
    main()
