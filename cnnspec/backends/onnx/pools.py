"""Pools in ONNX. Pads are written out where what ceil_mode adds to them differs from runtime to runtime."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.pool import adaptive_windows, pool_frame, window_shares
from cnnspec.backends.onnx.body import Array, Lowering
from cnnspec.backends.onnx.moves import padded, padded_apart, weighed
from cnnspec.layers.pads import Sides


def covered(step: Lowering) -> Sides:
    """The pads that windows reach into, those that hang over the edge included."""
    layer = step.layer
    return pool_frame(step.shape.size, layer.window, layer.stride, layer.pad, layer.dilation, layer.ceil)[1]


def max_pool(step: Lowering) -> None:
    """Where more is padded than a window has taps, as ONNX Runtime refuses, the pad stands by itself."""
    layer = step.layer
    if layer.ceil and is_plain(layer):
        step.op("MaxPool", step.x, **step.window(), ceil_mode=1)
        return
    x, sides = step.x, covered(step)
    if max(sides[:2]) >= layer.window[0] or max(sides[2:]) >= layer.window[1]:
        x, sides = padded(step, x, sides, "constant", -math.inf), (0, 0, 0, 0)
    step.op("MaxPool", x, **step.window(sides), dilations=list(layer.dilation))


def max_unpool(step: Lowering) -> None:
    """The second output of a max pool is where its values stood, in the whole batch."""
    values, source = step.inputs
    window = {"kernel_shape": list(step.layer.window), "strides": list(step.layer.window)}
    places = step.second("MaxPool", source, **window)
    step.op("MaxUnpool", values, places, step.op("Shape", source), **window)


def is_plain(layer: Any) -> bool:
    """Whether no window can begin behind the map, so that all runtimes have the same number of them."""
    near = all(stride <= side for stride, side in zip(layer.stride, layer.window, strict=True))
    return near and not any(layer.pad) and set(layer.dilation) == {1}


def avg_pool(step: Lowering) -> None:
    """Sums are divided by whole windows; where another number is meant, its share corrects them."""
    layer = step.layer
    inside = not layer.countpad and layer.divisor is None
    y = step.op("AveragePool", step.x, **step.window(covered(step)), count_include_pad=int(not inside))
    sizes = step.shape.size, layer.window, layer.stride, layer.pad, step.output.size
    # Where 6 of 9 taps are to count, the rest hanging over the edge: the mean of 9 times 9/6.
    shares = math.prod(layer.window) / window_shares(*sizes, countpad=True, divisor=layer.divisor)
    if not inside and (shares != 1).any():
        same = (shares == shares[0, 0]).all()
        step.op("Mul", y, step.number(float(shares[0, 0])) if same else step.array("shares", shares))


def blur_pool(step: Lowering) -> None:
    """A convolution of every channel with binomial coefficients."""
    layer = step.layer
    x, sides = padded_apart(step, layer.sides(step.shape))
    # 3 taps: 1/4, 2/4, 1/4.
    rows, columns = ([math.comb(k - 1, i) / 2 ** (k - 1) for i in range(k)] for k in layer.window)
    channels = int(step.shape.channels)
    kernel = np.broadcast_to(np.outer(rows, columns), (channels, 1, *layer.window))
    step.op("Conv", x, step.array("kernel", kernel), **step.window(sides), group=channels)


def adaptive(kind: str) -> Callable[[Lowering], None]:
    """An adaptive pool: global, of equal windows, or of windows of its own for every pixel."""

    def lowered(step: Lowering) -> None:
        sizes = list(zip(step.shape.size, step.output.size, strict=True))
        if step.output.size == (1, 1):
            step.op(f"Global{kind}Pool", step.x)
        elif all(n % o == 0 for n, o in sizes):
            window = [n // o for n, o in sizes]
            if window != [1, 1]:
                step.op(f"{kind}Pool", step.x, kernel_shape=window, strides=window)
        elif kind == "Average":
            weighed(step, step.x, *(means(n, o) for n, o in sizes))
        else:
            largest(step)

    return lowered


def means(n: int, o: int) -> Array:
    """The weights (o, n) of pixels in the means of windows."""
    found = np.zeros((o, n))
    for row, (start, stop) in zip(found, adaptive_windows(n, o), strict=True):
        row[start:stop] = 1 / (stop - start)
    return found


def largest(step: Lowering) -> None:
    """Along either axis the pixels of all windows are gathered, the last again where a window is shorter."""
    x = step.x
    for axis, name, n, o in zip((2, 3), ("rows", "columns"), step.shape.size, step.output.size, strict=True):
        taken = adaptive_windows(n, o)
        longest = max(stop - start for start, stop in taken)
        # 5 pixels to 3, of windows (0, 2), (1, 4), (3, 5): [[0, 1, 1], [1, 2, 3], [3, 4, 4]].
        places = [[min(start + i, stop - 1) for i in range(longest)] for start, stop in taken]
        x = step.op("Gather", x, step.array(name, np.array(places)), axis=axis)
        # A table of places makes two axes of one: (N, C, 3, 3, W), of which the second is reduced.
        x = step.reduce("ReduceMax", x, axis + 1, keepdims=0)


def over_channels(kind: str) -> Callable[[Lowering], None]:

    def lowered(step: Lowering) -> None:
        step.reduce(kind, step.x, 1)

    return lowered
