"""From numbers to points: monotone, never nothing, never two numbers alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnspec.values.shapes import Shape


class Range(NamedTuple):
    """`low + (high - low) * (v/largest)^power`: a power below one keeps the small ones in sight."""

    low: float
    high: float
    power: float

    def points(self, value: int, largest: int) -> float:
        # a side of 7 where the largest is 224: 10 + 140 * (7/224)^0.6 = 27.5 points
        return self.low + (self.high - self.low) * float((value / largest) ** self.power)


SIDE = Range(10, 150, 0.6)  # heights and widths of maps
CHANNELS = Range(4, 70, 0.5)
UNITS = Range(14, 110, 0.4)  # of vectors


def is_vector(shape: Shape) -> bool:
    """Whether a value is drawn as units: it has no map, or one of a single pixel."""
    return shape.features == shape.channels


class FigureScale(NamedTuple):
    """The largest numbers of a figure, which are drawn largest, and how far all of it is shrunk."""

    side: int
    channels: int
    units: int
    zoom: float = 1.0

    @classmethod
    def of(cls, shapes: Sequence[Shape], zoom: float = 1.0) -> FigureScale:
        """The scale whose largest numbers are those of the shapes."""
        maps, vectors = ([s for s in shapes if is_vector(s) == wanted] for wanted in (False, True))
        channels, units = (max((int(s.channels) for s in found), default=1) for found in (maps, vectors))
        return cls(max((max(s.size) for s in maps), default=1), channels, units, zoom)

    def of_side(self, value: int) -> float:
        return SIDE.points(value, self.side) * self.zoom

    def of_channels(self, value: int) -> float:
        return CHANNELS.points(value, self.channels) * self.zoom

    def of_units(self, value: int) -> float:
        return UNITS.points(value, self.units) * self.zoom
