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
from cnnspec.importers.reading.layer_formulas import (
    BIAS,
    FORMULAS,
    GATE,
    PARAMETERS,
    WEIGHT,
    Computation,
    X,
    function_of,
    of,
)
from cnnspec.layers.base import Layer


class Match(NamedTuple):
    """The layer that a computation is: of `x`, a value or a computation, with these tensors by name."""

    layer: Layer
    x: Any
    tensors: dict[str, Any]


class Undefined(Exception):
    """A computation has no numbers on the sample, or depends on more than is given."""


FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "add": lambda x, other: x + other,
    "addcmul": lambda x, one, two: x + one * two,
    "clip": lambda x, low, high: min(max(x, low), high),
    "div": lambda x, other: x / other,
    "erf": math.erf,
    "exp": math.exp,
    "ge": lambda x, other: x >= other,
    "gt": lambda x, other: x > other,
    "hardsigmoid": lambda x: min(max(x / 6 + 0.5, 0), 1),
    "le": lambda x, other: x <= other,
    "log": math.log,
    "log1p": math.log1p,
    "lt": lambda x, other: x < other,
    "maximum": max,
    "minimum": min,
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
    "where": lambda condition, x, other: x if condition else other,
}
"""What a computation computes at each place of a map."""

COMPARISONS = ("ge", "gt", "le", "lt")
LIMITS = ("clip", "maximum", "minimum")

REDUCTIONS: dict[str, Callable[[list[float]], float]] = {
    "mean": lambda numbers: math.fsum(numbers) / len(numbers),
    "norm": lambda numbers: math.hypot(*numbers),
    "sum": math.fsum,
}
"""What a computation such as `mean C` computes of several places, each of which has it: the axes are kept."""

PLACES = (*product(range(2), range(2), range(2), range(3)),)
"""Of the sample map: by its group of channels, the channel in it, row and column."""

ALONG = {"C": (0, 1), "HW": (2, 3), "G": (1, 2, 3)}
"""The axes of the sample that a reduction is along: channels, pixels, or all that a group has."""

PART = "part"
"""Stands for axes that are no whole rows, columns or channels."""

MEANS = {f"mean {axes}" for axes in ("C", "H", "W", "CH", "CW", "HW")}
"""Means that a mean along other axes goes on from."""

Numbers = tuple[float, ...]
"""One for each of the places."""

LARGE = 0.7
# Multiples of the golden ratio, modulo 1, lie evenly and never meet. The sample has them from -6.6 to 7.1,
# which is beyond the limits -3, 3 and 6 of layers; exp(100) is still a number.
GOLDEN = (math.sqrt(5) - 1) / 2
SPREAD = tuple(13.7 * (k * GOLDEN % 1) - 6.6 for k in range(4, len(PLACES)))
SAMPLE: Numbers = (-100.0, -1e-5, *SPREAD, 1e-5, 100.0)
TENSORS: tuple[Numbers, ...] = tuple(
    # A number for each of the four channels, the same at all its pixels, from 0.6 to 1.6.
    tuple(0.6 + (4 * k + 2 * group + channel + 1) * GOLDEN % 1 for group, channel, _, _ in PLACES)
    for k in range(3)
)
"""The numbers of a parameter, of a value, and of up to three tensors: even, none a multiple of others.

Two numbers are far from 0, where limits tell functions apart, and two are near to it: x > 0 is no x > 0.001.
An eps is large on the sample, where it tells formulas apart: x/sqrt(y + eps) from x/(sqrt(y) + eps).
"""

SMALL, TINY = 0.01, 1e-5
"""Smaller numbers may be an eps; tiny ones, which count near 0 alone, no layer without an eps has."""

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
    # 1/(1 + exp(-0.3*x)) is no layer of x, but a sigmoid of the multiple 0.3*x.
    found = (layer_of_base(before, computation, x, tolerance) for x in chain(values, multiples))
    return next(filter(None, found), None)


def layer_of_base(
    before: Mapping[Any, Computation], computation: Computation, x: Any, tolerance: float
) -> Match | None:
    """The layer of this value that a computation is; `before` has what each part of it computes."""
    leaves = leaves_of(computation, {x: x}, before)
    tensors = [each for each in leaves if each != x and not isinstance(each, int | float)]
    # The sample has two groups, whatever the count is: only one count in a formula can be told.
    groups = {known.operands[1] for known in before.values() if known.function.endswith(" G")}
    if len(tensors) > len(TENSORS) or len(groups) > 1 or any(isinstance(each, Value) for each in tensors):
        return None
    given = {x: SAMPLE, **dict(zip(tensors, TENSORS, strict=False))}
    floats = [each for each in leaves if isinstance(each, float)]
    # One number at a time may be the parameter: it is made large. None: no number is. With a tiny number that
    # is not tried: x/(norm(x) + 1e-10) would pass for x/norm(x).
    for number in (*floats, *(() if any(0 < each < TINY for each in floats) else (None,))):
        # It changes wherever it is written: in 1.0*(exp(x) - 1) the 1 becomes 0.7, too.
        own = given if number is None else {**given, number: (LARGE,) * len(PLACES)}
        try:
            numbers = evaluate(computation, own, before)
        except Undefined:
            continue
        for sample in samples():
            if not sample.may_be(numbers, len(tensors), number, tolerance):
                continue
            if sample.parameter in ("", "eps") or holds(computation, given, before, sample, number):
                arguments = {sample.parameter: number, "groups": next(iter(groups), channels_of(x))}
                named = {name: each for name, each in arguments.items() if name in sample.layer.arguments}
                tensors_by_name = dict(zip(sample.tensors, tensors, strict=True))
                return Match(sample.layer.with_arguments(**named), x, tensors_by_name)
    return None


class LayerSample(NamedTuple):
    """A layer on the sample, its tensors in this order; `parameter` is an argument that may be any number."""

    layer: Layer
    formula: Computation
    tensors: tuple[str, ...]
    parameter: str
    numbers: Numbers

    def may_be(self, numbers: Numbers, tensors: int, number: float | None, tolerance: float) -> bool:
        """Whether it has these numbers with so many tensors, this number as its parameter or neither."""
        is_eps = number is not None and 0 < number < SMALL
        is_alike = len(self.tensors) == tensors and bool(self.parameter) == (number is not None)
        return is_alike and (self.parameter != "eps" or is_eps) and is_same(numbers, self.numbers, tolerance)


@cache
def samples() -> list[LayerSample]:
    """Each layer, its tensors in any order."""
    found = []
    for layer, formula in FORMULAS:
        leaves = leaves_of(formula, {}, {})
        parameter = next((name for name in PARAMETERS if name in leaves), "")
        # A computation has its tensors in its own order: bias + weight*x, or x*weight + bias.
        for names in permutations(name for name in (WEIGHT, BIAS, GATE) if name in leaves):
            given = {X: SAMPLE, parameter: (LARGE,) * len(PLACES), **dict(zip(names, TENSORS, strict=False))}
            found.append(LayerSample(layer, formula, names, parameter, evaluate(formula, given, {})))
    return found


def holds(
    computation: Computation,
    given: Mapping[Any, Numbers],
    before: Mapping[Any, Computation],
    sample: LayerSample,
    number: float | None,
) -> bool:
    """Whether both are the same with the parameter's own number: max(x, a*x) bends down where a > 1."""
    try:
        ours = evaluate(computation, given, before)
        theirs = evaluate(sample.formula, {X: SAMPLE, sample.parameter: (number or 0,) * len(PLACES)}, {})
    except Undefined:
        return False
    return is_same(ours, theirs)


def channels_of(known: Any) -> int | None:
    """The channels of a value, or of what a computation makes of one."""
    values = [known] if isinstance(known, Value) else values_of(known)
    return values[0].shape.channels if values else None


def is_same(numbers: Numbers, others: Numbers, tolerance: float = SINGLE) -> bool:
    """Whether numbers differ by the rounding of constants alone."""
    near = partial(math.isclose, rel_tol=tolerance, abs_tol=tolerance / 100)
    return all(map(near, numbers, others))


def computations_before(net: Flows, computation: Computation) -> dict[Any, Computation]:
    """A computation, its parts, and those that its values come from, by what they make; the nearest first."""
    found: dict[Any, Computation] = {computation: computation}
    # Breadth first: the list grows while it is walked.
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
    if maker is None or maker.layer.name not in ("scale", "shift"):
        return None if maker is None else function_of(maker.layer, maker.inputs)
    number = net.number_of(maker)
    return (
        None if number is None else of("mul" if maker.layer.name == "scale" else "add", *maker.inputs, number)
    )


def leaves_of(
    computation: Computation, given: Mapping[Any, Any], before: Mapping[Any, Computation]
) -> list[Any]:
    """What a computation is computed from in the end, or from what is given."""
    leaves: list[Any] = []
    parts: list[Any] = [computation]
    for each in parts:
        # What is given ends the way even where something computes it: the formula is to be one of it.
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
            # A limit is an operand that is the same at all places: the 0 and the 6 of clip(x, 0, 6).
            numbers = tuple(map(FUNCTIONS[name], *operands))
            limits = {each[0] for each in operands if len(set(each)) == 1 and math.isfinite(each[0])}
            is_lost = name in COMPARISONS and len(set(numbers)) == 1
            if is_lost or (name in LIMITS and not limits <= set(numbers)):
                raise Undefined  # a limit that no place reaches would be lost: min(x, 1000) is no x
            return numbers
        # `mean C` leaves (row, column) of a place: the four places of a pixel have one mean.
        kept = [tuple(place[axis] for axis in range(4) if axis not in ALONG[axes]) for place in PLACES]
        parts: dict[Any, list[float]] = {}
        for place, number in zip(kept, operands[0], strict=True):
            parts.setdefault(place, []).append(number)
        reduced = {place: REDUCTIONS[name](each) for place, each in parts.items()}
        return tuple(reduced[place] for place in kept)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        raise Undefined from None


def reduced(function: str, x: Any, axes: Axes, places: Collection[int]) -> tuple[Computation, Axes]:
    """What is the same along the axes at these places, and the axes then: these are kept, of size 1.

    A mean of a mean over other axes is one over both.
    """
    kept = tuple(() if place in places else axis for place, axis in enumerate(axes))
    along = sorted(atom for place in places for atom in axes[place])
    left = {atom.axis for axis in kept for atom in axis}
    letters = "".join(sorted({atom.axis for atom in along}))
    # Of channels (C:2:4) (C:1:2) a group has the inner digit: its channels are neighbours. Along the outer
    # one they are not, and no layer has that.
    is_inner = [atom.stride for atom in along if atom.axis == "C"] in ([1], [])
    is_whole = not left & set(letters)
    if is_whole and isinstance(x, Computation) and function == "mean" and x.function in MEANS:
        # `mean H` of `mean W` becomes `mean HW`: all parts are as large.
        letters = "".join(sorted({*letters, *x.function.removeprefix("mean ")}))
        x = x.operands[0]
    if letters == "CHW" and is_inner and not left & {"H", "W"}:
        # Left are the groups: 4 of (C:2:4), where the mean was along (C:1:2), rows and columns.
        groups = math.prod(atom.size for axis in kept for atom in axis if atom.axis == "C")
        return of(f"{function} G", x, groups), kept
    return of(f"{function} {letters if is_whole else PART}", x), kept


def is_known(computation: Computation) -> bool:
    """Whether a reduction is along axes that a layer's formula may have it along."""
    return computation.function.partition(" ")[2] in ALONG


def linear(computation: Computation, x: Any) -> tuple[float, float] | None:
    """The a and b of a*x + b; None where a computation is something else, or depends on anything else."""
    try:
        zero, one, numbers = (
            evaluate(computation, {x: each}, {})
            for each in ((0.0,) * len(PLACES), (1.0,) * len(PLACES), SAMPLE)
        )
    except Undefined:
        return None
    # Two points make a line, and the sample says whether it is one: `mean C` has a = 1, b = 0 and is none.
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
