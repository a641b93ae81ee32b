"""Rows of arithmetic: joins of values, numbers a channel, and formulas that come to a layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from cnnspec.importers import arrangement
from cnnspec.importers.arrangement import Axes, axes_of, sizes_of, whole
from cnnspec.importers.model import Value
from cnnspec.importers.onnx import algebra
from cnnspec.importers.onnx.algebra import Expression, Leaf, Product, Sum
from cnnspec.importers.onnx.files import shortest
from cnnspec.importers.onnx.lower import Lowering, Row, Tensor
from cnnspec.importers.onnx.values import Affine, Constant, Flow, Known, Refuse, Repeated, Term
from cnnspec.layers import activation, channels, conv, linear, merge, norm
from cnnspec.layers.base import Join, Layer
from cnnspec.run.programs import Array

# Joins


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
    if isinstance(known, Term) and isinstance(other, Flow):
        found = [*dict.fromkeys(algebra.leaves(known.expression))]
        is_third = other.value.number not in [leaf.number for leaf in found]
        is_value = is_third and len(found) == 1 and algebra.linear(known.expression, found[0]) is not None
        return net.flow(known) if is_value else known
    return net.flow(known) if isinstance(known, Affine) else known


def add(net: Lowering, a: Any, b: Any) -> Known:
    a, b = operand(a), operand(b)
    for one, two in ((a, b), (b, a)):
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
    return completed(net, Term(made, net.axes_of(a) or ()))


def negate(net: Lowering, a: Any) -> Known:
    return mul(net, a, Constant(np.array(-1.0, np.float32)))


def joined(net: Lowering, join: Join, left: Flow, right: Flow) -> Flow:
    """Two values of one shape, where their numbers lie alike as they are, else as maps."""
    left, right = net.compact(left), net.compact(right)
    if left.axes != right.axes or left.value.shape != right.value.shape:
        left, right = net.natural(net.map(left)), net.natural(net.map(right))
    return Flow(net.emit(join, left.value, right.value), left.axes)


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


def product(net: Lowering, left: Flow, right: Flow) -> Flow:
    """A product; a gate has the axes of the other value, but none of its channels, or of its pixels."""
    left, right = net.compact(left), net.compact(right)
    if left.axes == right.axes and left.value.shape == right.value.shape:
        return Flow(net.emit(merge.Mul(), left.value, right.value), left.axes)
    for one, two in ((left, right), (right, left)):
        if is_gate(one, two):
            values = [one.value, as_map(net, two)]
            return Flow(net.emit(merge.Mul(), *(values if one is left else values[::-1])), one.axes)
    return net.natural(net.emit(merge.Mul(), net.map(left), net.map(right)))


def is_gate(flow: Flow, gate: Flow) -> bool:
    """Whether the gate has a number for each channel of the value, or pixel, and lies as it does."""
    shape, gates = flow.value.shape, gate.value.shape
    if not shape.is_map or len(gate.axes) != len(flow.axes) or gate.axes[0] != flow.axes[0]:
        return False
    is_known = gates.features == shape.channels or (gates.channels == 1 and gates[1:] == shape[1:])
    return is_known and all(
        ours == theirs or not ours for ours, theirs in zip(gate.axes, flow.axes, strict=True)
    )


def as_map(net: Lowering, gate: Flow) -> Value:
    """A gate's value as C@1x1."""
    if gate.value.shape.is_map:
        return gate.value
    return net.map(Flow(gate.value, (*axes_of(gate.value.shape, net.batch), (), ())))


def concat(net: Lowering, *values: Any, axis: int = 1) -> Flow:
    flows = [net.compact(net.flow(each)) for each in values]
    if len(flows) == 1:
        return flows[0]
    place = axis % len(flows[0].axes)
    rest = [arrangement.remove(flow.axes, [place]) for flow in flows]
    at_channels = all(flow.axes[place] == whole("C", flow.value.shape.channels) for flow in flows)
    if not at_channels or any(each != rest[0] for each in rest):
        flows = [net.natural(net.map(flow)) for flow in flows]
        if place != 1:
            raise Refuse("E1003", "`Concat` along another axis than that of the channels has no layer")
    made = net.emit(merge.Concat(), *(flow.value for flow in flows))
    axes = flows[0].axes
    return Flow(made, (*axes[:place], whole("C", made.shape.channels), *axes[place + 1 :]))


# Numbers a channel


def affine(net: Lowering, known: Flow | Affine, scale: Constant | None, shift: Constant | None) -> Known:
    """A value times numbers, or plus numbers, one a channel; taken into the layer before where it can be."""
    flow = net.compact(known.flow if isinstance(known, Affine) else known)
    given = scale or shift
    assert given is not None
    numbers = per_channel(net, flow, given)
    if isinstance(known, Flow) and shift is not None and (made := with_bias(net, flow, numbers, shift)):
        return made
    if isinstance(known, Flow) and scale is not None and (made := with_weight(net, flow, numbers, scale)):
        return made
    before = (
        known
        if isinstance(known, Affine)
        else Affine(flow, np.ones((), np.float32), np.zeros((), np.float32))
    )
    if scale is not None:
        return Affine(flow, before.scale * numbers, before.shift * numbers)
    return Affine(flow, before.scale, before.shift + numbers)


def per_channel(net: Lowering, flow: Flow, given: Constant) -> Array:
    """Numbers of which each axis but that of the channels has one. Raises Refuse."""
    shape = (1,) * (len(flow.axes) - given.array.ndim) + given.array.shape
    places = [place for place, size in enumerate(shape) if size > 1]
    channels_of = whole("C", flow.value.shape.channels)
    if len(shape) != len(flow.axes) or [flow.axes[place] for place in places] != [channels_of] * len(places):
        raise Refuse("E1003", f"`{net.node.operator}` with numbers of shape {given.array.shape} has no layer")
    return given.array.reshape(-1).astype(np.float32)


BIASED = (conv.Conv, conv.Depthwise, conv.ConvTranspose, linear.Linear)


def with_bias(net: Lowering, flow: Flow, shift: Array, source: Constant) -> Flow | None:
    """The value with numbers added to the bias of the layer that made it, which nothing else reads."""
    made = net.alone(flow)
    if made is None or not isinstance(
        made.operation.layer, (*BIASED, norm.GroupNorm, norm.LayerNorm, norm.BatchNorm)
    ):
        return None
    layer, name = made.operation.layer, "bias"
    before = made.tensors.get(name)
    if before is None and isinstance(layer, norm.GroupNorm | norm.LayerNorm) and "weight" not in made.tensors:
        return None
    total = Tensor(shift, source.name) if before is None else Tensor(before.array + shift)
    net.change(made, layer.with_arguments(bias=True), bias=total)
    return flow


def with_weight(net: Lowering, flow: Flow, scale: Array, source: Constant) -> Flow | None:
    """The value with the weight, or the filters, of the layer that made it multiplied; as for `with_bias`."""
    made = net.alone(flow) or bare_norm(net, flow)
    if made is None:
        return None
    layer, tensors = made.operation.layer, made.tensors
    if isinstance(layer, norm.GroupNorm | norm.LayerNorm) and "weight" not in tensors:
        net.change(made, layer.with_arguments(affine=True, bias=False), weight=Tensor(scale, source.name))
        return flow
    if isinstance(layer, norm.BatchNorm):
        changed = {name: Tensor(tensors[name].array * scale) for name in ("weight", "bias")}
    else:
        return None
    net.change(made, layer, **changed)
    return flow


def folded(net: Lowering, known: Affine) -> Flow | None:
    """The value of a convolution with a batch norm behind it, its numbers taken into the filters."""
    made = net.alone(known.flow)
    layer = made.operation.layer if made is not None else None
    if made is None or not isinstance(layer, conv.Conv | conv.Depthwise | linear.Linear):
        return None
    scale = np.broadcast_to(known.scale, known.flow.value.shape.channels)
    weight = made.tensors["weight"].array
    bias = made.tensors["bias"].array * scale if "bias" in made.tensors else 0
    spread = scale.reshape(-1, *[1] * (weight.ndim - 1))
    changed = {"weight": weight * spread, "bias": bias + np.broadcast_to(known.shift, scale.shape)}
    tensors = {name: Tensor(array.astype(np.float32)) for name, array in changed.items()}
    net.change(made, layer.with_arguments(bias=True), **tensors)
    return known.flow


def bare_norm(net: Lowering, flow: Flow) -> Any:
    """The norm without weights that made a value which nothing else reads."""
    made = net.made.get(flow.value.number)
    if made is None or not isinstance(made.operation.layer, norm.GroupNorm | norm.LayerNorm):
        return None
    names = net.names.get(flow.value.number, set())
    is_alone = all(net.readers[name] == 1 for name in names)
    return made if is_alone and not made.operation.keys else None


def make(net: Lowering, known: Known) -> Flow:
    """The layers of what arithmetic left open. Raises Refuse."""
    key = (known.expression, known.axes) if isinstance(known, Term) else id(known)
    if key not in net.settled:
        assert isinstance(known, Term | Affine)
        made = make_term(net, known) if isinstance(known, Term) else make_affine(net, known)
        net.settled[key] = made, known  # which lives on, so that no other has its id
    return net.settled[key][0]


def make_affine(net: Lowering, known: Affine) -> Flow:
    """A scale and a shift; what enters the network is normalised, and a convolution takes in a batch norm."""
    flow, scale, shift = known
    if shift.any() and (made := folded(net, known)) is not None:
        return made
    if shift.any() and flow.value in net.inputs and (scale > 0).all():
        return net.each(channels.Normalize(mean=(-shift / scale).tolist(), std=(1 / scale).tolist()), flow)
    flow = numbered(net, channels.Scale, scale, flow) if (scale != 1).any() else flow
    return numbered(net, channels.Shift, shift, flow) if shift.any() else flow


def numbered(net: Lowering, cls: type[channels.Scale | channels.Shift], numbers: Array, flow: Flow) -> Flow:
    """A value times numbers, or plus numbers: one in all is fixed, one a channel are weights."""
    if numbers.size == 1 and numbers.ndim == 0:
        return net.each(cls(init=shortest(float(numbers)), trained=False), flow)
    layer = cls(per="channel")
    ((_, shape, *_),) = layer.weights(flow.value.shape)
    return net.each(layer, flow, **{"": Tensor(numbers.astype(np.float32).reshape(shape))})


# Formulas


def expression_of(net: Lowering, known: Known) -> Expression | None:
    """A value as a part of a formula; None where it cannot be one."""
    if isinstance(known, Term):
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
    return completed(net, Term(combine(one, two), axes))


def together(several: list[Axes]) -> Axes | None:
    """The axes of what values make element by element; None where they do not lie alike."""
    depth = max(map(len, several))
    full = [((),) * (depth - len(axes)) + axes for axes in several]
    found = max(full, key=lambda axes: int(np.prod(sizes_of(axes))))
    alike = all(a == b or not a for axes in full for a, b in zip(axes, found, strict=True))
    return found if alike else None


def completed(net: Lowering, term: Term) -> Known:
    """The layer that a formula is, or the formula, as a part of a larger one."""
    if isinstance(term.expression, Leaf):
        return Flow(value_of(net, term.expression), term.axes)
    if isinstance(term.expression, float):
        raise Refuse("E1003", "a formula that comes to a number has no layer")
    for x in dict.fromkeys(algebra.leaves(term.expression)):
        if (layer := known_layer(net, term.expression, x)) is not None:
            return net.each(layer, Flow(value_of(net, x), term.axes))
        for inner in dict.fromkeys(algebra.sums(term.expression)):
            parts = algebra.linear(inner, x)
            if parts is None or not parts[0]:
                continue
            own = algebra.add(-parts[1] / parts[0], algebra.multiply(1 / parts[0], Y))
            if (layer := known_layer(net, algebra.replaced(term.expression, x, own), Y)) is not None:
                return net.each(layer, make(net, Term(inner, term.axes)))
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


def make_term(net: Lowering, term: Term) -> Flow:
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
        words(times(x, of("reciprocal", of("sqrt", plus(EPS, of("mean C", times(x, x))))))): rms_norm,
    }


EPS = 1e-5


def layer_norm(eps: list[float]) -> Layer:
    return norm.LayerNorm(eps=float(f"{eps[0]:.6g}"), affine=False)


def rms_norm(eps: list[float]) -> Layer:
    return norm.RMSNorm(eps=float(f"{eps[0]:.6g}"), affine=False)


FORMULAS = known_formulas()

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
