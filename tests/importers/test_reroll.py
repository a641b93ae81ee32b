"""Repeats: unrolled they give back the chain, and they are where a person would write them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cnnspec.importers.formulas import written
from cnnspec.importers.reroll import reroll, tidy, unroll
from cnnspec.importers.terms import Braces, Call, Chain, Repeat, map_values
from cnnspec.importers.text import BlockText, measure
from tests.importers.terms import CHAINS, conv, use

LINES = measure([BlockText("Basic", (("width", ...), ("stride", 1)), (), ())])


def forgotten(chain: Chain) -> Chain:
    """The chain without the channels that arrive, which repeats do not keep."""

    def change(term: object) -> object:
        return term._replace(channels=0) if isinstance(term, Call | Braces) else term

    return tuple(map(change, map_values(chain, lambda value: value)))  # type: ignore[arg-type]


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


def test_the_first_turn_may_differ() -> None:
    repeat = rolled((use(4, 2), use(4, 1), use(4, 1)))
    (call,) = repeat.body
    assert isinstance(call, Call)
    assert [written(value) for _, value in call.arguments] == ["4", "2 if j == 0 else 1"]


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


def test_two_names_are_not_forced_into_one() -> None:
    chain = tuple(
        Call("Basic", (("width", 4), ("stride", stride)), ("conv", k), True) for k, stride in ((1, 2), (2, 1))
    )
    assert reroll(chain, LINES) == chain
