"""Values on their way through tensors: what readers of tensor programs share, whatever calls these make."""

from __future__ import annotations

import inspect
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from cnnspec.importers.model import Operation, Value
from cnnspec.importers.reading import arrangement
from cnnspec.importers.reading.arrangement import (
    Atom,
    Axes,
    Uneven,
    axes_of,
    described,
    flattened,
    whole,
)
from cnnspec.importers.reading.rearrange import layers_of
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import activation, channels, merge, pool, resize
from cnnspec.layers.base import Join, Layer, Misfit
from cnnspec.values.shapes import Shape


class Flow(NamedTuple):
    """A value of the network, laid out on these axes."""

    value: Value
    axes: Axes

    def with_channels(self, made: Value, place: int) -> Flow:
        """Another value that lies as this one does, its channels along the axis at the place."""
        channels_of = whole("C", made.shape.channels)
        return Flow(made, (*self.axes[:place], channels_of, *self.axes[place + 1 :]))


class Repeated(NamedTuple):
    """A value that is repeated along axes of size 1 until it has this shape."""

    flow: Flow
    shape: tuple[int, ...]


class PoolPlaces(NamedTuple):
    """Where a max pool of a map finds its largest values."""

    layer: pool.MaxPool
    source: Value


Row = Callable[..., Any]
"""Makes what an operator makes of its arguments, which it takes by the operator's names, behind the Flows."""


class Flows(ABC):
    """The state of lowering calls on tensors whose first axis is a batch."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.plain: dict[Flow, Value] = {}  # what a rearranged value was named as
        self.count = 0

    @property
    @abstractmethod
    def operator(self) -> str:
        """The name of what is being lowered, for messages."""

    @abstractmethod
    def flow(self, known: Any) -> Flow:
        """An argument that has to be a value of the network. Raises Refuse."""

    @abstractmethod
    def emit(self, layer: Layer, *inputs: Value, **tensors: Any) -> Value:
        """Add a layer; `tensors` are its weights by name, None where it has none. Raises Misfit, Refuse."""

    @abstractmethod
    def maker(self, value: Value) -> Operation | None:
        """The operation that made a value; None of an input."""

    def number_of(self, made: Operation) -> Any:
        """The number of a scale or a shift as an operand of formulas; None where it has to be trained."""
        return None if made.layer.value("trained") else made.layer.value("init")

    def value(self, shape: Shape) -> Value:
        """A new value."""
        self.count += 1
        return Value(self.count - 1, shape)

    def deny(self, argument: str, value: object) -> NoReturn:
        """Refuse the value of an argument. Raises Refuse."""
        raise Refuse("E1004", f"`{self.operator}` with `{argument}={value}`")

    def expect(self, argument: str, value: object, wanted: object) -> None:
        """Refuse an argument that is not what the layer has it for. Raises Refuse."""
        if value != wanted:
            self.deny(argument, value)

    def apply(self, row: Row | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """What the row of the operator makes. Raises Refuse, where an argument cannot be bound to it, too."""
        if row is None:
            raise Refuse("E1003", f"`{self.operator}` has no layer")
        try:
            # Bound apart from the call: a TypeError here is of arguments that the row does not have.
            bound = inspect.signature(row).bind(self, *args, **kwargs)
        except TypeError as problem:
            raise Refuse("E1004", f"`{self.operator}`: {problem}") from None
        try:
            made = row(*bound.args, **bound.kwargs)
        except Misfit as misfit:
            raise Refuse("E1004", f"`{self.operator}`: {misfit.message}") from None
        return made if isinstance(made, list) else [made]

    def as_made(self, layer: Layer, known: object, **tensors: Any) -> Flow:
        """A layer of a value as a map or a vector."""
        return self.natural(self.emit(layer, self.map(known), **tensors))

    def each(self, layer: Layer, known: object, **tensors: Any) -> Flow:
        """A layer that does the same wherever a channel's number lies: the arrangement stays."""
        flow = self.compact(self.flow(known))
        return Flow(self.emit(layer, flow.value, **tensors), flow.axes)

    def compact(self, flow: Flow) -> Flow:
        """The value; a map that is flattened, in either order, is a vector from here on."""
        value, axes = flow
        if not value.shape.is_map or len(axes) != 2:
            return flow
        natural = axes_of(value.shape, self.batch)
        # A softmax along axis 1 of `x.flatten(1)` is over C*H*W features, not over C channels.
        orders = natural, arrangement.permute(natural, (0, 2, 3, 1))
        return self.natural(self.map(flow)) if axes in map(flattened, orders) else flow

    def natural(self, value: Value) -> Flow:
        """A value as it is made."""
        return Flow(value, axes_of(value.shape, self.batch))

    def map(self, known: object) -> Value:
        """The value as a map or a vector: its rearrangement becomes layers. Raises Refuse."""
        flow = self.flow(known)
        value, axes = flow
        natural = axes_of(value.shape, self.batch)
        if axes == natural:
            return value
        # Two convolutions of one shuffled map share the shuffle.
        if flow not in self.plain:
            layers = layers_of(value.shape, axes, self.batch)
            if not layers:
                raise Refuse("E1005", f"`{self.operator}` of {described(axes, natural)}")
            for layer in layers:
                value = self.emit(layer, value)
            self.plain[flow] = value
        return self.plain[flow]

    def reshape(self, flow: Flow, sizes: Sequence[int]) -> Flow:
        """Raises Refuse."""
        try:
            return flow._replace(axes=arrangement.reshape(flow.axes, sizes))
        except Uneven:
            pass
        try:  # what was cut at odd places may be plain as a map
            named = self.natural(self.map(flow))
            return named._replace(axes=arrangement.reshape(named.axes, sizes))
        except Uneven:
            raise Refuse("E1005", f"`{self.operator}` splits axes unevenly") from None


def plain(layer: type[Layer], make: Callable[..., Flow] = Flows.each, /, **names: str) -> Row:
    """The row of an operator that is a layer as it stands.

    `make` adds it: wherever a channel's number lies, or, as `Flows.as_made` does, to a map or a vector.
    `names` are the layer's arguments by those of the operator, in their order; "": it changes no value.
    """

    def row(net: Flows, x: object, *given: Any, **named: Any) -> Flow:
        values = dict(zip(names, given, strict=False)) | named
        made = layer(**{names[name]: value for name, value in values.items() if names[name]})
        return make(net, made, x)

    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [inspect.Parameter(name, either) for name in ("net", "input")]
    others = [inspect.Parameter(name, either, default=None) for name in names]
    # `apply` binds calls by this: names of PyTorch, which `**named` alone would not give places to.
    row.__signature__ = inspect.Signature([*own, *others])  # type: ignore[attr-defined]
    return row


def limited(net: Flows, known: object, low: Any, high: Any) -> Flow:
    """A value between limits, None where there is none. Raises Refuse for one alone that is not 0 below."""
    if low is None and high is None:
        return net.flow(known)
    if (low, high) == (0, None):
        return net.each(activation.ReLU(), known)
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        net.deny("min, max", f"{low}, {high}")
    relu6 = activation.ReLU6() if (low, high) == (0, 6) else None
    return net.each(relu6 or activation.HardTanh(low=low, high=high), known)


def joined(net: Flows, join: Join, left: Flow, right: Flow) -> Flow:
    """Two values, one by one; a gate has the axes of the other value, but not all of them. Raises Refuse."""
    left, right = net.compact(left), net.compact(right)
    # Both channels last, say: the sum is channels last, and no layer turns it on the way.
    if left.axes == right.axes and left.value.shape == right.value.shape:
        return Flow(net.emit(join, left.value, right.value), left.axes)
    if join.repeats and is_gate(left, right):
        return Flow(net.emit(join, left.value, as_map(net, right)), left.axes)
    if join.repeats and is_gate(right, left):
        return Flow(net.emit(join, as_map(net, left), right.value), right.axes)
    if is_single(left, right):
        right = repeat_feature(net, right, left)
    elif is_single(right, left):
        left = repeat_feature(net, left, right)
    return net.natural(net.emit(join, net.map(left), net.map(right)))


def unpooled(net: Flows, flow: Flow, places: object) -> Flow:
    """Values where a max pool of windows side by side found its largest ones. Raises Refuse."""
    if not isinstance(places, PoolPlaces):
        raise Refuse("E1003", f"`{net.operator}` with indices that no max pool of the network made")
    # An unpool has a window and no more: its stride is the window, its pad 0.
    alone = pool.MaxPool(window=places.layer.window)
    if any(places.layer.value(name) != alone.value(name) for name in alone.arguments):
        message = f"`{net.operator}` for windows that are padded, dilated or not side by side has no layer"
        raise Refuse("E1003", message)
    return net.natural(net.emit(pool.MaxUnpool(window=alone.window), net.map(flow), places.source))


def is_gate(flow: Flow, gate: Flow) -> bool:
    """Whether the gate lies as the value does, and has a number or as many as it along each axis."""
    shape, gates = flow.value.shape, gate.value.shape
    if not shape.is_map or len(gate.axes) != len(flow.axes) or gate.axes[0] != flow.axes[0]:
        return False
    pairs = zip(gate.axes, flow.axes, strict=True)
    is_known = gates.is_map or gates.channels == shape.channels
    return is_known and all(ours == theirs or not ours for ours, theirs in pairs)


def is_single(flow: Flow, number: Flow) -> bool:
    """Whether vectors meet, the second of one feature, as where a value is added to all advantages."""
    is_flat = not flow.value.shape.is_map and not number.value.shape.is_map
    return is_flat and number.axes == (flow.axes[0], ()) and len(flow.axes) == 2


def repeat_feature(net: Flows, number: Flow, flow: Flow) -> Flow:
    """One feature as many times as another vector has, which the language wants to be said."""
    return Flow(net.emit(channels.Pick(channels=[0] * flow.value.shape.channels), number.value), flow.axes)


def as_map(net: Flows, gate: Flow) -> Value:
    """A gate's value as C@1x1."""
    if gate.value.shape.is_map:
        return gate.value
    # `is_gate` has seen that it lies as the map does; channels last its own axes are (N) () () (C).
    return net.map(Flow(gate.value, (*axes_of(gate.value.shape, net.batch), (), ())))


def stacked(net: Flows, flows: Sequence[Flow], place: int) -> Flow:
    """Values along a new axis. Raises Refuse where they are no paths of one shape."""
    flows = list(map(net.compact, flows))
    first = flows[0]
    count = first.value.shape.channels
    is_one = all(flow.axes == first.axes and flow.value.shape == first.value.shape for flow in flows)
    if not is_one or whole("C", count) not in first.axes:
        raise Refuse("E1003", f"`{net.operator}` of values of other shapes has no layer")
    made = net.emit(merge.Concat(), *(flow.value for flow in flows))
    # Two paths of 8 channels are 16 channels: the new axis is (C:8:2), that of the channels still (C:1:8).
    paths = arrangement.joined([Atom("C", count, len(flows))])
    return Flow(made, (*first.axes[:place], paths, *first.axes[place:]))


def concatenated(net: Flows, flows: Sequence[Flow], axis: int) -> Flow:
    """Values one behind the other along the axis of their channels. Raises Refuse."""
    flows = list(map(net.compact, flows))
    if len(flows) == 1:
        return flows[0]
    place = axis % len(flows[0].axes)
    # `cat([x[:, None], y[:, None]], 1)` is a stack. A single channel is an axis of size 1, too: not that.
    if place and all(not flow.axes[place] and flow.value.shape.channels > 1 for flow in flows):
        return stacked(
            net, [flow._replace(axes=arrangement.remove(flow.axes, [place])) for flow in flows], place
        )
    rest = [arrangement.remove(flow.axes, [place]) for flow in flows]
    is_at_channels = all(flow.axes[place] == whole("C", flow.value.shape.channels) for flow in flows)
    is_one_kind = len({flow.value.shape.is_map for flow in flows}) == 1
    if not is_at_channels or not is_one_kind or any(each != rest[0] for each in rest):
        # Laid out as maps they may yet fit: then axis 1 is that of the channels.
        flows = [net.natural(net.map(flow)) for flow in flows]
        if place != 1:
            message = f"`{net.operator}` along another axis than that of the channels has no layer"
            raise Refuse("E1003", message)
    values = [flow.value for flow in flows]
    made = of_squares(net, values) or net.emit(merge.Concat(), *values)
    return flows[0].with_channels(made, place)


def of_squares(net: Flows, values: Sequence[Value]) -> Value | None:
    """Space to depth, where values have the pixels of each square, one after the other; else None."""
    factor = math.isqrt(len(values))
    parts = [square_of(net, value, factor) for value in values]
    pixels, sources = [each and each[0] for each in parts], {each and each[1] for each in parts}
    source, *others = sources
    # Of factor 2: rows first (0, 0) (0, 1) (1, 0) (1, 1), or as YOLOv5 has it (0, 0) (1, 0) (0, 1) (1, 1).
    squares = [*itertools.product(range(factor), repeat=2)]
    orders = {"HW": squares, "WH": sorted(squares, key=lambda each: each[::-1])}
    digits = next((name for name, order in orders.items() if order == pixels), "")
    if others or source is None or not digits:
        return None
    count, (height, width) = source.shape.channels, source.shape.size
    # Of an odd height nothing fits: 7/2 = 3.5 is the size of no map.
    if values[0].shape.size != (height / factor, width / factor):
        return None
    # The channels of factor 2, rows first: (H:1:2) (W:1:2) (C:1:8); the rows are (H:2:14) of 28.
    squared = [Atom(name, 1, factor) for name in digits]
    rows, columns = Atom("H", factor, height // factor), Atom("W", factor, width // factor)
    axes = map(arrangement.joined, ([*squared, *whole("C", count)], [rows], [columns]))
    try:
        return net.map(Flow(source, (whole("N", net.batch), *axes)))
    except Refuse:  # so many channels in this order are no layer
        return None


def square_of(net: Flows, value: Value, factor: int) -> tuple[tuple[int, int], Value] | None:
    """Which pixel of squares of a map, of so many rows and columns, a value has, and the map."""
    pooled = net.maker(value)
    # `x[..., 0::3, 0::2]` of 4x4 is 2x2 as are the others, yet takes rows 0 and 3.
    if pooled is None or not isinstance(pooled.layer, pool.MaxPool):
        return None
    if (pooled.layer.window, pooled.layer.stride) != ((1, 1), (factor, factor)):
        return None
    (source,) = pooled.inputs
    cropped = net.maker(source)
    if cropped is None or not isinstance(cropped.layer, resize.Crop) or cropped.layer.sides is None:
        return (0, 0), source
    # `x[:, :, 1::2]` crops a row at the top, then takes every second one.
    top, bottom, left, right = cropped.layer.sides
    return None if bottom or right else ((top, left), cropped.inputs[0])
