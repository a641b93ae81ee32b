"""Formulas: what no layer says alone is kept as a term, until the whole is a norm or an activation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

from cnnspec.importers.model import Value
from cnnspec.importers.reading import arrangement
from cnnspec.importers.reading.arrangement import Atom, Axes, Axis, Uneven, size_of, whole
from cnnspec.importers.reading.flows import Flow
from cnnspec.importers.refusals import Refusal
from cnnspec.importers.torch import activations
from cnnspec.importers.torch.lower import Lowering
from cnnspec.importers.torch.values import FormulaPart, Weight
from cnnspec.layers import norm
from cnnspec.layers.base import Layer, Misfit

ANY = "*"
"""The axis of an atom along which all numbers of a term are the same."""

NAMES = {"iadd": "add", "radd": "add", "imul": "mul", "rmul": "mul", "truediv": "div"}
POWERS: dict[float, str] = {2: "square", 3: "cube"}
ELEMENTWISE = {"add", "mul", "div", "sqrt", "rsqrt", "addcmul", "square", *activations.FUNCTIONS}
REDUCTIONS = {"mean", "var", "norm"}
STORED = {"to", "float", "type_as", "contiguous", "detach"}

SQUARES = ("square", "x")
RMS = ("mul", "x", ("rsqrt", ("add", ("mean C", SQUARES), "eps")))
FRN = ("mul", "x", ("rsqrt", ("add", ("mean HW", SQUARES), "eps")))
LENGTH = ("norm HW", "x")
GRN = ("mul", "x", ("div", LENGTH, ("add", ("mean C", LENGTH), "eps")))
EVO, EVO_ONE = (("div", "x", ("sqrt", ("add", (var, "y"), "eps"))) for var in ("var G", "var HW"))
FORMULAS: tuple[tuple[str, Any], ...] = (
    ("rmsnorm", RMS),
    ("frn", ("add", ("mul", FRN, "weight"), "bias")),
    ("grn", ("add", "x", ("addcmul", "bias", "weight", GRN))),
    ("evonorms0", ("add", ("mul", EVO, "weight"), "bias")),
    ("evonorms0", ("add", ("mul", EVO_ONE, "weight"), "bias")),  # groups of one channel
)
"""A word of one letter stands for a value, `eps` for a number, any other for a tensor of C numbers."""


def make_term(
    net: Lowering, args: tuple[Any, ...], kwargs: Mapping[str, Any], refusal: Refusal
) -> Flow | FormulaPart | None:
    """What a refused call makes as a part of a formula, or the layer that completes it; else None."""
    name = NAMES.get(net.call.name, net.call.name)
    terms = [each for each in (*args, *kwargs.values()) if isinstance(each, FormulaPart)]
    refusal = terms[0].refusal if terms else refusal
    shape = net.call.results[0].shape
    first = args[0] if args else None
    if isinstance(first, FormulaPart) and name in {*STORED, "expand", "expand_as", "view", "reshape"}:
        axes = spread(first.axes, shape) if name.startswith("expand") else reshaped(first.axes, shape)
        return first._replace(axes=axes) if axes is not None else None
    if name in REDUCTIONS and isinstance(first, Flow | FormulaPart):
        given = {word: value for word, value in kwargs.items() if value is not None}
        return reduced(name, first, args[1:], given, refusal)
    operands = args
    if name == "pow":
        operands, (exponent,) = args[:1], (*args[1:], *kwargs.values())
        name = POWERS.get(exponent, name) if isinstance(exponent, int | float) else name
    if name not in ELEMENTWISE or (kwargs and set(kwargs) != {"exponent"}):
        return None
    axes = together([each.axes for each in operands if isinstance(each, Flow | FormulaPart)])
    if axes is None or not all(is_operand(each, axes) for each in operands):
        return None
    term = FormulaPart(name, tuple(operands), axes, refusal)
    if (made := layer_of(net, term)) is None:
        return term
    net.answered.add(refusal)
    return made


def is_operand(known: object, axes: Axes) -> bool:
    """Whether a value, a number, or a tensor of a number a channel is known and lies on these axes."""
    if isinstance(known, Weight):
        shape = (1,) * (len(axes) - len(known.shape)) + known.shape
        places = [place for place, size in enumerate(shape) if size > 1]
        return len(shape) == len(axes) and [axes[place] for place in places] == [whole("C", math.prod(shape))]
    return isinstance(known, int | float | Flow | FormulaPart)


def spread(axes: Axes, shape: tuple[int, ...]) -> Axes | None:
    """The axes of a term that is repeated along those of size 1."""
    if len(axes) != len(shape):
        return None
    pairs = zip(axes, shape, strict=True)
    return tuple(axis if size_of(axis) == size else (Atom(ANY, 1, size),) for axis, size in pairs)


def reshaped(axes: Axes, shape: tuple[int, ...]) -> Axes | None:
    try:
        return arrangement.reshape(axes, shape)
    except Uneven:
        return None


def together(several: list[Axes]) -> Axes | None:
    """The axes of what values make element by element; None where they do not lie alike."""
    found, *others = sorted(several, key=lambda axes: -math.prod(arrangement.sizes_of(axes)))
    for axes in others:
        pairs = zip(found, axes, strict=True) if len(axes) == len(found) else ()
        merged = tuple(join(ours, theirs) for ours, theirs in pairs)
        if not merged or None in merged:
            return None
        found = tuple(axis for axis in merged if axis is not None)
    return found


def join(ours: Axis, theirs: Axis) -> Axis | None:
    """The axis that two axes are, one of them of size 1, or of numbers that are the same; else None."""
    if not ours or not theirs:
        return ours or theirs
    left = list(ours)
    for atom in theirs:
        if not left:
            return None
        try:
            outer, rest = arrangement.split(left.pop(0), atom.size)
        except Uneven:
            return None
        if outer != atom and ANY not in (outer.axis, atom.axis):
            return None
        left = [rest, *left] if rest is not None else left
    return None if left else ours


def reduced(
    name: str, known: Flow | FormulaPart, args: tuple[Any, ...], given: dict[str, Any], refusal: Refusal
) -> FormulaPart | None:
    """A mean, a variance or a length along axes that are kept, of size 1."""
    is_other = name == "norm" and (args[:1] or (given.pop("p", 2),)) != (2,)
    args = args[1:] if name == "norm" else args
    dims = args[0] if args else given.pop("dim", None)
    correction = given.pop("correction", int(given.pop("unbiased", name == "var")))
    is_kept = args[1:] == (True,) or given.pop("keepdim", False)
    if dims is None or not is_kept or given or len(args) > 2:
        return None
    places = {place % len(known.axes) for place in ([dims] if isinstance(dims, int) else dims)}
    along = sorted(atom for place in places for atom in known.axes[place])
    axes = tuple(() if place in places else axis for place, axis in enumerate(known.axes))
    kind = "of another kind" if is_other or correction else letters(along, axes)
    return FormulaPart(f"{name} {kind}", (known,), axes, refusal)


def letters(along: list[Atom], axes: Axes) -> str:
    """Which coordinates are reduced: `C`, `HW`, or `G`, a group's channels with their rows and columns."""
    left = {atom.axis for axis in axes for atom in axis}
    said = "".join(sorted({atom.axis for atom in along}))
    inner = [atom.stride for atom in along if atom.axis == "C"]
    if said == "CHW" and not left & {"H", "W"} and inner == [1]:
        return "G"
    return said if not left & set(said) else "a part"


def layer_of(net: Lowering, term: FormulaPart) -> Flow | None:
    """The layer that a formula is, where it is complete."""
    if (activated := activations.layer_of(net, term)) is not None:
        return activated
    for name, formula in FORMULAS:
        found: dict[str, Any] = {}
        if is_of(term, formula, found):
            try:
                return MAKERS[name](net, found)
            except Misfit:
                return None
    return None


def is_of(known: Any, formula: Any, found: dict[str, Any]) -> bool:
    """Whether a term is of a form; `found` gets what stands in the places of its words."""
    if isinstance(formula, str):
        kind = Flow if len(formula) == 1 else float | int if formula == "eps" else Weight
        return isinstance(known, kind) and found.setdefault(formula, known) == known
    name, *parts = formula
    if not isinstance(known, FormulaPart) or known.function != name or len(known.operands) != len(parts):
        return False
    orders = permutations(known.operands) if name in ("add", "mul") else [known.operands]
    for order in orders:
        tried = dict(found)
        if all(is_of(each, part, tried) for each, part in zip(order, parts, strict=True)):
            found.update(tried)
            return True
    return False


def rms_norm(net: Lowering, found: dict[str, Any]) -> Flow:
    return net.each(norm.RMSNorm(eps=found["eps"], affine=False), found["x"])


def response(layer: type[Layer], **given: Any) -> Callable[[Lowering, dict[str, Any]], Flow]:
    def make(net: Lowering, found: dict[str, Any]) -> Flow:
        tensors = {name: found[name] for name in ("weight", "bias")}
        return net.each(layer(eps=found["eps"], **given), found["x"], **tensors)

    return make


def evo_norm(net: Lowering, found: dict[str, Any]) -> Flow | None:
    """x*sigmoid(v*x) over the deviation of the groups of x, which `y` lies in as it was cut into groups."""
    gated, grouped = found["x"], found["y"]
    tensors = {name: found[name] for name in ("weight", "bias")}
    if gated.value != grouped.value:
        v = gate_of(net, gated.value, grouped.value)
        if v is None:
            return None
        tensors["v"] = v
    layer = norm.EvoNormS0(groups=size_of(grouped.axes[1]), act="v" in tensors, eps=found["eps"])
    return net.each(layer, Flow(grouped.value, gated.axes), **tensors)


def gate_of(net: Lowering, gated: Value, x: Value) -> Weight | None:
    """The tensor v of a product x*sigmoid(v*x)."""
    product = net.makers.get(gated.number)
    if product is None or product.layer.name != "mul" or product.inputs[0] != x:
        return None
    sigmoid = net.makers.get(product.inputs[1].number)
    scale = net.makers.get(sigmoid.inputs[0].number) if sigmoid is not None else None
    if sigmoid is None or scale is None or (sigmoid.layer.name, scale.layer.name) != ("sigmoid", "scale"):
        return None
    is_own = scale.inputs == (x,) and "" in scale.keys
    return Weight(scale.keys[""], (x.shape.channels,)) if is_own else None


MAKERS: dict[str, Callable[[Lowering, dict[str, Any]], Flow | None]] = {
    "rmsnorm": rms_norm,
    "frn": response(norm.FilterResponseNorm, tlu=False),
    "grn": response(norm.GlobalResponseNorm),
    "evonorms0": evo_norm,
}
