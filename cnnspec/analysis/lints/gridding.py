"""Gridding: rows of dilated convolutions that see a grid, not a map. By exact coverage of taps.

Wang et al. 2018 look at convolutions in a row on one resolution: of the pixels between the first and the last
that an output pixel depends on, some are never read. Along an axis the pixels read are a set of integers,
kept as the bits of one, and a convolution adds its taps to each. Only nets with dilation are walked through,
layer by layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnspec.analysis.lints.lint_context import LintContext, ScopeWalk, Site
from cnnspec.graph.tree import Merge
from cnnspec.layers.windows import LONGEST, Irregular
from cnnspec.text.source import Span

CONVOLUTIONS = ("conv", "depthwise")
WINDOWED = (*CONVOLUTIONS, "maxpool", "avgpool")


class Taps(NamedTuple):
    """Along an axis: bit i of `read` is pixel low + i; the dilations on the way there."""

    low: int = 0
    read: int = 1
    dilations: tuple[int, ...] = ()

    def moved(self, by: int) -> Taps:
        return self._replace(low=self.low + by) if by else self

    def behind(self, k: int, d: int, first: int) -> Taps:
        """What a window of k taps, d apart, reads, the first at pixel `first`."""
        if self.read.bit_length() + (k - 1) * d > LONGEST:
            return Taps()  # farther than anyone needs to know
        read = 0
        # A kernel of 3, 2 apart, over what one of 3 saw: 111 | 11100 | 1110000 = 1111111.
        for tap in range(k):
            read |= self.read << tap * d
        return Taps(self.low + first, read, (*self.dilations, d) if d > 1 and k > 1 else self.dilations)

    def union(self, other: Taps) -> Taps:
        low = min(self.low, other.low)
        if max(self.low, other.low) - low > LONGEST:
            return Taps()
        read = self.read << (self.low - low) | other.read << (other.low - low)
        return Taps(low, read, max(self.dilations, other.dilations, key=len))

    @property
    def has_holes(self) -> bool:
        # Adding the lowest bit carries through pixels in a row: 0111 + 1 = 1000 has none of them. Behind a
        # hole some stay: 0101 + 1 = 0110, and 0100 is in both.
        return len(self.dilations) > 1 and self.read & (self.read + (self.read & -self.read)) != 0


class Footprint(NamedTuple):
    """What a value has seen since the resolution last changed, down and across; the last dilated layer."""

    down: Taps
    across: Taps
    last: Site | None


START = Footprint(Taps(), Taps(), None)


class Hole(NamedTuple):
    """The last layer of a row with holes, the dilations, and how many pixels of an extent are read."""

    site: Site
    dilations: tuple[int, ...]
    extent: int
    read: int


def holes(context: LintContext) -> Iterator[Hole]:
    """The rows of convolutions that see a grid."""
    finder = HoleFinder(context)
    for _, scope in context.nets:
        footprints = finder.walk(scope, dict.fromkeys(scope.inputs, START))
        for value in scope.outputs:
            finder.end(footprints[value])
    yield from finder.holes.values()


class HoleFinder(ScopeWalk[Footprint]):
    """Keeps the holes by the way to them."""

    def __init__(self, context: LintContext) -> None:
        super().__init__(context)
        self.holes: dict[tuple[Span, ...], Hole] = {}

    def layer(self, site: Site, footprint: Footprint) -> Footprint:
        layer: Any = site.leaf.layer
        try:
            windows = layer.reads(site.shape)
        except Irregular:
            return self.end(footprint)
        # A pixel for a pixel: an activation, or a pad or a crop, which shifts the map.
        if windows is not None and all(w.step == 1 and w.first == w.last for w in windows):
            down, across = (taps.moved(w.first[0]) for taps, w in zip(footprint[:2], windows, strict=True))
            return footprint._replace(down=down, across=across)
        if layer.name not in WINDOWED:
            return self.end(footprint)
        kernel = layer.kernel_of() if layer.name in CONVOLUTIONS else layer.window
        each = zip(footprint[:2], kernel, layer.dilation, windows, strict=True)
        down, across = (taps.behind(k, d, window.first[0]) for taps, k, d, window in each)
        dilated = any(d > 1 and k > 1 for k, d in zip(kernel, layer.dilation, strict=True))
        footprint = Footprint(down, across, site if dilated else footprint.last)
        return self.end(footprint) if layer.stride != (1, 1) else footprint

    def end(self, footprint: Footprint) -> Footprint:
        """The resolution changes: whatever holes there are now, nothing fills them."""
        for taps in (footprint.down, footprint.across):
            if footprint.last is not None and taps.has_holes:
                way = (footprint.last.op.span, *(use.span for use in footprint.last.uses))
                hole = Hole(footprint.last, taps.dilations, taps.read.bit_length(), taps.read.bit_count())
                self.holes.setdefault(way, hole)
        return START

    def join(self, _: Merge, footprints: list[Footprint]) -> Footprint:
        total = footprints[0]
        for footprint in footprints[1:]:
            deeper = len(footprint.down.dilations) > len(total.down.dilations)
            last = footprint.last if deeper or total.last is None else total.last
            total = Footprint(total.down.union(footprint.down), total.across.union(footprint.across), last)
        return total
