"""What a text holds: its nets, blocks and constants, the labelled steps in them, and what folds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from cnnspec.live.answers.complete import header
from cnnspec.live.session import MOST_FILES
from cnnspec.text import syntax
from cnnspec.text.parser import parse
from cnnspec.text.source import Source, Span

EntryKind = Literal["net", "block", "constant", "step"]


class Entry(NamedTuple):
    """Something with a name; `span` holds all of it, `name_span` its name."""

    name: str
    kind: EntryKind
    detail: str
    span: Span
    name_span: Span
    inner: tuple[Entry, ...] = ()


@lru_cache(MOST_FILES)
def outline_of(name: str, text: str) -> tuple[Entry, ...]:
    """The entries of a file that need not be open, read once while its text stays as it is."""
    return tuple(outline(parse(Source(name, text))[0]))


def outline(tree: syntax.File) -> list[Entry]:
    """The entries of a file, in its order."""
    found = []
    for item in tree.items:
        if isinstance(item, syntax.Net | syntax.Block):
            kind: EntryKind = "net" if isinstance(item, syntax.Net) else "block"
            detail = header(item).removeprefix(item.name.name).removesuffix("()")
            inner = tuple(steps(item.body))
            found.append(Entry(item.name.name, kind, detail, item.span, item.name.span, inner))
        elif isinstance(item, syntax.Variant):
            detail = item.span.text.partition("=")[2].strip()
            found.append(Entry(item.name.name, "net", f"= {detail}", item.span, item.name.span))
        elif isinstance(item, syntax.Constant):
            found.append(Entry(item.name.name, "constant", item.value.span.text, item.span, item.name.span))
    return found


def steps(body: syntax.Body) -> Iterator[Entry]:
    """The labelled steps in braces; those in braces without a label, too."""
    for chain in syntax.chains(body):
        for step in chain.steps:
            inner = [entry for each in syntax.bodies(step.action) for entry in steps(each)]
            if step.label is None:
                yield from inner
            elif step.label.span.text:
                detail = step.action.span.text.partition("\n")[0].partition("{")[0].strip()
                yield Entry(step.label.span.text, "step", detail, step.span, step.label.span, tuple(inner))


def folds(source: Source, tree: syntax.File) -> list[tuple[int, int, bool]]:
    """The first and the last line, counted from 1, of braces and of comments (True) over several lines."""
    found = []
    for body in syntax.braces_of(tree):
        first, last = source.position(body.span.start)[0], source.position(body.span.end)[0]
        if last - 1 > first:
            found.append((first, last - 1, False))
    start = 0
    for number, line in enumerate([*source.text.split("\n"), ""], 1):
        if line.lstrip().startswith("#"):
            start = start or number
            continue
        if start and number - start > 1:
            found.append((start, number - 1, True))
        start = 0
    return sorted(set(found))
