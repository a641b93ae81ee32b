"""Formulas: what PyTorch's functions make that no layer says alone is a part of a formula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from cnnspec.importers.model import Value
from cnnspec.importers.reading import arrangement, computations
from cnnspec.importers.reading.arrangement import ANY, Atom, Axes, Uneven, axes_of, size_of
from cnnspec.importers.reading.flows import Flow
from cnnspec.importers.reading.layer_formulas import Computation, of
from cnnspec.importers.refusals import Refusal
from cnnspec.importers.torch.function_names import IN_ORDER
from cnnspec.importers.torch.nested import replaced
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.numbers import common_number
from cnnspec.importers.torch.values import (
    Computed,
    ConstantTensor,
    FormulaPart,
    Known,
    Standardized,
    WeightTensor,
)
from cnnspec.layers.base import Misfit
from cnnspec.values.shapes import Shape

EXTREMES = {"max": "maximum", "min": "minimum"}
"""What functions compute that are given two values."""

# x*sigmoid(x) ends in a mul, relu6(x + 3)/6 in a scale, relu(x) - 0.2*relu(-x) in a sub.
ENDS = ("hardtanh", "maximum", "minimum", "mul", "scale", "sub")
"""Layers that a formula of layers may end in."""


def make_term(
    net: TraceFlows, args: tuple[Any, ...], kwargs: Mapping[str, Any], refusal: Refusal
) -> list[Known] | None:
    """What a refused call makes as parts of a formula, or the layer that completes it; else None."""
    parts = parts_of(net, args, kwargs, refusal)
    return None if parts is None else [completed(net, part) for part in parts]


def completed(net: TraceFlows, part: FormulaPart) -> Known:
    """The layer that a part of a formula is as a whole, or the part."""
    found = computations.layer_of(net, part.computation)
    # A sigmoid of a multiple within the formula is none yet: the network has no such value.
    if found is None or not isinstance(found.x, Value):
        return part
    try:
        flow = net.each(found.layer, Flow(found.x, part.axes), **found.tensors)
    except Misfit:
        return part
    # The first function that had no layer has one now: where the run stops later, it is no reason.
    net.answered.add(part.refusal)
    return flow


def shorten(net: TraceFlows, made: Known) -> Known:
    """What a call made, as one layer where layers before it and its own together compute what that does."""
    maker = net.maker(made.value) if isinstance(made, Flow) else None
    if not isinstance(made, Flow) or maker is None or maker.layer.name not in ENDS or maker.keys:
        return made
    computation = computations.made_by(net, made.value)
    found = computations.layer_of(net, computation) if computation is not None else None
    if found is None or found.tensors or not isinstance(found.x, Value):
        return made
    # The layers of the formula are still there. Those that nothing else reads are dropped in the end.
    return net.each(found.layer, Flow(found.x, made.axes))


def of_weights(net: TraceFlows, args: tuple[Any, ...], kwargs: Mapping[str, Any], how: str) -> list[Known]:
    """What a call makes of tensors of the state: filters of mean 0 and deviation 1, or something computed."""
    args, kwargs = (replaced(each, WeightTensor | Computed, partial(as_part, net)) for each in (args, kwargs))
    parts = parts_of(net, args, kwargs, Refusal("E1006", how))
    if parts is None:
        return [Computed(how) for _ in net.call.results]
    return [of_filters(net, part, how) for part in parts]


def as_part(net: TraceFlows, known: WeightTensor | Computed) -> Known:
    """A part of a formula of filters; a filter is to it what an image is to a formula of maps."""
    if isinstance(known, Computed):
        return known.part or known
    shape = tuple(net.state[known.key].shape)
    # Filters (64, 3, 7, 7) are a batch of 64 images 3@7x7.
    axes = reshaped(axes_of(Shape(*shape[1:]), shape[0]), known.shape) if len(shape) == 4 else None
    if axes is None:
        return known
    value = net.filters.setdefault(known.key, net.value(Shape(*shape[1:])))
    return Flow(value, axes)


def of_filters(net: TraceFlows, part: FormulaPart, how: str) -> Known:
    """Standardised filters, where a formula makes them."""
    found = computations.layer_of(net, part.computation)
    keys = [key for key, value in net.filters.items() if found is not None and value == found.x]
    # A layer standardises filters as wholes: of `w.view(4, 2, -1)` each half of a filter has its own mean.
    if found is None or not keys or found.layer.name != "groupnorm" or found.layer.value("groups") != 1:
        return Computed(how, part)
    return Standardized(keys[0], arrangement.sizes_of(part.axes), found.layer.value("eps"))


def parts_of(
    net: TraceFlows, args: tuple[Any, ...], kwargs: Mapping[str, Any], refusal: Refusal
) -> list[FormulaPart] | None:
    """What a call makes as parts of a formula; None where it can be none."""
    name = EXTREMES.get(net.function, net.function)
    parts = [each for each in (*args, *kwargs.values()) if isinstance(each, FormulaPart)]
    # A formula is refused by its first function, wherever it ends.
    refusal = parts[0].refusal if parts else refusal
    first = args[0] if args else None
    if isinstance(first, FormulaPart) and name in (*IN_ORDER, "expand"):
        shape = net.call.results[0].shape
        axes = spread(first.axes, shape) if name == "expand" else reshaped(first.axes, shape)
        return [first._replace(axes=axes)] if axes is not None else None
    given = {word: value for word, value in kwargs.items() if value is not None}
    if isinstance(first, Flow | FormulaPart) and (name in REDUCTIONS or name in computations.REDUCTIONS):
        return reductions(name, first, args[1:], given, refusal)
    if name == "clip":
        bounds = dict(zip(("min", "max"), args[1:], strict=False)) | given
        args, given = (first, bounds.get("min", -math.inf), bounds.get("max", math.inf)), {}
    operands = (*args, *(value for word, value in given.items() if word in ("exponent", "other")))
    # `x.max(1)` is along an axis, `x.max(y)` of two values.
    is_reduction = net.function in EXTREMES and not isinstance(args[-1], Flow | FormulaPart | ConstantTensor)
    # An argument that is left over, such as `alpha`, is one that the computation would ignore.
    if name not in computations.FUNCTIONS or len(operands) < len(args) + len(given) or is_reduction:
        return None
    axes = arrangement.together([each.axes for each in operands if isinstance(each, Flow | FormulaPart)])
    if axes is None or None in (known := [operand(each, axes) for each in operands]):
        return None
    computation = Computation(name, tuple(known))
    return None if computations.is_large(computation) else [FormulaPart(computation, axes, refusal)]


def operand(known: object, axes: Axes) -> Any:
    """An operand on these axes: a value, a number, or a tensor of a number a channel; else None."""
    if isinstance(known, WeightTensor):
        count = math.prod(known.shape)
        places = arrangement.places_of_channels(axes, known.shape, count)
        # One shape, so that (8, 1, 1) and (1, 8, 1, 1) of a tensor are one operand.
        return known._replace(shape=(count,)) if places else None
    if isinstance(known, Flow | FormulaPart):
        return known.value if isinstance(known, Flow) else known.computation
    return one_number(known)


def one_number(known: object) -> float | None:
    """A fixed number, alone or in a tensor of one."""
    if isinstance(known, ConstantTensor):
        return common_number(known.tensor) if known.tensor.numel() == 1 else None
    return known if isinstance(known, int | float) else None


def spread(axes: Axes, shape: tuple[int, ...]) -> Axes | None:
    """The axes of a computation that is repeated along those of size 1."""
    if len(axes) != len(shape):
        return None
    pairs = zip(axes, shape, strict=True)
    # `(x*x).mean(1, keepdim=True).expand(x.shape)`: (N) () (H) (W) becomes (N) (*) (H) (W).
    return tuple(axis if size_of(axis) == size else (Atom(ANY, 1, size),) for axis, size in pairs)


def reshaped(axes: Axes, shape: tuple[int, ...]) -> Axes | None:
    try:
        return arrangement.reshape(axes, shape)
    except Uneven:
        return None


REDUCTIONS = {"var": ("var",), "std": ("std",), "var_mean": ("var", "mean"), "std_mean": ("std", "mean")}
"""What functions make that compute a variance."""


def reductions(
    name: str, known: Flow | FormulaPart, args: tuple[Any, ...], given: dict[str, Any], refusal: Refusal
) -> list[FormulaPart] | None:
    """Means, variances or lengths along some axes."""
    is_other = name == "norm" and (args[:1] or (given.pop("p", 2),)) not in ((2,), ("fro",))
    args = args[1:] if name == "norm" else args
    dims = args[0] if args else given.pop("dim", None)
    # PyTorch divides a variance by n - 1 unless told otherwise; the formulas of norms divide by n.
    correction = given.pop("correction", int(given.pop("unbiased", name in REDUCTIONS)))
    is_kept = args[1:] == (True,) or given.pop("keepdim", False)
    # `x.var(False)` is of all numbers: what stands where the axes do is `unbiased`.
    if dims is None or isinstance(dims, bool) or given or len(args) > 2 or (args[1:] and name in REDUCTIONS):
        return None
    x, axes = operand(known, known.axes), known.axes
    places = {place % len(axes) for place in ([dims] if isinstance(dims, int) else dims)}
    made = []
    for each in REDUCTIONS.get(name, (name,)):
        if each in REDUCTIONS:
            away = of("sub", x, computations.reduced("mean", x, axes, places)[0])
            found, kept = computations.reduced("mean", of("square", away), axes, places)
            found = of("sqrt", found) if each == "std" else found
        else:
            found, kept = computations.reduced(each, x, axes, places)
        if is_other or (correction and each in REDUCTIONS):
            # A function that has no numbers: the formula goes on, and is no layer.
            found = of(f"other {name}", x)
        kept = kept if is_kept else arrangement.remove(kept, sorted(places))
        made.append(FormulaPart(found, kept, refusal))
    return made
