"""Padding, and windows that slide over what is padded."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Layer, Misfit, pair
from cnnspec.layers.windows import Pace, Window, sliding
from cnnspec.values.shapes import Shape, effective, unread

Sides = tuple[int, int, int, int]
"""Padding at the top, bottom, left and right."""

MODES = ("reflect", "replicate", "circular")


def check_mode(mode: str, x: Shape, sides: Sides) -> None:
    """Whether the map has enough rows and columns to fill the pad from. Raises Misfit."""
    height, width = x.size
    top, bottom, left, right = sides
    for axis, n, p in (("height", height, max(top, bottom)), ("width", width, max(left, right))):
        # A mirror does not repeat the edge, so n rows have n - 1 to give; from the far side come all n.
        if mode == "reflect" and p >= n:
            message = f"a reflected pad of {p} needs more than the map's {axis} {n}"
            raise Misfit("E0411", message, "pad", f"{p} >= {n}")
        if mode == "circular" and p > n:
            message = f"a circular pad of {p} is more than the map's {axis} {n}"
            raise Misfit("E0411", message, "pad", f"{p} > {n}")


def torch_sides(sides: Sides) -> int | Sides:
    """In PyTorch's order, left, right, top, bottom; one number where all are equal."""
    top, bottom, left, right = sides
    return top if top == bottom == left == right else (left, right, top, bottom)


class Sliding(Layer):
    """A layer whose window walks over the padded map, down and across alike."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    mode: str = "zeros"  # what the pad holds, of layers that have a choice

    def kernel_of(self) -> tuple[int, int]:
        raise NotImplementedError

    def sides(self, x: Shape) -> Sides:
        """The padding in numbers when `x` arrives."""
        raise NotImplementedError

    def is_even(self, x: Shape) -> bool:
        """Whether opposite sides are padded alike: PyTorch's own modules take no other pad."""
        top, bottom, left, right = self.sides(x)
        return (top, left) == (bottom, right)

    def torch_padding(self, x: Shape) -> Any:
        """The padding as PyTorch's own module takes it, or, where it takes none such, of all four sides."""
        sides = top, _, left, _ = self.sides(x)
        return pair((top, left)) if self.is_even(x) else torch_sides(sides)

    def _along(self, n: int, k: int, s: int, d: int, lo: int, hi: int) -> int:
        """The output's size along one axis, named as in values/shapes.py; 0: the window does not fit."""
        raise NotImplementedError

    def size_of(self, x: Shape) -> tuple[int, int]:
        """Height and width of the output. Raises Misfit."""
        sides = top, bottom, left, right = self.sides(x)
        if self.mode != "zeros":
            check_mode(self.mode, x, sides)
        rows, columns = zip(x.size, self.kernel_of(), self.stride, self.dilation, strict=True)
        return self._fit("height", *rows, top, bottom), self._fit("width", *columns, left, right)

    def _fit(self, axis: str, n: int, k: int, s: int, d: int, lo: int, hi: int) -> int:
        o = self._along(n, k, s, d, lo, hi)
        if o < 1:
            e, argument = effective(k, d), self.positional[0]
            what = "window" if argument == "window" else "kernel"
            spread = f", {k} with dilation {d}," if d > 1 else ""
            room = f"the {'padded ' if lo + hi else ''}map's {n + lo + hi}"
            message = f"the {what}'s {axis} {e}{spread} is larger than {room}"
            padded = f"{n} + {lo} + {hi}" if lo + hi else f"{n}"
            spaced = f"{d}*({k} - 1) + 1 = {e}" if d > 1 else f"{k}"
            raise Misfit("E0401", message, argument, f"map {padded} < {what} {spaced}")
        return o

    def paces(self) -> tuple[Pace, Pace]:
        return Pace(self.stride[0], 1), Pace(self.stride[1], 1)

    def _taps(self, x: Shape) -> tuple[tuple[int, int, int, int], ...]:
        """Kernel, stride, dilation and low pad of each axis."""
        # [::2] of (top, bottom, left, right): the low sides.
        return tuple(zip(self.kernel_of(), self.stride, self.dilation, self.sides(x)[::2], strict=True))

    def reads(self, x: Shape) -> tuple[Window, Window]:
        down, across = self._taps(x)
        return sliding(*down), sliding(*across)

    def unread(self, x: Shape) -> tuple[int, int]:
        if self.stride == (1, 1):
            return 0, 0
        (height, width), (rows, columns), (down, across) = x.size, self.size_of(x), self._taps(x)
        return unread(height, rows, *down), unread(width, columns, *across)
