"""Published networks of Caffe and Darknet, imported: right, refused or wrong; how long the texts are.

python -m benchmarks.caffe_and_darknet

Right: all sizes, multiply-accumulates and weights are those of the table, and the text is proved.
Of a Darknet network with sections that have no layer, what lies before the first of them is imported.
"""

from __future__ import annotations

import sys
import time
from statistics import median

from benchmarks.timing import Row, table
from cnnspec.commands.import_ import lines
from cnnspec.importers.refusals import Refused
from cnnspec.importers.write import write
from tests.importers import reference


def run(kind: str, file: str) -> tuple[str, int, float]:
    """What became of a network, the lines of its text, and the seconds that it took."""
    began = time.perf_counter()
    try:
        sizes = reference.read(kind, file)
        text = write(sizes.model)
    except Refused as refused:
        return f"refused: {refused.groups[0]}", 0, 0.0
    seconds = time.perf_counter() - began
    wrong = reference.difference(kind, file, sizes)
    return f"wrong: {wrong}" if wrong else "right", lines(text), seconds


def main() -> None:
    rows, ends = [], []
    for kind in ("caffe", "darknet"):
        results = {file: run(kind, file) for file in reference.table(kind)}
        right = [(count, seconds) for state, count, seconds in results.values() if state == "right"]
        counts = [count for count, _ in right] or [0]
        wrong = sum(state.startswith("wrong") for state, _, _ in results.values())
        rows += [
            Row(f"{kind}: right", "", f"{len(right)} of {len(results)}"),
            Row(f"{kind}: wrong", "none", str(wrong)),
            Row(f"{kind}: lines", "median 25", f"median {median(counts):g}, at most {max(counts)}"),
            Row(f"{kind}: seconds a net", "", f"{median([each for _, each in right] or [0]):.2f}"),
        ]
        ends += [f"{file}: {state}\n" for file, (state, _, _) in results.items() if state != "right"]
        sys.stderr.writelines(
            f"{file}: {state}, {count} lines\n" for file, (state, count, _) in results.items()
        )
    sys.stdout.write(table("Imports from Caffe and Darknet", rows) + "".join(ends))


if __name__ == "__main__":
    main()
