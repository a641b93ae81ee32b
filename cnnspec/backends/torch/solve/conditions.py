"""Conditions of a specification: whether they hold in a row, and how its author wrote them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import and_, eq, ge, gt, le, lt, ne, not_, or_
from typing import Any

from cnnspec.backends.torch.solve.solutions import Formula, Phrase
from cnnspec.graph.tree import Test
from cnnspec.values.symbols import Polynomial, evaluate, polynomial, substitute

MEANING: dict[str, Callable[..., Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
MEANING |= {"and": and_, "or": or_, "not": not_, "value": bool}
"""Of the operators of a Test."""


def holds(test: Test, scope: Mapping[str, int]) -> bool:
    """Whether a condition holds where its names have these values. Raises KeyError, ZeroDivisionError."""
    sides = (
        holds(side, scope) if isinstance(side, Test) else evaluate(polynomial(side), scope)
        for side in test.operands
    )
    return bool(MEANING[test.operator](*sides))


def written(test: Test, settled: Mapping[str, Polynomial], inner: bool = False) -> Phrase:
    """A condition in the author's own words: `stride != 1 and …`."""
    first, *others = [
        written(side, settled, inner=True)
        if isinstance(side, Test)
        else Formula(substitute(polynomial(side), settled))
        for side in test.operands
    ]
    if test.operator == "not":
        return Phrase(("not ", first))
    if test.operator == "value":
        return Phrase(("bool(", first, ")"))
    parts = (first, *(part for side in others for part in (f" {test.operator} ", side)))
    return Phrase(("(", *parts, ")") if inner and test.operator in ("and", "or") else parts)
