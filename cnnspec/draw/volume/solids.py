"""The form of a value: a slab, a stack of sheets, a bar of units, a circle where values are added.

Solids stand with their middle on y = 0, and begin at x = 0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from cnnspec.draw.volume.draft import Bands
from cnnspec.draw.volume.figure_model import Volume
from cnnspec.draw.volume.primitives import Circle, Point, Polygon, Polyline, Primitive, TextLine, shift
from cnnspec.draw.volume.scale import FigureScale, is_vector

DEPTH = Point(0.34, -0.2)  # where a point one further into the picture is drawn
MOST_SHEETS, MOST_COPIES, MOST_BANDS = 8, 4, 8
SHEET = 4.2  # from sheet to sheet
BETWEEN_COPIES = 3.0
RADIUS, FAULT = 5.0, 8.0  # of a join's circle, and of what does not fit


Size = tuple[float, float, float]  # width, height, depth


class Plane(NamedTuple):
    """A parallelogram: a corner, and the edges that lead to its neighbours."""

    corner: Point
    across: Point
    down: Point

    def at(self, across: float, down: float) -> Point:
        """The point at these parts of the edges."""
        return Point(
            self.corner.x + across * self.across.x + down * self.down.x,
            self.corner.y + across * self.across.y + down * self.down.y,
        )

    def moved(self, x: float) -> Plane:
        return self._replace(corner=Point(self.corner.x + x, self.corner.y))

    def patch(self, across: float, down: float) -> tuple[Point, ...]:
        """The corners of a part of it, a little right of and below the middle."""
        left, top = 0.6 * (1 - across), 0.6 * (1 - down)
        return tuple(self.at(left + a * across, top + d * down) for a, d in ((0, 0), (1, 0), (1, 1), (0, 1)))


class Solid(NamedTuple):
    """`arriving` is where operations put their results, `leaving` where they take what they work on.

    Arrows leave it at the part `exit` of its breadth, and end `inset` behind where it begins: behind the dots
    that stand for more sheets.
    """

    form: str
    width: float
    height: float
    parts: tuple[Primitive, ...]
    arriving: Plane
    leaving: Plane
    exit: float = 0.5
    inset: float = 0.0


@lru_cache(1024)
def solid(volume: Volume, scale: FigureScale, sheets: bool) -> Solid:
    """Of its kind, shape, times, sign and bands: nothing else of the volume is looked at."""
    shape = volume.shape
    if volume.kind == "fault":
        return octagon()
    if volume.sign:
        return circle(volume.sign)
    if is_vector(shape):
        return bar(volume, scale)
    return stack(volume, scale) if sheets else slabs(volume, scale)


def circle(sign: str) -> Solid:
    words = TextLine(Point(RADIUS, 2.9), sign, bold=True, size=8.0)
    return flat("circle", 2 * RADIUS, Circle(Point(RADIUS, 0), RADIUS, "join"), words)


def octagon() -> Solid:
    """What does not fit, crossed out."""
    side = 2 * FAULT
    # a regular octagon: 1 / (2 + √2) = 0.29 of a side is cut off at each corner
    near, far = side * 0.29, side * 0.71
    turns = ((near, 0), (far, 0), (side, near), (side, far), (far, side), (near, side), (0, far), (0, near))
    parts: list[Primitive] = [Polygon(tuple(Point(x, y - FAULT) for x, y in turns), "fault")]
    for up in (1, -1):
        ends = (Point(side * 0.32, up * side * 0.18), Point(side * 0.68, -up * side * 0.18))
        parts.append(Polyline(ends, "fault", 1.4))
    return flat("octagon", side, *parts)


def flat(form: str, side: float, *parts: Primitive) -> Solid:
    """Arrows meet its leftmost point and its rightmost."""
    left, right = (Plane(Point(x, 0), Point(0, 0), Point(0, 0)) for x in (0, side))
    return Solid(form, side, side, parts, left, right)


def cuboid(x: float, size: Size, bands: Bands) -> tuple[list[Primitive], Plane, Plane]:
    """Its faces, the middle of the whole on y = 0; the planes of the left and of the right face.

    Front and top are parted where values were laid side by side.
    """
    wide, high, deep = size
    into = Point(DEPTH.x * deep, DEPTH.y * deep)
    top = -high / 2 - into.y / 2  # `into` leads up: so the middle of front and back together is at y = 0
    left, right = (Plane(Point(end, top), into, Point(0, high)) for end in (x, x + wide))
    parts: list[Primitive] = [Polygon(right.patch(1, 1), bands[-1][0], "side")]
    done = 0  # channels: of 64+192 on a slab 40 wide, the second band begins at 40 * 64/256 = 10
    for role, channels in bands:
        a, b = (Point(x + wide * n / total(bands), top) for n in (done, done + channels))
        parts.append(Polygon(Plane(a, into, Point(b.x - a.x, 0)).patch(1, 1), role, "top"))
        parts.append(Polygon(Plane(a, Point(b.x - a.x, 0), Point(0, high)).patch(1, 1), role))
        done += channels
    return parts, left, right


def total(bands: Bands) -> int:
    return sum(channels for _, channels in bands)


def slabs(volume: Volume, scale: FigureScale) -> Solid:
    """As wide as channels, as high and deep as the map; as many as the operation is repeated, up to a few."""
    height, width = volume.shape.size
    wide, high, deep = scale.of_channels(volume.shape.channels), scale.of_side(height), scale.of_side(width)
    copies = 1 if volume.kind == "block" else min(volume.times, MOST_COPIES)
    places = [i * (wide + BETWEEN_COPIES) for i in range(copies)]
    made = [cuboid(x, (wide, high, deep), shown_bands(volume)) for x in places]
    length = copies * wide + (copies - 1) * BETWEEN_COPIES + DEPTH.x * deep
    # the left face cannot be seen: what arrives ends at its front edge
    edge, right = made[0][1]._replace(across=Point(0, 0)), made[-1][2]
    parts = tuple(part for faces, _, _ in made for part in faces)
    return Solid("slab", length, high - DEPTH.y * deep, parts, edge, right)


def stack(volume: Volume, scale: FigureScale) -> Solid:
    """A sheet a channel, the first in front of all; of many only a few."""
    height, width = volume.shape.size
    wide, high = scale.of_side(width), scale.of_side(height)
    count, off = min(volume.shape.channels, MOST_SHEETS), SHEET * max(scale.zoom, 0.6)
    more = volume.shape.channels > count
    # a step from sheet to sheet, and two for the dots of those that are not drawn
    room = off * (count - 1) + (off * 2 if more else 0)
    top = -(high + room) / 2
    parts: list[Primitive] = []
    if more:
        parts += [Circle(Point(off * (0.35 + 0.5 * i), top + off * (0.35 + 0.5 * i)), 0.55) for i in range(3)]
    # a kind a channel, of which each sheet shows one: of 8 sheets of 16 channels every second one
    makers = [kind for kind, channels in volume.bands for _ in range(channels)] or [volume.kind]
    for i in range(count):
        at = room - (count - 1 - i) * off
        plane = Plane(Point(at, top + at), Point(wide, 0), Point(0, high))
        parts.append(Polygon(plane.patch(1, 1), makers[i * len(makers) // count]))
    inset = 2 * off if more else 0.0
    return Solid("sheets", wide + room, high + room, tuple(parts), plane, plane, 1.0, inset)


def bar(volume: Volume, scale: FigureScale) -> Solid:
    """Units in a column, one band upon the other."""
    wide, deep = 7.0 * max(scale.zoom, 0.7), 9.0 * max(scale.zoom, 0.7)
    high = scale.of_units(volume.shape.channels)
    bands = shown_bands(volume)
    parts: list[Primitive] = []
    done = 0
    for band in reversed(bands):  # from the bottom up, for each hides the top of the one below
        share = high * band[1] / total(bands)
        middle = high / 2 - high * done / total(bands) - share / 2
        parts += [shift(part, 0, middle) for part in cuboid(0, (wide, share, deep), (band,))[0]]
        done += band[1]
    _, left, right = cuboid(0, (wide, high, deep), bands)
    edge = left._replace(across=Point(0, 0))
    return Solid("bar", wide + DEPTH.x * deep, high - DEPTH.y * deep, tuple(parts), edge, right)


def shown_bands(volume: Volume) -> Bands:
    """What was laid side by side, if there is room to show it."""
    return volume.bands if 1 < len(volume.bands) <= MOST_BANDS else ((volume.kind, 1),)


def wants_sheets(volumes: tuple[Volume, ...], few: int = 32) -> bool:
    """Whether the maps have so few channels that each may be drawn, as LeCun et al. did in 1998."""
    return all(v.shape.channels <= few for v in volumes if not is_vector(v.shape))
