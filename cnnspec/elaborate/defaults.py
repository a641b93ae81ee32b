"""`default`: what a layer or a block takes where a call does not say, from there to the closing brace."""

from __future__ import annotations

from typing import Any

from cnnspec import layers
from cnnspec.elaborate import blocks, leaves
from cnnspec.elaborate.context import Context
from cnnspec.elaborate.evaluate import Unknowable, fault
from cnnspec.elaborate.special_values import BlockName, LayerName
from cnnspec.elaborate.state import Elaboration
from cnnspec.layers.base import Misfit, convert
from cnnspec.text import syntax


def default(run: Elaboration, statement: syntax.Default, context: Context) -> None:
    target = run.target(statement.layer, context)
    given = {}
    for keyword in statement.keywords:
        if not keyword.name:
            raise Unknowable
        found = context.owner.settle(context.evaluate(keyword.value))  # blocks see it, not its names
        accept(target, keyword, found)
        given[keyword.name] = found
    of = id(target.block) if isinstance(target, BlockName) else target.name
    context.defaults = context.defaults.with_(of, given)


def accept(target: LayerName | BlockName, keyword: syntax.Keyword, value: Any) -> None:
    """Whether a layer or a block takes this. Raises Fault where it does not."""
    if isinstance(target, BlockName):
        parameters = [parameter.name.name for parameter in target.block.parameters]
        if keyword.name not in parameters:
            raise blocks.unknown_parameter(target.block, keyword, parameters)
        return
    cls = layers.find(target.name)
    if cls is None:
        raise fault("E0301", f"`{target.name}` takes no defaults", keyword.name_span)
    if keyword.name not in cls.arguments:
        raise leaves.unknown_argument(cls, keyword)
    try:
        convert(keyword.name, cls.arguments[keyword.name], value)
    except Misfit as misfit:
        raise fault(misfit.code, misfit.message, keyword.span) from None
