"""Rows of what people do to paths side by side: stack them, sum them, share out a whole among them.

Stacked paths are one value, their channels one behind the other; the new axis is the outer digit of these.
"""

from __future__ import annotations

from typing import Any

from cnnspec.importers import arrangement
from cnnspec.importers.arrangement import Atom, whole
from cnnspec.importers.flows import Flow, Refuse
from cnnspec.importers.model import Value
from cnnspec.importers.torch.activation_rows import over_channels
from cnnspec.importers.torch.lower import Lowering, Row
from cnnspec.layers import activation, channels, merge


def stack(net: Lowering, tensors: Any, dim: int = 0) -> Flow:
    """Raises Refuse where the values are no paths of one shape."""
    flows = [net.compact(net.flow(each)) for each in tensors]
    first = flows[0]
    count = first.value.shape.channels
    is_one = all(flow.axes == first.axes and flow.value.shape == first.value.shape for flow in flows)
    place = dim % (len(first.axes) + 1)
    if not is_one or place == 0 or whole("C", count) not in first.axes:
        raise Refuse("E1003", "`stack` of values of other shapes, or along the batch, has no layer")
    made = net.emit(merge.Concat(), *(flow.value for flow in flows))
    paths = arrangement.joined([Atom("C", count, len(flows))])
    return Flow(made, (*first.axes[:place], paths, *first.axes[place:]))


def paths_along(flow: Flow, place: int) -> int | None:
    """How many paths an axis counts; None where it is another axis."""
    (atom, *others) = flow.axes[place] or (Atom("", 1, 1),)
    is_outer = atom.axis == "C" and not others and atom.stride * atom.size == flow.value.shape.channels
    return atom.size if is_outer and atom.stride > 1 else None


def sum_(net: Lowering, input: object, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Flow:
    """Of paths. Raises Refuse."""
    flow = net.flow(input)
    places = dim if isinstance(dim, list | tuple) else [dim]
    count = paths_along(flow, places[0]) if len(places) == 1 and isinstance(places[0], int) else None
    if dtype is not None:
        net.deny("dtype", dtype)
    if count is None:
        raise Refuse("E1003", "`sum` has no layer")
    place = places[0] % len(flow.axes)
    made = net.emit(merge.Add(), *parts(net, flow.value, count))
    rest = flow.axes[place + 1 :]
    return Flow(made, (*flow.axes[:place], *([()] if keepdim else []), *rest))


def parts(net: Lowering, value: Value, count: int) -> list[Value]:
    """The paths of a value: those that were put together, else slices of it."""
    maker = net.makers.get(value.number)
    size = value.shape.channels // count
    if maker is not None and maker.layer.name == "concat":
        shapes = {each.shape.channels for each in maker.inputs}
        if len(maker.inputs) == count and shapes == {size}:
            return list(maker.inputs)
    return [
        net.emit(channels.Slice(start=start, stop=start + size), value)
        for start in range(0, value.shape.channels, size)
    ]


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
