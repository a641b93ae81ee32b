"""The command line against bare Python, Lark and itself: `python benchmarks/commands.py`.

Whole processes are timed from outside, in turns, and the median ratio of the turns is quoted. Install
cnnspec from a wheel first (`pip install .`), so that its bytecode is compiled.
"""

from __future__ import annotations

import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SPECS = Path(__file__).parents[1] / "specs"
GRAMMAR = Path(__file__).parents[1] / "grammars" / "cnn.lark"

BLOCKS = """block B(w) { conv w@3x3 pad=1 bias=no, batchnorm, relu }
net N {
    input 3@32x32
    repeat 100 {
        repeat 33 { conv 16@3x3 pad=1 bias=no, batchnorm, relu }
        B 16
    }
}
"""
BOMB = "net N {\n    input 3@8x8\n    repeat 1000000 { repeat 1000000 { conv 3@1x1 } }\n}\n"
DOUBLING = (
    "block B0 { conv 3@1x1 }\n"
    + "".join(f"block B{i} {{ B{i - 1}, B{i - 1} }}\n" for i in range(1, 41))
    + "net N { input 3@8x8\n B40 }\n"
)


def flat(statements: int) -> str:
    lines = ("conv 16@3x3 pad=1 bias=no", "batchnorm", "relu")
    body = "".join(f"    {lines[i % 3]}\n" for i in range(statements))
    return f"net N {{\n    input 3@32x32\n{body}}}\n"


def process(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def ratio(ours: Callable[[], float], theirs: Callable[[], float], turns: int) -> tuple[float, float, float]:
    """The median of ours, of theirs, and of the ratio turn by turn."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(turns)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def check(path: Path) -> list[str]:
    return [sys.executable, "-m", "cnnspec", "check", str(path)]


def parse_and_check(text: str) -> float:
    """Seconds in this process, the collector at rest."""
    from cnnspec.compiler import check_text

    gc.disable()
    start = time.perf_counter()
    found = check_text(text)
    taken = time.perf_counter() - start
    gc.enable()
    assert found.ok
    return taken


def bare_lark(text: str) -> Callable[[], float]:
    from lark import Lark

    parser = Lark(GRAMMAR.read_text(), parser="lalr", start="start")

    def run() -> float:
        gc.disable()
        start = time.perf_counter()
        parser.parse(text)
        taken = time.perf_counter() - start
        gc.enable()
        return taken

    return run


def bomb_cost(path: Path, empty: Path) -> tuple[float, float]:
    """Seconds and megabytes that refusing takes, besides those of an empty net."""
    found = []
    for file in (path, empty):
        times = sorted(process(check(file)) for _ in range(7))
        code = (
            "import resource, subprocess, sys;"
            f"subprocess.run({check(file)!r}, capture_output=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        memory = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        found.append((times[3], int(memory.stdout) / 1024))
    return found[0][0] - found[1][0], found[0][1] - found[1][1]


def row(what: str, figure: str, must: str) -> None:
    print(f"{what:<66} {figure:>26}   must {must}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, Path] = {}
        texts: dict[str, Any] = {"blocks": BLOCKS, "bomb": BOMB, "doubling": DOUBLING}
        texts["empty"] = "net N {\n    input 3@8x8\n}\n"
        for name, text in texts.items():
            files[name] = Path(folder, f"{name}.cnn")
            files[name].write_text(text)
        bare = [sys.executable, "-c", "import click, lark"]
        lenet = check(SPECS / "lenet.cnn")
        ours, theirs, times = ratio(lambda: process(lenet), lambda: process(bare), 21)
        row("check specs/lenet.cnn / importing click and lark", f"{times:.2f} ({ours:.3f} s)", "1.6")
        seconds = statistics.median(process(check(files["blocks"])) for _ in range(7))
        row("10,000 layers of blocks and repeats, whole process", f"{seconds:.2f} s", "0.6 s")
        text = flat(30_000)
        lark = bare_lark(text)
        ours, theirs, times = ratio(lambda: parse_and_check(text), lark, 7)
        row("30,000 statements checked / parsed by Lark alone", f"{times:.2f} ({theirs:.2f} s)", "2")
        small, large = BLOCKS.replace("100", "10"), BLOCKS.replace("100", "900").replace("\n}", "\n}")
        few, many, _ = ratio(lambda: parse_and_check(small), lambda: parse_and_check(large), 5)
        row("time a layer, 90,000 layers / 1,000", f"{many / few / 90:.2f}", "1.3")
        for name in ("bomb", "doubling"):
            taken, memory = bomb_cost(files[name], files["empty"])
            row(f"refusing a bomb ({name})", f"{1000 * taken:.0f} ms, {memory:.0f} MB", "100 ms, 100 MB")
    print("largest process:", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, "MB")


if __name__ == "__main__":
    main()
