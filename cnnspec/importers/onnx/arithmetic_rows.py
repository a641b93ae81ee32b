"""Rows of arithmetic and of joins: of values, of a value and numbers, and formulas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from cnnspec.importers.onnx.affine import affine
from cnnspec.importers.onnx.formulas import JOINS, formula
from cnnspec.importers.onnx.net import GraphFlows
from cnnspec.importers.onnx.values import Affine, ConstantArray, FormulaPart, Known
from cnnspec.importers.reading.arrays import Array
from cnnspec.importers.reading.computations import is_multiple, values_of
from cnnspec.importers.reading.flows import Flow, Repeated, Row, concatenated, joined


def concat(net: GraphFlows, *values: Any, axis: int = 1) -> Flow:
    return concatenated(net, [net.flow(each) for each in values], axis)


def is_channelwise(known: Known, numbers: Known) -> bool:
    """Whether a value meets numbers that are one a channel; of one channel, a tensor with axes is its own."""
    if not isinstance(known, Flow | Affine) or not isinstance(numbers, ConstantArray):
        return False
    value = known.flow.value if isinstance(known, Affine) else known.value
    return numbers.array.size > 1 or (numbers.array.ndim > 2 and value.shape.channels == 1)


def settle(net: GraphFlows, known: Known, other: Known) -> Known:
    """What meets another value; where it is a multiple of a third one plus a number, a value by itself."""
    if isinstance(known, FormulaPart) and isinstance(other, Flow):
        is_third = other.value not in values_of(known.computation)
        return net.flow(known) if is_third and is_multiple(known.computation) else known
    return net.flow(known) if isinstance(known, Affine) else known


def combined(net: GraphFlows, function: str, a: Known, b: Known) -> Known:
    """Two values joined, or a part of a formula. Raises Refuse."""
    a, b = settle(net, a, b), settle(net, b, a)
    if isinstance(a, Flow) and isinstance(b, Flow):
        # x*sigmoid(x), a product of two values, is a SiLU; a sum stays one, for x + relu(-x) is a ReLU, too.
        made = formula(net, function, a, b) if a.axes == b.axes and function != "add" else None
        if isinstance(made, Flow):
            return made
        if function == "mul" or (function in JOINS and a.value.shape == b.value.shape):
            return joined(net, JOINS[function], a, b)
    return formula(net, function, a, b)


INVERSES: dict[str, Callable[[Array], Array]] = {"sub": np.negative, "div": np.reciprocal}
"""What numbers become where a function is a sum, or a product, of them."""


def elementwise(function: str) -> Row:
    """Of two values, or of a value and numbers, which are one a channel or one in all."""

    def row(net: GraphFlows, a: Any, b: Any) -> Known:
        # The operator repeats along axes of size 1 by itself: an Expand before it says nothing.
        a, b = (each.flow if isinstance(each, Repeated) else each for each in (a, b))
        # x - 1 is x + (-1), but 1 - x is no sum of x and a number: it goes on as a formula.
        for one, two in ((a, b), (b, a)) if function in ("add", "mul") else ((a, b),):
            if is_channelwise(one, two):
                numbers = ConstantArray(INVERSES[function](two.array)) if function in INVERSES else two
                return affine(net, one, numbers, function in ("mul", "div"))
        return combined(net, function, a, b)

    return row


def several(row: Row) -> Row:
    """Of any number of values, the first two at once."""

    def fold(net: GraphFlows, *values: Any) -> Known:
        found: Known = reduce(partial(row, net), values)
        return found

    return fold


def limit(function: str) -> Row:
    """The largest or the smallest of two values, or of a value and a number."""

    def row(net: GraphFlows, a: Any, b: Any) -> Known:
        return combined(net, function, a, b)

    return row


def power(net: GraphFlows, a: Any, b: object) -> Known:
    exponent = net.numbers(b, "exponent")
    if exponent.array.size == 1 and (count := exponent.array.item()) in (1, 2, 3):
        # A product may be a layer by itself, a power never is: Tanh(x + 0.044715*x^3) wants its x^3.
        product_: Known = reduce(lambda one, two: formula(net, "mul", one, two), [a] * int(count))
        return product_
    return formula(net, "pow", a, exponent)


def negate(net: GraphFlows, a: Any) -> Known:
    made: Known = elementwise("mul")(net, a, ConstantArray(np.array(-1.0, np.float32)))
    return made


ROWS: dict[str, Row] = {
    **{each.title(): elementwise(each) for each in ("add", "sub", "mul", "div")},
    "Sum": several(elementwise("add")),
    "Max": several(limit("maximum")),
    "Min": several(limit("minimum")),
    "Pow": power,
    "Neg": negate,
    "Concat": concat,
}
