"""Arithmetic that no layer says alone is kept as a computation, until the whole is a layer.

A computation is known by its numbers, however it was written. It is evaluated on a sample map, and so are the
formulas of the layers: where the numbers are the same, it is that layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from itertools import chain, permutations, product
from typing import Any, NamedTuple

from cnnspec.importers.model import Value
from cnnspec.importers.reading.arrangement import Axes
from cnnspec.importers.reading.flows import Flows
from cnnspec.layers import activation, norm
from cnnspec.layers.base import Layer


class Computation(NamedTuple):
    """A function of operands: numbers, other computations, values, and tensors of a number a channel."""

    function: str
    operands: tuple[Any, ...]


class Match(NamedTuple):
    """The layer that a computation is: of `x`, a value or a computation, with these tensors by name."""

    layer: Layer
    x: Any
    tensors: dict[str, Any]


class Undefined(Exception):
    """A computation has no numbers on the sample, or depends on more than is given."""


def of(function: str, *operands: Any) -> Computation:
    return Computation(function, operands)


FUNCTIONS: dict[str, Callable[..., float]] = {
    "add": lambda x, other: x + other,
    "addcmul": lambda x, one, two: x + one * two,
    "clip": lambda x, low, high: min(max(x, low), high),
    "div": lambda x, other: x / other,
    "erf": math.erf,
    "exp": math.exp,
    "hardsigmoid": lambda x: min(max(x / 6 + 0.5, 0), 1),
    "log": math.log,
    "log1p": math.log1p,
    "mul": lambda x, other: x * other,
    "neg": lambda x: -x,
    "pow": math.pow,
    "rdiv": lambda x, other: other / x,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / math.sqrt(x),
    "rsub": lambda x, other: other - x,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "sqrt": math.sqrt,
    "square": lambda x: x * x,
    "sub": lambda x, other: x - other,
    "tanh": math.tanh,
}
"""What a computation computes at each place of a map."""

REDUCTIONS: dict[str, Callable[[list[float]], float]] = {
    "mean": lambda numbers: math.fsum(numbers) / len(numbers),
    "norm": lambda numbers: math.hypot(*numbers),
    "var": lambda numbers: (
        math.fsum((each - math.fsum(numbers) / len(numbers)) ** 2 for each in numbers) / len(numbers)
    ),
}
"""What a computation such as `mean C` computes of several places, each of which has it: the axes are kept."""

PLACES = (*product(range(2), range(2), range(2), range(3)),)
"""Of the sample map: by its group of channels, the channel in it, row and column."""

ALONG = {"C": (0, 1), "HW": (2, 3), "G": (1, 2, 3)}
"""The axes of the sample that a reduction is along: channels, pixels, or all that a group has."""

PART = "part"
"""Stands for all other axes: what is computed along them, no layer is."""

Numbers = tuple[float, ...]
"""One for each of the places."""

LARGE = 0.7
GOLDEN = (math.sqrt(5) - 1) / 2
SAMPLE: Numbers = (-100.0, *(13.7 * (k * GOLDEN % 1) - 6.6 for k in range(2, len(PLACES))), 100.0)
TENSORS: tuple[Numbers, ...] = tuple(
    tuple(0.6 + (4 * k + 2 * group + channel + 1) * GOLDEN % 1 for group, channel, _, _ in PLACES)
    for k in range(3)
)
"""The numbers of an eps, of a value, and of up to three tensors: spread evenly, none a multiple of others.

Two numbers are far from 0, where limits tell functions apart.
An eps is large on the sample, where it tells formulas apart: x/sqrt(y + eps) from x/(sqrt(y) + eps).
"""

X, EPS, WEIGHT, BIAS, GATE = "x", "eps", "weight", "bias", "v"
SOFTPLUS = of("log1p", of("exp", X))
CUBIC = of("add", X, of("mul", 0.044715, of("pow", X, 3)))
CLIPPED = of("clip", of("add", of("div", X, 6), 0.5), 0, 1)
MEAN_SQUARE, MEAN_SQUARE_HW = (of("add", of(f"mean {axes}", of("square", X)), EPS) for axes in ("C", "HW"))
AWAY = of("sub", X, of("mean C", X))
VARIANCE = of("mean C", of("square", AWAY))
LENGTH = of("norm HW", X)
RESPONSE = of("mul", X, of("div", LENGTH, of("add", of("mean C", LENGTH), EPS)))
GATED = of("mul", X, of("sigmoid", of("mul", GATE, X)))
DEVIATION = of("sqrt", of("add", of("var G", X), EPS))


def weighted(x: Any) -> Computation:
    return of("add", of("mul", x, WEIGHT), BIAS)


def half_times(gate: Computation) -> Computation:
    return of("mul", of("mul", X, 0.5), of("add", 1, gate))


FORMULAS: tuple[tuple[Layer, Computation], ...] = (
    (activation.GELU(), half_times(of("erf", of("mul", X, math.sqrt(1 / 2))))),
    (activation.GELU(approximate="tanh"), half_times(of("tanh", of("mul", math.sqrt(2 / math.pi), CUBIC)))),
    (activation.Mish(), of("mul", X, of("tanh", SOFTPLUS))),
    (activation.SiLU(), of("mul", X, of("sigmoid", X))),
    (activation.Sigmoid(), of("sigmoid", X)),
    (activation.Softplus(), SOFTPLUS),
    (activation.Tanh(), of("tanh", X)),
    (activation.HardSigmoid(), CLIPPED),
    (activation.HardSwish(), of("mul", X, CLIPPED)),
    (norm.LayerNorm(affine=False), of("div", AWAY, of("sqrt", of("add", VARIANCE, EPS)))),
    (norm.RMSNorm(affine=False), of("mul", X, of("rsqrt", MEAN_SQUARE))),
    (norm.FilterResponseNorm(tlu=False), weighted(of("mul", X, of("rsqrt", MEAN_SQUARE_HW)))),
    (norm.GlobalResponseNorm(), of("add", X, weighted(RESPONSE))),
    (norm.EvoNormS0(groups=1), weighted(of("div", GATED, DEVIATION))),
    (norm.EvoNormS0(groups=1, act=False), weighted(of("div", X, DEVIATION))),
)
"""Layers and what they compute, as their citations have it; a word is an operand by its name."""

LAYERS = {
    "add": "add",
    "channelmean": "mean C",
    "globalavgpool": "mean HW",
    "hardsigmoid": "hardsigmoid",
    "mul": "mul",
    "scale": "mul",
    "shift": "add",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "sub": "sub",
    "tanh": "tanh",
}
"""The functions of layers that a formula may go on from."""

SMALL = 0.01
"""Numbers that are smaller may be an eps."""

SINGLE, FOUR_DIGITS = 1e-6, 3e-4
"""How far numbers may lie from a formula's: by constants in single precision, or as in x/1.4142, x*0.1667."""

LARGEST = 64
"""The functions that are looked at, of a computation and before it: published formulas have up to 20."""


def layer_of(net: Flows, computation: Computation, tolerance: float = SINGLE) -> Match | None:
    """The layer that a computation is, of the nearest value it can be of, else of a multiple of one."""
    before = computations_before(net, computation)
    operands = dict.fromkeys(each for known in before.values() for each in known.operands)
    values = [each for each in operands if isinstance(each, Value)]
    multiples = (each for each in operands if isinstance(each, Computation) and is_multiple(each))
    found = (layer_of_base(before, computation, x, tolerance) for x in chain(values, multiples))
    return next(filter(None, found), None)


def layer_of_base(
    before: Mapping[Any, Computation], computation: Computation, x: Any, tolerance: float
) -> Match | None:
    """The layer of this value that a computation is; `before` has what each part of it computes."""
    leaves = leaves_of(computation, {x: x}, before)
    tensors = [each for each in leaves if each != x and not isinstance(each, int | float)]
    groups = {known.operands[1] for known in before.values() if known.function.endswith(" G")}
    if len(tensors) > len(TENSORS) or len(groups) > 1 or any(isinstance(each, Value) for each in tensors):
        return None
    given = {x: SAMPLE, **dict(zip(tensors, TENSORS, strict=False))}
    for eps in (None, *(each for each in leaves if isinstance(each, float) and 0 < each < SMALL)):
        own = given if eps is None else {**given, eps: (LARGE,) * len(PLACES)}
        try:
            numbers = evaluate(computation, own, before)
        except Undefined:
            continue
        for layer, names, has_eps, expected in samples():
            is_alike = len(names) == len(tensors) and has_eps == (eps is not None)
            if is_alike and is_same(numbers, expected, tolerance):
                arguments = {"eps": eps, "groups": next(iter(groups), None)}
                named = {name: each for name, each in arguments.items() if name in layer.arguments}
                return Match(layer.with_arguments(**named), x, dict(zip(names, tensors, strict=True)))
    return None


@cache
def samples() -> list[tuple[Layer, tuple[str, ...], bool, Numbers]]:
    """Each layer with the names of its tensors, in any order, whether it has an eps, and its numbers."""
    found = []
    for layer, formula in FORMULAS:
        leaves = leaves_of(formula, {}, {})
        for names in permutations(name for name in (WEIGHT, BIAS, GATE) if name in leaves):
            given = {X: SAMPLE, EPS: (LARGE,) * len(PLACES), **dict(zip(names, TENSORS, strict=False))}
            found.append((layer, names, EPS in leaves, evaluate(formula, given, {})))
    return found


def is_same(numbers: Numbers, others: Numbers, tolerance: float = SINGLE) -> bool:
    """Whether numbers differ by the rounding of constants alone."""
    near = partial(math.isclose, rel_tol=tolerance, abs_tol=tolerance / 100)
    return all(map(near, numbers, others))


def computations_before(net: Flows, computation: Computation) -> dict[Any, Computation]:
    """A computation, its parts, and those that its values come from, by what they make; the nearest first."""
    found: dict[Any, Computation] = {computation: computation}
    for known in (waiting := [computation]):
        for each in known.operands:
            made = (
                each
                if isinstance(each, Computation)
                else made_by(net, each)
                if isinstance(each, Value)
                else None
            )
            if made is not None and each not in found and len(found) < LARGEST:
                found[each] = made
                waiting.append(made)
    return found


def made_by(net: Flows, value: Value) -> Computation | None:
    """What the layer that made a value computes, if a formula may go on from it."""
    maker = net.maker(value)
    function = LAYERS.get(maker.layer.name) if maker is not None else None
    if maker is None or function is None:
        return None
    if maker.layer.name not in ("scale", "shift"):
        return Computation(function, maker.inputs)
    number = net.number_of(maker)
    return None if number is None else Computation(function, (*maker.inputs, number))


def leaves_of(
    computation: Computation, given: Mapping[Any, Any], before: Mapping[Any, Computation]
) -> list[Any]:
    """What a computation is computed from in the end, or from what is given."""
    leaves: list[Any] = []
    parts: list[Any] = [computation]
    for each in parts:
        inner = None if each in given else each if isinstance(each, Computation) else before.get(each)
        if inner is None:
            leaves.append(each)
        else:
            parts += [operand for operand in dict.fromkeys(inner.operands) if operand not in parts]
    return leaves


def evaluate(
    computation: Computation, given: Mapping[Any, Numbers], before: Mapping[Any, Computation]
) -> Numbers:
    """The numbers of a computation on the sample, `given` those of its leaves. Raises Undefined."""
    made: dict[Any, Numbers] = dict(given)

    def numbers(known: Any) -> Numbers:
        if known not in made:
            inner = known if isinstance(known, Computation) else before.get(known)
            if inner is None:
                if not isinstance(known, int | float):
                    raise Undefined
                return (float(known),) * len(PLACES)
            made[known] = compute(inner.function, *map(numbers, inner.operands))
        return made[known]

    return numbers(computation)


def compute(function: str, *operands: Numbers) -> Numbers:
    """What a function computes at all places of the sample. Raises Undefined."""
    name, _, axes = function.partition(" ")
    try:
        if not axes:
            numbers = tuple(map(FUNCTIONS[name], *operands))
            limits = [limit for limit, *_ in operands[1:] if math.isfinite(limit)] if name == "clip" else []
            if not set(limits) <= set(numbers):
                raise Undefined  # a limit that no place reaches would be lost: min(x, 1000) is no x
            return numbers
        kept = [tuple(place[axis] for axis in range(4) if axis not in ALONG[axes]) for place in PLACES]
        parts: dict[Any, list[float]] = {}
        for place, number in zip(kept, operands[0], strict=True):
            parts.setdefault(place, []).append(number)
        reduced = {place: REDUCTIONS[name](each) for place, each in parts.items()}
        return tuple(reduced[place] for place in kept)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        raise Undefined from None


def reduced(function: str, x: Any, axes: Axes, places: Collection[int]) -> tuple[Computation, Axes]:
    """What is the same along the axes at these places, and the axes then: these are kept, of size 1."""
    kept = tuple(() if place in places else axis for place, axis in enumerate(axes))
    along = sorted(atom for place in places for atom in axes[place])
    left = {atom.axis for axis in kept for atom in axis}
    letters = "".join(sorted({atom.axis for atom in along}))
    is_inner = [atom.stride for atom in along if atom.axis == "C"] == [1]
    if (letters == "CHW" and is_inner and not left & {"H", "W"}) or (function, letters) == ("var", "HW"):
        groups = math.prod(atom.size for axis in kept for atom in axis if atom.axis == "C")
        return of(f"{function} G", x, groups), kept  # of one channel a group has rows and columns alone
    is_whole = letters in ALONG and not left & set(letters)
    return of(f"{function} {letters if is_whole else PART}", x), kept


def linear(computation: Computation, x: Any) -> tuple[float, float] | None:
    """The a and b of a*x + b; None where a computation is something else, or depends on anything else."""
    try:
        zero, one, numbers = (
            evaluate(computation, {x: each}, {})
            for each in ((0.0,) * len(PLACES), (1.0,) * len(PLACES), SAMPLE)
        )
    except Undefined:
        return None
    a, b = one[0] - zero[0], zero[0]
    return (a, b) if is_same(numbers, tuple(a * each + b for each in SAMPLE)) else None


def values_of(computation: Computation) -> list[Value]:
    """The values of the network in a computation."""
    return [each for each in leaves_of(computation, {}, {}) if isinstance(each, Value)]


def is_multiple(computation: Computation) -> bool:
    """Whether a computation is a multiple of one value plus a number."""
    values = values_of(computation)
    return len(values) == 1 and linear(computation, values[0]) is not None


def is_large(computation: Computation) -> bool:
    """Whether a computation of parts that are not has more functions than any formula of a layer."""
    parts: list[Any] = [computation]
    for each in parts:
        parts += (operand for operand in each.operands if isinstance(operand, Computation))
    return len(parts) > LARGEST
