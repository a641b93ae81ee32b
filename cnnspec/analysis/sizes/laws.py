"""How the sides of maps go on for ever: what makes a formula a law, where it fits all sizes looked at.

Behind layers in a row a side f of a map has a period: f(n + step) = f(n) + gain, for what a layer makes has
one (`Layer.paces`). Behind a stride of 2 and an upsampling by 3 it is 3 for each 2. So a formula of that
period that is right for a whole period is right for all n. A layer that takes a map takes all larger ones.
Paths of a join have to be equal: whether they are repeats after the least common multiple of their periods,
`whole`; where one grows faster than the other nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cnnspec.analysis.sizes.size_run import SizeRun
from cnnspec.analysis.unroll import Node
from cnnspec.layers.base import Join
from cnnspec.layers.windows import ALONG, STILL, Pace
from cnnspec.values.extents import Extent, has_extents

LONGEST = 1 << 20
"""Of a longer period nothing is claimed."""


class Period(NamedTuple):
    """A side's period, and after how many sizes it repeats whether there is a map at all."""

    step: int
    gain: int
    whole: int

    def behind(self, pace: Pace) -> Period | None:
        """The side behind a layer: its period repeats after some of these."""
        # A side that gains 3 in 2 sizes, behind a stride of 2: only after 2 turns, 4 sizes, is the gain even.
        turns = pace.step // math.gcd(self.gain, pace.step)
        return period(self.step * turns, turns * self.gain // pace.step * pace.gain, self.whole)


def period(step: int, gain: int, whole: int = 1) -> Period | None:
    whole = math.lcm(whole, step)
    return Period(step, gain, whole) if whole <= LONGEST else None


Sides = tuple[Period | None, Period | None]


class Periods:
    """The periods of all maps of a run, height and width; of what is no map nothing is known."""

    def __init__(self, run: SizeRun) -> None:
        self.run = run
        self.of: dict[Any, Sides] = {}
        for name, shape in run.graph.inputs:
            if shape.is_map:
                self.of[name] = self.input(run.flows[name].column)
        for node in run.graph.nodes:
            if node.output.is_map and all(name in self.of for name in node.inputs):
                down, across = (self.side(node, axis) for axis in (0, 1))
                self.of[node.path] = down, across

    @staticmethod
    def input(column: Sequence[Any]) -> Sides:
        first, last = column[0], column[-1]
        down, across = (Period(*(ALONG if first[axis] != last[axis] else STILL), 1) for axis in (0, 1))
        return down, across

    def side(self, node: Node, axis: int) -> Period | None:
        arriving = [self.of[name][axis] for name in node.inputs]
        if isinstance(node.layer, Join):
            if node.layer.sized_by is not None:
                return arriving[node.layer.sized_by]
            # A gate that is one pixel at every size says nothing of how the others grow.
            repeated = {1, None} if node.layer.repeats else {None}
            wide = [n for n in node.inputs if not repeated.issuperset(self.along(n, axis))] or node.inputs
            return join_periods([self.of[name][axis] for name in wide])
        pace = node.layer.paces()[axis]
        if node.following is None:
            return arriving[0].behind(pace) if arriving[0] and pace else None
        if any(has_extents(value) for name, value in node.following.items() if name not in ("size", "sides")):
            return None
        if (cut := node.following.get("sides")) is not None:
            ends = list(cut) if isinstance(cut, list | tuple) else [cut, cut]
            sides = ends[2 * axis : 2 * axis + 2] if len(ends) == 4 else [ends[axis], ends[axis]]
            parts = [arriving[0], *map(self.extent, sides)]
            return sum_periods(parts, [1, -1, -1])
        size = node.following.get("size")
        found = self.extent(size[axis] if isinstance(size, list | tuple) else size)
        if found is None or arriving[0] is None:
            return None
        if node.layer.name == "crop" and join_periods([found, arriving[0]]) is None:
            return None  # which is no larger than what it takes at some sizes alone
        return period(found.step, found.gain, math.lcm(found.whole, arriving[0].whole))

    def along(self, name: str, axis: int) -> Iterator[int | None]:
        """The heights, or the widths, of a map at every size of the input; None where it is not there."""
        return (size and size[axis] for size in self.run.flows[name].column)

    def extent(self, value: Any) -> Period | None:
        """The period of what was computed from sizes, by sums, and multiples and quotients of numbers."""
        if type(value) is not Extent:
            return Period(*STILL, 1)
        if value.operation in ("height", "width"):
            sides = self.of.get(value.operands[0], (None, None))
            return sides[value.operation == "width"]
        left, right = value.operands if len(value.operands) == 2 else (None, None)
        if value.operation == "*" and type(right) is Extent:
            left, right = right, left
        first = self.extent(left)
        if first is None:
            return None
        if value.operation in ("+", "-") and type(right) is Extent:
            found = sum_periods([first, self.extent(right)], [1, 1 if value.operation == "+" else -1])
            # h//8 - 20*(h - 2*(h//2)) is above 0 for even h from 8 on, for odd ones from 169 on: where that
            # rises there may be maps behind all sizes looked at that have none like them before.
            return found if found and (value.operation == "+" or found.gain <= 0) else None
        if type(right) is Extent or not isinstance(right, int) or right < 1:
            return None
        if value.operation in ("+", "-"):
            return first
        paces = {"*": Pace(1, right), "//": Pace(right, 1)}
        return first.behind(paces[value.operation]) if value.operation in paces else None


def sum_periods(parts: Sequence[Period | None], signs: Sequence[int]) -> Period | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    step = math.lcm(*(part.step for part in known))
    gain = sum(sign * part.gain * (step // part.step) for sign, part in zip(signs, known, strict=True))
    return period(step, gain, math.lcm(*(part.whole for part in known)))


def join_periods(paths: Sequence[Period | None]) -> Period | None:
    """Where they are there at all paths are equal, so that of the shortest period tells of all."""
    known = [path for path in paths if path is not None]
    if len(known) < len(paths) or any(p.gain * known[0].step != known[0].gain * p.step for p in known):
        return None
    least = min(known, key=lambda path: path.step)
    return period(least.step, least.gain, math.lcm(*(path.whole for path in known)))


def is_proved(period: Period, sizes: Mapping[int, int], end: int) -> bool:
    """Whether what holds for these sizes, all up to `end` at which there is a map, holds for ever."""
    return bool(sizes) and min(sizes) + period.whole - 1 <= end


# A law as a formula


class SizeRule(NamedTuple):
    """o = factor*((n + shift)//step) + more."""

    factor: int
    shift: int = 0
    step: int = 1
    more: int = 0

    def __call__(self, n: int) -> int:
        return self.factor * ((n + self.shift) // self.step) + self.more

    def text(self, name: str) -> str:
        """With `name` for n: `ceil(n/32)`, `(n - 8)//4`, `2*n - 4`."""
        if not self.factor:
            return str(self.more)
        if self.step == 1:
            more = self.factor * self.shift + self.more
            return plus(name if self.factor == 1 else f"{self.factor}*{name}", more)
        if self.shift == self.step - 1:
            quotient = f"ceil({name}/{self.step})"
        else:
            inner = plus(name, self.shift)
            quotient = f"{inner if inner == name else f'({inner})'}//{self.step}"
            quotient = quotient if self.factor == 1 else f"({quotient})"
        return plus(quotient if self.factor == 1 else f"{self.factor}*{quotient}", self.more)


def rule(sizes: Mapping[int, int], step: int, gain: int) -> SizeRule | None:
    """The simplest rule by which each size n gives its o, of those by which n + step gives o + gain.

    None where there is none of this form.
    """
    if not sizes or gain < 0:
        return None
    n, o = next(iter(sizes.items()))
    if gain == 0:
        found: SizeRule | None = SizeRule(0, more=o)
    elif gain % step == 0:
        found = SizeRule(gain // step, more=o - gain // step * n)
    else:
        found = None
    if found and all(found(n) == o for n, o in sizes.items()):
        return found
    # f(n + 4) = f(n) + 2 is tried as n//2 before 2*(n//4), f(n + 4) = f(n) + 1
    # as n//4 alone: a factor is whole.
    for shorter in (d for d in range(2, step + 1) if step % d == 0 and gain and gain * d % step == 0):
        found = rule_of_step(gain * shorter // step, shorter, o, sizes)
        if found:
            return found
    return None


def rule_of_step(factor: int, step: int, o: int, sizes: Mapping[int, int]) -> SizeRule | None:
    """The rule of this step, if some shift fits all quotients: q*step <= n + shift < (q + 1)*step."""
    more = o % factor
    if any(value % factor != more for value in sizes.values()):
        return None
    # q*step <= n + shift says how small the shift may be, n + shift < (q + 1)*step how large.
    low = max((value - more) // factor * step - n for n, value in sizes.items())
    high = min((value - more) // factor * step + step - 1 - n for n, value in sizes.items())
    if low > high:
        return None
    # A shift of 0 reads as n//32, one of 31 as ceil(n/32); else the one nearest to 0.
    shift = next((s for s in (0, step - 1) if low <= s <= high), low if low > 0 else high)
    return SizeRule(factor, shift, step, more)


def plus(text: str, more: int) -> str:
    return f"{text} {'+' if more > 0 else '-'} {abs(more)}" if more else text
