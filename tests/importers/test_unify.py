"""Anti-unification: a pattern gives back the chains that it is of; a block, its instances."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnspec.importers.patterns.bodies import solve
from cnnspec.importers.patterns.unify import unify
from cnnspec.importers.terms.columns import Column, Unalike
from cnnspec.importers.terms.formulas import Formula, LayerName, name, parts, written
from cnnspec.importers.terms.terms import (
    NONE,
    Call,
    Chain,
    Constant,
    From,
    If,
    Join,
    Repeat,
    values_of,
)
from tests.importers.terms import CHAINS, activation, conv, instantiate, use


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(CHAINS, min_size=1, max_size=4))
def test_a_pattern_gives_back_its_chains(chains: list[Chain]) -> None:
    try:
        pattern = unify(chains)
    except Unalike:
        assume(False)
    assert [instantiate(pattern, place) for place in range(len(chains))] == chains


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(CHAINS, min_size=2, max_size=4), st.data())
def test_a_block_gives_back_its_instances(chains: list[Chain], data: st.DataObject) -> None:
    sizes = st.lists(st.integers(1, 9), min_size=len(chains), max_size=len(chains))
    entries, leaving = data.draw(sizes), data.draw(sizes)
    try:
        solved = solve(unify(chains), entries, leaving)
    except Unalike:
        assume(False)
    for place, chain in enumerate(chains):
        names = solved.names(place, entries[place])
        found = instantiate(solved.body, place, {**names, "in.channels": entries[place]})
        assert [term._replace(channels=0) if isinstance(term, Call) else term for term in found] == [
            term._replace(channels=0) if isinstance(term, Call) else term for term in chain
        ]


def test_steps_that_some_chains_lack_stand_in_an_if() -> None:
    chains = [(conv(1, 1, "a"), use(1, 1), conv(2, 1, "b")), (conv(1, 1, "a"), conv(2, 1, "b"))]
    first, condition, _ = unify(chains)
    assert first == conv(1, 1, "a")
    assert condition == If(Column((True, False)), (use(1, 1),))


def test_steps_that_exclude_each_other_are_one_if() -> None:
    (condition,) = unify([(conv(1, 1, "a"),), (conv(1, 1, "b"),)])
    assert condition == If(Column((False, True)), (conv(1, 1, "b"),), (conv(1, 1, "a"),))


def test_a_constant_that_some_chains_lack_stands_outside_of_the_if() -> None:
    size = Constant("size", name("in.height"))
    chains = [(use(1, 1), size, conv(1, 1, "a"), conv(2, 1, "b")), (conv(2, 1, "b"),)]
    first, constant, second, _ = unify(chains)
    test = Column((True, False))
    assert (first, constant, second) == (If(test, (use(1, 1),)), size, If(test, (conv(1, 1, "a"),)))


def test_an_activation_is_a_value() -> None:
    (call,) = unify([(activation("relu"),), (activation("silu"),), ()])
    assert isinstance(call, Call)
    assert call.name == Column(("relu", "silu", "identity"))


def test_an_activation_with_tensors_is_a_step() -> None:
    trained = Call("starrelu", (), (), keyed=True)
    pattern = unify([(activation("relu"),), (trained,)])
    assert If(Column((False, True)), (trained,)) in pattern
    assert instantiate(pattern, 1) == (trained,)


def test_a_join_that_some_lack_has_a_path_that_is_not_there() -> None:
    body = (conv(1, 1, "a"),)
    pattern = unify([(Join("add", (body, ())),), body])
    assert isinstance(pattern[0], Join)
    assert instantiate(pattern, 1) == body


def test_what_a_chain_lacks_behind_a_join_is_not_of_its_path() -> None:
    path = (conv(1, 1, "a"), use(1, 1))
    join, last = unify([(Join("add", (path, ())), activation("relu")), path])
    assert isinstance(join, Join) and join.paths[0] == path
    assert isinstance(last, Call) and last.name == Column((LayerName("relu"), LayerName("identity")))


def test_turns_of_other_lengths_are_unalike() -> None:
    with pytest.raises(Unalike):
        unify([(conv(1, 1, "a"),), (conv(1, 1, "a"), activation("relu"))], strict=True)


def solved_values(columns: dict[str, tuple[Any, ...]], entries: list[int], leaving: list[int]) -> list[str]:
    """What the arguments of a layer become, by the values that they have."""
    rows = [
        (Call("slice", tuple((n, values[k]) for n, values in columns.items()), (), True, entries[k]),)
        for k in range(len(entries))
    ]
    (call,) = solve(unify(rows), entries, leaving).body
    assert isinstance(call, Call)
    return [written(value) for _, value in call.arguments]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"count": (8, 16), "groups": (8, 16)}, ["width", "width"]),
        ({"count": (8, 16), "groups": (4, 8)}, ["width", "width // 2"]),
        ({"count": (3, 5)}, ["in.channels"]),
        ({"count": (6, 10)}, ["2 * in.channels"]),
        ({"kernel": (3, 5), "pad": (1, 2)}, ["kernel", "kernel // 2"]),
        ({"pad": (2, 4), "dilation": (2, 4)}, ["pad", "pad"]),
        ({"stride": (2, 1), "pad": (2, 1)}, ["stride", "pad"]),
        ({"count": (7, 9), "kernel": (3, 3)}, ["width", "3"]),
        ({"count": (64, 99)}, ["out"]),
    ],
)
def test_values_become_what_people_write(columns: dict[str, tuple[Any, ...]], found: list[str]) -> None:
    assert solved_values(columns, [3, 5], [64, 99]) == found


def test_conditions_are_of_a_stride_or_of_channels() -> None:
    def row(width: int, stride: int, has: bool) -> Chain:
        body = (conv(width, 3, "a"), use(width, stride))
        return (Join("add", (body, (conv(width, 1, "b"),) if has else ())),)

    rows = [row(8, 1, False), row(16, 2, True), row(16, 1, False), row(16, 2, False)]
    body = solve(unify(rows), [8, 8, 16, 16], [8, 16, 16, 16]).body
    (join,) = body
    assert isinstance(join, Join)
    (condition,) = join.paths[1]
    assert isinstance(condition, If)
    assert condition.test == Formula("!=", (name("in.channels"), name("out")))


def test_what_arrives_in_a_repeat_is_not_what_arrives_at_the_block() -> None:
    """Later turns take what the first made of it."""
    last = [conv(8, 3, "b"), conv(12, 3, "b")]
    rows = [(Repeat((), 3, (use(1, 1), last[0])),), (Repeat((), 3, (last[1],)),)]
    (repeat,) = solve(unify(rows), [8, 16], [8, 12]).body
    assert isinstance(repeat, Repeat)
    condition, _ = repeat.body
    assert isinstance(condition, If)
    assert name("in.channels") not in parts(condition.test)


def test_an_activation_is_lacking_with_the_step_beside_it() -> None:
    (condition, last) = unify([(use(1, 1), activation("relu"), conv(2, 1, "b")), (conv(2, 1, "b"),)])
    assert condition == If(Column((True, False)), (use(1, 1), activation("relu")))
    assert last == conv(2, 1, "b")


def test_what_differs_in_a_choice_is_of_the_role_of_the_choice() -> None:
    def row(first: str, others: str) -> Chain:
        choice = Formula("if", (Formula("==", (name("j"), 0)), LayerName(first), LayerName(others)))
        return (Repeat(("j",), 3, (Call("Unit", (("act", choice),)),)),)

    solved = solve(unify([row("relu", "identity"), row("silu", "identity")]), [8, 8], [8, 8])
    assert [(p.name, p.values) for p in solved.parameters] == [("act", ("relu", "silu"))]


def test_flags_and_widths_are_called_what_they_are() -> None:
    """`out` is what leaves the block, whatever an inner block calls it; `residual` adds what arrives."""

    def row(inner: int, last: int, adds: bool) -> Chain:
        body = (Call("Unit", (("out", inner),), ("a",), True), conv(last, 1, "b"))
        return (Join("add", (body, ())),) if adds else body

    solved = solve(unify([row(3, 8, True), row(7, 16, False), row(5, 32, True)]), [9, 9, 9], [8, 16, 32])
    assert [parameter.name for parameter in solved.parameters] == ["width", "out", "residual"]


def test_a_step_that_is_not_there_is_a_number_that_says_so() -> None:
    """0 channels, a stride of 1: the condition is of that number, not of another that happens to tell."""
    rows: list[Chain] = [(conv(4, 1, "a"), use(8, 2)), (use(8, 1),), (conv(2, 1, "a"), use(8, 1))]
    solved = solve(unify(rows), [8, 16, 8], [8, 8, 8])
    assert [(p.name, p.values) for p in solved.parameters] == [("stride", (2, 1, 1)), ("width", (4, 0, 2))]
    assert [p.default for p in solved.parameters] == [1, 0]
    first, *_ = solved.body
    assert isinstance(first, If) and written(first.test) == "width != 0"


def test_steps_of_which_each_instance_has_one_share_a_parameter() -> None:
    def strided(layer: str, stride: int) -> Chain:
        return (Call(layer, (("kernel", 3), ("stride", stride)), ("a",), True, 8),)

    rows = [strided("depthwise", 1), strided("mixed", 2), strided("depthwise", 2), strided("mixed", 1)]
    solved = solve(unify(rows), [8] * 4, [8] * 4)
    assert [(p.name, p.values) for p in solved.parameters[:1]] == [("stride", (1, 2, 2, 1))]
    assert [p.role for p in solved.parameters] == ["stride", "test"]


def test_numbers_of_steps_of_which_each_instance_has_one_are_one_parameter() -> None:
    """Where a step stands before a fork or in it, its number goes on counting, but is written once."""

    def scaled(index: int) -> Call:
        return Call("scale", (("init", Formula("+", (index, 0.5))),))

    before = [(scaled(index), Join("add", ((conv(4, 1, "a"),), ()))) for index in (3, 7)]
    within = [(Join("add", ((scaled(index), conv(4, 1, "a")), ())),) for index in (1, 2)]
    solved = solve(unify([*before, *within]), [4] * 4, [4] * 4)
    assert [(p.role, p.values) for p in solved.parameters if p.role == "index"] == [("index", (3, 7, 1, 2))]


def test_widths_in_branches_are_parts_of_what_arrives_behind_them() -> None:
    """What each branch makes is `width`, however it makes it."""

    def row(width: int, halves: bool) -> Chain:
        inner = Call("Halves", (("width", width // 2),), ("a",), True, 8)
        last = Call("conv", (("count", 9), ("kernel", 1)), ("b",), True, width)
        return (inner if halves else conv(width, 1, "a"), last)

    solved = solve(unify([row(16, False), row(40, True), row(24, False), row(4, True)]), [8] * 4, [9] * 4)
    assert [(p.name, p.values) for p in solved.parameters][:1] == [("width", (16, 40, 24, 4))]
    condition = solved.body[0]
    assert isinstance(condition, If) and condition.otherwise is not None
    found = [written(value) for _, value in (*values_of(condition.then), *values_of(condition.otherwise))]
    assert {"width", "width // 2"} <= {*found}


def test_paths_that_some_joins_lack_stand_in_one_order() -> None:
    """Of a chain without the join its steps are the path that begins as they do."""
    scale, norm, last = ((conv(1, 1, label),) for label in ("scale", "norm", "last"))
    rows: list[Chain] = [(Join("add", (norm, last)),), (Join("add", (scale, norm, last)),), norm]
    (join,) = unify(rows)
    assert isinstance(join, Join)
    assert [[instantiate((join,), place)] for place in range(2)] == [[rows[0]], [rows[1]]]
    assert join.paths[1] == norm


def test_paths_of_one_form_stand_in_the_order_in_which_they_come() -> None:
    one, two = ((From(((label,),)),) for label in ("one", "two"))
    (join,) = unify([(Join("concat", ((), one)),), (Join("concat", ((), one, two)),)])
    assert join == Join("concat", ((), one, (If(Column((False, True)), two, (NONE,)),)))


def test_names_for_wires_stand_in_all_instances() -> None:
    """That of a step without tensors, and that of what arrives: no wire leads to them where none is."""
    mark, pool = Call("identity", (), ("start", 1)), Call("maxpool", (("window", 2),))
    rows: list[Chain] = [(pool, use(1, 1)), (mark, pool._replace(label=("skip", 1)), use(1, 1))]
    assert unify(rows) == rows[1] == unify(rows[::-1])


def test_a_condition_is_not_of_a_width_that_happens_to_tell() -> None:
    """Where a pool stands is no matter of a width that is used elsewhere: it has a flag."""
    pool = Call("maxpool", (("window", 2),))
    rows: list[Chain] = [(conv(8, 1, "a"), conv(3, 1, "b")), (pool, conv(4, 1, "a"), conv(3, 1, "b"))]
    solved = solve(unify(rows), [8, 8], [3, 3])
    assert [parameter.name for parameter in solved.parameters] == ["width", "maxpool"]
