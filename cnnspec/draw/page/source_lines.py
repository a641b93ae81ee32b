"""Where layers come from: the texts, and the lines that each layer stands in or is used by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from cnnspec.draw.names import plain
from cnnspec.graph.tree import Again, Leaf, Lost, Merge, Network, Step, Use
from cnnspec.graph.walk import children
from cnnspec.text.source import Source, Span

Trail = tuple[Span, ...]
"""A layer's own place, the place of the block that it stands in, and so on outwards."""


LONGEST = 255
"""Of a file's name."""


class TextLine(NamedTuple):
    """A line, counted from 1, of a text, counted from 0."""

    file: int
    line: int


class SourceText(NamedTuple):
    name: str
    lines: list[str]


def trails(steps: Iterable[Step], outer: Trail = ()) -> Iterator[Trail]:
    """The places of all layers and of what faults left of them, in the order in which `unroll` lists them."""
    for step in steps:
        within = step.instance.steps if isinstance(step, Use) else children(step)
        # a layer's own line, then that of the use of its block; braces have none in between
        here = (step.span, *outer)
        yield from trails(within, here if isinstance(step, Use | Again) else outer)
        if isinstance(step, Leaf | Lost) or (isinstance(step, Merge) and step.runs):
            yield here


class Sources:
    """The texts that a network was made of, its own first."""

    def __init__(self, network: Network) -> None:
        self.main = network.span.source
        self.numbers: dict[Source, int] = {self.main: 0}

    def places(self, trail: Trail) -> tuple[TextLine, ...]:
        return tuple(dict.fromkeys(map(self.place, trail)))

    def place(self, span: Span) -> TextLine:
        file = self.numbers.setdefault(span.source, len(self.numbers))
        return TextLine(file, span.line)

    def where(self, span: Span) -> str:
        return f"{self.name(span.source)}:{span.line}"

    def texts(self) -> list[SourceText]:
        return [
            SourceText(self.name(source), source.text.rstrip("\n").split("\n")) for source in self.numbers
        ]

    def name(self, source: Source) -> str:
        """As `use` names it: nothing of the folders that the author keeps his files in."""
        path, folder = PurePath(source.name), PurePath(self.main.name).parent
        if source is not self.main and path.is_relative_to(folder):
            return plain(path.relative_to(folder).as_posix(), LONGEST)
        return plain(path.name if source is self.main else path.as_posix(), LONGEST)
