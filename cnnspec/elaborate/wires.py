"""Wires: `from` and `again`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cnnspec import syntax
from cnnspec.elaborate.context import Context
from cnnspec.evaluate import Unknowable, fault
from cnnspec.graph import Again, From, Step, Value

if TYPE_CHECKING:
    from cnnspec.elaborate.core import Elaborator


def wire(
    run: Elaborator, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]
) -> Value:
    wire = step.action
    assert isinstance(wire, syntax.From | syntax.Again)
    if step.label is not None:
        raise fault("E0214", "a wire bears no label: the step that it leads to has one", step.label.span)
    target, labelled = reference(run, wire.target, value, context)
    if isinstance(wire, syntax.From):
        steps.append(From(target, wire.span))
        return target
    if labelled is None or value is None:
        if target.shape is None:
            raise Unknowable
        raise fault("E0214", f"`{wire.target.span.text}` has no weights to run again", wire.span)
    from cnnspec.elaborate.replay import replay

    again, output = replay(run, context.owner, labelled, value, wire.span)
    steps.append(Again(again, value, output, wire.span))
    return output


def reference(
    run: Elaborator, reference: syntax.Reference, value: Value | None, context: Context
) -> tuple[Value, Step | None]:
    """The step that a path of labels means, looked for from the innermost scope outwards."""
    path = ".".join(run.text(label, value, context) for label in reference.parts)
    prefix = context.scope.prefix
    while True:
        if prefix + path in context.owner.labels:
            return context.owner.labels[prefix + path]
        if not prefix:
            break
        prefix = prefix[: prefix.rstrip(".").rfind(".") + 1]
    if context.owner.incomplete and may_be_labelled(path.rpartition(".")[2], context):
        raise Unknowable
    from cnnspec.spelling import hints

    fixes = hints(reference.span, path, context.owner.labels)
    raise fault("E0204", f"no step before this one is labelled `{path[:60]}`", reference.span, fixes=fixes)


def may_be_labelled(name: str, context: Context) -> bool:
    """Whether a fault may have hidden a label: it stands in the text, or one that is computed does."""
    text = context.module.source.text
    return re.search(rf'(?:\b|"){re.escape(name)}"?[ \t]*:|\}}[\w"{{}}+* -]*[ \t]*:', text) is not None
