"""Normal forms of bare graphs, in which sources write one thing in several ways.

Alike blocks become one where the operands of their sums stand in one order, and a concatenation becomes a
join of separate paths where operands that come of one fork, and stand side by side, are concatenated first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from cnnspec.importers.model import Model, Operation, Value
from cnnspec.importers.structure.regions import ItemGraph
from cnnspec.importers.structure.scopes import bare_items
from cnnspec.importers.structure.skeletons import NOISE
from cnnspec.layers.merge import Concat

DEEPEST = 4
"""Joins within joins, of one concatenation."""


def order_sums(model: Model) -> Model:
    """The model with the longer way to a sum of two first: of alike blocks sources write either.

    Where noise is drawn on a way, the order stays, because paths run in it.
    """
    depths = {given.value.number: 0 for given in model.inputs}
    noisy: set[int] = set()
    made = []
    for operation in model.operations:
        numbers = [value.number for value in operation.inputs]
        if operation.layer.name in NOISE or not noisy.isdisjoint(numbers):
            noisy.add(operation.output.number)
        elif operation.layer.name == "add" and len(numbers) == 2:
            inputs = sorted(operation.inputs, key=lambda value: -depths[value.number])
            operation = operation._replace(inputs=tuple(inputs))
        depths[operation.output.number] = 1 + max(depths[number] for number in numbers)
        made.append(operation)
    return model._replace(operations=tuple(made))


def nest_forks(model: Model) -> Model:
    """concat(a, b, c) is concat(a, concat(b, c)) where b and c are made of a value that a is not made of."""
    nester = Nester(model)
    for operation in model.operations:
        if operation.layer.name == "concat" and len(operation.inputs) > 2:
            operation = operation._replace(inputs=nester.nested(operation, operation.inputs))
        nester.made.append(operation)
    return model._replace(operations=tuple(nester.made))


class Nester:
    """`made` are the operations so far, `free` is the next number of a value."""

    def __init__(self, model: Model) -> None:
        self.graph = ItemGraph(bare_items(model), [out.value.number for out in model.outputs])
        # depths are known of all values, the inputs' too
        self.free = 1 + max(self.graph.depth)
        self.made: list[Operation] = []

    def nested(self, concat: Operation, values: Sequence[Value], depth: int = 0) -> tuple[Value, ...]:
        """Operands that stand side by side, those of one fork in one, so many joins deep."""
        entry = self.graph.shared([value.number for value in values])
        found: list[Value] = []
        # a, c, d, of which c and d read one tanh: forks a, tanh, tanh, so a, concat(c, d)
        for fork, group in groupby(values, lambda value: self.fork(value.number, entry)):
            inputs = tuple(group)
            if len(inputs) > 1 and fork != entry and depth < DEEPEST:
                inputs = (self.concatenated(concat, self.nested(concat, inputs, depth + 1)),)
            found += inputs
        return tuple(found)

    def fork(self, value: int, entry: int) -> int:
        """The first value behind the entry that all ways to a value pass; the entry for itself."""
        while value != entry and self.graph.dominator[value] != entry:
            value = self.graph.dominator[value]
        return value

    def concatenated(self, concat: Operation, inputs: tuple[Value, ...]) -> Value:
        """Concatenate some operands of a concatenation before the others."""
        output = Value(self.free, Concat().join(tuple(value.shape for value in inputs)))
        self.free += 1
        self.made.append(concat._replace(inputs=inputs, output=output))
        return output
