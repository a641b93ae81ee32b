"""Joins and their paths."""

from __future__ import annotations

from cnnspec.elaborate import braces, leaves, unfolding
from cnnspec.elaborate.context import Context
from cnnspec.elaborate.faults import fault
from cnnspec.elaborate.size_notes import last_span, size_notes
from cnnspec.elaborate.special_values import compute
from cnnspec.graph.tree import Merge, Path, Test, Value
from cnnspec.layers.base import Join, Misfit
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.values.symbols import polynomial


def join(
    label: syntax.Label | None, call: syntax.Call, cls: type[Join], value: Value, context: Context
) -> Value:
    if call.body is None or not call.body.paths:
        raise fault("E0214", f"`{cls.name}` joins paths: `{cls.name} {{ | … | … }}`", call.span)
    for statement in call.body.statements:
        if isinstance(statement, syntax.Chain):
            raise fault("E0214", "a step in a join belongs to a path: a `|` stands before it", statement.span)
    run = context.run
    name, scope = context.name_braces(label, cls.name)
    layer = make_join(call, cls, context)
    paths = []
    items = [None] if call.each is None else context.evaluate.loop(call.each.source)[0]
    if call.each is not None:
        unfolding.check(len(items), call.body, call.each.names, context, call.span)
    for item in items:
        bound, before = None, run.expanded
        if call.each is not None:
            bound = context.evaluate.bind(call.each.names, item, call.each.source.span)
        inside = context.inside(scope, bound)
        run.statements(call.body.statements, inside)
        # Each path has its own names: what one calls k the others do not see.
        paths += [run_path(path, value, inside.inside()) for path in call.body.paths]
        if call.each is not None and run.expanded == before:
            run.count(1, call.span)  # empty paths cost time, too
    output = merge_paths(layer, paths, call, value, context)
    if layer is not None:
        path = name or context.scope.join_path(cls.name)
        context.add(Merge(name, path, layer, tuple(paths), value, output, call.span), labelled=bool(name))
    elif name:
        context.owner.labels[name] = output, None
    return output


def make_join(call: syntax.Call, cls: type[Join], context: Context) -> Join | None:
    try:
        return cls(**leaves.arguments(call, cls, context))
    except Misfit as misfit:
        leaves.report_misfit(misfit, call, None, context)
        return None


def run_path(path: syntax.Path, value: Value, context: Context) -> Path:
    # First: as a step of its own `none` would be a fault.
    dropped = is_none(path.statements, context)
    test = presence(path.statements, context)
    if dropped:
        return Path((), value, True, test, path.span)
    steps = context.run.statements(path.statements, context)
    return Path(steps, context.value or Value(None), False, test, path.span)


def presence(statements: tuple[syntax.Statement, ...], context: Context) -> Test | None:
    """When a path of the form `| if … { … } else { none }` is there, or the other way round."""
    step = sole_step(statements)
    if step is None or not isinstance(action := step.action, syntax.If):
        return None
    test = braces.condition(action.test, context)
    if test is None or not bare_none(action.then):
        return test if action.otherwise is not None and bare_none(action.otherwise) else None
    return Test("not", (test,))


def bare_none(body: syntax.Body) -> bool:
    step = sole_step(body.statements)
    return step is not None and is_bare(step, "none")


def sole_step(statements: tuple[syntax.Statement, ...]) -> syntax.Step | None:
    """The step of a path that is one step, of which nothing is claimed."""
    if len(statements) != 1 or not isinstance(statements[0], syntax.Chain):
        return None
    steps, assertion, _ = statements[0]
    return steps[0] if len(steps) == 1 and assertion is None else None


def is_bare(step: syntax.Step, word: str) -> bool:
    """Whether a step is a word alone, without label, arguments and braces."""
    call = step.action
    if not isinstance(call, syntax.Call) or call.name.name != word or step.label is not None:
        return False
    return not call.positional and not call.keywords and call.body is None


def is_none(statements: tuple[syntax.Statement, ...], context: Context) -> bool:
    """Whether a path is just `none`, at once or by an `if` that is the whole path."""
    step = sole_step(statements)
    if step is None or not isinstance(action := step.action, syntax.If):
        return step is not None and is_bare(step, "none")
    body = action.then if context.decide(action.test) else action.otherwise
    return body is not None and is_none(body.statements, context)


def merge_paths(
    layer: Join | None, paths: list[Path], call: syntax.Call, value: Value, context: Context
) -> Value:
    live = [path for path in paths if not path.dropped]
    if not live:
        raise fault("E0214", f"no path of `{call.name.name}` is left: all are `none`", call.span)
    if len(live) == 1:
        # `add` of one path is that path; `maxunpool` puts the values of one at places of the other.
        if layer is not None and layer.sized_by is not None:
            raise fault("E0214", f"`{layer.name}` takes two paths, and one is left", call.span)
        return live[0].output
    context.run.count(1, call.span)
    shapes = [path.output.shape for path in live if path.output.shape is not None]
    if layer is None or len(shapes) < len(live):
        return Value(None)
    # add of `width` and 64 channels is right for width 64 alone.
    if layer.name != "concat" and len({polynomial(shape.channels) for shape in shapes}) > 1:
        for shape in shapes:
            context.owner.pin(shape.channels)
    try:
        shape = compute(lambda *given: layer.join(given), shapes, context.owner.pin)
        output = Value(shape, value, layer.name, call.span)
    except Misfit as misfit:
        sides = [Note(f"{path.output.shape} from here", last_span(path)) for path in live]
        span = call.name.span
        context.run.report(
            Diagnostic(misfit.code, misfit.message, span, misfit.formula, (*sides, *size_notes(value)))
        )
        return Value(None)
    leaves.check_elements(output.shape, call, context)
    return output
