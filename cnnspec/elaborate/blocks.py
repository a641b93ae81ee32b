"""Blocks in their places: arguments bound, elaborated once for each set of them, then shared."""

from __future__ import annotations

from typing import Any

from cnnspec.elaborate import unfolding
from cnnspec.elaborate.context import Context, Elaboration, own_constants
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import fault, unknown_parameter
from cnnspec.elaborate.leaves import named_arguments
from cnnspec.elaborate.naming import NameScope
from cnnspec.elaborate.owner import Defaults, Owner, as_parameter, block_names
from cnnspec.elaborate.special_values import BlockName, ScopeNames, freeze, weight
from cnnspec.graph.tree import Instance, Use, Value
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Note
from cnnspec.text.source import Span
from cnnspec.values.shapes import Shape
from cnnspec.values.symbols import named


def use(label: syntax.Label | None, call: syntax.Call, target: BlockName, context: Context) -> Value:
    run, block = context.run, target.block
    value = context.arriving(block.name.name, call)
    # Before the arguments: blocks that double at each level, each in the next, are refused unopened.
    run.require_room(unfolding.least_block(run, target), call.span)
    name = context.name(label, block.name.name.lower(), call.name.span)
    arguments = bind(call, target, context)
    instance = instantiate(run, target, arguments, value, context.defaults, call.span)
    bindings = block_names(arguments, value.shape)
    # `repeat n` in the block fixes its n; used as `B k`, it fixes the k of the net.
    for fixed in instance.fixed:
        context.owner.pin(bindings.get(fixed))
    shape = context.owner.rebind(instance.output.shape, bindings)
    output = Value(shape, value, block.name.name, call.span)
    context.add(Use(name, instance, bindings, value, output, call.span), labelled=label is not None)
    return output


def bind(call: syntax.Call, target: BlockName, context: Context) -> dict[str, Any]:
    """The block's parameters by name: what the call gives, else what `default` sets, else its own default."""
    block, module = target.block, target.module
    parameters = syntax.parameter_names(block)
    given: dict[str, Any] = {}
    for name, node, keyword in named_arguments(call, parameters):
        if name in parameters:
            given[name] = as_seen_inside(context.evaluate(node), context)
        elif keyword is not None:
            raise unknown_parameter("E0301", keyword, block, parameters)
        else:
            most = f"{len(parameters)} argument{'s' * (len(parameters) != 1)}"
            message = f"`{block.name.name}` takes {most}, not {len(call.positional)}"
            raise fault("E0301", message, node.span, Note("its parameters stand here", block.name.span))
    given = {**context.defaults.table.get(id(block), {}), **given}
    bound = ScopeNames(module.constants)
    for parameter in block.parameters:
        name = parameter.name.name
        if name in given:
            bound[name] = given[name]
        elif parameter.default is not None:
            # A default may name the parameters before it: `block B(width, out=4 * width)`.
            bound[name] = Evaluator(bound, module.lookup, meter=context.run.meter)(parameter.default)
        else:
            note = Note(f"`{name}` is a parameter without a default", parameter.span)
            raise fault("E0302", f"`{block.name.name}` needs `{name}`", call.span, note)
    context.run.meter.spend(sum(map(weight, bound.values())), call.span)
    # The parameters alone: ScopeNames find the file's constants, too, but do not hold them.
    return dict(bound)


def as_seen_inside(value: Any, context: Context) -> Any:
    """An argument as the block may see it: in a list the caller's names would mean nothing there."""
    return context.owner.settle(value) if isinstance(value, list) else context.evaluate.still(value)


NEW_INSTANCE = 50
"""Work that an instance of a block costs beside what its text asks for, so that instances without layers, as
`repeat i in 9000 { B i }` makes them, are bounded, too."""


def instantiate(
    run: Elaboration,
    target: BlockName,
    arguments: dict[str, Any],
    value: Value,
    defaults: Defaults,
    span: Span,
) -> Instance:
    """The block for these arguments and this input: elaborated once, then shared."""
    block = target.block
    shape = value.shape
    # By numbers: `width`, which is 64, and 64 make one instance, written in the block's own names.
    plain = shape and Shape(int(shape.channels), shape.height, shape.width)
    key = (id(block), tuple(freeze(value) for value in arguments.values()), plain, defaults.key)
    found = run.instances.get(key)
    if found is None:
        if block in run.active:
            raise fault("E0205", f"`{block.name.name}` would contain itself", span, *run.expansions[::-1])
        before = run.expanded
        run.meter.spend(NEW_INSTANCE, span)
        run.active.append(block)
        where = f"in block {block.name.name} (line {block.name.span.line}), used here"
        try:
            with run.expansion(where, span):
                found = elaborate_block(run, target, arguments, Value(plain, value, "", span), defaults)
        finally:
            run.active.pop()
        # What faults leave of a block may hold no layer, and is unfolded all the same.
        layers = run.expanded - before
        run.sizes[id(found)] = max(layers, len(found.steps), 1)
        run.count(run.sizes[id(found)] - layers, span)
        run.instances[key] = found
        run.recipes[id(found)] = (target, arguments, defaults)
    else:
        run.count(run.sizes[id(found)], span)
    return found


def elaborate_block(
    run: Elaboration, target: BlockName, arguments: dict[str, Any], entry: Value, defaults: Defaults
) -> Instance:
    block, module = target.block, target.module
    scope_names = block_names(arguments, entry.shape)
    # So a block's class writes `in_channels // 2` where its text has `in.channels // 2`.
    if entry.shape is not None:
        entry.shape = entry.shape.with_channels(named(entry.shape.channels, "in.channels"))
    names = ScopeNames(
        module.constants, {name: as_parameter(name, value) for name, value in arguments.items()}
    )
    owner = Owner(block.name.name)
    context = Context(run, owner, NameScope("", block.wired), names, defaults, module, entry)
    steps = run.body(block.body, context)
    fixed = frozenset(owner.fixed)
    constants = own_constants(block.body, context)
    output = context.value or Value(None)
    return Instance(block, arguments, scope_names, fixed, constants, entry, output, steps, owner.findings)
