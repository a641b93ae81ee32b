"""Long chains are set in columns, as a newspaper is, cut where few values are live, best only one.

A diagram that runs from left to right is set in rows likewise: what is said of columns and how far down
something stands, is then of rows, and how far to the right.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import box_lines, shape_words
from cnnspec.draw.diagram.model import Box, Diagram, Edge, Item, boxes, group_pairs
from cnnspec.draw.look import Look
from cnnspec.draw.metrics import width
from cnnspec.draw.style import FRAME, INSET, SHAPES, SIZE, join_sides

LINE, ABOVE = 10.7, 6  # points: a line of text; a box above and below its text
LOWEST, NARROWEST, DOUBLE = 18, 54, 8  # points: a box at least, and what a second frame adds
RANK, TITLE = 16, 34  # points: an edge besides its label, a cluster's title and frame
PASSING = 9  # points: an edge that passes by, besides its label
ENDS = {"tb": 43, "lr": 55}  # points: either end of a column, or row, where it goes on elsewhere
LONG = (400, 120)  # points that a way around may be in a column that has to be narrow
BETWEEN = 12  # points between columns
ASPECT = 1.25  # width to height that the page is to have where no width is given
SHORTEST, NARROW = 150.0, 200.0  # points: a column at least, and a page
MOST_COLUMNS, LIMITS, ROOMS = 60, 16, 9  # lengths of columns that are tried, and widths of pages
MOST_TRIED = 6000  # lengths of columns from all cuts on
COLUMN, TEAR = 25.0, 150.0  # points of height that one more column counts for, and a cut of cost 1
TORN = {"iteration": 0.1, "group": 0.05, "block": 0.3}  # shares of a column, that it costs to tear a cluster
REPEATED, LIVE = 0.5, 0.6  # one that is drawn once for several; to lead one more value to the next column


class Depth(NamedTuple):
    """Of how many clusters a box is the first, in how many it is, and what it costs to cut before it."""

    first: int
    clusters: int
    cost: float


class Cut(NamedTuple):
    """A box that may begin a column, how far down it stands, and what that costs: a share of a column.

    `above`: the points that the column needs above it, for where it comes from and for titles said again.
    """

    number: int
    top: float
    cost: float
    above: float


class LoneColumn(NamedTuple):
    """How far down each box begins and ends, were there only one column, and how long that is.

    `titles`: how much room the titles above a box take that is the first of its clusters. `joint`: how
    much the end of a column where it goes on elsewhere. `widths`: before the first cut, and behind each.
    """

    tops: dict[int, float]
    bottoms: dict[int, float]
    titles: Mapping[int, float]
    height: float
    joint: float
    cuts: list[Cut]
    widths: list[float]


class PageColumn(NamedTuple):
    """A column as it is likely to be: its first box, its sides, and what the cut before it costs."""

    head: int
    length: float
    across: float
    cost: float


def measure(diagram: Diagram, look: Look) -> LoneColumn:
    """The column as far as it can be known without drawing it."""
    down = look.direction == "tb"
    arriving = group_pairs((edge.head, edge) for edge in diagram.edges)
    depths = dict(depths_of(diagram.items, Depth(0, 0, 0.0)))
    # a box that is the first of two clusters stands below both of their titles
    titles = {n: (TITLE if down else RANK) * depth.first for n, depth in depths.items()}
    tops: dict[int, float] = {}
    bottoms: dict[int, float] = {}
    across: dict[int, float] = {}
    shown = "shapes" in look.show
    before = 0.0
    for box in boxes(diagram.items):
        edges = arriving.get(box.number, ())
        sides = sides_of(box, look)
        label = max(map(label_width, edges), default=0.0) if shown else 0.0
        gap = RANK + (LINE if down and shown else label)
        # What is fed at a number alone stands beside what runs before it, not where its value was made.
        ends = (before if diagram.is_severed(edge) else bottoms[edge.tail] + gap for edge in edges)
        above = max(ends, default=0.0)
        before = tops[box.number] = above + titles[box.number]
        bottoms[box.number] = tops[box.number] + sides[down]
        # an edge comes in at the middle of its box; its label stands on the right of it
        beside = max(sides[0], sides[0] / 2 + label) if down else max(sides[1], LINE * shown)
        across[box.number] = beside + 2 * FRAME * depths[box.number].clusters
    height = max(bottoms.values(), default=1.0)
    flow = LoneColumn(tops, bottoms, titles, height, ENDS[look.direction], [], [])
    found = list(cuts(diagram, flow, depths))
    levels = [(tops[n], bottoms[n], wide) for n, wide in across.items()]
    for edge in diagram.edges:
        start, end = bottoms[edge.tail], tops[edge.head] - titles[edge.head]
        # longer than to the next box: it passes by others, and takes room beside them
        if end - start > RANK + 2 * LINE and not diagram.is_severed(edge):
            levels.append((start, end, PASSING + (label_width(edge) if down else LINE) * shown))
    places = [0.0, *(cut.top for cut in found), height]
    return flow._replace(cuts=found, widths=list(widest_between(places, levels)))


def widest_between(places: Sequence[float], levels: list[tuple[float, float, float]]) -> Iterator[float]:
    """Between each two places the widest that things are together which begin, end and are so wide."""
    # (0, 40, 10), (30, 90, 5) in 0…50…100 -> 15, 5; at one place ends, which are negative, come first
    changes = sorted(change for begin, end, wide in levels for change in ((begin, wide), (end, -wide)))
    total, i = 0.0, 0
    for below in places[1:]:
        most = total
        # what begins at a cut belongs behind it, also where rounding moves it up a little
        while i < len(changes) and changes[i][0] < below - 1:
            total += changes[i][1]
            most = max(most, total)
            i += 1
        yield most


def sides_of(box: Box, look: Look) -> tuple[float, float]:
    """How wide and how high a box is."""
    lines = box_lines(box, look)
    if box.kind == "join":
        return join_sides(lines)
    double = DOUBLE * (SHAPES[box.kind].peripheries > 1)
    wide = max(width(line, SIZE) for line in lines) + 2 * INSET
    return max(NARROWEST, wide) + double, max(LOWEST, len(lines) * LINE + ABOVE) + double


def label_width(edge: Edge) -> float:
    return width(f"  {shape_words(edge)}  ", SIZE)


def depths_of(items: tuple[Item, ...], depth: Depth, torn: float = 0.0) -> Iterator[tuple[int, Depth]]:
    """How deep each box is, by its number: the first as `depth`; a cut behind it costs what is `torn`."""
    for item in items:
        if isinstance(item, Box):
            yield item.number, depth
        else:
            inner = depth._replace(first=depth.first + 1, clusters=depth.clusters + 1)
            # each cluster that a cut tears adds its price: within `Bottleneck` in `layer1` 0.3 + 0.05
            yield from depths_of(item.items, inner, torn + (TORN[item.kind] if item.times == 1 else REPEATED))
        depth = Depth(0, depth.clusters, torn)


def cuts(diagram: Diagram, flow: LoneColumn, depths: Mapping[int, Depth]) -> Iterator[Cut]:
    """The boxes that may begin a column: all but the first."""
    until: dict[int, int] = {}  # the last box that waits for a box's value
    for edge in diagram.edges:
        if not diagram.is_severed(edge):
            until[edge.tail] = max(until.get(edge.tail, 0), edge.head)
    numbers = sorted(flow.tops)
    # A path that runs after another stands beside it: the column reaches as far up as the highest of them.
    highest = accumulate((flow.tops[n] - flow.titles[n] for n in reversed(numbers)), min)
    live: set[int] = set()
    lowest = 0.0
    for number, highest_behind in zip(numbers, reversed([*highest]), strict=True):
        live = {tail for tail in live if until[tail] >= number}
        # no value is on its way before the first box, nor where all that was made has been read
        if live:
            # boxes of a path that runs later begin further up: a cut lies below all that came before it
            top = max(lowest, flow.tops[number] - flow.titles[number])
            depth = depths[number]
            above = flow.joint + TITLE * (depth.clusters - depth.first) + top - min(top, highest_behind)
            # ResNet, within its first block, whose input waits for the sum: 0.35 + 0.6 * (2 - 1) = 0.95
            yield Cut(number, top, depth.cost + LIVE * (len(live) - 1), above)
        lowest = max(lowest, flow.tops[number])
        if number in until:
            live.add(number)


def wrap(diagram: Diagram, flow: LoneColumn, look: Look, room: float | None) -> tuple[Diagram, float]:
    """The same diagram with the heads of its columns chosen for a page with so much room across; its height.

    Where none is given, the page is small and of a pleasant shape.
    """
    down = look.direction == "tb"
    if room is not None:
        best = set_columns(flow, down, room)
    else:
        aspect = ASPECT if down else 1 / ASPECT
        # widths from a narrow page up to about twice that of a page of this area and shape
        rooms = steps(NARROW, NARROW + math.sqrt(flow.height * max(flow.widths)) * 2 * aspect, ROOMS)
        best = min((set_columns(flow, down, room) for room in rooms), key=lambda page: page.badness(aspect))
    return diagram._replace(heads=best.heads), best.height


def steps(low: float, high: float, count: int) -> list[float]:
    """So many numbers between two, each as many times the one before it."""
    # steps(100, 1600, 5) = 100 200 400 800 1600
    return [low * (high / low) ** (i / (count - 1)) for i in range(count)]


class Setting(NamedTuple):
    """Columns on a page: their heads, the sides of the page so far, what cuts cost in points."""

    heads: tuple[int, ...] = ()
    width: float = 1.0
    height: float = 0.0
    cost: float = 0.0

    def add_line(self, columns: Sequence[PageColumn], down: bool, room: float) -> Setting:
        """The page with another line; one that is wider than there is room makes all the smaller."""
        heads = (*self.heads, *(column.head for column in columns if column.head))
        cost = self.cost + sum(COLUMN + TEAR * column.cost for column in columns)
        lengths = [column.length for column in columns]
        wide = sum(column.across + BETWEEN for column in columns) - BETWEEN
        wide, high = (wide, max(lengths)) if down else (max(lengths), wide)
        # twice as wide as there is room: shrunk to half, the page holds a quarter, as if 4 times as high
        cost += high * (max(1.0, wide / room) ** 2 - 1)
        return Setting(heads, max(self.width, wide), self.height + high + BETWEEN, cost)

    def badness(self, aspect: float) -> float:
        high = self.height + self.cost
        # a small area, and neither half nor double the shape wanted: both are as far from it
        return math.log(self.width * high) + abs(math.log(self.width / high / aspect))


def set_columns(flow: LoneColumn, down: bool, room: float) -> Setting:
    """The lowest page with so much room: columns in lines, as words are set, all of a line about as long."""
    last = len(flow.cuts)
    low = max(SHORTEST, flow.height / MOST_COLUMNS)
    # fewer lengths where there are many cuts, so that the time stays bounded
    limits = steps(low, max(low, flow.height), max(2, min(LIMITS, MOST_TRIED // (last + 1))))
    # a row must not be longer than the page; one that is as long is tried, too
    if not down:
        limits = [limit for limit in limits if limit < room] + [room]
    best = {0: Setting()}  # by how many cuts are behind it
    for start in range(last + 1):
        if start not in best:
            continue
        for limit in limits:
            # in rows one a line: with no room across, no second one fits
            line, end = even_line(flow, start, limit, room if down else 0.0)
            made = best[start].add_line(line, down, room)
            if end not in best or made.height + made.cost < best[end].height + best[end].cost:
                best[end] = made
    return best[last + 1]


def even_line(flow: LoneColumn, start: int, limit: float, room: float) -> tuple[list[PageColumn], int]:
    """As `fill_line`, but that no column is longer than it takes to get as far."""
    line, end = fill_line(flow, start, limit, room)
    while len(line) > 1:
        longest = max(column.length for column in line)
        # as much in as many columns, but each shorter than the longest is now
        other, other_end = fill_line(flow, start, longest - 1, room)
        if (other_end, len(other)) != (end, len(line)) or max(column.length for column in other) >= longest:
            break
        line = other
    return line, end


def fill_line(flow: LoneColumn, start: int, limit: float, room: float) -> tuple[list[PageColumn], int]:
    """Columns of one line, filled up to a length from some cut on, and where the next line starts."""
    line: list[PageColumn] = []
    wide = 0.0
    while start <= len(flow.cuts):
        column, end = fill_column(flow, start, limit)
        if line and wide + column.across > room:
            break
        line.append(column)
        wide += column.across + BETWEEN
        start = end
    return line, start


def fill_column(flow: LoneColumn, start: int, limit: float) -> tuple[PageColumn, int]:
    """A column that is long and whose end costs little; and how many cuts are then behind it."""
    head, top, cost, above = flow.cuts[start - 1] if start else Cut(0, 0.0, 0.0, 0.0)
    begin = top - above
    # the rest fits, or cannot be cut: behind the last column is one more than there are cuts
    if flow.height - begin <= limit or start == len(flow.cuts):
        return PageColumn(head, flow.height - begin, max(flow.widths[start:]), cost), len(flow.cuts) + 1
    # cuts from start + 1 on that lie within the limit; that at start itself may lie beyond it
    stop = bisect(flow.cuts, begin + limit - flow.joint, lo=start + 1, key=lambda cut: cut.top)
    # a cut of cost 0.3 is taken before a free one only if the column gets 0.3 of the limit longer by it
    end = max(range(start, stop), key=lambda i: flow.cuts[i].top - flow.cuts[i].cost * limit)
    below = flow.cuts[end].top
    return PageColumn(head, below + flow.joint - begin, max(flow.widths[start : end + 1]), cost), end + 1


def correct(flow: LoneColumn, heads: Sequence[int], widths: Sequence[float]) -> LoneColumn:
    """The measure as columns with these heads show it, which were drawn and are so wide."""
    found = list(flow.widths)
    starts = [0, *(i for i, cut in enumerate(flow.cuts, 1) if cut.number in heads), len(found)]
    # estimated 100 and 80, drawn 120: both are 1.2 times as wide
    for (start, end), real in zip(pairwise(starts), widths, strict=True):
        ratio = real / max(1.0, *found[start:end])  # between inputs side by side there is none
        found[start:end] = [wide * ratio for wide in found[start:end]]
    return flow._replace(widths=found)


def sever(diagram: Diagram, flow: LoneColumn, length: float) -> Diagram:
    """The same diagram with its long ways around cut in two, so that columns need not be wide for them.

    Cut is what a way begins with: what stands on it stands where it ends.
    """
    heads = group_pairs((edge.tail, edge.head) for edge in diagram.edges)
    late = dict(flow.tops)  # how far down each box may stand
    for number in sorted(heads, reverse=True):
        # as late as the first that reads it lets it, so that it stands beside the end of what it passes
        needed = min(late[head] - flow.titles[head] for head in heads[number]) - RANK - LINE
        late[number] = max(late[number], needed - (flow.bottoms[number] - flow.tops[number]))
    long = (edge for edge in diagram.edges if late[edge.head] - late[edge.tail] > length)
    return diagram._replace(severed=frozenset((edge.tail, edge.head) for edge in long))


def column_of(diagram: Diagram, number: int) -> int:
    return bisect(diagram.heads, number)
