"""Formulas: what PyTorch's functions make that no layer says alone is a part of a formula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cnnspec.importers.model import Value
from cnnspec.importers.reading import arrangement, computations
from cnnspec.importers.reading.arrangement import ANY, Atom, Axes, Uneven, size_of
from cnnspec.importers.reading.computations import Computation
from cnnspec.importers.reading.flows import Flow
from cnnspec.importers.refusals import Refusal
from cnnspec.importers.torch.lower import Lowering
from cnnspec.importers.torch.values import FormulaPart, Weight
from cnnspec.layers.base import Misfit

NAMES = {"iadd": "add", "radd": "add", "imul": "mul", "rmul": "mul", "truediv": "div"}
STORED = {"to", "float", "type_as", "contiguous", "detach"}


def make_term(
    net: Lowering, args: tuple[Any, ...], kwargs: Mapping[str, Any], refusal: Refusal
) -> Flow | FormulaPart | None:
    """What a refused call makes as a part of a formula, or the layer that completes it; else None."""
    name = NAMES.get(net.call.name, net.call.name)
    parts = [each for each in (*args, *kwargs.values()) if isinstance(each, FormulaPart)]
    refusal = parts[0].refusal if parts else refusal
    shape = net.call.results[0].shape
    first = args[0] if args else None
    if isinstance(first, FormulaPart) and name in {*STORED, "expand", "expand_as", "view", "reshape"}:
        axes = spread(first.axes, shape) if name.startswith("expand") else reshaped(first.axes, shape)
        return first._replace(axes=axes) if axes is not None else None
    if name in computations.REDUCTIONS and isinstance(first, Flow | FormulaPart):
        given = {word: value for word, value in kwargs.items() if value is not None}
        return reduced(name, first, args[1:], given, refusal)
    operands = (*args, *(value for word, value in kwargs.items() if word == "exponent"))
    if name not in computations.FUNCTIONS or len(operands) < len(args) + len(kwargs):
        return None
    axes = arrangement.together([each.axes for each in operands if isinstance(each, Flow | FormulaPart)])
    if axes is None or None in (known := [operand(each, axes) for each in operands]):
        return None
    computation = Computation(name, tuple(known))
    if computations.is_large(computation):
        return None
    found = computations.layer_of(net, computation)
    if found is None or not isinstance(found.x, Value):
        return FormulaPart(computation, axes, refusal)
    try:
        made = net.each(found.layer, Flow(found.x, axes), **found.tensors)
    except Misfit:
        return FormulaPart(computation, axes, refusal)
    net.answered.add(refusal)
    return made


def operand(known: object, axes: Axes) -> Any:
    """An operand on these axes: a value, a number, or a tensor of a number a channel; else None."""
    if isinstance(known, Weight):
        count = math.prod(known.shape)
        places = arrangement.places_of_channels(axes, known.shape, count)
        return known._replace(shape=(count,)) if places else None
    if isinstance(known, Flow | FormulaPart):
        return known.value if isinstance(known, Flow) else known.computation
    return known if isinstance(known, int | float) else None


def spread(axes: Axes, shape: tuple[int, ...]) -> Axes | None:
    """The axes of a computation that is repeated along those of size 1."""
    if len(axes) != len(shape):
        return None
    pairs = zip(axes, shape, strict=True)
    return tuple(axis if size_of(axis) == size else (Atom(ANY, 1, size),) for axis, size in pairs)


def reshaped(axes: Axes, shape: tuple[int, ...]) -> Axes | None:
    try:
        return arrangement.reshape(axes, shape)
    except Uneven:
        return None


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
    name = f"other {name}" if is_other or correction else name
    return FormulaPart(*computations.reduced(name, operand(known, known.axes), known.axes, places), refusal)
