"""The specifications that ship with cnnspec: `cnnspec zoo`."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import NamedTuple

from cnnspec.text import syntax
from cnnspec.text.files import FileProblem, read_shipped
from cnnspec.text.parser import parse
from cnnspec.text.resources import folder
from cnnspec.text.source import Source
from cnnspec.text.spelling import suggest


class Shipped(NamedTuple):
    """A shipped file. `defines` are its nets, the one that `build` takes first, or its blocks."""

    name: str
    defines: tuple[str, ...]
    about: str


def names() -> list[str]:
    """The networks, then the library of blocks: `lenet`, …, `blocks/residual`."""
    root = folder("specs")
    return [
        path.relative_to(root).with_suffix("").as_posix()
        for pattern in ("*.cnn", "*/*.cnn")
        for path in sorted(root.glob(pattern))
    ]


def text(name: str) -> str:
    """The text of a shipped file, named with or without `.cnn`. Raises FileProblem."""
    found = read_shipped(name.removesuffix(".cnn") + ".cnn")
    if not isinstance(found, Source):
        words = suggest(name, names())
        hint = f"did you mean `{words[0]}`?" if words else "`cnnspec zoo` lists them"
        raise FileProblem(f"no shipped specification is called {name!r}: {hint}")
    return found.text


def shipped() -> Iterator[Shipped]:
    """Every shipped file, with what it defines and its first comment."""
    for name in names():
        content = text(name)
        tree, _ = parse(Source(name, content))
        nets = tuple(
            item.name.name
            for item in tree.items
            if isinstance(item, syntax.Net | syntax.Variant) and is_whole(item)
        )
        blocks = tuple(item.name.name for item in tree.items if isinstance(item, syntax.Block))
        yield Shipped(name, nets or blocks, content.partition("\n")[0].lstrip("# "))


def is_whole(item: syntax.Item) -> bool:
    """Whether it is a net that can be built as it is, not only a pattern for variants."""
    if isinstance(item, syntax.Net):
        return all(parameter.default is not None for parameter in item.parameters)
    return isinstance(item, syntax.Variant)


def catalogue() -> str:
    """All shipped files for a reader: what each is, and, under it, the names it defines."""
    files = list(shipped())
    blocks = [file for file in files if "/" in file.name]
    nets = [file for file in files if file not in blocks]
    return "\n".join([*table(nets), "", "Blocks, for `use`:", *table(blocks)]) + "\n"


def table(files: list[Shipped]) -> list[str]:
    width = max((len(file.name) for file in files), default=0) + 2
    lines = []
    for file in files:
        names = wrap(", ".join(file.defines), 100 - width)
        lines += [f"{file.name:{width}}{file.about}", *(" " * width + line for line in names)]
    return lines
