"""Whether two models are the same network: the proof that follows every import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from cnnspec.importers.model import Model, Operation, Scope
from cnnspec.importers.structure.normalise import normalise
from cnnspec.layers.base import Layer, Unsupported
from cnnspec.layers.resize import Upsample
from cnnspec.values.shapes import Shape, plain_shape

COMMUTATIVE = ("add", "mul", "maximum", "minimum")


class Discrepancy(NamedTuple):
    """Where two models differ: the innermost scope around it, "" for the whole, and what differs there.

    `kind` is the scope's class.
    """

    scope: str
    what: str
    kind: str = ""


class Numbers:
    """A number for everything that it is asked for, the same for equals: a Merkle hash without collisions."""

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}

    def __call__(self, *parts: Any) -> int:
        return self.known.setdefault(parts, len(self.known))


def compare(source: Model, made: Model) -> Discrepancy | None:
    """The first difference of two models, None where there is none.

    Equal are the kinds, the arguments, the operands, the keys and the shapes of all operations that an output
    needs, the outputs in their order, and the order in which random numbers are drawn. A sum of two does not
    depend on their order, nor a concatenation on how it is nested. What no output needs, has equal keys.
    """
    source, made = normalise(source), normalise(made)
    numbers = Numbers()
    one, two = Merkle(source, numbers).marks, Merkle(made, numbers).marks
    left = Counter(two[o.output.number] for o in made.operations)
    for operation in source.operations:
        mark = one[operation.output.number]
        # concat(concat(a, b), c) equals concat(a, concat(b, c)), though the inner ones have no twins
        if not left[mark] and operation.layer.name != "concat":
            return difference_at(operation)
        left[mark] -= 1
    # each operation has its twin; the text may have layers besides, which no output needs
    if keys(source) != keys(made):
        return Discrepancy("", "the keys of the weights")
    if [one[o.value.number] for o in source.outputs] != [two[o.value.number] for o in made.outputs]:
        return Discrepancy("", "the outputs")
    if [o.training for o in source.outputs] != [o.training for o in made.outputs]:
        return Discrepancy("", "which outputs are for training alone")
    if draws(source, one) != draws(made, two):
        return Discrepancy("", "the order in which random numbers are drawn")
    return None


def correspond(source: Model, made: Model) -> dict[str, str]:
    """The key in the source of each tensor of the specification, where only the place in the network says so.

    From the outputs back, operands in their order, those of a sum as they are computed. Where two networks
    differ some keys are missing or wrong, and their comparison will tell.
    """
    source, made = normalise(source), normalise(made)
    numbers = Numbers()
    ours, theirs = Merkle(source, numbers, named=False), Merkle(made, numbers, named=False)
    makers = {operation.output.number: operation for operation in made.operations}
    pairs = {o.value.number: t.value.number for o, t in zip(source.outputs, made.outputs, strict=False)}
    found: dict[str, str] = {}
    for operation in reversed(source.operations):
        twin = makers.get(pairs.get(operation.output.number, -1))
        if twin is not None:
            operands = ours.operands[operation.output.number], theirs.operands[twin.output.number]
            for one, two in zip(*operands, strict=False):
                pairs.setdefault(one, two)
            found |= {twin.keys[name]: key for name, key in operation.keys.items() if name in twin.keys}
    return found


def difference_at(operation: Operation) -> Discrepancy:
    inner = operation.scopes[-1] if operation.scopes else Scope("", "")
    owner = next(iter(operation.keys.values()), "")
    return Discrepancy(inner.path, f"`{operation.layer.name}` {owner}".strip(), inner.kind)


class Merkle:
    """A mark for each value, equal for values that are computed alike from the same inputs.

    `named`: with the same weights, else with weights of the same shapes. `operands` are the values that an
    operation takes, by the value that it makes: of a concatenation without those that others within it make,
    of a sum of two in the order of their marks.
    """

    def __init__(self, model: Model, numbers: Numbers, named: bool = True) -> None:
        self.numbers, self.named = numbers, named
        self.marks = {
            given.value.number: numbers("input", place, plain_shape(given.value.shape))
            for place, given in enumerate(model.inputs)
        }
        self.operands: dict[int, list[int]] = {}
        self.concats: set[int] = set()
        for operation in model.operations:
            self.add(operation)

    def add(self, operation: Operation) -> None:
        layer, output = operation.layer, operation.output.number
        operands = [value.number for value in operation.inputs]
        if layer.name == "concat":
            self.concats.add(output)
            # concat(concat(a, b), c) has the operands a, b, c
            parts = (self.operands[value] if value in self.concats else [value] for value in operands)
            operands = [each for part in parts for each in part]
        # a + b + c is rounded otherwise than c + b + a: of three the order counts
        if layer.name in COMMUTATIVE and len(operands) == 2:
            operands.sort(key=self.marks.__getitem__)
        shapes = [plain_shape(value.shape) for value in operation.inputs]
        tensors = tuple(sorted(shaped_keys(operation, shapes).items())) if self.named else ()
        form = meaning(layer, shapes, self.numbers), tensors, plain_shape(operation.output.shape)
        self.operands[output] = operands
        self.marks[output] = self.numbers(*form, *map(self.marks.__getitem__, operands))


def meaning(layer: Layer, shapes: Sequence[Shape], numbers: Numbers) -> int:
    """A number for what a layer does to values of these shapes, however it is spelled.

    It is lowered to a call of PyTorch's, where there is one: a depthwise convolution is one in groups. So
    many times as high and as wide is as much as a size.
    """
    values = [layer.value(name) for name in layer.arguments if name != "in"]
    if layer.is_join:
        return numbers(layer.name, frozen(values))
    # 1.5 times 5 pixels are 7, but PyTorch samples them by 1.5, not by 7/5: that is no size
    if isinstance(layer, Upsample) and all(float(factor).is_integer() for factor in layer.factor or ()):
        layer = Upsample(size=layer.output(shapes[0]).size, mode=layer.mode, align=layer.align)
    try:
        return numbers("call", frozen(layer.torch(shapes[0])))
    except Unsupported:
        return numbers(layer.name, frozen(values))


def frozen(value: Any) -> Any:
    """A value of calls and lists as one that can be a key; 2.0 is 2."""
    if isinstance(value, dict):
        return tuple((name, frozen(each)) for name, each in sorted(value.items()))
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def shaped_keys(operation: Operation, shapes: Sequence[Shape]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of an operation, by its key."""
    if operation.layer.is_join:
        return {}
    return {
        operation.keys[weight.name]: tuple(map(int, weight.shape))
        for weight in operation.layer.weights(shapes[0])
        if weight.name in operation.keys
    }


def keys(model: Model) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for operation in model.operations:
        found |= shaped_keys(operation, [plain_shape(value.shape) for value in operation.inputs])
    return found


def draws(model: Model, found: dict[int, int]) -> list[int]:
    """The values that random numbers enter, in the order in which they are drawn."""
    # from one seed two networks drop the same only where they draw in one order
    random = ("dropout", "stochasticdepth")
    return [found[o.output.number] for o in model.operations if o.layer.name in random]
