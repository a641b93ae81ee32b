"""Rows of the functions that only move numbers about: most edit an arrangement, some are layers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from cnnspec.importers.reading import arrangement, slices
from cnnspec.importers.reading.flows import Flow, Repeated, Row
from cnnspec.importers.reading.paths import joined_along
from cnnspec.importers.reading.reductions import reduced
from cnnspec.importers.reading.slices import indexed, picked, sampled, taken
from cnnspec.importers.refusals import Refuse
from cnnspec.importers.torch.join_rows import maximum, minimum
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.values import Computed, ConstantTensor, Known, WeightTensor
from cnnspec.layers import channels, merge


def listed(values: tuple[Any, ...]) -> list[int]:
    """Sizes given one by one or as one sequence."""
    return list(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple) else list(values)


def places_of(dim: Any, count: int) -> list[int]:
    """Which of so many axes an argument names, counted from the front; None names all."""
    return [place % count for place in (range(count) if dim is None else listed((dim,)))]


def same(net: TraceFlows, input: object, *args: object, **kwargs: object) -> Known:
    """The value itself; what else is given says only where and how its numbers are stored."""
    del args, kwargs
    return input if isinstance(input, ConstantTensor) else net.flow(input)


def to_result(net: TraceFlows, input: object, *sizes: Any, **named: Any) -> Flow:
    """A reshape: PyTorch has computed the sizes."""
    del sizes, named
    return net.reshape(net.flow(input), net.call.results[0].shape)


def permute(net: TraceFlows, input: object, *dims: Any) -> Flow:
    flow = net.flow(input)
    order = [place % len(flow.axes) for place in listed(dims)]
    return flow._replace(axes=arrangement.permute(flow.axes, order))


def transpose(net: TraceFlows, input: object, dim0: int, dim1: int) -> Flow:
    flow = net.flow(input)
    order = list(range(len(flow.axes)))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return flow._replace(axes=arrangement.permute(flow.axes, order))


def matrix_transpose(net: TraceFlows, input: object) -> Flow:
    return transpose(net, input, -2, -1)


def movedim(net: TraceFlows, input: object, source: Any, destination: Any) -> Flow:
    flow = net.flow(input)
    count = len(flow.axes)
    # Of 4 axes, (1, 2) to (3, 0): 0 and 3 stay in their order, then 2 goes before them, and 1 behind.
    moved, places = places_of(source, count), places_of(destination, count)
    order = [place for place in range(count) if place not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return flow._replace(axes=arrangement.permute(flow.axes, order))


def unsqueeze(net: TraceFlows, input: object, dim: int) -> Flow:
    flow = net.flow(input)
    return flow._replace(axes=arrangement.insert(flow.axes, dim % (len(flow.axes) + 1)))


def squeeze(net: TraceFlows, input: object, dim: Any = None) -> Flow:
    flow = net.flow(input)
    places = [place for place in places_of(dim, len(flow.axes)) if not flow.axes[place]]
    return flow._replace(axes=arrangement.remove(flow.axes, places))


def expand(net: TraceFlows, input: object, *sizes: Any) -> Known:
    """PyTorch has computed the sizes; what numbers meet repeats them all the same."""
    del sizes
    if isinstance(input, WeightTensor | ConstantTensor):
        return input
    flow, shape = net.flow(input), net.call.results[0].shape
    # `y.expand_as(x)` of a gate: a product of the two repeats it anyway.
    return flow if arrangement.sizes_of(flow.axes) == shape else Repeated(flow, shape)


def repeat(net: TraceFlows, input: object, *counts: Any) -> Known:
    """One channel, or one feature, as several: so grayscale images are made colours."""
    flow = net.flow(input)
    made, shape = net.call.results[0].shape, flow.value.shape
    if shape.channels > 1 or made != (net.batch, made[1], *shape.dimensions[1:]):
        raise Refuse("E1003", f"`repeat` by {listed(counts)} has no layer")
    return picked(net, flow, 1, [0] * made[1])


def split(net: TraceFlows, input: object, sizes: Any, dim: int = 0) -> list[Flow]:
    """`chunk`, `split` and `tensor_split`: PyTorch has computed the sizes."""
    del sizes
    return slices.split(net, net.flow(input), dim, [result.shape[dim] for result in net.call.results])


def unbind(net: TraceFlows, input: object, dim: int = 0) -> list[Flow]:
    flow = net.flow(input)
    place = dim % len(flow.axes)
    return [indexed(net, flow, place, index) for index in range(len(net.call.results))]


def narrow(net: TraceFlows, input: object, dim: int, start: Any, length: int) -> Flow:
    """As a slice takes, of channels, or of rows or columns."""
    if not isinstance(start, int):
        net.deny("start", "a tensor")
    flow = net.flow(input)
    place = dim % len(flow.axes)
    # -3 of 8 channels is 5.
    start %= arrangement.size_of(flow.axes[place])
    pixels = dict[str, range]()
    return sampled(net, taken(net, flow, place, slice(start, start + length), pixels), pixels)


def index_select(net: TraceFlows, input: object, dim: int, index: object) -> Flow:
    if not isinstance(index, ConstantTensor):
        raise Refuse("E1007", "`index_select` by numbers that the network computes")
    return picked(net, net.flow(input), dim, index.tensor.tolist())


def getitem(net: TraceFlows, input: object, index: Any) -> Known:
    if not isinstance(input, Flow):
        return net.flow(input)
    items = full_index(index if isinstance(index, tuple) else (index,), len(input.axes))
    flow, pixels, place = input, dict[str, range](), 0
    for item in items:
        if item is None:
            flow = flow._replace(axes=arrangement.insert(flow.axes, place))
        elif isinstance(item, int):
            flow = indexed(net, flow, place, item)
            # A number takes its axis away.
            place -= 1
        elif (numbers := listed_by(item)) is not None:
            flow = picked(net, flow, place, numbers)
        elif isinstance(item, slice):
            flow = taken(net, flow, place, item, pixels)
        else:
            raise Refuse("E1005", "an index by what is no number has no layer")
        place += 1
    return sampled(net, flow, pixels)


def full_index(items: Sequence[Any], dimensions: int) -> list[Any]:
    """An index an axis; `...` stands for as many whole axes as are not named."""
    found = list(items)
    # `None` makes an axis and takes none.
    given = sum(item is not None and item is not Ellipsis for item in found)
    # (..., 0) of four axes: [:, :, :, 0]; (slice, 3): [slice, 3, :, :].
    place = next((i for i, item in enumerate(found) if item is Ellipsis), len(found))
    return [*found[:place], *[slice(None)] * (dimensions - given), *found[place + 1 :]]


def listed_by(item: Any) -> list[int] | None:
    """The numbers of an index that lists them."""
    if isinstance(item, ConstantTensor) and item.tensor.dim() == 1 and not item.tensor.is_floating_point():
        return [int(number) for number in item.tensor.tolist()]
    return list(item) if isinstance(item, list) and all(isinstance(n, int) for n in item) else None


EXTREMES = {"amax": merge.Maximum(), "amin": merge.Minimum(), "max": merge.Maximum(), "min": merge.Minimum()}
"""What functions make of the paths that an axis counts."""


def reduce(net: TraceFlows, input: object, dim: Any = None, keepdim: bool = False) -> Flow:
    """`mean` and `amax` over rows and columns, the global pools; over channels, or over paths."""
    flow, name = net.flow(input), net.call.name
    places = sorted(places_of(dim, len(flow.axes)))
    join = EXTREMES.get(name, merge.Add())
    if isinstance(join, merge.Maximum):
        # Channels that were a vector's features would do as paths, too, but `channelmax` says it in a word.
        with suppress(Refuse):
            return reduced(net, flow, places, False, keepdim)
    made = joined_along(net, join, flow, places, keepdim)
    if made is not None and name == "mean":
        count = arrangement.size_of(flow.axes[places[0]])
        return net.each(channels.Scale(init=1 / count, trained=False), made)
    # Global pools take means and maxima, none takes minima.
    if made is None and isinstance(join, merge.Minimum):
        raise Refuse("E1003", f"`{name}` along an axis has no layer")
    return made or reduced(net, flow, places, name == "mean", keepdim)


def extreme(
    net: TraceFlows, input: object, dim: Any = None, keepdim: bool = False, *, other: Any = None
) -> list[Known]:
    """`max` or `min` of two values, or along an axis: then which they are, too, which nothing may use."""
    second = dim if other is None else other
    if second is None:
        raise Refuse("E1003", f"`{net.call.name}` of all numbers has no layer")
    if not isinstance(second, int):
        return [(maximum if net.call.name == "max" else minimum)(net, input, second)]
    values, indices = reduce(net, input, dim, keepdim), net.call.results[1]
    # What reads the indices is refused in these words.
    return [values, Computed(f"the indices of `{net.call.name}` of shape {indices.shape}")]


ROWS: dict[str, Row] = {
    **dict.fromkeys(("same", "to"), same),
    "view": to_result,
    "permute": permute,
    "transpose": transpose,
    "movedim": movedim,
    "mT": matrix_transpose,
    "unsqueeze": unsqueeze,
    "squeeze": squeeze,
    "expand": expand,
    "split": split,
    "narrow": narrow,
    "unbind": unbind,
    "index_select": index_select,
    "repeat": repeat,
    "getitem": getitem,
    "mean": reduce,
    **dict.fromkeys(("amax", "amin"), reduce),
    **dict.fromkeys(("max", "min"), extreme),
}
