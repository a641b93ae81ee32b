"""What layers compute, as computations: a network that writes them out is known by these."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from cnnspec.importers.model import Value
from cnnspec.layers import activation, norm
from cnnspec.layers.base import Layer


class Computation(NamedTuple):
    """A function of operands: numbers, other computations, values, and tensors of a number a channel."""

    function: str
    operands: tuple[Any, ...]


def of(function: str, *operands: Any) -> Computation:
    return Computation(function, operands)


X, WEIGHT, BIAS, GATE = "x", "weight", "bias", "v"
EPS, SLOPE, ALPHA = PARAMETERS = "eps", "slope", "alpha"
"""A formula has a value, tensors, and at most one argument of its layer that may be any number."""

SOFTPLUS = of("log1p", of("exp", X))
CUBIC = of("add", X, of("mul", 0.044715, of("pow", X, 3)))
CLIPPED = of("clip", of("add", of("div", X, 6), 0.5), 0, 1)
LESS_ONE = of("sub", of("exp", X), 1)
MEAN_SQUARE, MEAN_SQUARE_HW = (of("add", of(f"mean {axes}", of("square", X)), EPS) for axes in ("C", "HW"))
LENGTH = of("norm HW", X)
RESPONSE = of("mul", X, of("div", LENGTH, of("add", of("mean C", LENGTH), EPS)))
GATED = of("mul", X, of("sigmoid", of("mul", GATE, X)))


def away(axes: str) -> Computation:
    """The value less its mean along some axes."""
    return of("sub", X, of(f"mean {axes}", X))


def deviation(axes: str) -> Computation:
    return of("sqrt", of("add", of(f"mean {axes}", of("square", away(axes))), EPS))


def weighted(x: Any) -> Computation:
    return of("add", of("mul", x, WEIGHT), BIAS)


def half_times(gate: Computation) -> Computation:
    return of("mul", of("mul", X, 0.5), of("add", 1, gate))


def where_positive(other: Any) -> Computation:
    """The value itself where it is above 0."""
    return of("where", of("gt", X, 0), X, other)


FORMULAS: tuple[tuple[Layer, Computation], ...] = (
    (activation.ReLU(), of("maximum", X, 0)),
    (activation.SquaredReLU(), of("square", of("maximum", X, 0))),
    (activation.LeakyReLU(), where_positive(of("mul", X, SLOPE))),
    (activation.ELU(), where_positive(of("mul", LESS_ONE, ALPHA))),
    # Where alpha is not written, or is 1.0: then it cannot be told from the 1 of exp(x) - 1.
    (activation.ELU(), where_positive(LESS_ONE)),
    (activation.GELU(), half_times(of("erf", of("mul", X, math.sqrt(1 / 2))))),
    (activation.GELU(approximate="tanh"), half_times(of("tanh", of("mul", math.sqrt(2 / math.pi), CUBIC)))),
    (activation.Mish(), of("mul", X, of("tanh", SOFTPLUS))),
    (activation.SiLU(), of("mul", X, of("sigmoid", X))),
    (activation.Sigmoid(), of("sigmoid", X)),
    (activation.Softplus(), SOFTPLUS),
    (activation.Tanh(), of("tanh", X)),
    (activation.HardSigmoid(), CLIPPED),
    (activation.HardSwish(), of("mul", X, CLIPPED)),
    (norm.LayerNorm(affine=False), of("div", away("C"), deviation("C"))),
    (norm.InstanceNorm(), of("div", away("HW"), deviation("HW"))),
    (norm.GroupNorm(groups=1, affine=False), of("div", away("G"), deviation("G"))),
    (norm.RMSNorm(affine=False), of("mul", X, of("rsqrt", MEAN_SQUARE))),
    (norm.L2Norm(eps=0.0), of("div", X, of("norm C", X))),
    (norm.FilterResponseNorm(tlu=False), weighted(of("mul", X, of("rsqrt", MEAN_SQUARE_HW)))),
    (norm.GlobalResponseNorm(), of("add", X, weighted(RESPONSE))),
    (norm.EvoNormS0(groups=1), weighted(of("div", GATED, deviation("G")))),
    (norm.EvoNormS0(groups=1), weighted(of("div", GATED, deviation("HW")))),
    (norm.EvoNormS0(groups=1, act=False), weighted(of("div", X, deviation("G")))),
    (norm.EvoNormS0(groups=1, act=False), weighted(of("div", X, deviation("HW")))),
)
"""Layers and what they compute, as their citations have it; a word is an operand by its name.

Along rows and columns alone, a group is a channel.
"""

SAME_NAMED = ("abs", "add", "hardsigmoid", "maximum", "minimum", "mul", "sigmoid", "softplus", "sub", "tanh")
FUNCTIONS_OF_LAYERS: dict[str, tuple[Any, ...]] = {
    **{name: (name,) for name in SAME_NAMED},
    "channelmean": ("mean C",),
    "globalavgpool": ("mean HW",),
    "relu": ("maximum", 0),
    "relu6": ("clip", 0, 6),
}
"""The functions of layers that a formula may go on from, and their operands behind the values."""


def function_of(layer: Layer, inputs: tuple[Value, ...]) -> Computation | None:
    """What a layer without tensors computes of its inputs, where a formula may go on from that."""
    if isinstance(layer, activation.HardTanh):
        return of("clip", *inputs, layer.low, layer.high)
    # A softplus with beta=2 is another function than `softplus`.
    is_plain = all(layer.value(name) == each.default for name, each in layer.arguments.items())
    if not is_plain or layer.name not in FUNCTIONS_OF_LAYERS:
        return None
    function, *numbers = FUNCTIONS_OF_LAYERS[layer.name]
    return of(function, *inputs, *numbers)
