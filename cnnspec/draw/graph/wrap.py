"""Long chains are set in columns, as a newspaper is, cut where few values are live, best only one.

A diagram that runs from left to right is set in rows likewise: what is said of columns and how far down
something stands, is then of rows, and how far to the right.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import box_lines, shape_words
from cnnspec.draw.diagram.model import Box, Diagram, Edge, Item, boxes
from cnnspec.draw.look import Look
from cnnspec.draw.style import SHAPES, join_across

LINE, LETTER, ABOVE, BESIDE = 10.7, 5.4, 6, 11  # points: a line of text, a letter; a box around its text
LOWEST, DOUBLE = 18, 8  # points: a box's height at least, and what a second frame adds
RANK, TITLE = 16, 34  # points: an edge besides its label, a cluster's title and frame
ENDS = {"tb": 43, "lr": 55}  # points: either end of a column, or row, where it goes on elsewhere
LONG = 400  # points that a way around may be in a column that has to be narrow
COLUMN, ROW = 130, 85  # points: what a column takes across, and a row
ASPECT = 1.25  # width to height that the page is to have
TOLERABLE = 1100  # points of a column that is left as it is, where only several values at once could be cut
SLACK = 1.3  # times the mean, that a column may be long
MOST_LIVE = 6


class Cut(NamedTuple):
    """A box that may begin a column, how far down it stands, and how many values pass by before it."""

    number: int
    top: float
    live: int


class Flow(NamedTuple):
    """How far down each box begins and ends, were there only one column, how long that is and how wide.

    `titles`: how much room the titles above a box take that is the first of its clusters. `joint`: how
    much the end of a column where it goes on elsewhere.
    """

    tops: dict[int, float]
    bottoms: dict[int, float]
    titles: Mapping[int, float]
    height: float
    across: float
    joint: float


def measure(diagram: Diagram, look: Look) -> Flow:
    """The column as far as it can be known without drawing it."""
    down = look.direction == "tb"
    arriving: dict[int, list[Edge]] = {}
    for edge in diagram.edges:
        arriving.setdefault(edge.head, []).append(edge)
    titles: Mapping[int, float] = {
        n: (TITLE if down else RANK) * c for n, c in first_in_clusters(diagram.items).items()
    }
    tops: dict[int, float] = {}
    bottoms: dict[int, float] = {}
    area = 0.0
    for box in boxes(diagram.items):
        lines = box_lines(box, look)
        sides = (max(map(len, lines)) * LETTER + BESIDE, high(box, len(lines)))
        edges = arriving.get(box.number, ())
        label = LINE if down else (2 + max((len(shape_words(e)) for e in edges), default=0)) * LETTER
        gap = RANK + (label if "shapes" in look.show else 0)
        above = max((bottoms[edge.tail] + gap for edge in edges), default=0.0)
        tops[box.number] = above + titles.get(box.number, 0)
        bottoms[box.number] = tops[box.number] + sides[down]
        area += bottoms[box.number] - tops[box.number] + gap
    height = max(bottoms.values(), default=1.0)
    least = COLUMN if down else ROW
    across = least * max(1.0, area / height)
    return Flow(tops, bottoms, titles, height, across, ENDS[look.direction])


def high(box: Box, lines: int) -> float:
    """How high a box of so many lines is."""
    if box.kind == "join":
        return join_across(box)
    return max(LOWEST, lines * LINE + ABOVE) + DOUBLE * (SHAPES[box.kind].peripheries > 1)


def likely(flow: Flow, look: Look, widest: float | None) -> int:
    """How many columns or rows are about right: for a pleasant page, or for one that is at most so wide."""
    down = look.direction == "tb"
    if widest is None:
        return max(1, round(math.sqrt(flow.height / flow.across * (ASPECT if down else 1 / ASPECT))))
    return max(1, int(widest / flow.across) if down else math.ceil(flow.height / widest))


def wrap(
    diagram: Diagram, flow: Flow, count: int, tear: bool = False, tolerable: float = TOLERABLE
) -> Diagram:
    """The same diagram with the heads of about so many columns chosen.

    Clusters higher than a column are torn; `tear`: so are others but blocks.
    """
    height = flow.height
    found = cuts(diagram, flow, height / count, tear)
    heads: list[int] = []
    for live in range(1, MOST_LIVE + 1):
        usable = [cut for cut in found if cut.live <= live]
        heads, tallest = pack(usable, height, count, flow.joint)
        if tallest <= max(SLACK * height / count, tolerable):
            break
    return diagram._replace(heads=tuple(heads))


def sever(diagram: Diagram, flow: Flow) -> Diagram:
    """The same diagram with its long ways around cut in two, so that columns need not be wide for them.

    Cut is what a way begins with: what stands on it stands where it ends.
    """
    heads: dict[int, list[int]] = {}
    for edge in diagram.edges:
        heads.setdefault(edge.tail, []).append(edge.head)
    late = dict(flow.tops)  # how far down each box may stand
    for number in sorted(heads, reverse=True):
        needed = min(late[head] - flow.titles.get(head, 0.0) for head in heads[number]) - RANK - LINE
        late[number] = max(late[number], needed - (flow.bottoms[number] - flow.tops[number]))
    long = (edge for edge in diagram.edges if late[edge.head] - late[edge.tail] > LONG)
    return diagram._replace(severed=frozenset((edge.tail, edge.head) for edge in long))


def column_of(diagram: Diagram, number: int) -> int:
    return bisect(diagram.heads, number)


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


def cuts(diagram: Diagram, flow: Flow, column: float, tear: bool) -> list[Cut]:
    """The boxes before which no cluster is torn that would fit into a column."""
    tops = flow.tops
    allowed = starts(diagram.items, tops, column, tear)
    until: dict[int, int] = {}  # the last box that waits for a box's value
    for edge in diagram.edges:
        until[edge.tail] = max(until.get(edge.tail, 0), edge.head)
    live: set[int] = set()
    found = []
    lowest = 0.0
    for number in sorted(tops):
        live = {tail for tail in live if until[tail] >= number}
        if number in allowed and live:
            found.append(Cut(number, max(lowest, tops[number] - flow.titles.get(number, 0.0)), len(live)))
        lowest = max(lowest, tops[number])
        if number in until:
            live.add(number)
    return found


def starts(items: tuple[Item, ...], tops: dict[int, float], column: float, tear: bool) -> set[int]:
    """First boxes of items, those within a cluster only where the cluster may be torn."""
    found: set[int] = set()
    for item in items:
        if isinstance(item, Box):
            found.add(item.number)
            continue
        numbers = [box.number for box in boxes(item.items)]
        found.add(numbers[0])
        high = max(tops[number] for number in numbers) - tops[numbers[0]]
        if high > column or (tear and item.kind != "block" and item.times == 1):
            found |= starts(item.items, tops, column, tear)
    return found


def pack(found: Sequence[Cut], height: float, count: int, joint: float) -> tuple[list[int], float]:
    """So many columns at most, the tallest as low as can be: their heads, and that height.

    `joint` is what an end takes where a column goes on elsewhere.
    """
    ends = [*(cut.top + joint for cut in found), height]
    low, high = height / count, height
    best: list[int] = []
    tallest = height
    while high - low > LINE:
        limit = (low + high) / 2
        heads = fill(found, ends, limit, joint)
        if heads is not None and len(heads) < count:
            best, tallest, high = heads, limit, limit
        else:
            low = limit
    return best, tallest


def fill(found: Sequence[Cut], ends: list[float], limit: float, joint: float) -> list[int] | None:
    """Heads of columns filled one after the other up to a height; None where a piece is higher than that."""
    heads: list[int] = []
    top = 0.0
    for cut, end in zip(found, ends[1:], strict=True):
        if end - top > limit:
            heads.append(cut.number)
            top = cut.top - joint
        if end - top > limit:
            return None
    return heads
