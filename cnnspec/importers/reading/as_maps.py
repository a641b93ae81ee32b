"""Take back flattening: a vector that becomes a map C@1x1 again was one all the time.

`x.mean((2, 3))`, two linear layers, and `view(n, c, 1, 1)`: in the language all of that is done to a map.
"""

from __future__ import annotations

from collections.abc import Callable

from cnnspec.importers.model import Operation, Value, output_of, weights_of
from cnnspec.layers.base import Layer, Misfit
from cnnspec.layers.linear import Flatten, Linear, Unflatten
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape


class Reshape(Layer):
    """A vector of C values as a map C@1x1: `as_maps` takes it out again, the language has no such layer."""

    def output(self, x: Shape) -> Shape:
        return Shape(x.channels, 1, 1)


class NoMap(Exception):
    """A vector was made by a layer that makes vectors alone."""


def without_reshapes(
    fresh: Callable[[Shape], Value], operations: list[Operation], outputs: list[Value]
) -> tuple[list[Operation], list[Value]]:
    """The operations and the outputs: a vector that is reshaped was a map before, or is unflattened.

    `fresh` makes a value of a shape.
    """
    lift = Lift(fresh, operations)
    # Reshapes that were maps all the time, by their number.
    same: dict[int, Value] = {}
    for operation in operations:
        if isinstance(operation.layer, Reshape) and (found := lift.whole(operation.inputs[0])) is not None:
            same[operation.output.number] = found
    made = []
    for operation in operations:
        if operation.output.number in same:
            continue
        if isinstance(operation.layer, Reshape):
            operation = operation._replace(
                layer=Unflatten(shape=Filter(operation.output.shape.channels, (1, 1)))
            )
        inputs = tuple(same.get(value.number, value) for value in operation.inputs)
        # The flatten is for what still reads the vector, such as an output; it is dropped where nothing does.
        if (instead := lift.operations.get(operation.output.number)) is not None:
            made += [instead, Operation(Flatten(), (instead.output,), operation.output)]
        else:
            made.append(operation._replace(inputs=inputs))
    return made, [same.get(value.number, value) for value in outputs]


class Lift:
    """Vectors by number, and the `maps` C@1x1 that they were; by vector, the `operations` that make those."""

    def __init__(self, fresh: Callable[[Shape], Value], operations: list[Operation]) -> None:
        self.fresh = fresh
        self.makers = {operation.output.number: operation for operation in operations}
        self.maps: dict[int, Value] = {}
        self.operations: dict[int, Operation] = {}

    def whole(self, vector: Value) -> Value | None:
        """The map that a vector was, if there is one; if not, what was lifted on the way is a vector again.

        So is a layer that shares its weights.
        """
        before = self.maps.copy(), self.operations.copy()
        try:
            return self.map_of(vector)
        except NoMap:
            self.maps, self.operations = before
            return None

    def map_of(self, vector: Value) -> Value:
        """The map that a vector was. Raises NoMap."""
        if vector.number not in self.maps:
            operation = self.makers.get(vector.number)
            # A vector that is an input of the network.
            if operation is None:
                raise NoMap
            if isinstance(operation.layer, Flatten):
                source = operation.inputs[0]
                # Of C@HxW with more than one pixel the vector is longer than C: no C@1x1 is behind it.
                if source.shape.features != source.shape.channels:
                    raise NoMap
                self.maps[vector.number] = self.map_of(source) if not source.shape.is_map else source
            else:
                layer, inputs = on_maps(operation), tuple(self.map_of(value) for value in operation.inputs)
                output = self.maps[vector.number] = self.fresh(Shape(vector.shape.channels, 1, 1))
                self.operations[vector.number] = operation._replace(layer=layer, inputs=inputs, output=output)
        return self.maps[vector.number]


def on_maps(operation: Operation) -> Layer:
    """The layer that does to C@1x1 what this one does to a vector. Raises NoMap."""
    layer = operation.layer
    if isinstance(layer, Linear):
        return layer.with_arguments(pointwise=True)
    shapes = tuple(Shape(value.shape.channels, 1, 1) for value in operation.inputs)
    wanted = Shape(operation.output.shape.channels, 1, 1)
    try:
        found = output_of(layer, shapes)
    except Misfit:
        raise NoMap from None
    before = tuple(value.shape for value in operation.inputs)
    # A scale a channel has a tensor (C,) for vectors and (C, 1, 1) for maps: the module has the former.
    if found != wanted or weights_of(layer, shapes) != weights_of(layer, before):
        raise NoMap
    return layer
