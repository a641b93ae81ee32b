"""Makes a flat model of a source that lists its layers, one by one, and gathers what has to be refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from cnnspec.importers.model import (
    Input,
    Model,
    Operation,
    Output,
    Value,
    needed,
    output_of,
    sign_of,
    weights_of,
)
from cnnspec.importers.refusals import Refusal, Refuse, Refused
from cnnspec.importers.wording.free_names import is_name
from cnnspec.layers.base import Layer, Misfit
from cnnspec.layers.linear import Flatten, Unflatten
from cnnspec.values.kinds import Filter
from cnnspec.values.limits import Limits
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from cnnspec.importers.reading.fields import Fields

MAX_LAYERS = 3_000
"""Of a source; the largest published networks have some 1,200."""

MAX_PATHS = 100
"""Of a join: the search for repeats takes a time that grows as their cube. Published ones have up to 6."""

MAX_ELEMENTS = Limits().max_elements


Made = TypeVar("Made")


class Unjudged(Exception):
    """A layer reads what a refused layer would have made: it cannot be judged."""


class ModelBuilder:
    """A model in the making. `file` names the source in places, `line` is that of the layer being read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.line = 0
        self.count = 0
        self.operations: list[Operation] = []
        self.inputs: list[Input] = []
        self.refusals: list[Refusal] = []
        self.labels: dict[str, int] = {}  # and how many layers were to have each
        self.owners: dict[str, Operation] = {}  # the first operation of each label that owns tensors

    def refuse(self, refuse: Refuse) -> None:
        line = refuse.line or self.line
        place = f"{self.file}:{line}" if line else self.file
        self.refusals.append(Refusal(refuse.code, refuse.message, (), place))

    def attempt(self, make: Callable[[], Made]) -> Made | None:
        """What is made of a part of the source; None, and refusals, where that cannot be said."""
        try:
            return make()
        except Unjudged:
            pass
        except Misfit as misfit:
            self.refuse(Refuse("E1004", misfit.message))
        except Refuse as refuse:
            self.refuse(refuse)
        return None

    def check(self, what: str, *parts: Fields) -> None:
        """Refuse what is not understood of the fields of `what`, now that all is used that will be."""
        for fields in parts:
            for refuse in fields.refusals(what):
                self.refuse(refuse)

    def value(self, shape: Shape) -> Value:
        """A new value. Raises Refuse where it has too many numbers."""
        if shape.features > MAX_ELEMENTS:
            raise Refuse("E1004", f"a value {shape} has more than 2^40 numbers")
        self.count += 1
        return Value(self.count - 1, shape)

    def input(self, name: str, shape: Shape) -> Value:
        value = self.value(shape)
        self.inputs.append(Input(name, value))
        return value

    def label(self, name: str) -> str:
        """A label that no layer has yet, as like to a name as labels may be."""
        label = re.sub(r"\W", "_", name, flags=re.ASCII)[:200]
        # `conv 1` twice: conv_1, conv_1_2. `1x1`, which begins with a digit, is no name: layer_1x1.
        label = made = label if is_name(label) else f"layer_{label}"
        while made in self.labels:
            self.labels[label] += 1
            made = f"{label}_{self.labels[label]}"
        self.labels[made] = 1
        return made

    def emit(self, layer: Layer, *inputs: Value, label: str = "") -> Value:
        """Add a layer; `label` owns its tensors, those of an equal layer before where it is that one's.

        Raises Refuse.
        """
        shapes = tuple(value.shape for value in inputs)
        try:
            shape, weights = output_of(layer, shapes), weights_of(layer, shapes)
        except Misfit as misfit:
            raise Refuse("E1004", misfit.message) from None
        if any(weight.elements > MAX_ELEMENTS for weight in weights):
            raise Refuse("E1004", f"the weights of a `{layer.name}` are more than 2^40 numbers")
        if len(inputs) > MAX_PATHS:
            raise Refuse("E1001", f"a join of {len(inputs):,} values, more than {MAX_PATHS}")
        if len(self.operations) >= MAX_LAYERS:
            raise Refuse("E1001", f"the network has more than {MAX_LAYERS:,} layers")
        keys = {weight.name: f"{label}.{weight.name}" if weight.name else label for weight in weights}
        place = f"{self.file}:{self.line}"
        made = Operation(layer, inputs, self.value(shape), keys, place=place)
        if keys:
            self.share(made, label)
        self.operations.append(made)
        return made.output

    def flat(self, value: Value) -> Value:
        """The value as a vector. Raises Refuse."""
        return self.emit(Flatten(), value) if value.shape.is_map else value

    def reshaped(self, value: Value, count: int, height: int, width: int) -> Value:
        """The same numbers in the same order as a map of so many channels. Raises Refuse."""
        return self.emit(Unflatten(shape=Filter(count, (height, width))), self.flat(value))

    def share(self, made: Operation, label: str) -> None:
        """Raises Refuse where the tensors belong to a layer that is not equal."""
        first = self.owners.setdefault(label, made)
        if first is made:
            return
        # Equal arguments are not yet equal tensors: the filters of a `conv 8@3x3` are as deep as its input.
        one, two = ((sign_of(each.layer), each.inputs[0].shape.channels) for each in (first, made))
        if one != two:
            raise Refuse("E1008", f"it shares weights with a layer that is not equal, {first.place}")

    def finish(self, name: str, outputs: Mapping[str, Value]) -> Model:
        """The model. Raises Refused with all reasons; weights that no output needs are one."""
        if self.refusals:
            raise Refused(self.refusals)
        found = needed(self.operations, [*outputs.values()])
        kept = {operation.output.number for operation in found}
        # No layers at all, or an output that is an input as it came.
        if not kept or not {value.number for value in outputs.values()} <= kept:
            self.refuse(Refuse("E1001", "no layer makes anything of an input"))
        for operation in self.operations:
            if operation.keys and operation.output.number not in kept:
                message = f"no output needs this `{operation.layer.name}`"
                self.refusals.append(Refusal("E1008", message, (), operation.place))
        if self.refusals:
            raise Refused(self.refusals)
        named = tuple(Output(label, value) for label, value in outputs.items())
        return Model(name, tuple(self.inputs), tuple(found), named, named=False)
