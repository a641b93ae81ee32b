"""Pads of windows: explicit ones, one number a side, or by rule."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.importers.onnx.net import GraphFlows
from cnnspec.importers.onnx.values import WindowAttributes
from cnnspec.importers.refusals import Refuse
from cnnspec.layers.pads import Sides
from cnnspec.values.shapes import Shape, pool_size, same_padding


class Windows(NamedTuple):
    """How windows walk over a map, axis by axis."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: Sides


def read_windows(net: GraphFlows, x: Shape, window: WindowAttributes) -> Windows:
    """The windows of a node on a map of this shape. Raises Refuse."""
    auto_pad, pads = window.auto_pad, window.pads
    if window.kernel_shape is None:
        raise Refuse("E1004", f"`{net.operator}`: missing a required argument: 'kernel_shape'")
    kernel, stride, dilation = (
        two(net, name, getattr(window, name)) for name in ("kernel_shape", "strides", "dilations")
    )
    if auto_pad in ("NOTSET", "VALID"):
        given = [0] * 4 if pads is None or auto_pad == "VALID" else net.integers(pads, "pads")
        if len(given) != 4 or min(given) < 0:
            net.deny("pads", given)
        # ONNX has the beginnings of all axes first, then their ends.
        top, left, bottom, right = given
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        # The odd row or column is added at the far side, or, of SAME_LOWER, at the near one.
        sides = map(same_padding, x.size, kernel, stride, dilation)
        (top, bottom), (left, right) = sides if auto_pad == "SAME_UPPER" else (side[::-1] for side in sides)
    else:
        net.deny("auto_pad", auto_pad)
    return Windows(kernel, stride, dilation, (top, bottom, left, right))


def two(net: GraphFlows, name: str, values: object) -> tuple[int, int]:
    """A number an axis; 1 where none is given. Raises Refuse."""
    given = [1, 1] if values is None else net.integers(values, name)
    if len(given) != 2 or min(given) < 1:
        net.deny(name, given)
    return given[0], given[1]


def covered(windows: Windows, x: Shape, ceil: bool) -> tuple[int, int]:
    """How many windows ONNX counts down and across, which are as many as the language does."""
    pads = windows.pad[:2], windows.pad[2:]
    axes = zip(x.size, windows.kernel, windows.stride, windows.dilation, pads, strict=True)
    rows, columns = (pool_size(n, k, s, d, low, ceil, high) for n, k, s, d, (low, high) in axes)
    return rows, columns
