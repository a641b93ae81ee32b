"""A lower bound of what braces unfold to, so that a bomb is refused before it unfolds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnspec import syntax
from cnnspec.elaborate.context import Context, Defaults, Owner
from cnnspec.evaluate import BlockName
from cnnspec.naming import Scope

if TYPE_CHECKING:
    from cnnspec.elaborate.core import Elaborator


def least(run: Elaborator, body: syntax.Body, context: Context, hidden: frozenset[str]) -> int:
    """A lower bound of what braces unfold to, to refuse a bomb before it unfolds."""
    statements = [*body.statements, *(s for path in body.paths for s in path.statements)]
    hidden |= {s.name.name for s in statements if isinstance(s, syntax.Constant)}
    chains = [s for s in statements if isinstance(s, syntax.Chain)]
    return max(
        1, sum(least_step(run, step.action, context, hidden) for chain in chains for step in chain.steps)
    )


def least_step(run: Elaborator, action: syntax.Action, context: Context, hidden: frozenset[str]) -> int:
    if isinstance(action, syntax.Group):
        return least(run, action.body, context, hidden)
    if isinstance(action, syntax.Repeat):
        inner = hidden | {name.name for name in action.names}
        return least_count(action.source, context, hidden) * least(run, action.body, context, inner)
    if isinstance(action, syntax.Call):
        if action.body is not None:
            return least(run, action.body, context, hidden) if action.each is None else 0
        target = context.module.step(action.name.name)
        if isinstance(target, BlockName):
            return least_block(run, target)
        return 0 if action.name.name in ("input", "identity", "none") or target is None else 1
    return 0


def least_block(run: Elaborator, target: BlockName) -> int:
    key = id(target.block)
    if key not in run._least:
        run._least[key] = 0  # a block within itself
        own = frozenset(p.name.name for p in target.block.parameters)
        context = Context(
            Owner(""), Scope("", False), dict(target.module.constants), Defaults({}), target.module
        )
        run._least[key] = least(run, target.block.body, context, own)
    return run._least[key]


def least_count(source: syntax.Expression, context: Context, hidden: frozenset[str]) -> int:
    if isinstance(source, syntax.List):
        return len(source.items)
    if isinstance(source, syntax.Literal) or (isinstance(source, syntax.Name) and source.name not in hidden):
        value = source.value if isinstance(source, syntax.Literal) else context.names.get(source.name)
        if isinstance(value, int) and not isinstance(value, bool):
            return int(value)
        return len(value) if isinstance(value, list) else 0
    return 0
