"""Where rows are broken: at the least cost of all, and no work is done again for each row."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.volume.breaks import best_breaks, crossings
from cnnspec.draw.volume.compose import layout
from cnnspec.draw.volume.figure_model import figure_of
from tests.nets import network

COUNT = 7
COSTS = st.lists(st.integers(0, 50), min_size=(COUNT + 1) ** 2, max_size=(COUNT + 1) ** 2)


@pytest.mark.slow
@given(COSTS)
def test_no_other_rows_cost_less(costs: list[int]) -> None:
    def cost(row: range) -> float:
        return costs[row.start * (COUNT + 1) + row.stop]

    def rows_from(first: int) -> Iterator[tuple[int, float]]:
        yield from ((end, cost(range(first, end))) for end in range(first + 1, COUNT + 1))

    found = best_breaks(0, COUNT, rows_from)
    assert [number for row in found for number in row] == list(range(COUNT))
    cuts = (c for count in range(COUNT) for c in combinations(range(1, COUNT), count))
    ways = ([range(a, b) for a, b in pairwise((0, *inner, COUNT))] for inner in cuts)
    assert sum(map(cost, found)) == min(sum(map(cost, rows)) for rows in ways)


def test_a_break_tears_what_begins_before_it_and_ends_behind_it() -> None:
    assert crossings([(0, 2), (1, 2), (2, 2)], 3) == [0, 1, 2, 0]


@pytest.mark.slow
def test_work_grows_as_the_net_does() -> None:
    """Calls, and generators that go on: a chain, blocks and concatenations of four times the length."""
    chain = " ".join(f"conv {8 + i}@3x3 pad=1" + "\n" for i in range(5))
    block = "add { | conv 8@1x1 | conv 8@3x3 pad=1, relu, conv 8@3x3 pad=1 }\n"
    paths = "concat { | conv 8@1x1 | conv 4@1x1, maxpool 3x3 stride=1 pad=1 | conv 4@1x1, conv 8@1x1 }\n"
    for text in (chain, f"{block}conv 9@1x1\n", f"{paths}conv 9@1x1\nrelu\n"):
        few, many = (calls(f"net N {{\ninput 8@16x16\n{text * count}}}\n") for count in (20, 80))
        assert many < 4 * few


def calls(text: str) -> int:
    diagram, count = simplify(network(text)), 0

    def trace(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(trace)
    try:
        layout(figure_of(diagram)._replace(coarse=None), 495.0)
    finally:
        sys.setprofile(None)
    return count
