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
        return self.low + (self.high - self.low) * float((value / largest) ** self.power)


SIDE = Range(10, 150, 0.6)  # heights and widths of maps
CHANNELS = Range(4, 70, 0.5)
UNITS = Range(14, 110, 0.4)  # of vectors


class Scale(NamedTuple):
    """The largest numbers of a figure, which are drawn largest, and how far all of it is shrunk."""

    side: int
    channels: int
    units: int
    zoom: float = 1.0

    @classmethod
    def of(cls, maps: Sequence[Shape], vectors: Sequence[Shape], zoom: float = 1.0) -> Scale:
        """The scale whose largest numbers are those of the shapes."""
        side = max((max(shape.size) for shape in maps), default=1)
        channels, units = (
            max((int(shape.channels) for shape in shapes), default=1) for shapes in (maps, vectors)
        )
        return cls(side, channels, units, zoom)

    def of_side(self, value: int) -> float:
        return SIDE.points(value, self.side) * self.zoom

    def of_channels(self, value: int) -> float:
        return CHANNELS.points(value, self.channels) * self.zoom

    def of_units(self, value: int) -> float:
        return UNITS.points(value, self.units) * self.zoom
