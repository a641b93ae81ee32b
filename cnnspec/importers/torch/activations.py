"""Activations that a module writes out: of one value and numbers, each known by what it computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnspec.importers.reading.flows import Flow
from cnnspec.importers.torch.lower import Lowering
from cnnspec.importers.torch.values import FormulaPart
from cnnspec.layers import activation
from cnnspec.layers.base import Layer

POINTS = torch.tensor([-6.5, -3.1, -1.2, -0.3, 0.0, 0.2, 0.9, 2.3, 4.7, 7.0], dtype=torch.float64)
"""Where a formula is held against the activations."""

KNOWN: tuple[tuple[Layer, Callable[[Tensor], Tensor]], ...] = (
    (activation.GELU(), F.gelu),
    (activation.GELU(approximate="tanh"), lambda x: F.gelu(x, approximate="tanh")),
    (activation.Mish(), F.mish),
    (activation.SiLU(), F.silu),
    (activation.Sigmoid(), torch.sigmoid),
    (activation.Softplus(), F.softplus),
    (activation.Tanh(), torch.tanh),
)

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": torch.add,
    "cube": lambda x: x**3,
    "div": torch.div,
    "erf": torch.erf,
    "exp": torch.exp,
    "log": torch.log,
    "log1p": torch.log1p,
    "mul": torch.mul,
    "neg": torch.neg,
    "rdiv": lambda x, other: other / x,
    "reciprocal": torch.reciprocal,
    "rsub": lambda x, other: other - x,
    "square": torch.square,
    "sub": torch.sub,
    "tanh": torch.tanh,
}
"""Functions that a formula may be made of, and layers without arguments that do the same."""


class Elsewhere(Exception):
    """A value is not computed from another one by these functions alone."""


def layer_of(net: Lowering, term: FormulaPart) -> Flow | None:
    """The activation that a formula is, of the nearest value that all of it is computed from."""
    for x in sources(net, term):
        try:
            made = evaluate(net, term, {x: POINTS})
        except Elsewhere:
            continue
        for layer, function in KNOWN:
            if torch.allclose(made, function(POINTS), rtol=1e-6, atol=1e-8):
                return net.each(layer, x)
    return None


def sources(net: Lowering, term: FormulaPart) -> list[Flow]:
    """The values that a formula is made of, and those that they are made of, the nearest first."""
    found: list[Any] = [term]
    for known in found:
        found += (each for each in operands_of(net, known) if each not in found)
    return [each for each in found if isinstance(each, Flow)]


def operands_of(net: Lowering, known: Any) -> tuple[Any, ...]:
    """What a part of a formula is made of, where its function is among these; else nothing."""
    if isinstance(known, FormulaPart):
        return known.operands if known.function in FUNCTIONS else ()
    maker = net.maker(known.value) if isinstance(known, Flow) else None
    if maker is None or len(maker.inputs) > 2:
        return ()
    values = tuple(Flow(value, known.axes) for value in maker.inputs)
    if maker.layer.name in ("scale", "shift"):
        return (*values, maker.layer.value("init")) if not maker.layer.value("trained") else ()
    return values if maker.layer.name in FUNCTIONS else ()


def function_of(net: Lowering, known: Any) -> Callable[..., Any]:
    """The function that makes a part of a formula of its operands."""
    if isinstance(known, FormulaPart):
        return FUNCTIONS[known.function]
    maker = net.maker(known.value)
    assert maker is not None
    return FUNCTIONS[{"scale": "mul", "shift": "add"}.get(maker.layer.name, maker.layer.name)]


def evaluate(net: Lowering, known: Any, made: dict[Any, Tensor]) -> Tensor:
    """What a part of a formula makes, as `made` says it of the values before. Raises Elsewhere."""
    if isinstance(known, int | float):
        return torch.tensor(float(known), dtype=torch.float64)
    if known not in made:
        operands = operands_of(net, known)
        if not operands:
            raise Elsewhere
        made[known] = function_of(net, known)(*(evaluate(net, each, made) for each in operands))
    return made[known]
