"""Rows of what people do to paths side by side: stack them, sum them, share out a whole among them."""

from __future__ import annotations

from typing import Any

from cnnspec.importers.reading.flows import Flow, Row
from cnnspec.importers.reading.paths import paths_along, stacked, summed
from cnnspec.importers.torch.activation_rows import over_channels
from cnnspec.importers.torch.lower import Lowering
from cnnspec.layers import activation


def stack(net: Lowering, tensors: Any, dim: int = 0) -> Flow:
    flows = [net.flow(each) for each in tensors]
    return stacked(net, flows, dim % (len(net.compact(flows[0]).axes) + 1))


def sum_(net: Lowering, input: object, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Flow:
    if dtype is not None:
        net.deny("dtype", dtype)
    places = dim if isinstance(dim, list | tuple) else [] if dim is None else [dim]
    return summed(net, net.flow(input), places, keepdim)


def softmax(
    net: Lowering, input: object, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Flow:
    """Over channels, or over paths."""
    flow = net.flow(input)
    count = paths_along(flow, dim) if dim is not None and dtype is None else None
    if count is None:
        return over_channels(activation.Softmax)(net, flow, dim, _stacklevel, dtype)  # type: ignore[no-any-return]
    return net.each(activation.Softmax(paths=count), flow)


ROWS: dict[str, Row] = {
    "stack": stack,
    "sum": sum_,
    "softmax": softmax,
}
