"""Rows of pools, and of means and largest values."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from cnnspec.importers.model import Value
from cnnspec.importers.onnx.net import GraphFlows
from cnnspec.importers.onnx.values import FormulaPart, Known, WindowAttributes
from cnnspec.importers.onnx.windows import Windows, covered, read_windows, two
from cnnspec.importers.reading import computations
from cnnspec.importers.reading.computations import is_multiple
from cnnspec.importers.reading.flows import Flow, Flows, PoolPlaces, Row, plain, unpooled
from cnnspec.importers.reading.paths import joined_along, summed
from cnnspec.importers.reading.reductions import reduced
from cnnspec.layers import merge, pool
from cnnspec.layers.base import Misfit
from cnnspec.values.shapes import Shape


def max_pool(net: GraphFlows, x: object, *, ceil_mode: int = 0, window: WindowAttributes) -> list[Known]:
    value = net.map(x)
    windows = read_windows(net, value.shape, window)
    given = {"window": windows.kernel, "stride": windows.stride, "dilation": windows.dilation}
    make = partial(pool.MaxPool, **given)
    made = pooled(net, value, windows, bool(ceil_mode), make)
    if len(net.node.outputs) < 2:
        return [made]
    return [made, PoolPlaces(make(pad=list(windows.pad), ceil=bool(ceil_mode)), value)]


def max_unpool(
    net: GraphFlows,
    x: object,
    places: object,
    size: object = None,
    *,
    kernel_shape: Any,
    pads: Any = None,
    strides: Any = None,
) -> Flow:
    """As large as the map that was pooled: else the places are others."""
    flow = net.flow(x)
    made = unpooled(net, flow, places)
    steps = two(net, "strides", strides)
    # Without a size each value goes to a window of its own.
    own = tuple(n * step for n, step in zip(flow.value.shape.size, steps, strict=True))
    wanted = own if size is None else tuple(net.integers(size, "output_shape")[2:])
    is_same = two(net, "kernel_shape", kernel_shape) == steps and not any(pads or ())
    return made if is_same and wanted == made.value.shape.size else net.deny("output_shape", list(wanted))


def average_pool(
    net: GraphFlows, x: object, *, ceil_mode: int = 0, count_include_pad: int = 0, window: WindowAttributes
) -> Flow:
    if two(net, "dilations", window.dilations) != (1, 1):
        net.deny("dilations", window.dilations)
    value = net.map(x)
    windows = read_windows(net, value.shape, window)
    counts = bool(count_include_pad)
    # Without a pad both means are the same, and `countpad=yes` is what the language need not say.
    countpad = counts or not any(windows.pad)
    make = partial(pool.AvgPool, window=windows.kernel, stride=windows.stride, countpad=countpad)
    return pooled(net, value, windows, bool(ceil_mode), make, counts)


def pooled(
    net: GraphFlows, value: Value, windows: Windows, ceil: bool, make: Any, counts: bool = False
) -> Flow:
    """A pool, in the shortest form that has the windows of the node. Raises Refuse.

    `make` makes it of a pad and of whether the last windows may hang over. What hangs over the far edge
    (`ceil=yes`) reads no more than a pad there, unless the pad `counts`.
    """
    if windows.kernel == windows.stride == (1, 1) and not any(windows.pad):
        return net.natural(value)
    wanted = covered(windows, value.shape, ceil)
    top, bottom, left, right = windows.pad
    exact = make(pad=list(windows.pad), ceil=ceil)
    tries = [exact]
    if not counts and (top, left) != (bottom, right):
        # 7 rows, a window of 8, a pad of 1 below: all that there is, whatever the pad.
        if wanted == (1, 1) and reads_all(windows, value.shape):
            tries = [pool.GlobalMaxPool() if exact.name == "maxpool" else pool.GlobalAvgPool()]
        else:
            # A pad below that does not count may be a window that hangs over: 224 rows, a window of 3,
            # 2 apart, without a pad above and with 1 below, are those of `ceil=yes`.
            tries = [*(make(pad=(top, left), ceil=over) for over in (False, True)), exact]
    for layer in tries:
        with suppress(Misfit):
            if layer.output(value.shape).size == wanted:
                return net.natural(net.emit(layer, value))
    return net.deny("pads", list(windows.pad))


def reads_all(windows: Windows, x: Shape) -> bool:
    """Whether the first window reads the whole map."""
    lows = (windows.pad[0], windows.pad[2])
    sizes = zip(windows.kernel, x.size, lows, windows.dilation, strict=True)
    return all(k >= n + low and d == 1 for k, n, low, d in sizes)


def reduce_along(net: GraphFlows, function: str, known: Flow | FormulaPart, given: list[int]) -> FormulaPart:
    """A reduction along axes that are kept, of size 1: a part of a formula. Raises Refuse."""
    x, axes = known
    made, kept = computations.reduced(function, x, axes, {place % len(axes) for place in given})
    if not computations.is_known(made):
        net.deny("axes", given)
    return FormulaPart(made, kept)


def length(
    net: GraphFlows, x: Any, axes: object = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
) -> Known:
    """The root of the sum of squares. Raises Refuse."""
    places = net.integers([] if axes is None else axes, "axes")
    if not keepdims or noop_with_empty_axes:
        net.deny("axes", places)
    return reduce_along(net, "norm", net.compact(net.flow(x)), places)


def reduce(is_mean: bool) -> Row:
    """A mean or a largest value over rows and columns, the global pools; or over channels."""

    def reduce_(
        net: GraphFlows, x: Any, axes: object = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Known:
        given = [] if axes is None else net.integers(axes, "axes")
        # A norm written out, x/sqrt(mean(x^2) + eps): the mean is of a power, which is no layer.
        if isinstance(x, FormulaPart) and is_mean and keepdims and not is_multiple(x.computation):
            return reduce_along(net, "mean", x, given)
        flow = net.flow(x)
        if not given and noop_with_empty_axes:
            return flow
        # Without axes it is along all of them.
        places = sorted({place % len(flow.axes) for place in given or range(len(flow.axes))})
        paths = None if is_mean else joined_along(net, merge.Maximum(), flow, places, bool(keepdims))
        return paths or reduced(net, flow, places, is_mean, bool(keepdims))

    return reduce_


def sum_of_paths(
    net: GraphFlows, x: Any, axes: object = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
) -> Flow:
    places = net.integers([] if axes is None else axes, "axes")
    flow = net.flow(x)
    return flow if noop_with_empty_axes and not places else summed(net, flow, places, bool(keepdims))


ROWS: dict[str, Row] = {
    "MaxPool": max_pool,
    "MaxUnpool": max_unpool,
    "AveragePool": average_pool,
    "GlobalAveragePool": plain(pool.GlobalAvgPool, Flows.as_made),
    "GlobalMaxPool": plain(pool.GlobalMaxPool, Flows.as_made),
    "ReduceMean": reduce(True),
    "ReduceMax": reduce(False),
    "ReduceL2": length,
    "ReduceSum": sum_of_paths,
}
