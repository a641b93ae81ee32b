"""Repeats: unrolled they give back the chain, and they are where a person would write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnspec.importers.patterns.reroll import harmonised, reroll, tidy, with_alike_repeats, with_loops
from cnnspec.importers.patterns.turns import Turns, table, unwrapped
from cnnspec.importers.patterns.unify import unify
from cnnspec.importers.terms.formulas import Formula, Items, name, written
from cnnspec.importers.terms.terms import Braces, Call, Chain, Join, Repeat, Term
from cnnspec.importers.wording.spec_text import BlockText, measure
from tests.importers.terms import CHAINS, conv, unroll, use

LINES = measure([BlockText("Basic", (("width", ...), ("stride", 1)), (), ())])


KERNEL = {"arguments": (("count", 4), ("kernel", name("kernel")), ("bias", True)), "channels": 8}


def forgotten(chain: Chain) -> Chain:
    """The chain without the channels that arrive, which repeats do not keep."""

    def change(term: Term) -> Term:
        return term._replace(channels=0) if isinstance(term, Call | Braces) else term

    return tuple(map(change, chain))


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(CHAINS, min_size=1, max_size=2), st.lists(st.integers(1, 4), min_size=2, max_size=2))
def test_a_repeat_gives_back_the_chain(parts: list[Chain], times: list[int]) -> None:
    chain = tuple(term for part, count in zip(parts * 2, times, strict=False) for term in part * count)
    repeats = reroll(chain, LINES)
    assert forgotten(unroll(repeats)) == forgotten(chain)
    assert forgotten(unroll(tidy(repeats))) == forgotten(chain)


def rolled(chain: Chain) -> Repeat:
    (repeat,) = tidy(reroll(chain, LINES))
    assert isinstance(repeat, Repeat)
    return repeat


def test_equal_turns_need_no_name() -> None:
    assert rolled((conv(1, 3, "a")._replace(label=()), use(1, 1)) * 3).names == ()


def test_two_steps_that_differ_in_two_ways_stay_two_steps() -> None:
    steps = use(4, 1), use(8, 2)
    assert reroll(steps, LINES) == steps
    assert isinstance(rolled((*steps, use(16, 4))).rows, Items)


def test_the_first_turn_may_differ() -> None:
    repeat = rolled((use(4, 2), use(4, 1), use(4, 1)))
    (call,) = repeat.body
    assert isinstance(call, Call)
    assert [written(value) for _, value in call.arguments] == ["4", "2 if j == 0 else 1"]


def test_a_turn_that_repeats_itself_is_several() -> None:
    stages = [(64, 3, 1), (128, 4, 2), (256, 23, 2), (512, 3, 2)]
    chain = tuple(use(width, 1 if k else stride) for width, depth, stride in stages for k in range(depth))
    repeat = rolled(chain)
    assert repeat.rows == tuple((depth, width, stride) for width, depth, stride in stages)
    (inner,) = repeat.body
    assert isinstance(inner, Repeat)


def test_labels_count() -> None:
    chain = tuple(Braces(("layer", k + 1), (conv(1, 3, "a"), use(1, 1))) for k in range(3))
    (braces,) = rolled(chain).body
    assert isinstance(braces, Braces)
    assert written(braces.label[1]) == "j + 1"


def test_what_follows_no_rule_stands_in_a_table() -> None:
    stages = [(1, 3), (2, 7), (3, 4), (4, 6)]
    chain = tuple(Braces(("layer", i), (use(width, 2), use(width, 1))) for i, width in stages)
    repeat = rolled(chain)
    assert repeat.names == ("i", "width")
    assert repeat.rows == tuple(stages)
    (braces,) = repeat.body
    assert isinstance(braces, Braces)
    assert isinstance(braces.body[0], Repeat)


def test_numbers_one_a_turn_are_a_list() -> None:
    """Neither pairs, of which the first differs, nor rows for several turns at once."""
    first, *others = (use(8, stride) for stride in (2, 9, 4, 7, 5, 3))
    _, repeat = tidy(reroll((first._replace(name="Other"), *others), LINES))
    assert isinstance(repeat, Repeat) and len(repeat.names) == len(repeat.body) == 1
    assert repeat.rows == (9, 4, 7, 5, 3)


def test_two_names_are_not_forced_into_one() -> None:
    chain = tuple(
        Call("Basic", (("width", 4), ("stride", stride)), ("conv", k), True) for k, stride in ((1, 2), (2, 1))
    )
    assert reroll(chain, LINES) == chain


def step(label: int, width: int, place: int) -> Chain:
    return (use(width, 1)._replace(label=("up", label)), use(1, 1)._replace(label=("to", place)))


def in_turns(windows: list[Chain]) -> Repeat:
    """The repeat of these turns, which gives them back."""
    repeat = table(Turns(unify(windows, strict=True), len(windows)))
    assert repeat is not None
    chain = tuple(term for window in windows for term in window)
    assert forgotten(unroll((repeat,))) == forgotten(unroll(chain))
    (tidied,) = tidy((repeat,))
    assert isinstance(tidied, Repeat)
    return tidied


@pytest.mark.parametrize(
    ("turns", "head", "label"),
    [
        ([step(k, width, 5 - k) for k, width in ((1, 7), (2, 5), (3, 9))], "i, width", "5 - i"),
        ([step(k, width, 2 * k + 1) for k, width in ((4, 7), (6, 5), (8, 9))], "i, width", "2 * i + 1"),
        ([step(k, 8, 4 - k) for k in (1, 2, 3)], "j", "3 - j"),
        ([step(k, 8, place) for k, place in ((1, 4), (2, 7))], "j", "3 * j + 4"),
    ],
)
def test_numbers_by_other_numbers(turns: list[Chain], head: str, label: str) -> None:
    repeat = in_turns(turns)
    assert ", ".join(repeat.names) == head
    _, last = repeat.body
    assert isinstance(last, Call)
    assert written(last.label[1]) == label


def test_widths_by_other_widths_and_the_first_by_its_place() -> None:
    repeat = in_turns(
        [
            (*reroll((use(first, 1), *[use(width, 1)] * 3)), use(2 * first, 2))
            for first, width in ((16, 24), (32, 56))
        ]
    )
    assert repeat.names == ("first", "width")
    assert repeat.rows == ((16, 24), (32, 56))


def test_paths_of_one_form_are_written_once() -> None:
    alike: list[Chain] = [(conv(4, k, "a")._replace(label=()),) for k in (3, 5, 9)]
    (join,) = with_loops((Join("add", tuple(alike)),))
    assert join == Join("add", ((alike[0][0]._replace(**KERNEL),),), ("kernel",), (3, 5, 9))
    (join,) = with_loops((Join("concat", ((), *alike)),))
    assert isinstance(join, Join)
    assert [len(path) for path in join.paths] == [0, 1]
    sums = Join("add", ((), *alike))  # they would be added in another order
    assert with_loops((sums,)) == (sums,)
    assert with_loops((Join("add", (*alike, ())),)) == (
        Join("add", ((join.paths[1][0]._replace(name="add"),), ())),
    )
    several = (Join("concat", tuple(alike)),)
    assert with_loops(several, taken=["kernel"]) == several


def test_where_some_repeat_a_step_all_do() -> None:
    """Each in its place: what stands in other braces is no turn."""

    def stage(*blocks: Term) -> Chain:
        return (use(1, 1), Braces(("blocks",), blocks, "", 8, 8))

    found = with_alike_repeats([stage(use(1, 1)), stage(use(1, 1), use(1, 1)), stage(conv(1, 1, "a"))])
    repeats = [Repeat((), times, (use(1, 1),)) for times in (1, 2)]
    assert found == [stage(repeats[0]), stage(repeats[1]), stage(conv(1, 1, "a"))]


def test_a_repeat_beside_a_nested_one_keeps_the_name_that_it_counts_by() -> None:
    """Made a repeat of one turn by its neighbour's name, it would lose its own when that is taken away."""
    j, i = name("j"), name("i")
    six = Formula("+", (Formula("*", (3, j)), i))
    nested = Repeat(("j",), 2, (Repeat(("i",), 3, (use(1, 1)._replace(label=("up", six)),)),))
    chain = (Repeat(("j",), 3, (use(1, 1)._replace(label=("up", j)),)), nested)
    assert unroll(unwrapped(harmonised(chain))) == unroll(chain)
