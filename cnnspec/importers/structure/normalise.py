"""Normal forms: what may be said in several ways of one network, models say in one."""

from __future__ import annotations

from collections import Counter

from cnnspec.importers.model import Model, Operation, Scope, Value, count_reads


def normalise(model: Model) -> Model:
    """The same network in its normal form."""
    # identities go first: they hide a sum in a sum, a concatenation in a concatenation
    return place_moves(flatten_early(flatten_sums(nest_concats(without_identities(model)))))


def without_identities(model: Model) -> Model:
    """Without operations that do nothing: `identity`, and joins of one value."""
    same: dict[int, Value] = {}
    kept = []
    for operation in model.operations:
        inputs = tuple(same.get(value.number, value) for value in operation.inputs)
        if operation.layer.name == "identity" or (operation.layer.is_join and len(inputs) == 1):
            same[operation.output.number] = inputs[0]
        else:
            kept.append(operation._replace(inputs=inputs))
    outputs = [o._replace(value=same.get(o.value.number, o.value)) for o in model.outputs]
    return model._replace(operations=tuple(kept), outputs=tuple(outputs))


def nest_concats(model: Model) -> Model:
    """concat(a, b, c) is concat(concat(a, b), c) where that is there: lists that grow become a chain."""
    known: dict[tuple[int, ...], Value] = {}
    same: dict[int, Value] = {}
    made = []
    for operation in model.operations:
        inputs = tuple(same.get(value.number, value) for value in operation.inputs)
        if operation.layer.name == "concat":
            numbers = tuple(value.number for value in inputs)
            if numbers in known:
                same[operation.output.number] = known[numbers]
                continue
            known[numbers] = operation.output
            # the lists of a DenseNet: [a, b], [a, b, c], [a, b, c, d] become ab, [ab, c] = abc, [abc, d]
            shorter = next((k for k in range(len(numbers) - 1, 1, -1) if numbers[:k] in known), 0)
            if shorter:
                inputs = (known[numbers[:shorter]], *inputs[shorter:])
        made.append(operation._replace(inputs=inputs))
    outputs = [o._replace(value=same.get(o.value.number, o.value)) for o in model.outputs]
    return model._replace(operations=tuple(made), outputs=tuple(outputs))


def flatten_sums(model: Model) -> Model:
    """(a + b) + c is a + b + c, which adds in that order; so is c + (a + b), for two commute.

    A sum that something else reads, too, stays, and so does one that another module makes. Where layers run
    again none is turned round: of b(x) + (b(y) + c) the first run has to stay the first.
    """
    keys = [key for operation in model.operations for key in operation.keys.values()]
    commutes = len(keys) == len(set(keys))
    reads = count_reads(model)
    sums: dict[int, Operation] = {}
    made: list[Operation] = []
    for operation in model.operations:
        if operation.layer.name == "add":
            places = [0, 1] if len(operation.inputs) == 2 and commutes else [0]
            inner = next((place for place in places if may_open(operation, place, sums, reads)), None)
            if inner is not None:
                opened = sums[operation.inputs[inner].number]
                rest = [value for place, value in enumerate(operation.inputs) if place != inner]
                made.remove(opened)
                operation = operation._replace(inputs=(*opened.inputs, *rest))
            sums[operation.output.number] = operation
        made.append(operation)
    return model._replace(operations=tuple(made))


def may_open(operation: Operation, place: int, sums: dict[int, Operation], reads: Counter[int]) -> bool:
    """Whether an operand of a sum is a sum of the same module that nothing else reads."""
    inner = sums.get(operation.inputs[place].number)
    return (
        inner is not None
        and reads[inner.output.number] == 1
        and (inner.scopes, inner.training) == (operation.scopes, operation.training)
    )


def place_moves(model: Model) -> Model:
    """Layers that move values about stand where what they move is made, not where it is used.

    A flatten in the very module of a layer with tensors stands before it; a shuffle of what a join makes
    stands in the module of the join.
    """
    makers: dict[int, Operation] = {}
    leaves = {key.rpartition(".")[0] for operation in model.operations for key in operation.keys.values()}
    made = []
    for operation in model.operations:
        maker = makers.get(operation.inputs[0].number)
        name, scopes = operation.layer.name, operation.scopes
        if name == "flatten" and scopes and scopes[-1].path in leaves:
            scopes = shared(maker.scopes if maker else (), scopes)
        elif name in ("channelshuffle", "pixelshuffle") and maker is not None and maker.layer.is_join:
            scopes = maker.scopes
        operation = operation._replace(scopes=scopes)
        makers[operation.output.number] = operation
        made.append(operation)
    return model._replace(operations=tuple(made))


def shared(one: tuple[Scope, ...], two: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """The modules around both."""
    return tuple(a for a, b in zip(one, two, strict=False) if a == b)


def flatten_early(model: Model) -> Model:
    """A flatten goes before a dropout, which takes each value for itself."""
    operations = list(model.operations)
    reads = count_reads(model)
    for place in range(len(operations)):
        while place > 0 and may_swap(operations[place - 1], operations[place], reads):
            first, flatten = operations[place - 1 : place + 1]
            between = first.output._replace(shape=flatten.output.shape)
            early = flatten._replace(inputs=first.inputs, output=between)
            operations[place - 1] = early
            operations[place] = first._replace(inputs=(between,), output=flatten.output)
            place -= 1
    return model._replace(operations=tuple(operations))


def may_swap(first: Operation, flatten: Operation, reads: Counter[int]) -> bool:
    if flatten.layer.name != "flatten" or first.layer.name != "dropout":
        return False
    is_alone = reads[first.output.number] == 1 and flatten.inputs[0].number == first.output.number
    # mode=channels drops whole maps, which are none behind a flatten
    return is_alone and bool(first.layer.value("mode") == "units")
