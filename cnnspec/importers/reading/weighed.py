"""Layers with weights, which readers of tensor programs make alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnspec.importers.reading.arrangement import whole
from cnnspec.importers.reading.flows import Flow, Flows
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import channels, conv, linear
from cnnspec.layers.base import Layer
from cnnspec.values.kinds import Filter


def convolution(arriving: int, filters: Filter, groups: int, given: Mapping[str, Any]) -> Layer:
    """A convolution of so many channels, depthwise where each is a group, with further arguments."""
    # Of one channel every convolution has as many groups as channels: it stays a `conv`.
    if groups == arriving > 1 and filters.count % groups == 0:
        return conv.Depthwise(kernel=filters.kernel, multiplier=filters.count // groups, **given)
    return conv.Conv(filter=filters, groups=groups, **given)


def along_channels(net: Flows, flow: Flow, kernel: int, is_plain: bool, **tensors: Any) -> Flow:
    """A convolution of one axis, as in ECA; `is_plain`: one filter, half a kernel of pad. Raises Refuse."""
    # `y.unsqueeze(1)` of a vector: (N) () (C).
    if not is_plain or flow.axes[1:] != ((), whole("C", flow.value.shape.channels)):
        what = f"`{net.operator}` of one axis"
        raise Refuse("E1003", f"{what} has a layer along the channels of C@1x1 alone, for one filter")
    return net.each(channels.ChannelConv(kernel=kernel, bias=tensors["bias"] is not None), flow, **tensors)


def linear_of(net: Flows, flow: Flow, units: int, given: Mapping[str, Any], **tensors: Any) -> Flow:
    """A linear layer with arguments besides its units, of a vector, or of the channels of each pixel.

    Raises Refuse.
    """
    is_last = bool(flow.axes) and flow.axes[-1] == whole("C", flow.value.shape.channels)
    is_pointwise = flow.value.shape.is_map and len(flow.axes) > 2 and is_last
    x = flow.value if is_pointwise else net.map(flow)
    if x.shape.is_map and not is_pointwise:
        raise Refuse("E1005", f"`{net.operator}` of the rows of a map")
    made = net.emit(linear.Linear(units=units, pointwise=is_pointwise, **given), x, **tensors)
    return flow.with_channels(made, len(flow.axes) - 1) if is_pointwise else net.natural(made)
