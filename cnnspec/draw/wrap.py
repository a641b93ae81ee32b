"""Long chains are set in columns, as a newspaper is, cut only where a single value is on its way."""

from __future__ import annotations

import math
from typing import NamedTuple

from cnnspec.draw.model import Box, Diagram, Item, boxes

ROW, COLUMN = 80, 200  # points that a box takes with its edge, downwards and across
ASPECT = 1.3  # width to height that the page is to have
SHORTEST = 7  # boxes of a chain that is left as it is


class Cut(NamedTuple):
    """A box that may begin a column, and how many rows stand above it."""

    number: int
    row: int


def wrap(diagram: Diagram) -> Diagram:
    """The same diagram with the heads of its columns chosen."""
    rows, wide = measure(diagram)
    height = max(rows.values(), default=0) + 1
    if height <= SHORTEST:
        return diagram
    count = max(1, round(math.sqrt(ASPECT * height * ROW / (wide * COLUMN))))
    return diagram._replace(heads=tuple(choose(cuts(diagram, rows, height / count), height, count)))


def measure(diagram: Diagram) -> tuple[dict[int, int], float]:
    """The row of each box, and how many boxes stand side by side on the mean."""
    rows = {box.number: 0 for box in boxes(diagram.items)}
    for edge in sorted(diagram.edges, key=lambda edge: edge.head):
        rows[edge.head] = max(rows[edge.head], rows[edge.tail] + 1)
    wide = len(rows) / (max(rows.values(), default=0) + 1)
    return rows, max(1.0, wide)


def cuts(diagram: Diagram, rows: dict[int, int], column: float) -> list[Cut]:
    """Boxes before which the chain may be cut: one value is live there, and no small cluster is torn."""
    allowed = starts(diagram.items, rows, column)
    until: dict[int, int] = {}  # the last box that waits for a box's value
    for edge in diagram.edges:
        until[edge.tail] = max(until.get(edge.tail, 0), edge.head)
    live: set[int] = set()
    found = []
    for number in sorted(rows):
        live = {tail for tail in live if until[tail] >= number}
        if number in allowed and len(live) == 1:
            found.append(Cut(number, rows[number]))
        if number in until:
            live.add(number)
    return found


def starts(items: tuple[Item, ...], rows: dict[int, int], column: float) -> set[int]:
    """First boxes of items, those within a cluster only where the cluster is higher than a column."""
    found: set[int] = set()
    for item in items:
        if isinstance(item, Box):
            found.add(item.number)
            continue
        numbers = [box.number for box in boxes(item.items)]
        found.add(numbers[0])
        if rows[numbers[-1]] - rows[numbers[0]] > column:
            found |= starts(item.items, rows, column)
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
