"""The specifications that ship with cnnspec: `cnnspec zoo`."""

from __future__ import annotations

import re
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


def libraries() -> list[str]:
    """The files of blocks alone, which nets use: `blocks/residual`, …"""
    return [name for name in names() if name.startswith("blocks/")]


class Named(NamedTuple):
    """What a name means: a shipped file, and which of its nets, if it is a net's name."""

    file: str
    net: str | None


def find(name: str) -> Named:
    """The file, or the net, of that name, with or without `.cnn`; capitals may differ. Raises FileProblem."""
    word = name.removesuffix(".cnn")
    files = names()
    if word in files:
        return Named(word, None)
    nets = {net: file for file in files for net in named_nets(file)}
    alike = [known for known in (*nets, *files) if known.lower() == word.lower()]
    # `ResNet` is the pattern in `resnet`, no net of its own: what it means is the file.
    for known in sorted(alike, key=lambda known: known != word):
        if known in files:
            return Named(known, None)
        if known in defined_by(nets[known]).defines:
            return Named(nets[known], known)
    words = suggest(word, [*files, *(net for net in nets if net.lower() not in files)])
    hint = f"did you mean `{words[0]}`?" if words else "`cnnspec zoo` lists them"
    raise FileProblem(f"no shipped specification is called {name!r}: {hint}")


def named_nets(file: str) -> list[str]:
    """The names of the nets in a shipped file, patterns for variants, too, without parsing it."""
    return re.findall(r"^net (\w+)", source_of(file).text, re.MULTILINE)


def named_blocks(file: str) -> list[str]:
    """The names of the blocks in a shipped file, without parsing it."""
    return re.findall(r"^block (\w+)", source_of(file).text, re.MULTILINE)


def source_of(file: str) -> Source:
    found = read_shipped(f"{file}.cnn")
    assert isinstance(found, Source)  # what ships is text
    return found


def text(name: str) -> str:
    """The text of a shipped file, named by itself or by a net in it. Raises FileProblem."""
    return source_of(find(name).file).text


def read_named(name: str) -> tuple[Source, str | None]:
    """The source of a shipped file, and the net in it that the name means. Raises FileProblem."""
    found = find(name)
    return source_of(found.file), found.net


def shipped() -> Iterator[Shipped]:
    """Every shipped file, with what it defines and its first comment."""
    return map(defined_by, names())


def defined_by(name: str) -> Shipped:
    """A shipped file, with what it defines and its first comment."""
    content = source_of(name).text
    tree, _ = parse(Source(name, content))
    nets = tuple(
        item.name.name
        for item in tree.items
        if isinstance(item, syntax.Net | syntax.Variant) and is_whole(item)
    )
    blocks = tuple(item.name.name for item in tree.items if isinstance(item, syntax.Block))
    return Shipped(name, nets or blocks, content.partition("\n")[0].lstrip("# "))


def is_whole(item: syntax.Item) -> bool:
    """Whether it is a net that can be built as it is, not only a pattern for variants."""
    if isinstance(item, syntax.Net):
        return all(parameter.default is not None for parameter in item.parameters)
    return isinstance(item, syntax.Variant)


def catalogue() -> str:
    """All shipped files for a reader: what each is, and, under it, the names it defines."""
    titles = {"": "", "blocks": "Blocks, for `use`:", "tutorial": "The tutorial:"}
    folders: dict[str, list[Shipped]] = {folder: [] for folder in titles}
    for file in shipped():
        folders[file.name.rpartition("/")[0]].append(file)
    parts = ["\n".join([title] * bool(title) + table(folders[folder])) for folder, title in titles.items()]
    return "\n\n".join(parts) + "\n"


def table(files: list[Shipped]) -> list[str]:
    width = max((len(file.name) for file in files), default=0) + 2
    lines = []
    for file in files:
        names = wrap(", ".join(file.defines), 100 - width)
        lines += [f"{file.name:{width}}{file.about}", *(" " * width + line for line in names)]
    return lines
