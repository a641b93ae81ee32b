"""Wires: `from` and `again`."""

from __future__ import annotations

import re

from cnnspec.elaborate.context import Context
from cnnspec.elaborate.faults import Fault, Unknowable, fault, unknown
from cnnspec.elaborate.replay import replay
from cnnspec.elaborate.special_values import UNKNOWN
from cnnspec.graph.tree import Again, From, Step, Use, Value
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Fix
from cnnspec.text.edits import Edit, insert
from cnnspec.text.source import Span


def wire(label: syntax.Label | None, wire: syntax.From | syntax.Again, context: Context) -> Value:
    value = context.value
    if label is not None and isinstance(wire, syntax.From):
        raise label_on_from(label, wire)
    target, labelled = reference(wire.target, context)
    if isinstance(wire, syntax.From):
        context.steps.append(From(target, wire.span))
        return target
    if labelled is None or value is None:
        if target.shape is None:
            raise Unknowable
        raise fault("E0214", f"`{wire.target.span.text}` has no weights to run again", wire.span)
    again, output = replay(context, labelled, value, wire.span)
    context.steps.append(Again(again, value, output, wire.span))
    if label is not None:
        context.name_value(label, output)
    return output


def label_on_from(label: syntax.Label, wire: syntax.From) -> Fault:
    source, name = wire.span.source, label.span.text.removesuffix(":").rstrip()
    end = wire.span.end
    edits = (
        Edit(Span(source, label.span.start, wire.span.start), ""),
        insert(source, end, f", {name}: identity"),
    )
    message = "`from` bears no label: the step that it leads to has one"
    return fault("E0214", message, label.span, fixes=[Fix(f"label the value by `{name}: identity`", edits)])


def reference(reference: syntax.Reference, context: Context) -> tuple[Value, Step | None]:
    """The step that a path of labels means, looked for from the innermost scope outwards."""
    path = ".".join(map(context.text, reference.parts))
    if (found := find(path, context)) is not None:
        return found
    constant = context.names.find(path)
    if constant is UNKNOWN:
        raise Unknowable  # `x = conv 8@3x3`: that line is at fault
    if context.owner.incomplete and may_be_labelled(path.rpartition(".")[2], context):
        raise Unknowable
    if block := block_within(path, context):
        message = f"`{block[:60]}` is a block: nothing within it is seen from outside"
        raise fault("E0204", message, reference.span)
    message = f"no step before this one is labelled `{path[:60]}`"
    if constant is None:
        raise unknown("E0204", message, path, reference.span, context.owner.labels)
    fix = Fix(f"`{path} =` names a value; a step is labelled with a colon: `{path}: …`")
    raise fault("E0204", message, reference.span, fixes=[fix])


def find(path: str, context: Context) -> tuple[Value, Step | None] | None:
    """What a path of labels and numbers leads to, looked for from the innermost scope outwards."""
    owner, prefix = context.owner, context.scope.prefix
    while True:
        found = owner.labels.get(prefix + path) or owner.numbered.get(prefix + path)
        if found is not None or not prefix:
            return found
        # From `a.b.` to `a.`, from there to the owner's own scope, "".
        prefix = prefix[: prefix.rstrip(".").rfind(".") + 1]


def block_within(path: str, context: Context) -> str:
    """The part of a path that is a block, whose inside is closed, or nothing."""
    parts = path.split(".")
    heads = (".".join(parts[:number]) for number in range(1, len(parts)))
    return next((head for head in heads if (found := find(head, context)) and type(found[1]) is Use), "")


def may_be_labelled(name: str, context: Context) -> bool:
    """Whether a fault may have hidden a label: it stands in the text, or one that is computed does."""
    text = context.module.source.text
    # `x:`, `"x":`, or a computed label such as `enc{i}:`, which may come to any name.
    return re.search(rf'(?:\b|"){re.escape(name)}"?[ \t]*:|\}}[\w"{{}}+* -]*[ \t]*:', text) is not None
