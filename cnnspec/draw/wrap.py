"""Long chains are set in columns, as a newspaper is, cut only where a single value is on its way."""

from __future__ import annotations

import math
from typing import NamedTuple

from cnnspec.draw.model import Box, Cluster, Diagram, Item, boxes

ROW, COLUMN = 80, 200  # points that a box takes with its edge, downwards and across
ASPECT = 1.3  # width to height that the page is to have
SHORTEST = 7  # boxes of a chain that is left as it is


class Cut(NamedTuple):
    """A box that may begin a column, and how many rows stand above it."""

    number: int
    row: int


def wrap(diagram: Diagram) -> Diagram:
    """The same diagram with the heads of its columns chosen, and the edges that lead to them marked."""
    rows, wide = measure(diagram)
    height = max(rows.values(), default=0) + 1
    if height <= SHORTEST:
        return diagram
    count = max(1, round(math.sqrt(ASPECT * height * ROW / (wide * COLUMN))))
    heads = choose(cuts(diagram, rows, height / count), height, count)
    edges = tuple(edge._replace(turn=edge.head in heads) for edge in diagram.edges)
    return diagram._replace(columns=tuple(heads), edges=edges)


def measure(diagram: Diagram) -> tuple[dict[int, int], float]:
    """The row of each box, and how many boxes stand side by side on the mean."""
    rows = {box.number: 0 for box in boxes(diagram.items)}
    for edge in sorted(diagram.edges, key=lambda edge: edge.head):
        rows[edge.head] = max(rows[edge.head], rows[edge.tail] + 1)
    wide = len(rows) / (max(rows.values(), default=0) + 1)
    return rows, max(1.0, wide)


def cuts(diagram: Diagram, rows: dict[int, int], column: float) -> list[Cut]:
    """Boxes before which the chain may be cut: one value is live there, and no small cluster is torn."""
    allowed = set(starts(diagram.items, rows, column))
    order = sorted(rows)
    live: dict[int, int] = {}  # tails of live values, and how many edges still wait for them
    waiting: dict[int, int] = {}
    arriving: dict[int, list[int]] = {}
    for edge in diagram.edges:
        waiting[edge.tail] = waiting.get(edge.tail, 0) + 1
        arriving.setdefault(edge.head, []).append(edge.tail)
    found = []
    for number in order:
        into = arriving.get(number, [])
        if number in allowed and len(live) == 1 and into == list(live) and waiting[into[0]] == 1:
            found.append(Cut(number, rows[number]))
        for tail in into:
            live[tail] -= 1
            if not live[tail]:
                del live[tail]
        if number in waiting:
            live[number] = waiting[number]
    return found


def starts(items: tuple[Item, ...], rows: dict[int, int], column: float) -> list[int]:
    """First boxes of items, those within a cluster only where the cluster is higher than a column."""
    found = []
    for item in items:
        if isinstance(item, Box):
            found.append(item.number)
            continue
        numbers = [box.number for box in boxes(item.items)]
        found.append(numbers[0])
        if isinstance(item, Cluster) and rows[numbers[-1]] - rows[numbers[0]] > column:
            found += starts(item.items, rows, column)
    return found


def choose(found: list[Cut], height: int, count: int) -> list[int]:
    """Of the possible cuts, those nearest to where equal columns would end."""
    heads: list[int] = []
    above = 0
    for i in range(1, count):
        wanted = height * i / count
        after = [cut for cut in found if cut.row > above]
        if not after:
            break
        best = min(after, key=lambda cut: (abs(cut.row - wanted), cut.row))
        if best.row >= height - 1:
            break
        heads.append(best.number)
        above = best.row
    return heads
