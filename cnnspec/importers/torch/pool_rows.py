"""Rows of pools, and of what takes their maxima back to where they stood."""

from __future__ import annotations

from typing import Any

from cnnspec.importers.reading.flows import Flow, PoolPlaces, Row, unpooled
from cnnspec.importers.refusals import Refuse
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.numbers import sides
from cnnspec.importers.torch.values import Known, Padded
from cnnspec.layers import pool
from cnnspec.layers.base import Layer, Misfit


def max_pool2d(
    net: TraceFlows,
    input: object,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: Any = None,
) -> Flow | list[Known]:
    del return_indices  # of the function's two forms the results say which one it is
    has_indices = len(net.call.results) == 2
    given: dict[str, Any] = {
        "window": sides(kernel_size),
        # torch.max_pool2d has an empty list for it: the window.
        "stride": sides(stride) if stride else None,
        "dilation": sides(dilation),
        "ceil": ceil_mode,
    }
    layer = pool.MaxPool(**given, pad=sides(padding))
    if not isinstance(input, Padded):
        x = net.map(input)
        made = net.natural(net.emit(layer, x))
        return [made, PoolPlaces(layer, x)] if has_indices else made
    if has_indices:
        net.deny("return_indices", True)
    # F.pad(x, (0, 1, 0, 1), value=-inf) and a pool of pad 1: top, bottom, left, right are [1, 2, 1, 2].
    both = [own + around for own, around in zip(layer.pad, input.sides, strict=True)]
    try:
        layer = pool.MaxPool(**given, pad=both)
        # The layer leaves out windows that start behind the map; PyTorch has them, of -inf alone.
        same = layer.output(input.value.shape).size == net.call.results[0].shape[2:]
    except Misfit:
        same = False
    if not same:
        net.deny("input", f"padded by {list(input.sides)}")
    return net.natural(net.emit(layer, input.value))


def max_unpool2d(
    net: TraceFlows,
    input: object,
    indices: object,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Flow:
    del kernel_size, stride, padding, output_size  # together they say but the size
    made = unpooled(net, net.flow(input), indices)
    size = net.call.results[0].shape[2:]
    return made if made.value.shape.size == size else net.deny("output_size", list(size))


def avg_pool2d(
    net: TraceFlows,
    input: object,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Flow:
    layer = pool.AvgPool(
        window=sides(kernel_size),
        stride=sides(stride) if stride else None,
        pad=sides(padding),
        ceil=ceil_mode,
        countpad=count_include_pad,
        divisor=divisor_override,
    )
    return net.as_made(layer, input)


def adaptive(to_size: type[Layer], to_one: type[Layer]) -> Row:
    def adaptive_pool(net: TraceFlows, input: object, output_size: Any, return_indices: bool = False) -> Flow:
        net.expect("return_indices", return_indices, False)
        x = net.map(input)
        if not x.shape.is_map:
            raise Refuse("E1005", f"`{net.call.name}` of a vector")
        wanted = output_size if isinstance(output_size, list | tuple) else (output_size, output_size)
        size = tuple(n if n is not None else there for n, there in zip(wanted, x.shape.size, strict=True))
        return net.natural(net.emit(to_one() if size == (1, 1) else to_size(size=size), x))

    return adaptive_pool


ROWS: dict[str, Row] = {
    "max_pool2d": max_pool2d,
    "max_unpool2d": max_unpool2d,
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": adaptive(pool.AdaptiveAvgPool, pool.GlobalAvgPool),
    "adaptive_max_pool2d": adaptive(pool.AdaptiveMaxPool, pool.GlobalMaxPool),
}
