"""How much of what enters a net, or a block, its values see: by the path that sees least.

A block's are in pixels of what enters the block, and known once for all its uses. The least of several
paths is what Richter et al. 2021 go by: where a short path leads past a convolution, what is behind it can
still learn from little.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple
from weakref import proxy

from cnnspec.analysis.lints.lint_context import FlatScope, LintContext, Op, ScopeWalk, Site
from cnnspec.analysis.receptive import PIXEL, WHOLE, AxisField, ReceptiveField, behind
from cnnspec.graph.tree import Leaf, Merge, Use, Value
from cnnspec.layers.windows import LONGEST, Irregular, Window
from cnnspec.values.shapes import Shape

KERNELS = ("conv", "depthwise")
PIXELS = ReceptiveField(PIXEL, PIXEL)
ALL = 1 << 62  # pixels, more than an image has


class Sight(ScopeWalk[ReceptiveField | None]):
    """The fields of a scope's values; None where neighbours have unlike ones.

    `number` is that of the convolutions that look around, `high` and `wide` the greatest field that arrives
    at any, or more.
    """

    def __init__(self, sights: Sights, scope: FlatScope) -> None:
        super().__init__(sights.context)
        self.sights = proxy(sights)  # which holds this one
        self.number = self.high = self.wide = 0
        self.fields: dict[Value, ReceptiveField | None] = self.walk(
            scope,
            {value: PIXELS if value.shape is None or value.shape.is_map else WHOLE for value in scope.inputs},
        )

    def count(self, number: int, reach: tuple[int, int]) -> None:
        """So many convolutions see so far."""
        self.number += number
        self.high, self.wide = max(self.high, reach[0]), max(self.wide, reach[1])

    def layer(self, site: Site, field: ReceptiveField | None) -> ReceptiveField | None:
        if field is not None and looks_around(site.op):
            self.count(1, reach(field, 1, 1))
        try:
            return behind(field, self.sights.windows_of(site))
        except Irregular:
            return None

    def block(self, use: Use, field: ReceptiveField | None, _: tuple[Use, ...]) -> ReceptiveField | None:
        """It is looked at once for all its uses."""
        inner = self.sights.of(self.context.inside(use.instance))
        if field is not None:
            self.count(inner.number, reach(field, inner.high, inner.wide))
        leaving = inner.fields[use.instance.output]
        return None if leaving is None else compose_windows(field, leaving)

    def join(self, _: Merge, fields: list[ReceptiveField | None]) -> ReceptiveField | None:
        return least(fields)


class Blind(NamedTuple):
    """Convolutions to which nothing new can come: the first, with what it sees, and how many."""

    first: tuple[Site, ReceptiveField] | None
    number: int


class Sights:
    """The sights of scopes, each found when it is asked for."""

    def __init__(self, context: LintContext) -> None:
        self.context = proxy(context)  # which holds what is made of it
        self.known: dict[int, Sight] = {}  # by scope
        self.windows: dict[tuple[int, Shape], tuple[Window, Window] | None] = {}

    def of(self, scope: FlatScope) -> Sight:
        found = self.known.get(id(scope))
        if found is None:
            found = self.known[id(scope)] = Sight(self, scope)
        return found

    def windows_of(self, site: Site) -> tuple[Window, Window] | None:
        """What the layer reads; equal ones are asked once. Raises Irregular."""
        key = id(site.leaf.layer), site.shape
        if key not in self.windows:
            self.windows[key] = site.leaf.layer.reads(site.shape)
        return self.windows[key]

    def blind(self, scope: FlatScope, image: tuple[int, int], start: ReceptiveField = PIXELS) -> Blind:
        """The convolutions that look around where all of the image is seen already.

        `start` is the field of what enters the scope.
        """
        first, number, fields = None, 0, self.of(scope).fields
        for op in scope.ops:
            field = fields[op.input] if type(op) is not Merge else None
            seen = field if field is None or start is PIXELS else compose_windows(start, field)
            if seen is None:
                continue
            if type(op) is Use:
                inside = self.context.inside(op.instance)
                inner = self.of(inside)
                # What enters has seen the image, so every convolution inside counts, and the first is known.
                if first and covers(reach(seen, 1, 1), image):
                    number += inner.number
                elif covers(reach(seen, inner.high, inner.wide), image):
                    found = self.blind(inside, image, seen)
                    number += found.number
                    if found.first and not first:
                        site, there = found.first
                        first = site._replace(uses=(op, *site.uses)), there
            elif looks_around(op) and covers(reach(seen, 1, 1), image):
                number += 1
                first = first or (Site(op, (), scope), seen)
        return Blind(first, number)


def covers(size: tuple[int, int], image: tuple[int, int]) -> bool:
    return size[0] >= image[0] and size[1] >= image[1]


def looks_around(op: Op) -> bool:
    """Whether it is a convolution whose kernel has more than one pixel."""
    if type(op) is not Leaf or op.layer.name not in KERNELS:
        return False
    layer: Any = op.layer
    return bool(layer.kernel_of() != (1, 1))


def reach(field: ReceptiveField, high: int, wide: int) -> tuple[int, int]:
    """How far so many pixels down and across see together, or more; nothing for no pixels."""
    if not high:
        return 0, 0
    if field is WHOLE:
        return ALL, ALL
    down, across = field
    # Neighbours within a period may see the same pixels; `step` more come with each period.
    more = -(-(high - 1) // len(down.low)), -(-(wide - 1) // len(across.low))
    return down.size + down.step * more[0], across.size + across.step * more[1]


def compose_windows(outer: ReceptiveField | None, inner: ReceptiveField) -> ReceptiveField | None:
    """The field of what sees `inner` of a value that sees `outer`; None where neighbours have unlike ones."""
    if inner is WHOLE:
        return WHOLE
    try:
        # An Axis has the form of a Window: a block is a layer that reads its input so.
        return behind(outer, (Window(*inner.down), Window(*inner.across)))
    except Irregular:
        return None


def least(fields: list[ReceptiveField | None]) -> ReceptiveField | None:
    """The least of several paths' fields."""
    some = [field for field in fields if field is not None and field is not WHOLE]
    if None in fields or not some:
        return None if None in fields else WHOLE
    down = min((field.down for field in some), key=lambda axis: axis.size)
    return ReceptiveField(down, min((field.across for field in some), key=lambda axis: axis.size))


def offset_between(one: AxisField, two: AxisField) -> float:
    """How far apart the same pixels of two values look, in pixels of theirs; infinite if ever farther.

    Where that repeats only after very many pixels it counts as nothing: not all are looked at.
    """
    if not one.is_as_dense(two):
        return math.inf
    period = math.lcm(len(one.low), len(two.low))
    if period > LONGEST:
        return 0
    first, second = one.repeated(period), two.repeated(period)
    ends = sum(first.low) + sum(first.high) - sum(second.low) - sum(second.high)
    # The mean distance of centres is ends/(2*period) pixels of the input; one of theirs is step/period.
    return abs(ends) / (2 * first.step)
