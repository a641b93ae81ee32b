"""The flat model: what every reader makes of a source, and what the writer makes a specification of.

Its kinds of operations are the layers of the language, with all arguments checked; its weights bear the keys
of the source's state_dict, or, where that has none, keys that only tell them apart. Nothing in it knows
PyTorch, ONNX or any other source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnnspec.layers.base import Join, Layer, Weight
from cnnspec.values.shapes import Shape


class Value(NamedTuple):
    """A value that flows, known by its number; `shape` is that of one image."""

    number: int
    shape: Shape


class Scope(NamedTuple):
    """A call of a module: its path in the state_dict, its class, and the how many-th call of it this is."""

    path: str
    kind: str
    call: int = 0


class Operation(NamedTuple):
    """A layer in its place. A join has an input a path, in their order; every other layer has one.

    `keys` has the state_dict key of each tensor of `layer.weights`, by the tensor's name; two operations
    with the same keys share them. `scopes` are the modules around it, outermost first, without the model
    itself. `training`: evaluation passes by it, or no output of evaluation needs it.
    `place` is the line of the source that made it, as `eca.py:68`; "" where none is known.
    `sized`: the values, by number, whose height and width its `size` is, whatever the input's are.
    """

    layer: Layer
    inputs: tuple[Value, ...]
    output: Value
    keys: Mapping[str, str] = {}
    scopes: tuple[Scope, ...] = ()
    training: bool = False
    place: str = ""
    sized: frozenset[int] = frozenset()


class Input(NamedTuple):
    """An input; `name` is "" where the source gives it none. `mean` and `std`: of pixels, if known."""

    name: str
    value: Value
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


class Output(NamedTuple):
    """An output; `name` is "" where the source gives it none. `training`: evaluation does not return it."""

    name: str
    value: Value
    training: bool = False


class Model(NamedTuple):
    """A network, its operations in the order in which they ran. `name` is its class's or its file's.

    `named`: a specification keeps its keys. Else it names the tensors as the language does, and all
    operations are needed by an output, without scopes; two have the same keys or none in common.
    """

    name: str
    inputs: tuple[Input, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[Output, ...]
    named: bool = True


def output_of(layer: Layer, shapes: tuple[Shape, ...]) -> Shape:
    """The shape of what a layer makes of values of these shapes, a join of all of them. Raises Misfit."""
    return layer.join(shapes) if isinstance(layer, Join) else layer.output(shapes[0])


def weights_of(layer: Layer, shapes: tuple[Shape, ...]) -> tuple[Weight, ...]:
    """The tensors of a layer of values of these shapes."""
    return () if layer.is_join else layer.weights(shapes[0])


def sign_of(layer: Layer) -> tuple[str, str]:
    """A layer's kind and arguments, the same for layers that are equal."""
    return layer.name, repr([layer.value(name) for name in layer.arguments])


def all_keys(model: Model) -> list[str]:
    """The keys of a model's weights, in the order in which they are used first."""
    return list(dict.fromkeys(key for operation in model.operations for key in operation.keys.values()))


def count_reads(model: Model) -> Counter[int]:
    """How often each value is read, by its number: by operations, and as an output."""
    reads = Counter(value.number for operation in model.operations for value in operation.inputs)
    reads.update(output.value.number for output in model.outputs)
    return reads


def needed(operations: Sequence[Operation], outputs: Sequence[Value]) -> list[Operation]:
    """The operations that some outputs are computed by."""
    wanted = {value.number for value in outputs}
    found = []
    for operation in reversed(operations):
        if operation.output.number in wanted:
            found.append(operation)
            wanted.update(value.number for value in operation.inputs)
    return found[::-1]
