"""What a figure is made of: flat parts with a place and a role. Themes give roles their colours.

Points are of 1/72 inch, x to the right, y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PITCH = 1.18  # from line to line, of the size of the letters


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


class Text(NamedTuple):
    """One line of words; `at` is the left end or the middle of the line that they stand on."""

    at: Point
    words: str
    size: float
    middle: bool = True
    role: str = "ink"
    bold: bool = False


Primitive = Polygon | Polyline | Circle | Text


def shift(part: Primitive, x: float, y: float) -> Primitive:
    """The part elsewhere."""
    if isinstance(part, Circle):
        return part._replace(centre=Point(part.centre.x + x, part.centre.y + y))
    if isinstance(part, Text):
        return part._replace(at=Point(part.at.x + x, part.at.y + y))
    return part._replace(points=tuple(Point(p.x + x, p.y + y) for p in part.points))


def column(
    lines: Sequence[str], centre: float, top: float, size: float, role: str = "ink"
) -> list[Primitive]:
    """Lines of text below each other, each in the middle."""
    return [
        Text(Point(centre, top + size * (0.85 + i * PITCH)), words, size, role=role)
        for i, words in enumerate(lines)
    ]


def tall(lines: Sequence[str], size: float) -> float:
    """How high a column of lines is."""
    return len(lines) * size * PITCH
