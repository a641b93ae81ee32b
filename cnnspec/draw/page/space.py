"""The volumes in space: where each one stands, for a canvas to turn and to draw.

x runs along the net, y upwards, z away from who looks. What runs at the same time stands side by side;
a long net goes on in a row in front of the last, as lines of a text do.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import odds
from cnnspec.draw.diagram.model import Box, Diagram, boxes, group_pairs
from cnnspec.draw.page.entries import Contents
from cnnspec.draw.volume.breaks import best_breaks, crossings
from cnnspec.draw.volume.scale import FigureScale, is_vector
from cnnspec.values.shapes import Shape

BEHIND, BESIDE, AISLE = 34.0, 40.0, 120.0  # between volumes along the net and to the side, between rows
BROAD = 1.6  # the length of a row to the depth of all
CROSSED = 0.15  # of a row's length, what a value or a link less between rows is worth
LONGEST = 2.0  # of the length that rows have on average
FLAT, FAULT = 8.0, 16.0  # a vector's other sides; those of what does not fit


Sides = tuple[float, float, float]


class Slab(NamedTuple):
    """A volume: its middle and its sides along x, y and z, what it is, and the entries that make it.

    One of kind "fault" is no volume, but where one cannot be.
    """

    middle: Sides
    sides: Sides
    kind: str
    label: str
    layers: tuple[int, ...]


class Link(NamedTuple):
    """A value on its way from slab to slab.

    `skip`: past others; `around`: to another row; `fault`: it does not fit there.
    """

    tail: int
    head: int
    skip: bool
    around: bool
    fault: bool


class Space(NamedTuple):
    slabs: tuple[Slab, ...]
    links: tuple[Link, ...]


def space(diagram: Diagram, found: Contents) -> Space:
    """A slab for every box of a diagram but its outputs."""
    shown = [box for box in boxes(diagram.items) if box.kind != "output"]
    place = {box.number: i for i, box in enumerate(shown)}
    layers = [tuple(layers_of(box, found)) for box in shown]
    # conv, batchnorm, relu ×3 draws nine entries: the third is the last of the first copy
    shapes = [found.entries[of[len(box.parts) - 1]].leaving for box, of in zip(shown, layers, strict=True)]
    sides, wrong = sizes(shapes), odds(diagram)
    edges = [edge for edge in diagram.edges if edge.head in place]
    tails: list[list[int]] = [[] for _ in shown]
    for edge in edges:
        tails[place[edge.head]].append(place[edge.tail])
    ranks = columns(tails)
    zs, thick = beside(ranks, tails, sides), thickness(ranks, sides)
    # how deep a row is, its middle on z = 0, with the aisle before the next one
    depth = 2 * max(abs(z) + side / 2 for z, (_, _, side) in zip(zs, sides, strict=True)) + AISLE
    # c rows are L/c long and c*d deep: L/c = 1.6 * c*d at c = sqrt(L / (1.6 * d))
    count = max(1, round(math.sqrt(sum(thick) / (BROAD * depth))))
    starts = row_starts(thick, crossings(ways(ranks, tails), len(thick)), count)
    rows = [bisect(starts, rank) - 1 for rank in ranks]
    # three rows at +d, 0, -d: the first is the furthest from who looks
    zs = [z + depth * ((len(starts) - 1) / 2 - row) for z, row in zip(zs, rows, strict=True)]
    places = zip(along(ranks, thick, starts), zs, strict=True)
    middles = [(round(x, 1), 0.0, round(z, 1)) for x, z in places]
    labels = [label(box, shape, wrong.get(box.number, "")) for box, shape in zip(shown, shapes, strict=True)]
    slabs = map(Slab, middles, sides, (box.kind for box in shown), labels, layers)
    links = (
        Link(tail, head, ranks[head] - ranks[tail] > 1, rows[head] > rows[tail], bool(edge.fault))
        for edge, tail, head in ((edge, place[edge.tail], place[edge.head]) for edge in edges)
    )
    return Space(tuple(slabs), tuple(links))


def layers_of(box: Box, found: Contents) -> list[int]:
    """The entries that a box draws, in the order of execution."""
    return sorted(found.drawn[number] for number in (box.number, *box.others))


def label(box: Box, shape: Shape | None, wrong: str) -> str:
    times = f"×{box.times}" if box.times > 1 else ""
    return " ".join(str(part) for part in (shape, times, wrong) if part)


def sizes(given: list[Shape | None]) -> list[Sides]:
    """Sides in points: channels along the net, height upwards, width to the side; a cube where none are."""
    scale = FigureScale.of([shape for shape in given if shape is not None])
    found = []
    for shape in given:
        across = up = away = FAULT
        if shape is not None and is_vector(shape):
            across, up, away = FLAT, scale.of_units(int(shape.channels)), FLAT
        elif shape is not None:
            across, (up, away) = scale.of_channels(int(shape.channels)), map(scale.of_side, shape.size)
        found.append((round(across, 1), round(up, 1), round(away, 1)))
    return found


def columns(tails: list[list[int]]) -> list[int]:
    """The longest way to each box; boxes are in the order of execution."""
    ranks: list[int] = []
    for before in tails:
        ranks.append(1 + max((ranks[tail] for tail in before), default=-1))
    return ranks


def thickness(ranks: list[int], sides: list[Sides]) -> list[float]:
    """Of each rank that of its thickest slab, and of the room behind."""
    thick = [0.0] * (max(ranks) + 1)
    for rank, (across, _, _) in zip(ranks, sides, strict=True):
        thick[rank] = max(thick[rank], across + BEHIND)
    return thick


def ways(ranks: list[int], tails: list[list[int]]) -> list[tuple[int, int]]:
    """From which rank to which each link leads, and each value as far as it is used."""
    furthest: dict[int, int] = {}
    for head, before in enumerate(tails):
        for tail in before:
            furthest[tail] = max(furthest.get(tail, 0), ranks[head])
    # a value that is read three times counts four times: its three links, and itself once
    links = [(ranks[tail], ranks[head]) for head, before in enumerate(tails) for tail in before]
    return [*links, *((ranks[tail], end) for tail, end in furthest.items())]


def along(ranks: list[int], thick: list[float], starts: list[int]) -> list[float]:
    """The x of each box, the middle of the longest row at 0."""
    ends = list(accumulate(thick, initial=0.0))
    length = max(ends[last] - ends[first] for first, last in pairwise([*starts, len(thick)]))
    begins = [ends[starts[bisect(starts, rank) - 1]] for rank in range(len(thick))]
    # in the middle of its rank's thickest slab, the room behind that left out; the longest row from -length/2
    return [ends[rank] - begins[rank] + (thick[rank] - BEHIND - length) / 2 for rank in ranks]


def row_starts(thick: list[float], crossed: list[int], count: int) -> list[int]:
    """The ranks that begin rows: of about equal length, with few links between them."""
    ends, row = list(accumulate(thick, initial=0.0)), sum(thick) / count

    def rows_from(first: int) -> Iterator[tuple[int, float]]:
        for stop in range(first + 1, len(ends)):
            filled = (ends[stop] - ends[first]) / row
            # a rank that alone is longer is a row, for there has to be one end at least
            if filled > LONGEST and stop > first + 1:
                break
            yield stop, (filled - 1) ** 2 + CROSSED * crossed[stop]

    return [row.start for row in best_breaks(0, len(thick), rows_from)]


def beside(ranks: list[int], tails: list[list[int]], sides: list[Sides]) -> list[float]:
    """The z of each box: as what it works on, moved aside as far as its neighbours need."""
    members = group_pairs((rank, i) for i, rank in enumerate(ranks))
    found = [0.0] * len(ranks)
    for rank in sorted(members):
        wanted = {i: sum(found[t] for t in tails[i]) / max(1, len(tails[i])) for i in members[rank]}
        row = sorted(members[rank], key=lambda i: (wanted[i], i))
        found[row[0]] = wanted[row[0]]
        for before, i in pairwise(row):
            room = found[before] + (sides[before][2] + sides[i][2]) / 2 + BESIDE
            found[i] = max(wanted[i], room)
        # 0 and 0 wanted, 40 apart: 0 and 40, then both moved by -20, around what they work on
        shift = sum(wanted[i] - found[i] for i in row) / len(row)
        for i in row:
            found[i] += shift
    return found
