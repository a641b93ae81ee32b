"""Rows of arithmetic and of joins: of values, of a value and numbers, and formulas."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from cnnspec.importers.onnx import algebra
from cnnspec.importers.onnx.affine import affine, per_channel
from cnnspec.importers.onnx.formulas import completed, expression_of, formula
from cnnspec.importers.onnx.lower import Lowering, Tensor
from cnnspec.importers.onnx.values import Affine, Constant, FormulaPart, Known, Response
from cnnspec.importers.reading.arrangement import remove
from cnnspec.importers.reading.flows import Flow, Refuse, Repeated, Row, concatenated, joined, product
from cnnspec.importers.reading.paths import stacked
from cnnspec.layers import activation, merge, norm
from cnnspec.layers.base import Layer

GATES: dict[str, type[Layer]] = {
    "sigmoid": activation.SiLU,
    "hardsigmoid": activation.HardSwish,
    "tanh": activation.Mish,
}
"""What a value times this of itself is; of mish this is the tanh of its softplus."""


def gated_by_itself(net: Lowering, x: Flow, gate: Flow) -> Flow | None:
    made = net.made.get(gate.value.number)
    name = made.operation.layer.name if made is not None else ""
    if made is None or name not in GATES or x.axes != gate.axes:
        return None
    source = made.operation.inputs[0]
    if name == "tanh":
        inner = net.made.get(source.number)
        if inner is None or inner.operation.layer.name != "softplus":
            return None
        source = inner.operation.inputs[0]
    return net.each(GATES[name](), x) if source == x.value else None


def concat(net: Lowering, *values: Any, axis: int = 1) -> Flow:
    """Along the channels, or of paths along an axis that they have been given for it."""
    flows = [net.flow(each) for each in values]
    place = axis % len(flows[0].axes)
    if place and all(flow.axes[place] == () and flow.value.shape.channels > 1 for flow in flows):
        return stacked(net, [flow._replace(axes=remove(flow.axes, [place])) for flow in flows], place)
    return concatenated(net, flows, axis)


def operand(known: Known) -> Known:
    return known.flow if isinstance(known, Repeated) else known


def is_channelwise(known: Known, numbers: Known) -> bool:
    """Whether a value meets numbers that are one a channel; of one channel, a tensor with axes is its own."""
    if not isinstance(known, Flow | Affine) or not isinstance(numbers, Constant):
        return False
    value = known.flow.value if isinstance(known, Affine) else known.value
    return numbers.array.size > 1 or (numbers.array.ndim > 2 and value.shape.channels == 1)


def plain(net: Lowering, known: Known, other: Known) -> Known:
    """What meets another value; where it is a multiple of a third one plus a number, a value by itself."""
    if isinstance(known, FormulaPart) and isinstance(other, Flow):
        found = [*dict.fromkeys(algebra.leaves(known.expression))]
        is_third = other.value.number not in [leaf.number for leaf in found]
        is_value = is_third and len(found) == 1 and algebra.linear(known.expression, found[0]) is not None
        return net.flow(known) if is_value else known
    return net.flow(known) if isinstance(known, Affine) else known


def response(net: Lowering, known: Response, other: Known) -> Known:
    """A part of a global response norm plus numbers, or plus its value: the norm itself. Raises Refuse."""
    if isinstance(other, Constant) and known.weight is not None and known.bias is None:
        return known._replace(bias=other)
    if known.weight is None or known.bias is None or other != known.flow:
        raise Refuse("E1003", "a global response norm without its weight, its bias or its sum has no layer")
    tensors = {
        name: Tensor(per_channel(net, known.flow, numbers), numbers.name)
        for name, numbers in (("weight", known.weight), ("bias", known.bias))
    }
    return net.each(norm.GlobalResponseNorm(eps=known.eps), known.flow, **tensors)


def weighted(net: Lowering, known: Response, numbers: Constant) -> Response:
    """A part of a global response norm times numbers, or times 1. Raises Refuse."""
    if numbers.array.size == 1 and numbers.array.reshape(()) == 1:
        return known
    if known.weight is not None or known.bias is not None:
        net.deny("weight", numbers.name)
    return known._replace(weight=numbers)


def add(net: Lowering, a: Any, b: Any) -> Known:
    a, b = operand(a), operand(b)
    for one, two in ((a, b), (b, a)):
        if isinstance(one, Response):
            return response(net, one, two)
        if is_channelwise(one, two):
            return affine(net, one, None, two)
    a, b = plain(net, a, b), plain(net, b, a)
    if isinstance(a, Flow) and isinstance(b, Flow) and a.value.shape == b.value.shape:
        return joined(net, merge.Add(), a, b)
    return formula(net, algebra.add, a, b)


def sub(net: Lowering, a: Any, b: Any) -> Known:
    a, b = operand(a), operand(b)
    if is_channelwise(a, b):
        return affine(net, a, None, Constant(-b.array))
    a, b = plain(net, a, b), plain(net, b, a)
    if isinstance(a, Flow) and isinstance(b, Flow) and a.value.shape == b.value.shape:
        return joined(net, merge.Sub(), a, b)
    return formula(net, lambda one, two: algebra.add(one, algebra.multiply(-1.0, two)), a, b)


def mul(net: Lowering, a: Any, b: Any) -> Known:
    a, b = operand(a), operand(b)
    for one, two in ((a, b), (b, a)):
        if isinstance(one, Response) and isinstance(two, Constant):
            return weighted(net, one, two)
        if is_channelwise(one, two):
            return affine(net, one, two, None)
        if isinstance(one, Flow) and isinstance(two, Flow) and (found := gated_by_itself(net, one, two)):
            return found
    a, b = plain(net, a, b), plain(net, b, a)
    if isinstance(a, Flow) and isinstance(b, Flow):
        return product(net, a, b)
    return formula(net, algebra.multiply, a, b)


def div(net: Lowering, a: Any, b: Any) -> Known:
    a, b = operand(a), operand(b)
    if is_channelwise(a, b):
        return affine(net, a, Constant(1 / b.array), None)
    return formula(net, lambda one, two: algebra.multiply(one, algebra.apply("reciprocal", two)), a, b)


def sum_(net: Lowering, *values: Any) -> Known:
    found: Known = reduce(lambda one, two: add(net, one, two), values)
    return found


def power(net: Lowering, a: Any, b: object) -> Known:
    exponent = net.numbers(b, "exponent").array
    found = expression_of(net, a)
    made = (
        algebra.power(found, float(exponent.reshape(())))
        if found is not None and exponent.size == 1
        else None
    )
    if made is None:
        net.deny("exponent", exponent.tolist())
    return completed(net, FormulaPart(made, net.axes_of(a) or ()))


def negate(net: Lowering, a: Any) -> Known:
    return mul(net, a, Constant(np.array(-1.0, np.float32)))


ROWS: dict[str, Row] = {
    "Add": add,
    "Sub": sub,
    "Mul": mul,
    "Div": div,
    "Sum": sum_,
    "Pow": power,
    "Neg": negate,
    "Concat": concat,
}
