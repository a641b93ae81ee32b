"""Paths side by side: joined, what each has of the whole.

Stacked paths are one value, their channels one behind the other; the new axis is the outer digit of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.importers.model import Value
from cnnspec.importers.reading import arrangement
from cnnspec.importers.reading.arrangement import Atom, whole
from cnnspec.importers.reading.flows import Flow, Flows
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import activation, channels, merge, resize
from cnnspec.layers.base import Join, Layer

MOST_NEIGHBOURS = 8
"""So many neighbouring channels may be paths: each becomes a slice."""


def paths_along(flow: Flow, place: int) -> int | None:
    """How many paths an axis counts; None where it is another axis."""
    (atom, *others) = flow.axes[place] or (Atom("", 1, 1),)
    # Of 16 channels (C:8:2) counts two paths; (C:1:8) the channels of each, (C:1:16) all of them.
    is_outer = atom.axis == "C" and not others and atom.stride * atom.size == flow.value.shape.channels
    return atom.size if is_outer and atom.stride > 1 else None


def softmax(net: Flows, layer: type[Layer], flow: Flow, axis: int, name: str) -> Flow:
    """A softmax, or its logarithm, along channels, or over the paths that an axis counts. Raises Refuse.

    `name` is the operator's own for the axis.
    """
    place = axis % len(flow.axes)
    # `softmax paths=2` is in the language, a `logsoftmax` of paths is not.
    count = paths_along(flow, place) if layer is activation.Softmax else None
    if count is not None:
        return net.each(activation.Softmax(paths=count), flow)
    if flow.axes[place] != whole("C", flow.value.shape.channels):
        flow = net.natural(net.map(flow))
        if len(flow.axes) <= place or flow.axes[place] != whole("C", flow.value.shape.channels):
            net.deny(name, axis)
    return net.each(layer(), flow)


def summed(net: Flows, flow: Flow, places: Sequence[int], keepdim: bool) -> Flow:
    """The sum of the paths that an axis counts. Raises Refuse."""
    made = joined_along(net, merge.Add(), flow, places, keepdim)
    if made is None:
        raise Refuse("E1003", f"`{net.operator}` has no layer")
    return made


def joined_along(net: Flows, join: Join, flow: Flow, places: Sequence[int], keepdim: bool) -> Flow | None:
    """The paths that an axis counts as one; None where the axes are others."""
    if len(places) != 1:
        return None
    place = places[0] % len(flow.axes)
    flow = neighbours_apart(net, flow, place)
    count = paths_along(flow, place)
    if count is None:
        return None
    made = net.emit(join, *parts(net, flow.value, count))
    return Flow(made, (*flow.axes[:place], *([()] if keepdim else []), *flow.axes[place + 1 :]))


def neighbours_apart(net: Flows, flow: Flow, place: int) -> Flow:
    """The value with its paths one behind the other, where an axis counts a few neighbouring channels.

    So does maxout's: in `x.view(n, 4, 3, h, w).max(2)`, channel 3*c + k is the k-th path's channel c. A
    shuffle of 4 groups makes it channel 4*k + c.
    """
    value, axes = flow
    count = arrangement.size_of(axes[place])
    inner, groups = Atom("C", 1, count), value.shape.channels // count
    if axes[place] != (inner,) or groups == 1 or count > MOST_NEIGHBOURS:
        return flow
    # 12 channels by 3: (C:3:4) (C:1:3) -> (C:1:4) (C:4:3).
    outer = inner._replace(stride=groups)
    moved = ([outer if atom == inner else atom.without(inner) for atom in axis] for axis in axes)
    shuffled = net.emit(resize.ChannelShuffle(groups=groups), value)
    return Flow(shuffled, tuple(map(arrangement.joined, moved)))


def parts(net: Flows, value: Value, count: int) -> list[Value]:
    """The paths of a value: those that were put together, else slices of it."""
    maker = net.maker(value)
    size = value.shape.channels // count
    if maker is not None and maker.layer.name == "concat":
        # `torch.stack` was read as this concat: what it was given is at hand, and needs no slices.
        shapes = {each.shape.channels for each in maker.inputs}
        if len(maker.inputs) == count and shapes == {size}:
            return list(maker.inputs)
    return [
        net.emit(channels.Slice(start=start, stop=start + size), value)
        for start in range(0, value.shape.channels, size)
    ]
