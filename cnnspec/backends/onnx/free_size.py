"""Rows and columns set free: the model for one size is that for others, layer by layer, or it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from cnnspec.backends.onnx.body import Body, Op
from cnnspec.failures import Refusal
from cnnspec.graph.tree import Network


def free_size(body: Body, network: Network, others: Sequence[tuple[Network, Body]]) -> None:
    """Free what differs among the sizes of values; `others` are bodies of the net for other inputs.

    A side that is the input's bears its name in all values; another has none. Raises Refusal where an
    operator is another, or a tensor has another shape.
    """
    maps = [name for name in body.inputs if len(body.dimensions[name]) == 3]
    if not maps:
        raise Refusal(f"{network.name} takes no maps: it has no height and width that could be free")
    if not others:
        raise Refusal(f"{network.name} takes no other input near {inputs_of(network)}: its size is fixed")
    for tried, other in others:
        if (op := difference(body, other)) is not None:
            raise Refusal(words_of(op, tried))
    bodies = [body, *(other for _, other in others)]

    # An axis in all bodies, as (224, 256, 448): where these are unlike, the axis is free.
    def columns(name: str) -> list[tuple[int | str | None, ...]]:
        return [*zip(*(each.dimensions[name] for each in bodies), strict=True)]

    sides = [(f"{name}.{side}" if len(maps) > 1 else side) for name in maps for side in ("height", "width")]
    given = [column for name in maps for column in columns(name)[1:]]
    # Two sides of the same sizes in all bodies cannot be told apart in a value: it bears the name of neither.
    named = {column: side for column, side in zip(given, sides, strict=True) if given.count(column) == 1}
    free = {
        name: [c[0] if len({*c}) == 1 else named.get(c) for c in columns(name)] for name in body.dimensions
    }
    for place, name in enumerate(maps):
        free[name][1:] = sides[2 * place : 2 * place + 2]
    body.dimensions = free


def difference(body: Body, other: Body) -> Op | None:
    """The first operator that one of them alone has, in a block's function where that is another."""
    for op, twin in zip_longest(body.ops, other.ops):
        # The shorter body has ended: what the longer one goes on with is the difference.
        if op is None or twin is None:
            return op or twin
        if op.body is not None and twin.body is not None and (inner := difference(op.body, twin.body)):
            return inner
        if content_of(body, op) != content_of(other, twin):
            return twin if any(each.name == op.name for each in other.ops) else op
    return None


def content_of(body: Body, op: Op) -> tuple[Any, ...]:
    """All that an operator is, its function aside: constants as their numbers, tensors by their shapes."""
    constants = [body.constants.get(name) for name in op.inputs]
    given = [
        name if numbers is None else (numbers.shape, numbers.tobytes())
        for name, numbers in zip(op.inputs, constants, strict=True)
    ]
    shapes = [body.tensors.get(name) for name in op.inputs]
    return op.kind, given, shapes, op.output, op.name, op.attributes


def words_of(op: Op, network: Network) -> str:
    """Where a size is fixed: the layer, its line, and for which input the model is another."""
    path = op.scopes[-1].path if op.scopes else op.name
    place = f"{op.span.source.name}:{op.span.line}: " if op.span is not None else ""
    return f"{place}`{path}` fixes the size of the input: for {inputs_of(network)} it would be another"


def inputs_of(network: Network) -> str:
    return " and ".join(str(given.value.shape) for given in network.inputs)
