"""Drawn chains of terms, and what patterns and repeats were made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from cnnspec.importers.patterns.turns import with_values
from cnnspec.importers.terms.columns import Column, same
from cnnspec.importers.terms.formulas import Formula, evaluate, name
from cnnspec.importers.terms.terms import (
    IDENTITY,
    NONE,
    Braces,
    Call,
    Chain,
    From,
    If,
    Join,
    Repeat,
    Term,
    rebuild,
    turns_of,
)

NUMBERS = st.integers(1, 4)


def conv(number: int, kernel: int, label: str) -> Call:
    return Call("conv", (("count", number), ("kernel", kernel), ("bias", True)), (label,), True, 8)


def activation(name: str) -> Call:
    return Call(name, ())


def use(number: int, stride: int) -> Call:
    return Call("Basic", (("width", number), ("stride", stride)), (), True, 8)


LEAVES = st.one_of(
    st.builds(conv, NUMBERS, st.sampled_from([1, 3]), st.sampled_from("abc")),
    st.builds(activation, st.sampled_from(["relu", "silu", "flatten"])),
    st.builds(use, NUMBERS, st.sampled_from([1, 2])),
)


def chains(terms: st.SearchStrategy[Term], least: int = 0) -> st.SearchStrategy[Chain]:
    return st.lists(terms, min_size=least, max_size=4).map(tuple)


def nested(terms: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    braces = st.builds(
        lambda number, body: Braces(("layer", number), body, "", 8, 8), NUMBERS, chains(terms, 1)
    )
    joins = st.builds(lambda one, two: Join("add", (one, two)), chains(terms, 1), chains(terms))
    return st.one_of(braces, joins)


TERMS: st.SearchStrategy[Term] = st.recursive(LEAVES, nested, max_leaves=6)
CHAINS = chains(TERMS, 1)


def unroll(chain: Chain) -> Chain:
    """The chain without repeats: each turn written out."""
    found: list[Term] = []
    for term in chain:
        if isinstance(term, Repeat):
            for turn in turns_of(term):
                found += unroll(with_values(term.body, {name(n): value for n, value in turn.items()}))
        else:
            found.append(rebuild(term, unroll))
    return tuple(found)


def instantiate(pattern: Chain, place: int, names: Mapping[str, Any] = {}) -> Chain:
    """The chain of one place of a pattern; `names` are the values of the names in its formulas there."""
    found: list[Term] = []
    for term in pattern:
        found += instance(term, place, names)
    return tuple(found)


def instance(term: Term, place: int, names: Mapping[str, Any]) -> Chain:
    """What a term of a pattern is in one place: several steps, or none, where it is an `if`."""

    def at(value: Any) -> Any:
        if isinstance(value, Column):
            return value.values[place]
        if isinstance(value, Formula) and value.operator != "name" and not names:
            return simplified(Formula(value.operator, tuple(map(at, value.operands))))
        return evaluate(value, names) if names else value

    if isinstance(term, If):
        chosen = term.then if at(term.test) else term.otherwise
        return instantiate(chosen or (), place, names)
    made = rebuild(term, lambda inner: instantiate(inner, place, names))
    if isinstance(made, From):
        return (From(tuple(tuple(map(at, label)) for label in made.target)),)
    if isinstance(made, Call):
        name, channels = at(made.name), at(made.channels)
        if name == IDENTITY and not made.label:
            return ()
        arguments = tuple((n, at(value)) for n, value in made.arguments)
        label = tuple(map(at, made.label))
        return (made._replace(name=str(name), arguments=arguments, label=label, channels=channels),)
    if isinstance(made, Braces):
        label, leaving = tuple(map(at, made.label)), at(made.leaving)
        return (made._replace(label=label, channels=at(made.channels), leaving=leaving),)
    if isinstance(made, Join):
        made = made._replace(rows=at(made.rows))
        live = [path for path in made.paths if path != (NONE,)]
        if len(live) == 1 < len(made.paths):
            return live[0]
        return (made._replace(paths=tuple(live or made.paths)),)
    return (made._replace(rows=at(made.rows)),) if isinstance(made, Repeat) else (made,)


def simplified(formula: Formula) -> Any:
    """A choice between equals is no choice."""
    if formula.operator == "if" and same(*formula.operands[1:]):
        return formula.operands[1]
    return formula
