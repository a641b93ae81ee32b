"""Padding that several layers share."""

from __future__ import annotations

from cnnspec.layers.base import Misfit
from cnnspec.values.shapes import Shape

Sides = tuple[int, int, int, int]
"""Padding at the top, bottom, left and right."""

MODES = ("reflect", "replicate", "circular")


def check_mode(mode: str, x: Shape, sides: Sides) -> None:
    """Whether the map has enough rows and columns to fill the pad from. Raises Misfit."""
    height, width = x.size
    top, bottom, left, right = sides
    for axis, n, p in (("height", height, max(top, bottom)), ("width", width, max(left, right))):
        if mode == "reflect" and p >= n:
            raise Misfit(
                "E0411", f"a reflected pad of {p} needs more than the map's {axis} {n}", "pad", f"{p} >= {n}"
            )
        if mode == "circular" and p > n:
            raise Misfit(
                "E0411", f"a circular pad of {p} is more than the map's {axis} {n}", "pad", f"{p} > {n}"
            )


def torch_sides(sides: Sides) -> int | Sides:
    """In PyTorch's order, left, right, top, bottom; one number where all are equal."""
    top, bottom, left, right = sides
    return top if top == bottom == left == right else (left, right, top, bottom)
