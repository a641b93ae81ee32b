"""Receptive fields: what region of the input a pixel depends on. Exact, in integers.

Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural networks", Distill. Their
intervals are those of one pixel; here they are those of a period of pixels, since behind an upsampling by f
neighbours may read the same pixel and only f of them in a row tell all. Borders, and the statistics of
normalization, are left out of account. Several inputs count as one, laid upon each other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from cnnspec.layers.base import Join
from cnnspec.layers.windows import LONGEST, SAME, Irregular, Window

if TYPE_CHECKING:
    from fractions import Fraction

    from cnnspec.analysis.unroll import Graph


class AxisField(NamedTuple):
    """Pixel q + i*len(low) depends on the input's pixels low[q] + i*step to high[q] + i*step."""

    step: int
    low: tuple[int, ...]
    high: tuple[int, ...]

    @property
    def size(self) -> int:
        """The pixels that the best connected of the pixels depends on."""
        return max(high - low for low, high in zip(self.low, self.high, strict=True)) + 1

    @property
    def jump(self) -> Fraction:
        """The distance of neighbours, in pixels of the input."""
        from fractions import Fraction

        return Fraction(self.step, len(self.low))

    def is_as_dense(self, other: AxisField) -> bool:
        """Whether the jumps are equal."""
        return self.step * len(other.low) == other.step * len(self.low)

    def behind(self, window: Window) -> AxisField:
        """The axis behind a layer that reads such windows of this one. Raises Irregular."""
        if window == SAME:
            return self
        own, period = len(self.low), len(window.first)
        if own == period == 1:  # nearly always, so the short way
            first, last = self.step * window.first[0], self.step * window.last[0]
            return AxisField(self.step * window.step, (self.low[0] + first,), (self.high[0] + last,))
        # A period of 3 pixels, walked through 2 at a time, is met again after 3 windows, 6 pixels.
        turns = own // math.gcd(own, window.step)  # until both repeat
        if turns * period > LONGEST:
            raise Irregular

        def at(ends: tuple[int, ...], place: int) -> int:
            # Behind an upsampling by 2, low is (0, 0): place 5 is the second of
            # the third period, low[1] + 2 = 2.
            return ends[place % own] + place // own * self.step

        # Behind an upsampling by 3 a stride of 2 takes places 0, 2 and 4 of two
        # periods: low (0, 0, 1), step 2.
        pixels = [(q, i * window.step) for i in range(turns) for q in range(period)]
        low = tuple(at(self.low, window.first[q] + shift) for q, shift in pixels)
        high = tuple(at(self.high, window.last[q] + shift) for q, shift in pixels)
        return AxisField(self.step * (window.step * turns // own), low, high)

    def union(self, other: AxisField) -> AxisField:
        """The least intervals around both. Raises Irregular where the jumps differ."""
        period = math.lcm(len(self.low), len(other.low))
        if not self.is_as_dense(other) or period > LONGEST:
            raise Irregular
        one, two = self.repeated(period), other.repeated(period)
        low = tuple(map(min, one.low, two.low))
        return AxisField(one.step, low, tuple(map(max, one.high, two.high)))

    def repeated(self, period: int) -> AxisField:
        """The same with another period, a multiple of its own."""
        shifts = [turn * self.step for turn in range(period // len(self.low))]
        low = tuple(end + shift for shift in shifts for end in self.low)
        return AxisField(
            self.step * len(shifts), low, tuple(e + shift for shift in shifts for e in self.high)
        )


class ReceptiveField(NamedTuple):
    """The receptive field of a value's pixels. The whole input is the WHOLE field."""

    down: AxisField
    across: AxisField

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, in pixels of the input."""
        return self.down.size, self.across.size

    @property
    def jump(self) -> tuple[Fraction, Fraction]:
        return self.down.jump, self.across.jump

    @property
    def start(self) -> tuple[int, int]:
        """Where the field of the first pixel begins: as far in front of the input as padding reaches."""
        return self.down.low[0], self.across.low[0]


PIXEL = AxisField(1, (0,), (0,))
# Step 0: wherever a pixel is, it sees the same.
WHOLE = ReceptiveField(AxisField(0, (0,), (0,)), AxisField(0, (0,), (0,)))


def fields(graph: Graph) -> dict[str, ReceptiveField | None]:
    """The field of every input and node; None where the pixels of a map have unlike ones."""
    found: dict[str, ReceptiveField | None] = {
        name: ReceptiveField(PIXEL, PIXEL) if shape.is_map else WHOLE for name, shape in graph.inputs
    }
    for node in graph.nodes:
        arriving = [found[name] for name in node.inputs]
        try:
            if isinstance(node.layer, Join):
                windows = node.layer.path_reads(len(arriving))
                found[node.path] = join_fields([*map(behind, arriving, windows)])
            else:
                found[node.path] = behind(arriving[0], node.layer.reads(node.shapes[0]))
        except Irregular:
            found[node.path] = None
    return found


def behind(field: ReceptiveField | None, windows: tuple[Window, Window] | None) -> ReceptiveField | None:
    if windows is None:
        return WHOLE
    if field is None or field is WHOLE or windows == (SAME, SAME):
        return field
    if field.down == field.across and windows[0] == windows[1]:
        both = field.down.behind(windows[0])
        return ReceptiveField(both, both)
    return ReceptiveField(field.down.behind(windows[0]), field.across.behind(windows[1]))


def join_fields(fields: list[ReceptiveField | None]) -> ReceptiveField | None:
    total = fields[0]
    for field in fields[1:]:
        if total is WHOLE or field is WHOLE:
            total = WHOLE
        elif total is None or field is None:
            total = None
        else:
            total = ReceptiveField(total.down.union(field.down), total.across.union(field.across))
    return total
