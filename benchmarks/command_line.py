"""The command line: start-up, parsing, checking, against the libraries that it stands on.

    python -m benchmarks.command_line

Builds a wheel, installs it with its bytecode compiled into a fresh virtual environment, and measures that.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import specs
from benchmarks.timing import Row, interleaved, process, ratio, table

ROOT = Path(__file__).parents[1]
START_UPS = 25


def install(folder: Path) -> Path:
    """A fresh environment with cnnspec in it; its Python."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--compile", str(ROOT)], check=True)
    return python


def start_up(python: Path, folder: Path) -> list[Row]:
    command = str(python.parent / "cnnspec")
    lenet, deep, pieces = folder / "lenet.cnn", folder / "deep.cnn", folder / "resnet.cnn"
    lenet.write_text((ROOT / "specs" / "lenet.cnn").read_text())
    pieces.write_text((ROOT / "specs" / "resnet.cnn").read_text())
    deep.write_text(specs.deep(10_000))
    libraries, ours, large, resnet, sizes = interleaved(
        [
            process([str(python), "-c", "import click, lark"]),
            process([command, "check", str(lenet)]),
            process([command, "check", str(deep)]),
            process([command, "check", str(pieces), "--net", "ResNet50"]),
            process([command, "sizes", str(pieces), "--net", "ResNet50"]),
        ],
        START_UPS,
    )
    beside, looked = (1000 * (taken.median - ours.median) for taken in (resnet, sizes))
    return [
        Row("`cnnspec check lenet.cnn` / `import click, lark`", "1.2", ratio(ours, libraries)),
        Row("10,000 layers of blocks and repeats, whole process", "0.6 s", f"{large.median:.2f} s"),
        Row("ResNet-50, besides LeNet's time", "100 ms", f"{beside:.0f} ms"),
        Row("`cnnspec sizes` for ResNet-50, besides that time", "40 ms", f"{looked:.0f} ms"),
    ]


def parsing() -> list[Row]:
    """In this process, the collector paused, against Lark with its own lexer and no tree builder of ours."""
    from lark import Lark

    from cnnspec.compiler import check
    from cnnspec.tables.one_line import line
    from cnnspec.text.source import Source

    text = specs.flat(30_000)
    lark = Lark((ROOT / "grammars" / "cnn.lark").read_text(), parser="lalr")

    def ours() -> None:
        found = check(Source("flat.cnn", text), settings=specs.LARGE)
        line("flat.cnn", found.networks[0])

    gc.disable()
    bare, whole = interleaved([lambda: lark.parse(text), ours], 5)
    gc.enable()
    return [Row("30,000 flat statements checked / Lark's bare parse of them", "2", ratio(whole, bare))]


def layers() -> list[Row]:
    """The time per layer of a large net, against a small one; flat, and in blocks and repeats."""
    from cnnspec.compiler import check
    from cnnspec.tables.one_line import line
    from cnnspec.text.source import Source

    def checked(text: str) -> Callable[[], Any]:
        return lambda: line("net.cnn", check(Source("net.cnn", text), settings=specs.LARGE).networks[0])

    rows = []
    for name, small, large, factor in (
        ("blocks and repeats, 90,000 / 1,000", specs.deep(1_000), specs.deep(90_000), 90),
        ("one repeat, 90,000 / 1,000", repeated(1_000), repeated(90_000), 90),
        ("flat, 50,000 / 1,000", specs.flat(1_000), specs.flat(50_000), 50),
    ):
        few, many = interleaved([checked(small), checked(large)], 5)
        found = f"{many.median / few.median / factor:.2f}"
        rows.append(Row(f"time per layer, {name}", "1.3", f"{found}, {many.median:.2f} s in all"))
    return rows


def repeated(layers: int) -> str:
    return f"net N {{\n    input 3@64x64\n    repeat {layers // 2} {{ conv 8@3x3 pad=1, relu }}\n}}\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        python = install(Path(name))
        rows = start_up(python, Path(name))
    sys.stdout.write(table("The command line", [*rows, *parsing(), *layers()]))


if __name__ == "__main__":
    main()
