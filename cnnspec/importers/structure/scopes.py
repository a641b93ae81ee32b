"""Scopes: the operations of a model as items, each an operation or a module of one input and one output.

The modules around each operation are known. One that is no such region loses operators without tensors at its
ends until it is one; else its operations stand in the scope around it, and their labels become paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from cnnspec.importers.model import Model, Operation, Scope, count_reads
from cnnspec.importers.refusals import Refused, refused

Operations = Sequence[Operation]


def refuse(path: str, why: str) -> Refused:
    """Why a model cannot be said in the language; `path` is the module or the weight at fault."""
    return refused(f"`{path}`: {why}", "E1011")


class Item(NamedTuple):
    """An operation, a module that holds items, or, `again`, a further run of what bears the label.

    `label` is its path in the scope around it; empty for an operation without tensors, or where the keys of
    the model are free. Values are numbers.
    """

    label: tuple[str, ...]
    inputs: tuple[int, ...]
    output: int
    operation: Operation | None = None
    kind: str = ""
    inner: tuple[Item, ...] = ()
    again: bool = False
    channels: int = 0  # that arrive
    leaving: int = 0
    wired: bool = False  # a join to which wires lead, no paths

    @property
    def joins(self) -> str:
        """The layer by which it joins values; "" where it joins none."""
        layer = self.operation.layer if self.operation is not None else None
        return layer.name if layer is not None and layer.is_join else ""


def bare_items(model: Model) -> list[Item]:
    """The operations of a model without scopes as items, whatever they are called."""
    return [
        Item((), tuple(value.number for value in each.inputs), each.output.number, each)
        for each in model.operations
    ]


def owner(operation: Operation) -> str:
    """The path that the keys of its tensors begin with; "" where it has none. Raises Refused."""
    owners = set()
    for name, key in operation.keys.items():
        # the keys of an `nn.Linear` that is the model itself are `weight` and `bias`, behind no name
        if key == name:
            raise refuse(key, "a layer has a name of its own: put the module into an `nn.Sequential`")
        if name and not key.endswith(f".{name}"):
            raise refuse(key, f"the {name} of a {operation.layer.name} has to be called `{name}`")
        # the one tensor of a scale has no name of its own: its key is the path, `block.gamma`
        owners.add(key[: -len(name) - 1] if name else key)
    if len(owners) > 1:
        raise refuse(min(owners), f"a {operation.layer.name} takes its tensors from several modules")
    return owners.pop() if owners else ""


class Cutter:
    """Cuts the operations of a model into items."""

    def __init__(self, model: Model) -> None:
        # by the value that an operation makes
        self.owners = {operation.output.number: owner(operation) for operation in model.operations}
        self.scopes = {operation.output.number: self.true_scopes(operation) for operation in model.operations}
        self.reads = count_reads(model)
        self.uses = Counter(self.owners.values())
        self.labelled = model.named
        self.seen: dict[str, object] = {}  # the form of what ran first under a path

    def owner(self, operation: Operation) -> str:
        return self.owners[operation.output.number]

    def true_scopes(self, operation: Operation) -> list[Scope]:
        """The modules around it; those that its tensors do not belong to are none."""
        path = self.owner(operation)
        return [
            scope
            for scope in operation.scopes
            # a decoder may run `encoder.conv`: the tensors say where that stands
            if not path or path.startswith(f"{scope.path}.")
        ]

    def items(self, operations: Operations, depth: int = 0, prefix: str = "") -> tuple[Item, ...]:
        """The items of a scope: `depth` modules are around it, and labels are paths within `prefix`."""
        groups: dict[object, list[Operation]] = {}
        for operation in operations:
            scopes = self.scopes[operation.output.number]
            # by path and call: others may have run between the operations of one module
            own = (scopes[depth].path, scopes[depth].call) if len(scopes) > depth else operation.output.number
            groups.setdefault(own, []).append(operation)
        found: list[Item] = []
        for group in groups.values():
            scopes = self.scopes[group[0].output.number]
            if len(scopes) > depth:
                found += self.module(group, depth, prefix, scopes[depth])
            else:
                found.append(self.single(group[0], prefix))
        return in_order(found)

    def single(self, operation: Operation, prefix: str) -> Item:
        path = self.owner(operation)
        again = bool(path) and path in self.seen
        if path:
            self.seen.setdefault(path, None)
        inputs = tuple(value.number for value in operation.inputs)
        channels = int(operation.inputs[0].shape.channels)
        label = self.label(path, prefix)
        return Item(label, inputs, operation.output.number, operation, again=again, channels=channels)

    def label(self, path: str, prefix: str) -> tuple[str, ...]:
        """The labels of a path; of free keys only such as another run needs."""
        return within(path, prefix) if self.labelled or self.uses[path] > 1 else ()

    def module(self, operations: list[Operation], depth: int, prefix: str, scope: Scope) -> Iterator[Item]:
        """A module as an item, the operators cut off its ends beside it; or the items in it."""
        path, kind, call = scope
        keyed = [place for place, operation in enumerate(operations) if self.owner(operation)]
        cut = self.cut(operations, keyed) if keyed else None
        if cut is None:
            yield from self.items(operations, depth + 1, prefix)
            return
        start, stop = cut
        yield from (self.single(operation, prefix) for operation in operations[:start])
        body = operations[start:stop]
        (entry,), (output,) = self.border(body)
        form = self.form(body)
        if call and self.seen.get(path) == form:
            yield Item(self.label(path, prefix), (entry,), output, again=True)
        # a later run takes another way through the module: its layers run again one by one
        elif call or path in self.seen:
            yield from self.items(body, depth + 1, prefix)
        else:
            self.seen[path] = form
            inner = self.items(body, depth + 1, path)
            channels = next(int(v.shape.channels) for o in body for v in o.inputs if v.number == entry)
            leaving = next(int(o.output.shape.channels) for o in body if o.output.number == output)
            label = self.label(path, prefix)
            yield Item(label, (entry,), output, None, kind, inner, channels=channels, leaving=leaving)
        yield from (self.single(operation, prefix) for operation in operations[stop:])

    def cut(self, operations: list[Operation], keyed: list[int]) -> tuple[int, int] | None:
        """The longest part with one input and one output that holds all operations with tensors."""
        parts = [
            (start, stop) for start in range(keyed[0] + 1) for stop in range(len(operations), keyed[-1], -1)
        ]
        # relu, conv, add: the relu before and the sum behind own no key, so they may stand outside
        for start, stop in sorted(parts, key=lambda part: part[0] - part[1]):
            arriving, leaving = self.border(operations[start:stop])
            if len(arriving) == len(leaving) == 1:
                return start, stop
        return None

    def border(self, operations: Operations) -> tuple[Set[int], Sequence[int]]:
        """The values that enter a part of the model, and those that leave it."""
        made = [operation.output.number for operation in operations]
        reads = Counter(value.number for operation in operations for value in operation.inputs)
        arriving = reads.keys() - set(made)
        return arriving, [value for value in made if reads[value] < self.reads[value]]

    def form(self, operations: Operations) -> object:
        """What two runs of one module have in common, and no others."""
        numbers: dict[int, int] = {}
        rows = []
        for operation in operations:
            # numbered as they come up: two runs have other values, but are wired alike
            inputs = [numbers.setdefault(value.number, len(numbers)) for value in operation.inputs]
            numbers[operation.output.number] = len(numbers)
            layer = operation.layer
            values = [repr(layer.value(name)) for name in layer.arguments]
            rows.append((self.owner(operation), layer.name, values, inputs))
        return rows


def within(path: str, prefix: str) -> tuple[str, ...]:
    """The labels of a path, without those of the scope around it."""
    return tuple(path[len(prefix) + 1 if prefix else 0 :].split(".")) if path else ()


def in_order(items: list[Item]) -> tuple[Item, ...]:
    """The items in an order in which they can run: as they are, but each behind those that it reads."""
    makers = {item.output: item for item in items}
    done: dict[int, Item] = {}
    for item in items:
        waiting = [item]
        while waiting:
            lacking = [
                makers[value]
                for value in waiting[-1].inputs
                if value in makers and value not in done and makers[value] is not waiting[-1]
            ]
            if lacking:
                waiting.append(lacking[0])
            else:
                ready = waiting.pop()
                done.setdefault(ready.output, ready)
    return tuple(done.values())
