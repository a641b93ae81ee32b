"""A lower bound of what braces unfold to, so that a bomb is refused before it unfolds."""

from __future__ import annotations

from cnnspec.elaborate.context import Context, Elaboration
from cnnspec.elaborate.naming import NameScope
from cnnspec.elaborate.owner import Defaults, Owner
from cnnspec.elaborate.special_values import BlockName, ScopeNames
from cnnspec.text import syntax
from cnnspec.text.source import Span


def check(
    times: int, body: syntax.Body, names: tuple[syntax.Name, ...], context: Context, span: Span
) -> None:
    """Refuse braces that unfold to too many layers when they run `times` times."""
    each = max(1, least(body, context, frozenset(name.name for name in names)))
    context.run.require_room(times * each, span)


def least(body: syntax.Body, context: Context, hidden: frozenset[str]) -> int:
    """A lower bound of what braces unfold to. `hidden` names have values of their own in there.

    It may be 0, and yet each turn of a repeat takes time: who multiplies it counts at least 1.
    """
    # Deeper braces are at fault anyway; here they would only deepen the recursion.
    run = context.run
    if run.bounding > run.limits.max_depth:
        return 1
    run.bounding += 1
    statements = syntax.statements(body)
    # A constant within the braces may shadow one of the same name outside, whose value says nothing here.
    hidden |= {s.name.name for s in statements if isinstance(s, syntax.Constant)}
    chains = [s for s in statements if isinstance(s, syntax.Chain)]
    steps = [step.action for chain in chains for step in chain.steps]
    total = sum(least_step(action, context, hidden) for action in steps)
    run.bounding -= 1
    return total


def least_step(action: syntax.Action, context: Context, hidden: frozenset[str]) -> int:
    if isinstance(action, syntax.Group):
        return least(action.body, context, hidden)
    if isinstance(action, syntax.Repeat):
        inner = hidden | {name.name for name in action.names}
        return least_count(action.source, context, hidden) * max(1, least(action.body, context, inner))
    if isinstance(action, syntax.Call):
        if action.body is not None:
            inner = hidden | {name.name for name in action.each.names} if action.each else hidden
            times = least_count(action.each.source, context, hidden) if action.each else 1
            return times * max(1, least(action.body, context, inner))
        target = context.module.lookup(action.name.name)
        if isinstance(target, BlockName):
            return least_block(context.run, target)
        # A name that is neither layer nor block may be a parameter, `act`, that holds any.
        return 0 if action.name.name in ("input", "identity", "none") or target is None else 1
    return 0


def least_block(run: Elaboration, target: BlockName) -> int:
    key = id(target.block)
    if key not in run.least:
        run.least[key] = 0  # a block within itself
        own = frozenset(syntax.parameter_names(target.block))
        names = ScopeNames(target.module.constants)
        context = Context(run, Owner(""), NameScope("", False), names, Defaults({}), target.module)
        run.least[key] = least(target.block.body, context, own)
    return run.least[key]


def least_count(source: syntax.Expression, context: Context, hidden: frozenset[str]) -> int:
    if isinstance(source, syntax.List):
        return len(source.items)
    if isinstance(source, syntax.Literal) or (isinstance(source, syntax.Name) and source.name not in hidden):
        value = source.value if isinstance(source, syntax.Literal) else context.names.find(source.name)
        if isinstance(value, int) and not isinstance(value, bool):
            return int(value)
        return len(value) if isinstance(value, list) else 0
    return 0
