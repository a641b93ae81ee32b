"""Nets of several resolutions side by side, drawn as Wang et al. (2020) did: a row a resolution.

What may run at the same time stands in one column. Where the page is too narrow for all columns, all rows go
on below. A label that is that of the volume before is left out, and of equal operations in a column only the
lowest is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cnnspec.draw.volume.breaks import best_breaks, crossings, row_cost
from cnnspec.draw.volume.figure_model import Brace, Figure, Skip
from cnnspec.draw.volume.primitives import Point, Polyline, Primitive, TextBlock, shift
from cnnspec.draw.volume.row_layout import GAP, LOOSEST, STUB, Sized, Spot, reaches
from cnnspec.draw.volume.strip import Strip, numbered, part_skips

LEAST = 3  # resolutions side by side that have rows of their own
BROAD = 1.6  # volumes to a column, from which on a net is one of streams
BETWEEN = 5.0  # from row to row

System = list[list[Spot]]  # a few columns: by row the volumes in it, the largest maps above


class Streams(NamedTuple):
    """By volume its column and its row: a resolution's.

    `straight` are the ways that lead to the next volume of a row, `others` all other ways.
    """

    columns: list[int]
    rows: list[int]
    straight: set[Skip]
    others: list[Skip]
    braces: tuple[Brace, ...]


def streams(figure: Figure) -> Streams | None:
    """Where a net's volumes stand, None where no three resolutions run side by side for long."""
    volumes = figure.volumes
    ways = sorted((*figure.skips, *(Skip(i - 1, i) for i, volume in enumerate(volumes) if i and volume.fed)))
    heights = [volume.shape.height or 0 for volume in volumes]
    alive: list[set[int]] = [set() for _ in volumes]  # sizes that are yet to be used behind each volume
    for way in ways:
        for i in range(way.tail, way.head):
            alive[i].add(heights[way.tail])
    # behind the input {64}, where three streams run {64, 32, 16}: these are the rows
    widest: set[int] = max(alive, key=len, default=set())
    sizes, rows = sorted(widest, reverse=True), list[int]()
    for i, height in enumerate(heights):
        before = (rows[way.tail] for way in ways if way.head == i)
        # a stem of another size stands in the row of what it works on, or in the first
        rows.append(sizes.index(height) if height in sizes else next(before, 0))
    columns = columns_of(rows, ways)
    if len(sizes) < LEAST or len(volumes) < BROAD * len(set(columns)):
        return None
    order = sorted(range(len(volumes)), key=lambda i: (rows[i], columns[i]))
    nexts = {(a, b) for a, b in pairwise(order) if rows[a] == rows[b]}
    straight = {way for way in ways if (way.tail, way.head) in nexts and not way.words}
    return Streams(columns, rows, straight, [way for way in ways if way not in straight], figure.braces)


def columns_of(rows: Sequence[int], ways: Sequence[Skip]) -> list[int]:
    """Each volume behind all that it works on, and what works on a single value right before what follows it.

    So all that is mixed next stands in one column.
    """
    tails: list[list[int]] = [[] for _ in rows]
    heads: list[list[int]] = [[] for _ in rows]
    for way in ways:
        tails[way.head].append(way.tail)
        heads[way.tail].append(way.head)
    columns, taken = list[int](), set[tuple[int, int]]()
    for row, before in zip(rows, tails, strict=True):
        column = 1 + max((columns[tail] for tail in before), default=-1)
        # two volumes of a row that could run at once stand behind each other
        while (row, column) in taken:
            column += 1
        taken.add((row, column))
        columns.append(column)
    for i in reversed(range(len(rows))):  # what follows has its place by then
        end = min((columns[head] for head in heads[i]), default=0)
        while len(tails[i]) == 1 and columns[i] + 1 < end and (rows[i], columns[i] + 1) not in taken:
            taken.remove((rows[i], columns[i]))
            columns[i] += 1
            taken.add((rows[i], columns[i]))
    # columns that are empty now are dropped: 0 1 4 -> 0 1 2
    kept = sorted(set(columns))
    return [kept.index(column) for column in columns]


def systems(found: Streams, things: Sequence[Sized], left: float, right: float) -> list[System]:
    """The columns beside each other, as many as there is room for; then the next ones."""
    led = {way.head for way in found.straight}
    columns: list[dict[int, Sized]] = [{} for _ in range(1 + max(found.columns))]
    for i, thing in enumerate(things):
        # fed is now said of its own row: what comes from other rows has lines of its own
        columns[found.columns[i]][i] = thing._replace(volume=thing.volume._replace(fed=i in led))
    spans = [(found.columns[way.tail], found.columns[way.head]) for way in found.others]
    spans += ((found.columns[brace.first], found.columns[brace.last]) for brace in found.braces)
    torn = crossings(spans, len(columns))

    def rows_from(first: int) -> Iterator[tuple[int, float]]:
        for count, (_, end) in enumerate(stand(found, columns[first:], left, right), first + 1):
            yield count, row_cost(end / right, torn[count])

    made: list[System] = []
    for numbers in best_breaks(0, len(columns), rows_from):
        rows: System = [[] for _ in range(1 + max(found.rows))]
        shown = list(stand(found, columns[numbers.start : numbers.stop], left, right))
        # what a system leaves free is shared out between its columns
        gap = max(0.0, right - STUB - shown[-1][1]) / max(1, len(shown) - 1)
        for i, (spots, _) in enumerate(shown):
            for spot in spots:
                rows[found.rows[spot.number]].append(spot.moved(i * min(LOOSEST, gap)))
        made.append(rows)
    return made


def stand(
    found: Streams, columns: Sequence[Mapping[int, Sized]], left: float, right: float
) -> Iterator[tuple[list[Spot], float]]:
    """The volumes of each column, at one x, and where all ends: of as many as fit, but one at least."""
    rows: System = [[] for _ in range(1 + max(found.rows))]
    end = left
    for column in columns:
        spots = stack(rows, found, column, left)
        end = max(end, *(spot.right for spot in spots))
        if end > right - STUB and any(rows):
            break
        for spot in spots:
            rows[found.rows[spot.number]].append(spot)
        yield spots, end


def stack(rows: System, found: Streams, column: Mapping[int, Sized], left: float) -> list[Spot]:
    """The volumes of a column to the right of all that stands in the rows, at one x."""
    lowest = {thing.volume.counted_words: i for i, thing in column.items()}
    spots, x = list[Spot](), max([left, *(row[-1].end + GAP for row in rows if row)])
    for i, thing in column.items():
        row = rows[found.rows[i]]
        if row and row[-1].sized.volume.label == thing.volume.label:
            thing = thing._replace(label=TextBlock(), fault=TextBlock())
        if lowest[thing.volume.counted_words] != i:
            thing = thing._replace(words=TextBlock())
        wide = thing.solid.width
        outer = max(0.0, (thing.label_width - wide) / 2)
        label = wide / 2 + (-outer if thing.volume.fed else outer)  # on the side where no ways slant
        spot = Spot(i, thing, 0.0, label, wide / 2 if thing.volume.sign else -GAP / 2)
        labelled, named = reaches(row, left)
        x = max(
            x,
            left + STUB,
            labelled + thing.label_width / 2 - spot.label,
            named + thing.words.width / 2 - spot.words,
        )
        spots.append(spot)
    return [spot.moved(x) for spot in spots]


def draw_streams(
    found: Streams, made: Sequence[System], top: float, left: float, right: float
) -> tuple[list[Primitive], float]:
    """All systems below each other, and where they end."""
    system = {spot.number: i for i, rows in enumerate(made) for row in rows for spot in row}
    row_of = {i: (system[i], row) for i, row in enumerate(found.rows)}
    slanted = [
        way
        for way in found.others
        if system[way.tail] == system[way.head] and found.rows[way.tail] != found.rows[way.head]
        if found.columns[way.tail] + 1 == found.columns[way.head] and not way.words
    ]
    rails, loose = part_skips((way for way in found.others if way not in slanted), row_of, {})
    tags, begun = numbered(loose), {way.tail for way in found.straight}
    parts: list[Primitive] = []
    y = top
    for rows in made:
        at: dict[int, tuple[Spot, float]] = {}
        filled = [row for row in rows if row]
        for i, row in enumerate(filled):
            strip = Strip(row, left, right)
            strip.add_solids(row)
            if row[0].sized.volume.fed:
                strip.parts.append(Polyline((Point(left, row[0].entry.y), row[0].entry), arrow=True))
            if row[-1].number in begun:
                strip.parts.append(Polyline((row[-1].exit, Point(right, row[-1].exit.y))))
            strip.add_skips(rails.get(row_of[row[0].number], ()), tags)
            strip.add_labels(strip.above)
            # ways from row to row slant below the first one and above the last
            strip.add_operations(strip.above if i == 0 < len(filled) - 1 else strip.below)
            y -= strip.above.end
            parts += [shift(part, 0, y) for part in strip.parts]
            at |= {spot.number: (spot, y) for spot in row}
            y += strip.below.end + BETWEEN
        for (tail, begin), (head, end) in ((at[way.tail], at[way.head]) for way in slanted if way.tail in at):
            points = (Point(tail.exit.x, tail.exit.y + begin), Point(head.entry.x, head.entry.y + end))
            parts.append(Polyline(points, "skip", 0.8, arrow=True))
        whole = Strip([spot for row in rows for spot in row], left, right)
        whole.below.add(left, right, y - BETWEEN)
        whole.add_braces(found.braces, whole.below, right)
        parts += whole.parts
        y = whole.below.end + 2 * BETWEEN
    return parts, y - 2 * BETWEEN
