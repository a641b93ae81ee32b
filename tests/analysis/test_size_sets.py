"""Sets of sizes and rules in few words: they are what they were made from, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnspec.analysis.sizes.laws import SizeRule, rule
from cnnspec.analysis.sizes.sets import Stretch, members, stretches
from cnnspec.tables.size_report import words

END = 96


@given(st.integers(1, END).flatmap(lambda end: st.tuples(st.just(end), st.sets(st.integers(1, end)))))
def test_any_set(case: tuple[int, set[int]]) -> None:
    end, sizes = case
    assert members(stretches(sizes, end), end) == sizes


@given(st.integers(1, 20), st.sets(st.integers(0, 19)), st.integers(0, END), st.sets(st.integers(1, END)))
def test_sets_that_repeat(step: int, residues: set[int], start: int, head: set[int]) -> None:
    """They have few stretches, none of which goes on where the set does not."""
    sizes = {n for n in range(1, END + 1) if n % step in residues and n >= start}
    found = stretches(sizes, END)
    assert members(found, END) == sizes
    if start <= END // 2:
        # Where three steps fit in, a smaller period that holds in half of all sizes divides the step (Fine
        # and Wilf 1965), so it holds from `start` on: the ranges of two periods, and once more in the tail.
        # Where they do not fit in, fewer than 3 * step sizes are left, in half as many ranges.
        assert len(found) <= 2 * step
    both = sizes | {n for n in head if n < start}
    assert members(stretches(both, END), END) == both


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (range(12, 1025), "from 12"),
        (range(32, 36), "32 to 35"),
        ([7], "7"),
        ([], "none"),
        (range(16, 1025, 16), "multiples of 16"),
        (range(188, 1025, 16), "from 188 in steps of 16"),
        ([n for n in range(12, 1025) if n % 4 < 2], "12 to 13 and again every 4"),
        ([3, *range(8, 1025, 8)], "3, multiples of 8"),
        (range(1000, 1025), "1000 to 1024"),
        ([2, 4, 7, 11, 16, 22, 29, 37, 46], "2, 4, 7, 11, 16, 22, and 3 more stretches"),
    ],
)
def test_in_words(sizes: Any, said: str) -> None:
    assert words(stretches(sizes, 1024)) == said


def test_a_stretch_goes_on_only_behind_three_of_its_steps() -> None:
    assert stretches([8, 16, 24], 24) == (Stretch(8, 1, 8),)
    assert stretches([8, 16], 16) == (Stretch(8, 1), Stretch(16, 1))


@given(
    st.builds(SizeRule, st.integers(1, 4), st.integers(-20, 20), st.integers(1, 40), st.integers(-5, 5)),
    st.integers(1, 300),
    st.sampled_from([1, 2, 16]),
    st.integers(1, 4),
)
def test_a_rule_is_found_where_there_is_one(known: SizeRule, first: int, step: int, times: int) -> None:
    sizes = {n: known(n) for n in range(first, 1025, step)}
    found = rule(sizes, known.step * times, known.factor * times)
    assert found is not None
    assert {n: found(n) for n in sizes} == sizes
    if step == 1:
        assert found(10**6) == known(10**6)  # beyond all that it was made from


@given(
    st.dictionaries(st.integers(1, 60), st.integers(0, 9), min_size=1), st.integers(1, 12), st.integers(0, 5)
)
def test_a_rule_holds_or_there_is_none(sizes: dict[int, int], step: int, gain: int) -> None:
    sizes = dict(sorted(sizes.items()))
    found = rule(sizes, step, gain)
    assert found is None or {n: found(n) for n in sizes} == sizes
    assert found is None or all(found(n + step) == found(n) + gain for n in range(100))


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (SizeRule(1), "n"),
        (SizeRule(1, more=-184), "n - 184"),
        (SizeRule(2, more=4), "2*n + 4"),
        (SizeRule(1, step=32), "n//32"),
        (SizeRule(1, 31, 32), "ceil(n/32)"),
        (SizeRule(1, -8, 4), "(n - 8)//4"),
        (SizeRule(16, -188, 16, 4), "16*((n - 188)//16) + 4"),
        (SizeRule(32, 31, 32), "32*ceil(n/32)"),
        (SizeRule(0, more=7), "7"),
    ],
)
def test_a_rule_as_text(known: SizeRule, text: str) -> None:
    assert known.text("n") == text
    found = rule({n: known(n) for n in range(200, 1025)}, known.step, known.factor)
    assert found is not None and found.text("n") == text
