"""Long chains are set in columns, as a newspaper is, cut where few values are live, best only one."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from typing import NamedTuple

from cnnspec.draw.model import Box, Diagram, Edge, Item, boxes
from cnnspec.draw.words import box_lines

LINE, GAP, TITLE, WIDTH = 12, 42, 36, 165  # points: a line of text, an edge, a cluster's title, a box across
ASPECT = 1.25  # width to height that the page is to have
SHORTEST = 420  # points of a chain that is left as it is
TOLERABLE = 1100  # points of a column that is left as it is, where only several values at once could be cut
FEWER = 1.3  # so much taller columns may grow where there is one less of them
MOST_LIVE = 6


class Cut(NamedTuple):
    """A box that may begin a column, how far down it stands, and how many values pass by before it."""

    number: int
    top: float
    live: int


def wrap(diagram: Diagram) -> Diagram:
    """The same diagram with the heads of its columns chosen."""
    tops, bottoms = measure(diagram)
    height = max(bottoms.values(), default=0.0)
    if height <= SHORTEST:
        return diagram
    area = sum(bottoms[number] - tops[number] + GAP for number in tops) * WIDTH
    count = max(
        1, min(len(tops), round(math.sqrt(ASPECT * area) / (WIDTH * max(1.0, area / WIDTH / height))))
    )
    found = cuts(diagram, tops, height / count)
    heads: list[int] = []
    for live in range(1, MOST_LIVE + 1):
        usable = [cut for cut in found if cut.live <= live]
        heads, tallest = pack(usable, height, count)
        fewer, taller = pack(usable, height, len(heads))
        if heads and taller <= FEWER * tallest:
            heads, tallest = fewer, taller
        if tallest <= max(1.6 * height / count, TOLERABLE):
            break
    return diagram._replace(heads=tuple(heads))


def column_of(diagram: Diagram, number: int) -> int:
    return bisect(diagram.heads, number)


def measure(diagram: Diagram) -> tuple[dict[int, float], dict[int, float]]:
    """How far down each box begins and ends, were there only one column."""
    arriving: dict[int, list[Edge]] = {}
    for edge in diagram.edges:
        arriving.setdefault(edge.head, []).append(edge)
    titled = first_in_clusters(diagram.items)
    tops: dict[int, float] = {}
    bottoms: dict[int, float] = {}
    for box in boxes(diagram.items):
        above = [bottoms[edge.tail] + GAP for edge in arriving.get(box.number, ())]
        tops[box.number] = max(above, default=0.0) + TITLE * titled.get(box.number, 0)
        bottoms[box.number] = tops[box.number] + LINE * len(box_lines(box)) + LINE
    return tops, bottoms


def first_in_clusters(items: tuple[Item, ...]) -> dict[int, int]:
    """Of how many clusters a box is the first."""
    found: dict[int, int] = {}
    for item in items:
        if not isinstance(item, Box):
            inner = first_in_clusters(item.items)
            first = next(boxes(item.items)).number
            found |= inner
            found[first] = inner.get(first, 0) + 1
    return found


def cuts(diagram: Diagram, tops: dict[int, float], column: float) -> list[Cut]:
    """The boxes before which no cluster is torn that would fit into a column."""
    allowed = starts(diagram.items, tops, column)
    until: dict[int, int] = {}  # the last box that waits for a box's value
    for edge in diagram.edges:
        until[edge.tail] = max(until.get(edge.tail, 0), edge.head)
    live: set[int] = set()
    found = []
    lowest = 0.0
    for number in sorted(tops):
        live = {tail for tail in live if until[tail] >= number}
        if number in allowed and live:
            found.append(Cut(number, max(lowest, tops[number]), len(live)))
        lowest = max(lowest, tops[number])
        if number in until:
            live.add(number)
    return found


def starts(items: tuple[Item, ...], tops: dict[int, float], column: float) -> set[int]:
    """First boxes of items, those within a cluster only where the cluster is higher than a column."""
    found: set[int] = set()
    for item in items:
        if isinstance(item, Box):
            found.add(item.number)
            continue
        numbers = [box.number for box in boxes(item.items)]
        found.add(numbers[0])
        if max(tops[number] for number in numbers) - tops[numbers[0]] > column:
            found |= starts(item.items, tops, column)
    return found


def pack(found: Sequence[Cut], height: float, count: int) -> tuple[list[int], float]:
    """So many columns at most, the tallest as low as can be: their heads, and that height."""
    ends = [*(cut.top for cut in found), height]
    low, high = height / count, height
    best: list[int] = []
    tallest = height
    while high - low > LINE:
        limit = (low + high) / 2
        heads = fill(found, ends, limit)
        if heads is not None and len(heads) < count:
            best, tallest, high = heads, limit, limit
        else:
            low = limit
    return best, tallest


def fill(found: Sequence[Cut], ends: list[float], limit: float) -> list[int] | None:
    """Heads of columns filled one after the other up to a height; None where a piece is higher than that."""
    heads: list[int] = []
    top = 0.0
    for cut, end in zip(found, ends[1:], strict=True):
        if end - top > limit:
            heads.append(cut.number)
            top = cut.top
        if end - top > limit:
            return None
    return heads
