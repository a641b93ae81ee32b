"""Groups, repeats and conditions."""

from __future__ import annotations

from cnnspec.elaborate import unfolding
from cnnspec.elaborate.context import Context, require_free
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Fault
from cnnspec.graph.tree import Group, If, Leaf, Repeat, Step, Test, Value
from cnnspec.text import syntax
from cnnspec.text.source import Span
from cnnspec.values.kinds import is_integer


def group(label: syntax.Label | None, group: syntax.Group, context: Context) -> Value | None:
    value = context.value
    name, scope = context.name_braces(label, "group")
    inner = context.inside(scope)
    made = context.run.body(group.body, inner)
    if not name:
        context.steps.extend(made)
    elif value is not None and inner.value is not None:
        context.add(Group(name, made, value, inner.value, group.span), labelled=True)
    return inner.value


def with_dots(step: syntax.Step, context: Context) -> Value | None:
    """A step whose label has dots: in braces of its label's first part, which others may open, too."""
    assert step.label is not None
    head, rest = split_label(step.label)
    scope, earlier = context.scope.within(context.label(head), head.span)
    name = require_free(scope.prefix[:-1], earlier, head.span)
    inner = context.inside(scope)
    output = context.run.step(step._replace(label=rest), inner)
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


def repeat(label: syntax.Label | None, repeat: syntax.Repeat, context: Context) -> Value | None:
    run, value = context.run, context.value
    items, count = context.evaluate.loop(repeat.source)
    unfolding.check(len(items), repeat.body, repeat.names, context, repeat.span)
    name, scope = context.name_braces(label, "repeat")
    iterations = []
    for number, item in enumerate(items, 1):
        before, start_of_turn = run.expanded, state(value, context)
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
        if not repeat.names and start_of_turn is not None and start_of_turn == state(value, context):
            leaves = plain_leaves(iterations[-1])
            if leaves and scope.has_room([leaf.layer.name for leaf in leaves], left):
                value = copy_turns(leaves, left, context.inside(scope), iterations, repeat.span)
                break
    if context.value is not None and value is not None:
        made = Repeat(name, count, tuple(iterations), context.value, value, repeat.span)
        context.add(made, labelled=bool(name))
    return value


def state(value: Value | None, context: Context) -> tuple[object, ...] | None:
    """All that a turn of a repeat could find otherwise than the turn before, but for names; None: unknown."""
    if value is None or value.believed is not None:
        return None
    if value.shape is not None and any(type(size) is not int for size in value.shape.dimensions):
        return None  # a formula may come to the same number and yet be another
    owner = context.owner
    # These only grow: if they are as many as before, they are the same.
    found = owner.fixed, owner.labels, owner.assumed, owner.decisions, owner.claims, context.run.diagnostics
    return value.shape, context.run.encounters, owner.incomplete, *map(len, found)


def plain_leaves(steps: tuple[Step, ...]) -> list[Leaf]:
    """The steps, where they are nothing but layers that follow no sizes; else nothing."""
    found = [step for step in steps if isinstance(step, Leaf) and step.following is None]
    return found if len(found) == len(steps) else []


def copy_turns(
    leaves: list[Leaf],
    times: int,
    context: Context,
    iterations: list[tuple[Step, ...]],
    span: Span,
) -> Value:
    """Copy a turn that changed nothing `times` times: the same layers, under names of their own."""
    value = leaves[-1].output
    for _ in range(times):
        context.run.count(len(leaves), span)
        for leaf in leaves:
            output = Value(leaf.output.shape, value, leaf.output.maker, leaf.output.span, leaf.layer)
            name = context.name(None, leaf.layer.name, leaf.span)
            context.add(Leaf(name, leaf.layer, value, output, leaf.span), labelled=False)
            value = output
        iterations.append(tuple(context.steps[-len(leaves) :]))
    return value


def branch(label: syntax.Label | None, choice: syntax.If, context: Context) -> Value | None:
    value = context.value
    taken = context.decide(choice.test)
    test = condition(choice.test, context)
    body = choice.then if taken else choice.otherwise
    name, scope = context.name_braces(label, "if") if body is not None else ("", None)
    inner = context.inside(scope)
    steps = context.run.body(body, inner) if body is not None else ()
    if value is None or inner.value is None:
        context.steps.extend(steps)
        return inner.value
    made = If(name, taken, test, steps, value, inner.value, choice.span)
    context.add(made, labelled=bool(name))
    return inner.value


def condition(node: syntax.Expression, context: Context) -> Test | None:
    """A condition in symbolic form, where its parts can be computed. It is decided elsewhere."""
    before = len(context.owner.assumed)
    found = test_of(node, context.evaluate)
    # To write the test down assumes nothing: context.decide has noted what it came to.
    del context.owner.assumed[before:]
    return found


def test_of(node: syntax.Expression, evaluate: Evaluator) -> Test | None:
    try:
        if isinstance(node, syntax.Unary) and node.operator == "not":
            operand = test_of(node.operand, evaluate)
            return operand and Test("not", (operand,))
        if isinstance(node, syntax.Binary) and node.operator in ("and", "or"):
            left, right = test_of(node.left, evaluate), test_of(node.right, evaluate)
            return Test(node.operator, (left, right)) if left and right else None
        if isinstance(node, syntax.Binary) and node.operator in ("==", "!=", "<", "<=", ">", ">="):
            sides = evaluate(node.left), evaluate(node.right)
            return Test(node.operator, sides) if all(map(is_integer, sides)) else None
        value = evaluate(node)
    except Fault:
        return None
    return Test("value", (value,)) if isinstance(value, int) else None
