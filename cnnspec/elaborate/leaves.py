"""Layers in their places: arguments evaluated, made, asked for their shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cnnspec import layers
from cnnspec.elaborate.context import Context
from cnnspec.elaborate.faults import Fault, Unknowable, fault, unknown
from cnnspec.elaborate.size_notes import size_notes, source_notes, wanted_map
from cnnspec.elaborate.special_values import compute
from cnnspec.graph.tree import Leaf, Lost, Value
from cnnspec.layers.base import Layer, Misfit
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.text.source import Span
from cnnspec.values.extents import has_extents
from cnnspec.values.kinds import is_integer
from cnnspec.values.shapes import Shape, plain_shape
from cnnspec.values.symbols import polynomial

ABOUT_WHAT_ARRIVES = ("E0404", "E0405", "E0406", "E0410")


def leaf(
    label: syntax.Label | None, call: syntax.Call, cls: type[Layer], value: Value, context: Context
) -> Value:
    name = context.name(label, cls.name, call.name.span)
    context.run.count(1, call.span)
    layer, output, following = make_layer(call, cls, value, context)
    made: Leaf | Lost = Lost(name, value, output, call.span)
    if layer is not None:
        made = Leaf(name, layer, value, output, call.span, following)
    context.add(made, labelled=label is not None)
    return output


def make_layer(
    call: syntax.Call, cls: type[Layer], value: Value, context: Context
) -> tuple[Layer | None, Value, dict[str, Any] | None]:
    """The layer, its output, and its arguments if they follow sizes; a fault leaves no layer, or no shape.

    The same words on the same shape are the same layer: it is made once, unless names are in play.
    """
    shape, key = value.shape, None
    if shape is not None and type(shape.channels) is int and value.believed is None and is_literal(call):
        # Defaults by identity: each `default` makes new ones.
        key = cls, call.span.text, shape, context.defaults
        if (known := context.run.layers.get(key)) is not None:
            return known[0], Value(known[1], value, cls.name, call.span, known[0]), None
    layer = following = None
    try:
        given = arguments(call, cls, context)
        layer = cls(**given)
        following = given if any(map(has_extents, given.values())) else None
        if value.shape is None:
            return layer, Value(None), following
        groups = given.get("groups", 1)
        if is_integer(groups) and polynomial(groups) != polynomial(value.shape.channels):
            context.owner.pin(groups)  # only a depthwise split stays right whatever the width
        claim = given.get("in", value.shape.channels)
        # `linear in=` counts features, `conv in=` channels.
        arriving = value.shape.features if cls.name == "linear" else value.shape.channels
        if is_integer(claim) and polynomial(claim) not in (
            polynomial(arriving),
            polynomial(value.shape.channels),
        ):
            context.owner.pin([claim, arriving])
        if cls.name == "slice" or any(cls.arguments[a].kind in ("list", "numbers") for a in given):
            context.owner.pin([value.shape.channels, *given.values()])  # so many numbers, so many channels
        made = compute(layer.output, [value.shape], context.owner.pin)
        output = Value(made, value, cls.name, call.span, layer)
        check_elements(output.shape, call, context)
        check_weight_elements(layer, value.shape, call, context)
        if value.believed is not None:
            output.believed = believe(layer, value.believed)
        if key is not None and output.shape is not None:
            context.run.layers[key] = layer, output.shape
        return layer, output, following
    except Fault as caught:
        context.run.report(caught.diagnostic)
    except Misfit as misfit:
        report_misfit(misfit, call, value, context)
    return layer, Value(None), following


def is_literal(call: syntax.Call) -> bool:
    """Whether the arguments are numbers, words and filters, just as they are written."""
    for node in call.positional:
        if type(node) is syntax.FilterOf:
            if type(node.count) is not syntax.Literal or type(node.kernel) is not syntax.Literal:
                return False
        elif type(node) is not syntax.Literal:
            return False
    return all(type(keyword.value) is syntax.Literal for keyword in call.keywords)


def believe(layer: Layer, shape: Shape) -> Shape | None:
    """Where a claim was false, what the layer would make of the claim: later claims may follow from it."""
    try:
        return layer.output(shape)
    except Misfit:
        return shape


def check_elements(shape: Shape | None, call: syntax.Call, context: Context) -> None:
    if shape is not None and shape.features > context.run.limits.max_elements:
        bound = f"{context.run.limits.max_elements:,}"
        raise fault("E0307", f"{shape} is more than {bound} numbers (limit `max_elements`)", call.span)


def check_weight_elements(layer: Layer, shape: Shape, call: syntax.Call, context: Context) -> None:
    most = context.run.limits.max_elements
    for weight in layer.weights(plain_shape(shape)):
        if weight.elements > most:
            bound, written = f"{most:,}", "x".join(map(str, weight.shape))
            message = f"a {weight.name} of {written} is more than {bound} numbers (limit `max_elements`)"
            raise fault("E0307", message, call.span)


def arguments(call: syntax.Call, cls: type[Layer], context: Context) -> dict[str, Any]:
    """The arguments given here, on top of the defaults in force. Raises Fault."""
    given: dict[str, Any] = dict(context.defaults.table.get(cls.name, ()))
    is_wrong = False
    for name, node, keyword in named_arguments(call, cls.positional):
        if name in cls.arguments:
            given[name] = argument(cls, name, context.evaluate(node), context)
        elif keyword is None:
            takes = " and ".join(f"`{name}`" for name in cls.positional) or "nothing"
            raise fault("E0301", f"`{cls.name}` takes {takes} before its `key=value` arguments", node.span)
        else:
            context.run.report(unknown_argument(cls, keyword).diagnostic)
            is_wrong = True
    # All unknown arguments of the call are told in one run; without them there is no layer to ask.
    if is_wrong:
        raise Fault(None)
    return given


def named_arguments(
    call: syntax.Call, positional: Sequence[str]
) -> Iterator[tuple[str, syntax.Expression, syntax.Keyword | None]]:
    """The arguments of a call as they are written, by name, and the keywords that give them. Raises Fault.

    The first value beyond the `positional` names comes before all others, its name "".
    """
    if any(type(node) is syntax.Broken for node in call.positional):
        raise Unknowable  # who knows how many there were
    for extra in call.positional[len(positional) :]:
        yield "", extra, None
    first: dict[str, Span] = {}
    for name, node in zip(positional, call.positional, strict=False):
        first[name] = node.span
        yield name, node, None
    for keyword in call.keywords:
        if keyword.name in first:
            note = Note("first here", first[keyword.name])
            raise fault("E0305", f"`{keyword.name}` is given twice", keyword.span, note)
        first[keyword.name] = keyword.span
        yield keyword.name, keyword.value, keyword


def argument(cls: type[Layer], name: str, value: Any, context: Context) -> Any:
    """A value for an argument; whatever is no width fixes the names that it was computed from.

    Widths do not follow sizes: the weights would not fit.
    """
    kind = cls.arguments[name].kind
    if kind in ("count", "filter"):
        return context.evaluate.still(value)
    before = len(context.owner.assumed)
    context.owner.pin(value)
    # Leaf.following keeps how its sizes were computed, so nothing about them is assumed; a Merge does not.
    if not cls.is_join:
        del context.owner.assumed[before:]
    return value


def unknown_argument(cls: type[Layer], keyword: syntax.Keyword) -> Fault:
    names, message = ", ".join(cls.arguments), f"`{cls.name}` has no argument `{keyword.name}`"
    note = Note(f"`{cls.name}` takes {names}" if names else f"`{cls.name}` takes no arguments: {cls.summary}")
    known = cls.arguments
    return unknown("E0301", message, keyword.name, keyword.name_span, known, note, section="arguments")


def report_misfit(misfit: Misfit, call: syntax.Call, value: Value | None, context: Context) -> None:
    """Report what a layer raised at the argument that it names."""
    # What the call does not give itself, as groups=3 of a `default`, is told of at the whole call.
    span = call.name.span if not call.positional and not call.keywords else call.span
    for keyword in call.keywords:
        if keyword.name == misfit.argument:
            span = keyword.span
    cls = layers.find(call.name.name)
    if cls is not None and misfit.argument in cls.positional[: len(call.positional)]:
        span = call.positional[cls.positional.index(misfit.argument)].span
    # Asked before the notes are made, which walk back to the input.
    if context.run.is_reported(misfit.code, span):
        return
    notes: tuple[Note, ...] = ()
    label = misfit.formula
    # E03 is about arguments alone: no size on the way has anything to do with it.
    if value is not None and misfit.code >= "E04":
        notes = size_notes(value)
        if misfit.code in ABOUT_WHAT_ARRIVES:
            notes = (*source_notes(value), *notes)
        label = wanted_map(misfit.data, value) or label
    context.run.report(Diagnostic(misfit.code, misfit.message, span, label, notes, data=misfit.data))
