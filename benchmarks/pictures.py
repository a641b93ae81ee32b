"""What it takes to draw, from the call of the program to the file; Graphviz's machine code is in the cache.

python -m benchmarks.pictures
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.specs import flat
from benchmarks.timing import Row, interleaved, process, table

ROOT = Path(__file__).parents[1]
LAYERS = 3000
TIMES = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder, "chain.cnn")
        chain.write_text(flat(LAYERS + 3), encoding="utf-8")
        resnet = str(ROOT / "specs" / "resnet.cnn")
        calls = {
            ("LeNet", "0.4 s"): [str(ROOT / "specs" / "lenet.cnn")],
            ("ResNet-50", "0.7 s"): [resnet, "--net", "ResNet50"],
            ("ResNet-152", "1.0 s"): [resnet, "--net", "ResNet152"],
            (f"a chain of {LAYERS:,} layers", "5 s"): [str(chain)],
            (f"the same, each layer a box: {LAYERS:,} boxes", "5 s"): [str(chain), "--detail", "full"],
        }
        draw = [sys.executable, "-m", "cnnspec", "draw"]
        own = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": folder}
        first = [process([*draw, *next(iter(calls.values())), "-o", "-"], **own)]
        cold = interleaved(first, 1)[0]  # fills the cache
        runs = [process([*draw, *call, "-o", "-"], **own) for call in calls.values()]
        start = process([sys.executable, "-m", "cnnspec", "--version"], **own)
        *taken, started = interleaved([*runs, start], TIMES)
    rows = [
        Row(f"{what} to SVG", f"below {bound}", f"{seconds.median:.2f} s")
        for (what, bound), seconds in zip(calls, taken, strict=True)
    ]
    rows.append(Row("LeNet, Graphviz compiled first", "", f"{cold.median:.2f} s"))
    rows.append(Row("`cnnspec --version`, for comparison", "", f"{started.median:.2f} s"))
    sys.stdout.write(table("Pictures", rows))


if __name__ == "__main__":
    main()
