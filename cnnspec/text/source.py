"""Source text and places in it.

Everything that points into a file does so by a Span: two offsets in code points.
Lines and columns are worked out on demand, when a message is printed.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple


class Source:
    """A file's name, as the user wrote it, and its text with newlines as `\\n`."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset, both counted from 1, columns in code points."""
        # Starts [0, 6]: offset 5, the newline, is column 6 of line 1; offset 6 is column 1 of line 2.
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its newline."""
        start = self._line_starts[number - 1]
        return self.text[start : self.line_end(start)]

    def line_start(self, offset: int) -> int:
        """The offset at which the line of an offset starts."""
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """The offset of the newline that ends the line of an offset, or of the end of the text."""
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end

    def indent(self, offset: int) -> str:
        """The blanks that the line of an offset starts with."""
        line = self.text[self.line_start(offset) : offset]
        return line[: len(line) - len(line.lstrip())]


class Span(NamedTuple):
    """A stretch of a source: offsets, the end exclusive."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def home(self) -> tuple[str, int]:
        """Its source's name and its start: the same for every reading of a text that does not change."""
        return self.source.name, self.start

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Its line and column, and those of its end, all counted from 1."""
        return *self.source.position(self.start), *self.source.position(self.end)

    def covers(self, other: Span) -> bool:
        """Whether the other lies in this one."""
        return self.source is other.source and self.start <= other.start and other.end <= self.end

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of the other."""
        return Span(self.source, self.start, other.end)

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"
