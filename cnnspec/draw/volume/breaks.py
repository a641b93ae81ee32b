"""Where a sequence is broken into rows: so that all rows together cost least."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate

TORN = 0.45  # what a way that leads across a break costs, of a row


def best_breaks(start: int, end: int, rows_from: Callable[[int], Iterable[tuple[int, float]]]) -> list[range]:
    """The numbers from `start` up to `end` in rows, whose costs have the least sum.

    `rows_from` tells of a first number where the row may end, and at which cost: one such end at least.
    """
    best = {start: (0.0, start)}  # by the end of a row: the least cost of all rows up to it, and its begin
    for first in range(start, end):
        for stop, cost in rows_from(first) if first in best else ():
            best[stop] = min(best.get(stop, (float("inf"), 0)), (best[first][0] + cost, first))
    rows = list[range]()
    while end > start:  # back from the last row, for only now it is known which begin was best
        rows.append(range(best[end][1], end))
        end = best[end][1]
    return rows[::-1]


def row_cost(filled: float, crossing: int) -> float:
    """The cost of a row that is filled to this share, and across whose end so many ways lead."""
    return 1 + max(0.0, 1 - filled) ** 2 + TORN * crossing


def crossings(spans: Iterable[tuple[int, int]], count: int) -> list[int]:
    """How many spans a break before each number tears: `(2, 4)` is torn before 3 and before 4."""
    change = [0] * (count + 2)  # of the number of spans, from one break to the next
    for first, last in spans:
        change[first + 1] += 1
        change[last + 1] -= 1
    return list(accumulate(change))[: count + 1]
