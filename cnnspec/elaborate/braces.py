"""Groups, repeats and conditions."""

from __future__ import annotations

from cnnspec.elaborate import bounds
from cnnspec.elaborate.context import Context
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Fault
from cnnspec.elaborate.naming import NameScope
from cnnspec.elaborate.state import Elaboration
from cnnspec.graph.tree import Group, If, Leaf, Repeat, Step, Test, Value
from cnnspec.text import syntax
from cnnspec.text.source import Span
from cnnspec.values.kinds import is_integer


def name_braces(
    run: Elaboration, label: syntax.Label | None, kind: str, context: Context
) -> tuple[str | None, NameScope]:
    """The label of braces, and the naming scope within them."""
    text = run.label(label, context)
    if text is None or label is None:
        # Without a label braces are no module: their steps count on in the scope around.
        return None, context.scope
    name = run.name(text, kind, label.span, context)
    return name, NameScope(name + ".", by_kind=False)


def group(
    run: Elaboration, label: syntax.Label | None, group: syntax.Group, context: Context
) -> Value | None:
    value, steps = context.value, context.steps
    name, scope = name_braces(run, label, "group", context)
    inner = context.inside(scope)
    made = run.body(group.body, inner)
    if name is None:
        steps.extend(made)
    elif value is not None and inner.value is not None:
        steps.append(Group(name, made, value, inner.value, group.span))
        run.keep(name, name, inner.value, steps[-1], context)
    return inner.value


def with_dots(run: Elaboration, step: syntax.Step, context: Context) -> Value | None:
    """A step whose label has dots: in braces of its label's first part, which others may open, too."""
    assert step.label is not None
    head, rest = split_label(step.label)
    text = run.label(head, context)
    assert text is not None
    scope, earlier = context.scope.within(text, head.span)
    name = run.unique(scope.prefix[:-1], earlier, head.span)
    inner = context.inside(scope)
    output = run.step(step._replace(label=rest), inner)
    if inner.steps and context.value is not None and output is not None:
        made = Group(name, tuple(inner.steps), context.value, output, step.span, is_part=True)
        context.steps.append(made)
    return output


def split_label(label: syntax.Label) -> tuple[syntax.Label, syntax.Label]:
    """What stands before the first dot of a label, and behind it."""
    # "f{i}.conv": ("f", i, ".conv") -> ("f", i) and ("conv",); "f.0.conv": ("f",) and ("0.conv",).
    at = next(i for i, part in enumerate(label.parts) if isinstance(part, str) and "." in part)
    part = label.parts[at]
    assert isinstance(part, str)
    before, _, behind = part.partition(".")
    head = *label.parts[:at], *([before] if before else [])
    rest = *([behind] if behind else []), *label.parts[at + 1 :]
    return label._replace(parts=head), label._replace(parts=rest)


def has_dots(label: syntax.Label) -> bool:
    return any(isinstance(part, str) and "." in part for part in label.parts)


def repeat(
    run: Elaboration, label: syntax.Label | None, repeat: syntax.Repeat, context: Context
) -> Value | None:
    value = context.value
    items, count = context.evaluate.loop(repeat.source)
    bounds.check(run, len(items), repeat.body, repeat.names, context, repeat.span)
    name, scope = name_braces(run, label, "repeat", context)
    iterations = []
    for number, item in enumerate(items, 1):
        before, start_of_turn = run.expanded, state(run, value, context)
        bound = context.evaluate.bind(repeat.names, item, repeat.source.span) if repeat.names else None
        turn = context.inside(scope, bound)
        # Not from what arrived at the repeat, but from what the turn before has made.
        turn.arrive(value)
        with run.expansion(f"repeat {number} of {len(items)}", repeat.span):
            iterations.append(run.body(repeat.body, turn))
        value = turn.value
        if run.expanded == before:
            run.count(1, repeat.span)  # empty iterations cost time, too
        left = len(items) - number
        # The turn ended in the state that it began in: all that follow would be this one again.
        if not repeat.names and start_of_turn is not None and start_of_turn == state(run, value, context):
            leaves = plain_leaves(iterations[-1])
            if leaves and scope.has_room([leaf.layer.name for leaf in leaves], left):
                value = copy_turns(run, leaves, left, context.inside(scope), iterations, repeat.span)
                break
    if context.value is not None and value is not None:
        made = Repeat(name or "", count, tuple(iterations), context.value, value, repeat.span)
        context.steps.append(made)
        if name is not None:
            run.keep(name, name, value, made, context)
    return value


def state(run: Elaboration, value: Value | None, context: Context) -> tuple[object, ...] | None:
    """All that a turn of a repeat could find otherwise than the turn before, but for names; None: unknown."""
    if value is None or value.believed is not None:
        return None
    if value.shape is not None and any(type(size) is not int for size in value.shape.dimensions):
        return None  # a formula may come to the same number and yet be another
    owner = context.owner
    # These only grow: if they are as many as before, they are the same.
    found = owner.fixed, owner.labels, owner.assumed, owner.decisions, owner.claims, run.diagnostics
    return value.shape, run.encounters, owner.incomplete, *map(len, found)


def plain_leaves(steps: tuple[Step, ...]) -> list[Leaf]:
    """The steps, where they are nothing but layers that follow no sizes; else nothing."""
    found = [step for step in steps if isinstance(step, Leaf) and step.following is None]
    return found if len(found) == len(steps) else []


def copy_turns(
    run: Elaboration,
    leaves: list[Leaf],
    times: int,
    context: Context,
    iterations: list[tuple[Step, ...]],
    span: Span,
) -> Value:
    """Copy a turn that changed nothing `times` times: the same layers, under names of their own."""
    value = leaves[-1].output
    for _ in range(times):
        run.count(len(leaves), span)
        copied = []
        for leaf in leaves:
            output = Value(leaf.output.shape, value, leaf.output.maker, leaf.output.span, leaf.layer)
            name = run.name(None, leaf.layer.name, leaf.span, context)
            copied.append(Leaf(name, leaf.layer, value, output, leaf.span))
            value = output
            run.keep(None, name, output, copied[-1], context)
        iterations.append(tuple(copied))
    return value


def branch(run: Elaboration, label: syntax.Label | None, choice: syntax.If, context: Context) -> Value | None:
    value = context.value
    taken = context.decide(choice.test)
    test = condition(choice.test, context)
    body = choice.then if taken else choice.otherwise
    name, scope = name_braces(run, label, "if", context) if body is not None else (None, None)
    inner = context.inside(scope)
    made = run.body(body, inner) if body is not None else ()
    if value is None or inner.value is None:
        context.steps.extend(made)
        return inner.value
    context.steps.append(If(name or "", taken, test, made, value, inner.value, choice.span))
    if name is not None:
        run.keep(name, name, inner.value, context.steps[-1], context)
    return inner.value


def condition(node: syntax.Expression, context: Context) -> Test | None:
    """A condition in symbolic form, where its parts can be computed. It is decided elsewhere."""
    before = len(context.owner.assumed)
    found = symbolic(node, context.evaluate)
    # To write the test down assumes nothing: context.decide has noted what it came to.
    del context.owner.assumed[before:]
    return found


def symbolic(node: syntax.Expression, evaluate: Evaluator) -> Test | None:
    try:
        if isinstance(node, syntax.Unary) and node.operator == "not":
            operand = symbolic(node.operand, evaluate)
            return operand and Test("not", (operand,))
        if isinstance(node, syntax.Binary) and node.operator in ("and", "or"):
            left, right = symbolic(node.left, evaluate), symbolic(node.right, evaluate)
            return Test(node.operator, (left, right)) if left and right else None
        if isinstance(node, syntax.Binary) and node.operator in ("==", "!=", "<", "<=", ">", ">="):
            sides = evaluate(node.left), evaluate(node.right)
            return Test(node.operator, sides) if all(map(is_integer, sides)) else None
        value = evaluate(node)
    except Fault:
        return None
    return Test("value", (value,)) if isinstance(value, int) else None
