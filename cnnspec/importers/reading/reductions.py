"""Means and maxima along axes of a tensor: the global pools, and those over channels."""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.importers.model import Value
from cnnspec.importers.reading import arrangement
from cnnspec.importers.reading.arrangement import Axis, whole
from cnnspec.importers.reading.flows import Flow, Flows
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import pool
from cnnspec.layers.base import Layer


def reduced(net: Flows, flow: Flow, places: Sequence[int], is_mean: bool, keepdim: bool) -> Flow:
    """The mean, or the maximum, along rows, columns or both, or along the channels. Raises Refuse."""
    flow = net.compact(flow)
    layer = reducing_layer(flow, places, is_mean)
    # No layer shuffles a vector: a map is shuffled before its mean is taken.
    if layer is None or any(is_shuffled(axis, flow.value.shape.channels) for axis in flow.axes):
        named = net.natural(net.map(flow))
        is_alike = len(named.axes) == len(flow.axes)
        flow, layer = named, reducing_layer(named, places, is_mean) if is_alike else None
    if layer is None:
        message = f"`{net.operator}` over other axes than rows and columns, or channels, has no layer"
        raise Refuse("E1003", message)
    axes = tuple(() if place in places else axis for place, axis in enumerate(flow.axes))
    made = net.emit(layer, before_half(net, layer, flow.value))
    return Flow(made, axes if keepdim else arrangement.remove(axes, places))


def is_shuffled(axis: Axis, count: int) -> bool:
    """Whether an axis has all of so many channels, in another order."""
    return arrangement.size_of(axis) == count and len(axis) > 1 and {atom.axis for atom in axis} == {"C"}


HALVES: dict[type[Layer], type[Layer]] = {
    pool.GlobalAvgPool: pool.AdaptiveAvgPool,
    pool.GlobalMaxPool: pool.AdaptiveMaxPool,
}


def before_half(net: Flows, layer: Layer, value: Value) -> Value:
    """What a global pool may take: the map before rows, or columns, were pooled alone."""
    maker = net.maker(value)
    if maker is None or type(maker.layer) is not HALVES.get(type(layer)):
        return value
    # `x.mean(3, keepdim=True).mean(2)`: C@28x28, then C@28x1. The second mean is a global pool of C@28x28.
    (source,) = maker.inputs
    sizes = zip(value.shape.size, source.shape.size, strict=True)
    return source if all(n in (1, before) for n, before in sizes) else value


def reducing_layer(flow: Flow, places: Sequence[int], is_mean: bool) -> Layer | None:
    """The layer that takes the mean, or the maximum, of a value along the axes at these places.

    Axes of size 1 are alike: where the channels may be one of them, their usual place tells them from others.
    """
    shape = flow.value.shape
    atoms = sorted(atom for place in places for atom in flow.axes[place])
    # Of one channel both are empty, as is a row of one pixel; then the place decides, below.
    is_over_channels = atoms == list(whole("C", shape.channels))
    if shape.is_map and not (is_over_channels and list(places) == [1]):
        rows, columns = whole("H", shape.size[0]), whole("W", shape.size[1])
        if atoms == sorted([*rows, *columns]):
            return pool.GlobalAvgPool() if is_mean else pool.GlobalMaxPool()
        size = {rows: (1, shape.size[1]), columns: (shape.size[0], 1)}.get(tuple(atoms))
        if size is not None:
            return pool.AdaptiveAvgPool(size=size) if is_mean else pool.AdaptiveMaxPool(size=size)
    if is_over_channels:
        return pool.ChannelMean() if is_mean else pool.ChannelMax()
    return None
