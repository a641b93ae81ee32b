"""What it takes to draw, from the call of the program to the file, with whichever Graphviz there is.

python -m benchmarks.pictures
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.specs import flat
from benchmarks.timing import Row, interleaved, process, table

ROOT = Path(__file__).parents[1]
LAYERS = 3000
TIMES = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder, "chain.cnn")
        chain.write_text(flat(LAYERS + 3), encoding="utf-8")
        calls = {
            f"a chain of {LAYERS:,} layers": [str(chain)],
            f"the same, each layer a box: {LAYERS:,} boxes": [str(chain), "--detail", "full"],
            "ResNet-152, 6.875in wide": [
                str(ROOT / "specs" / "resnet.cnn"),
                "--net",
                "ResNet152",
                "--width",
                "6.875in",
            ],
        }
        draw = [sys.executable, "-m", "cnnspec", "draw"]
        out = str(Path(folder, "out.svg"))
        runs = [process([*draw, *call, "-o", out], PYTHONPATH=str(ROOT)) for call in calls.values()]
        taken = interleaved(runs, TIMES)
    engine = "the system's dot" if shutil.which("dot") else "Graphviz as WebAssembly"
    rows = [
        Row(f"{what} to SVG, by {engine}", "below 5 s", f"{seconds.median:.1f} s")
        for what, seconds in zip(calls, taken, strict=True)
    ]
    sys.stdout.write(table("Pictures", rows))


if __name__ == "__main__":
    main()
