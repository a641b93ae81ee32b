"""What a figure is made of: flat parts with a place and a role. Themes give roles their colours.

Points are of 1/72 inch, x to the right, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import fill_lines
from cnnspec.draw.metrics import cut, width

TEXT_SIZE = 6.5  # points of all words: journals ask for 6 at least, and colour tells labels from the rest
PITCH = TEXT_SIZE * 1.18  # from line to line


class Point(NamedTuple):
    x: float
    y: float


class Polygon(NamedTuple):
    """A filled outline. `role` is a kind of box, `shade` tells which way the face looks."""

    points: tuple[Point, ...]
    role: str
    shade: str = "front"


class Polyline(NamedTuple):
    points: tuple[Point, ...]
    role: str = "ink"
    width: float = 0.6
    arrow: bool = False


class Circle(NamedTuple):
    centre: Point
    radius: float
    role: str = "ink"  # of a dot; "join": a white disc with a rim


class TextLine(NamedTuple):
    """One line of words; `at` is the left end or the middle of the line that they stand on."""

    at: Point
    words: str
    middle: bool = True
    role: str = "ink"
    bold: bool = False
    size: float = TEXT_SIZE


Primitive = Polygon | Polyline | Circle | TextLine


def shift(part: Primitive, x: float, y: float) -> Primitive:
    """The part elsewhere."""
    if isinstance(part, Circle):
        return part._replace(centre=Point(part.centre.x + x, part.centre.y + y))
    if isinstance(part, TextLine):
        return part._replace(at=Point(part.at.x + x, part.at.y + y))
    return part._replace(points=tuple(Point(p.x + x, p.y + y) for p in part.points))


class TextBlock(NamedTuple):
    """Lines of text below each other; as wide as the widest."""

    lines: tuple[str, ...] = ()
    width: float = 0.0

    @classmethod
    def fill(cls, words: Sequence[str], room: float, most: float = math.inf) -> TextBlock:
        """Words in lines of some room, a wider word on a line of its own, which is cut at the `most`."""
        filled = fill_lines(words, " ", room, lambda line: width(line, TEXT_SIZE))
        lines = tuple(cut(line, TEXT_SIZE, most) for line in filled)
        return cls(lines, max((width(line, TEXT_SIZE) for line in lines), default=0.0))

    @property
    def height(self) -> float:
        return len(self.lines) * PITCH

    def centred(self, x: float, top: float, role: str = "ink") -> list[Primitive]:
        # the line that letters stand on is so far below their top
        first = top + 0.85 * TEXT_SIZE
        lines = ((first + i * PITCH, words) for i, words in enumerate(self.lines))
        return [TextLine(Point(x, y), words, role=role) for y, words in lines]


class Skyline:
    """Where there is room beyond what was put down, below it (`sign` 1) or above it (`sign` -1)."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.taken: list[tuple[float, float, float]] = []  # left, right, how far

    def add(self, left: float, right: float, reach: float) -> None:
        """Take the room from `left` to `right`, as far as y = `reach`."""
        self.taken.append((left, right, self.sign * reach))

    def free(self, left: float, right: float) -> float:
        """The nearest y at which everything between left and right is passed."""
        # above, reaches are negated, so that further is larger on both sides; 0 is the row's middle
        return self.sign * max((reach for a, b, reach in self.taken if a < right and b > left), default=0.0)

    def put(self, left: float, right: float, high: float, gap: float) -> float:
        """Take the nearest room for what is so high, a gap away; the y of its top."""
        near = self.free(left, right) + self.sign * gap
        self.add(left, right, near + self.sign * high)
        return min(near, near + self.sign * high)

    @property
    def end(self) -> float:
        """The y that nothing reaches past."""
        return self.sign * max((reach for _, _, reach in self.taken), default=0.0)
