"""Formulas of values and numbers, and the layers that they come to."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from cnnspec.importers.model import Value
from cnnspec.importers.onnx import algebra
from cnnspec.importers.onnx.affine import make_affine
from cnnspec.importers.onnx.algebra import Expression, Leaf, Product, Sum
from cnnspec.importers.onnx.files import shortest
from cnnspec.importers.onnx.lower import Lowering
from cnnspec.importers.onnx.values import Affine, Constant, FormulaPart, Known, Response
from cnnspec.importers.reading.arrangement import Axes, sizes_of
from cnnspec.importers.reading.flows import Flow, Refuse, joined
from cnnspec.layers import activation, channels, merge, norm
from cnnspec.layers.base import Join, Layer


def make(net: Lowering, known: Known) -> Flow:
    """The layers of what arithmetic left open. Raises Refuse."""
    key = (known.expression, known.axes) if isinstance(known, FormulaPart) else id(known)
    if key not in net.settled:
        assert isinstance(known, FormulaPart | Affine)
        made = make_term(net, known) if isinstance(known, FormulaPart) else make_affine(net, known)
        net.settled[key] = made, known  # which lives on, so that no other has its id
    return net.settled[key][0]


def expression_of(net: Lowering, known: Known) -> Expression | None:
    """A value as a part of a formula; None where it cannot be one."""
    if isinstance(known, FormulaPart):
        return known.expression
    if isinstance(known, Flow):
        return Leaf(net.compact(known).value.number)
    if isinstance(known, Constant) and known.array.size == 1:
        return float(known.array.reshape(()))
    return None


def formula(
    net: Lowering, combine: Callable[[Expression, Expression], Expression], a: Known, b: Known
) -> Known:
    """A part of a formula, or the layer that it completes. Raises Refuse."""
    one, two = expression_of(net, a), expression_of(net, b)
    axes = together([axes for axes in map(net.axes_of, (a, b)) if axes is not None])
    if one is None or two is None or axes is None:
        raise Refuse("E1003", f"`{net.node.operator}` of these two has no layer")
    return completed(net, FormulaPart(combine(one, two), axes))


def together(several: list[Axes]) -> Axes | None:
    """The axes of what values make element by element; None where they do not lie alike."""
    depth = max(map(len, several))
    full = [((),) * (depth - len(axes)) + axes for axes in several]
    found = max(full, key=lambda axes: int(np.prod(sizes_of(axes))))
    alike = all(a == b or not a for axes in full for a, b in zip(axes, found, strict=True))
    return found if alike else None


def completed(net: Lowering, term: FormulaPart) -> Known:
    """The layer that a formula is, or the formula, as a part of a larger one."""
    if isinstance(term.expression, Leaf):
        return Flow(value_of(net, term.expression), term.axes)
    if isinstance(term.expression, float):
        raise Refuse("E1003", "a formula that comes to a number has no layer")
    for x in dict.fromkeys(algebra.leaves(term.expression)):
        layer = known_layer(net, term.expression, x)
        if isinstance(layer, norm.GlobalResponseNorm):
            return Response(Flow(value_of(net, x), term.axes), layer.eps)
        if layer is not None:
            return net.each(layer, Flow(value_of(net, x), term.axes))
        for inner in dict.fromkeys(algebra.sums(term.expression)):
            parts = algebra.linear(inner, x)
            if parts is None or not parts[0]:
                continue
            own = algebra.add(-parts[1] / parts[0], algebra.multiply(1 / parts[0], Y))
            if (layer := known_layer(net, algebra.replaced(term.expression, x, own), Y)) is not None:
                return net.each(layer, make(net, FormulaPart(inner, term.axes)))
    return term


Y = Leaf(-1)
"""What a formula is of, where this is no value, but a multiple of one plus a number."""


def known_layer(net: Lowering, expression: Expression, x: Leaf) -> Layer | None:
    """The layer that a formula of a value is."""
    eps: list[float] = []
    words = algebra.text(expression, x, lambda leaf: mean_of(net, leaf), eps)
    layer = FORMULAS.get(words)
    return layer(eps) if layer is not None and len(eps) <= 1 else None


def value_of(net: Lowering, leaf: Leaf) -> Value:
    made = net.made.get(leaf.number)
    return made.operation.output if made is not None else net.inputs[leaf.number]


def mean_of(net: Lowering, leaf: Leaf) -> tuple[str, Leaf] | None:
    """Which mean a value is, and of what."""
    made = net.made.get(leaf.number)
    name = {"channelmean": "mean C"}.get(made.operation.layer.name) if made is not None else None
    return (name, Leaf(made.operation.inputs[0].number)) if made is not None and name else None


def make_term(net: Lowering, term: FormulaPart) -> Flow:
    """A formula without a layer of its own, made of sums, products and numbers. Raises Refuse."""
    expression = term.expression
    found = dict.fromkeys(algebra.leaves(expression))
    if len(found) == 1:
        (x,) = found
        parts = algebra.linear(expression, x)
        if parts is not None:
            scale, shift = (np.array(part, np.float32) for part in parts)
            return make_affine(net, Affine(Flow(value_of(net, x), term.axes), scale, shift))
    if len({value_of(net, x).shape for x in found}) == 1:
        return build(net, expression, term.axes)
    raise Refuse("E1003", f"the formula that ends in `{net.node.operator}` has no layer")


def build(net: Lowering, expression: Expression, axes: Axes) -> Flow:
    """Sums and products of values that lie alike. Raises Refuse."""
    if isinstance(expression, Leaf):
        return Flow(value_of(net, expression), axes)
    if not isinstance(expression, Product | Sum) or (isinstance(expression, Sum) and expression.constant):
        raise Refuse("E1003", f"the formula that ends in `{net.node.operator}` has no layer")
    join: Join = merge.Add() if isinstance(expression, Sum) else merge.Mul()
    made = [build(net, each, axes) for each in expression.operands]
    found = reduce(lambda one, two: joined(net, join, one, two), made)
    if isinstance(expression, Product) and expression.factor != 1:
        return net.each(channels.Scale(init=shortest(expression.factor), trained=False), found)
    return found


def known_formulas() -> dict[str, Callable[[list[float]], Layer]]:
    """The layers of formulas, each formula in the words that all its forms come to."""
    x = Leaf(0)
    times, plus, of = algebra.multiply, algebra.add, algebra.apply

    def words(expression: Expression) -> str:
        return algebra.text(expression, x, lambda _: None, [])

    half = times(0.5, x)
    erf = of("erf", times(2**-0.5, x))
    cube = times(x, times(x, x))
    tanh = of("tanh", times((2 / np.pi) ** 0.5, plus(x, times(0.044715, cube))))
    clipped = [times(1 / 6, of("clip 0 6", plus(3.0, x))), of("clip 0 1", plus(0.5, times(1 / 6, x)))]
    away = plus(x, times(-1.0, of("mean C", x)))
    length = of("norm HW", x)
    deviation = of("sqrt", plus(EPS, of("mean C", times(away, away))))
    return {
        words(times(half, plus(1.0, erf))): lambda _: activation.GELU(),
        words(times(half, plus(1.0, tanh))): lambda _: activation.GELU(approximate="tanh"),
        words(clipped[0]): lambda _: activation.HardSigmoid(),
        words(clipped[1]): lambda _: activation.HardSigmoid(),
        words(times(x, clipped[0])): lambda _: activation.HardSwish(),
        words(times(x, clipped[1])): lambda _: activation.HardSwish(),
        words(times(x, of("tanh", of("log", plus(1.0, of("exp", x)))))): lambda _: activation.Mish(),
        words(of("log", plus(1.0, of("exp", x)))): lambda _: activation.Softplus(),
        words(times(away, of("reciprocal", deviation))): layer_norm,
        words(times(x, times(length, of("reciprocal", plus(EPS, of("mean C", length)))))): response_norm,
        words(times(x, of("reciprocal", of("sqrt", plus(EPS, of("mean C", times(x, x))))))): rms_norm,
    }


EPS = 1e-5


def layer_norm(eps: list[float]) -> Layer:
    return norm.LayerNorm(eps=float(f"{eps[0]:.6g}"), affine=False)


def response_norm(eps: list[float]) -> Layer:
    return norm.GlobalResponseNorm(eps=float(f"{eps[0]:.6g}"))


def rms_norm(eps: list[float]) -> Layer:
    return norm.RMSNorm(eps=float(f"{eps[0]:.6g}"), affine=False)


FORMULAS = known_formulas()
