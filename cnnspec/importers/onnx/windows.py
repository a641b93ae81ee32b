"""Pads of windows: explicit ones, one number a side, or by rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnspec.importers.onnx.lower import GraphFlows
from cnnspec.values.shapes import Shape, effective, same_padding

Sides = tuple[int, int, int, int]
"""Top, bottom, left, right."""


class Windows(NamedTuple):
    """How windows walk over a map, axis by axis."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: Sides


def read_windows(
    net: GraphFlows,
    x: Shape,
    kernel: Sequence[int],
    strides: object,
    dilations: object,
    pads: object,
    auto_pad: str,
) -> Windows:
    """The windows of a node on a map of this shape. Raises Refuse."""
    window, stride, dilation = (
        two(net, "kernel_shape", kernel),
        two(net, "strides", strides),
        two(net, "dilations", dilations),
    )
    if auto_pad == "NOTSET" or auto_pad == "VALID":
        given = [0] * 4 if pads is None or auto_pad == "VALID" else net.integers(pads, "pads")
        if len(given) != 4 or min(given) < 0:
            net.deny("pads", given)
        # ONNX has the beginnings of all axes first, then their ends.
        top, left, bottom, right = given
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        # The odd row or column is added at the far side, or, of SAME_LOWER, at the near one.
        sides = map(same_padding, x.size, window, stride, dilation)
        (top, bottom), (left, right) = sides if auto_pad == "SAME_UPPER" else (side[::-1] for side in sides)
    else:
        net.deny("auto_pad", auto_pad)
    return Windows(window, stride, dilation, (top, bottom, left, right))


def two(net: GraphFlows, name: str, values: object) -> tuple[int, int]:
    """A number an axis; 1 where none is given. Raises Refuse."""
    given = [1, 1] if values is None else net.integers(values, name)
    if len(given) != 2 or min(given) < 1:
        net.deny(name, given)
    return given[0], given[1]


def covered(windows: Windows, x: Shape, ceil: bool) -> tuple[int, int]:
    """How many windows ONNX counts down and across.

    With `ceil` the last one may hang over the edge, if it begins in the map or the pad before it.
    """
    found = []
    for axis in (0, 1):
        low, high = windows.pad[2 * axis : 2 * axis + 2]
        n, s = x.size[axis], windows.stride[axis]
        room = n + low + high - effective(windows.kernel[axis], windows.dilation[axis])
        # 7 pixels, windows of 2, 2 apart: a room of 5, so 3 windows, or with `ceil` 4, the last hanging over.
        # 5 pixels, pads of 1, windows of 2, 3 apart: the third would begin at 6, behind 1 + 5.
        count = -(-room // s) + 1 if ceil else room // s + 1
        found.append(count - (ceil and (count - 1) * s >= n + low))
    return found[0], found[1]
