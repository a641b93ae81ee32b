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


class OutlineEntry(NamedTuple):
    """Something with a name; `span` holds all of it, `name_span` its name."""

    name: str
    kind: EntryKind
    detail: str
    span: Span
    name_span: Span
    inner: tuple[OutlineEntry, ...] = ()


@lru_cache(MOST_FILES)
def outline_of(name: str, text: str) -> tuple[OutlineEntry, ...]:
    """The entries of a file that need not be open, read once while its text stays as it is."""
    return tuple(outline(parse(Source(name, text))[0]))


def outline(tree: syntax.File) -> list[OutlineEntry]:
    """The entries of a file, in its order."""
    found = []
    for item in tree.items:
        if isinstance(item, syntax.UsedFile):
            continue
        kind: EntryKind = "net"
        inner: tuple[OutlineEntry, ...] = ()
        if isinstance(item, syntax.Constant):
            kind, detail = "constant", item.value.span.text
        elif isinstance(item, syntax.Variant):
            detail = f"= {item.span.text.partition('=')[2].strip()}"
        else:
            kind = "net" if isinstance(item, syntax.Net) else "block"
            detail = header(item).removeprefix(item.name.name).removesuffix("()")
            inner = tuple(steps(item.body))
        found.append(OutlineEntry(item.name.name, kind, detail, item.span, item.name.span, inner))
    return found


def steps(body: syntax.Body) -> Iterator[OutlineEntry]:
    """The labelled steps in braces; those in braces without a label, too."""
    for chain in syntax.chains(body):
        for step in chain.steps:
            inner = [entry for each in syntax.bodies(step.action) for entry in steps(each)]
            if step.label is None:
                yield from inner
            elif step.label.span.text:
                detail = step.action.span.text.partition("\n")[0].partition("{")[0].strip()
                label = step.label.span
                yield OutlineEntry(label.text, "step", detail, step.span, label, tuple(inner))


def folds(source: Source, tree: syntax.File) -> list[tuple[int, int, bool]]:
    """The first and the last line, counted from 1, of braces and of comments (True) over several lines."""
    found = []
    for body in syntax.braces_of(tree):
        first, last = source.position(body.span.start)[0], source.position(body.span.end)[0]
        # The closing brace's line stays in sight: at least one has to lie between it and the opening one.
        if last - 1 > first:
            found.append((first, last - 1, False))
    start = 0
    # The empty line behind the last ends a comment that goes up to there.
    for number, line in enumerate([*source.text.split("\n"), ""], 1):
        if line.lstrip().startswith("#"):
            start = start or number
            continue
        if start and number - start > 1:
            found.append((start, number - 1, True))
        start = 0
    return sorted(set(found))
