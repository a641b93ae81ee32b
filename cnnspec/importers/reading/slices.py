"""Parts of values: channels, rows and columns that slices and indices take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from cnnspec.importers.reading import arrangement
from cnnspec.importers.reading.arrangement import Atom, axes_of, whole
from cnnspec.importers.reading.flows import Flow, Flows
from cnnspec.importers.reading.rearrange import LONGEST_PICK
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import channels, pool, resize
from cnnspec.layers.base import Layer


def at_channels(net: Flows, flow: Flow, axis: int) -> tuple[Flow, int]:
    """The value and which of its axes counts all of its channels, if this one does. Raises Refuse."""
    flow = net.compact(flow)
    place = axis % len(flow.axes)
    if flow.axes[place] == whole("C", flow.value.shape.channels):
        return flow, place
    named = net.natural(net.map(flow))
    if len(named.axes) != len(flow.axes) or place != 1:
        raise Refuse("E1005", f"`{net.operator}` along axis {place}, which is not that of the channels")
    return named, place


def cut(net: Flows, flow: Flow, axis: int, start: int, stop: int) -> Flow:
    """Channels from start up to stop. Raises Refuse."""
    flow, place = at_channels(net, flow, axis)
    count = flow.value.shape.channels
    if (start, stop) == (0, count):
        return flow
    made = net.emit(channels.Slice(start=start, stop=None if stop == count else stop), flow.value)
    return flow.with_channels(made, place)


def picked(net: Flows, flow: Flow, axis: int, numbers: Sequence[int]) -> Flow:
    """Channels by their numbers; a shuffle of all of them is one. Raises Refuse."""
    flow, place = at_channels(net, flow, axis)
    count = flow.value.shape.channels
    wanted = [number % count for number in numbers]
    for groups in (each for each in range(2, count) if count % each == 0):
        # 6 channels in 2 groups: [0, 3, 1, 4, 2, 5].
        if wanted == [k * (count // groups) + c for c in range(count // groups) for k in range(groups)]:
            return net.each(resize.ChannelShuffle(groups=groups), flow)
    return flow.with_channels(net.emit(channels.Pick(channels=wanted), flow.value), place)


def taken(net: Flows, flow: Flow, place: int, item: slice, pixels: dict[str, range]) -> Flow:
    """What a slice takes along one axis; of rows and columns it is noted in `pixels`. Raises Refuse."""
    axis, shape = flow.axes[place], flow.value.shape
    count = arrangement.size_of(axis)
    start, stop, step = item.indices(count)
    if (start, stop, step) == (0, count, 1):
        return flow
    if axis == whole("N", net.batch):
        raise Refuse("E1005", "an index of the batch")
    names = {whole(name, n): name for name, n in zip("HW", shape.size, strict=True)} if shape.is_map else {}
    if axis not in names and len(flow.axes) == 4 and any(atom.axis in "HW" for atom in axis):
        return taken(net, net.natural(net.map(flow)), place, item, pixels)  # of a shuffle of pixels
    # Rows and columns wait for each other: one crop takes both.
    if name := names.get(axis):
        if step < 1:
            raise Refuse("E1003", f"rows or columns in steps of {step} have no layer")
        pixels[name] = range(start, stop, step)
        return flow
    if step > 1 and start < step and stop == count and count % step == 0 and axis == whole("C", count):
        # `x[:, 1::2]` of 8 channels is index 1 along the inner axis of (C:2:4) (C:1:2).
        parted = (Atom("C", step, count // step),), (Atom("C", 1, step),)
        return indexed(
            net, flow._replace(axes=(*flow.axes[:place], *parted, *flow.axes[place + 1 :])), place + 1, start
        )
    if step != 1:
        return picked(net, flow, place, range(start, stop, step))
    return cut(net, flow, place, start, stop)


def sampled(net: Flows, flow: Flow, pixels: Mapping[str, range]) -> Flow:
    """The rows and columns that slices take of a map: a crop, and, in steps, a pool of single pixels."""
    if not pixels:
        return flow
    value, sizes = flow.value, dict(zip("HW", flow.value.shape.size, strict=True))
    rows, columns = ranges = [pixels.get(name, range(n)) for name, n in sizes.items()]
    # Top, bottom, left, right. `x[:, :, 1:-1:2]` crops a row on each side, and the stride is the pool's.
    crop = [
        side for each, n in zip(ranges, sizes.values(), strict=True) for side in (each.start, n - each.stop)
    ]
    value = net.emit(resize.Crop(sides=crop), value) if any(crop) else value
    if (stride := (rows.step, columns.step)) != (1, 1):
        value = net.emit(pool.MaxPool(window=(1, 1), stride=stride), value)
    # The axes may lie anywhere, channels last say: (H:1:28) becomes (H:1:14) where it stands.
    whole_before = {
        whole(name, n): whole(name, len(each)) for (name, n), each in zip(sizes.items(), ranges, strict=True)
    }
    return Flow(value, tuple(whole_before.get(axis, axis) for axis in flow.axes))


def indexed(net: Flows, flow: Flow, place: int, index: int) -> Flow:
    """What stands at one index along an axis that counts channels, or groups of them. Raises Refuse."""
    axis = flow.axes[place]
    if not axis:
        return flow._replace(axes=arrangement.remove(flow.axes, [place]))
    (atom, *others), count = axis, flow.value.shape.channels
    if others or atom.axis != "C":
        raise Refuse("E1005", "one index along an axis is no map and no vector")
    index %= atom.size
    # 8 channels, index 1 along (C:4:2): 4 5 6 7. Along (C:1:2): 1 3 5 7.
    value, numbers = flow.value, [c for c in range(count) if c // atom.stride % atom.size == index]
    # Every second of 96 channels is a long list. A shuffle puts 1 3 5 ... behind 0 2 4 ..., for a slice;
    # `x[:, 0::2]` and `x[:, 1::2]` share the shuffle.
    if atom.stride == 1 and len(numbers) > LONGEST_PICK and value.shape.is_map:
        n, _, *size = axes_of(value.shape, net.batch)
        value = net.map(Flow(value, (n, (atom, Atom("C", atom.size, len(numbers))), *size)))
        numbers = [*range(index * len(numbers), (index + 1) * len(numbers))]
    layer: Layer = channels.Pick(channels=numbers)
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        layer = channels.Slice(start=numbers[0], stop=None if numbers[-1] == count - 1 else numbers[-1] + 1)
    made = net.emit(layer, value)
    rest = arrangement.remove(flow.axes, [place])
    return Flow(made, tuple(arrangement.joined([each.without(atom) for each in axis]) for axis in rest))


def split(net: Flows, flow: Flow, axis: int, lengths: Sequence[int]) -> list[Flow]:
    """Channels in parts of these lengths. Raises Refuse."""
    stops = [*accumulate(lengths)]
    return [cut(net, flow, axis, stop - part, stop) for stop, part in zip(stops, lengths, strict=True)]
