"""Drawn chains of terms."""

from __future__ import annotations

from hypothesis import strategies as st

from cnnspec.importers.terms.terms import Braces, Call, Chain, Join, Term

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
