"""Where things stand in a row, and where a long row is broken.

Positions grow from left to right; each thing stands as far left as the words and shapes before it let it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from cnnspec.draw.diagram.model import group_pairs
from cnnspec.draw.metrics import width
from cnnspec.draw.volume.breaks import best_breaks, crossings, row_cost
from cnnspec.draw.volume.figure_model import Figure, Skip, Volume
from cnnspec.draw.volume.primitives import TEXT_SIZE, Point, TextBlock
from cnnspec.draw.volume.scale import FigureScale
from cnnspec.draw.volume.solids import Plane, Solid, solid

LINE, LONGEST = 50.0, 100.0  # how wide a line of an operation is to be, and how wide a word may make it
ALONG = 150.0  # how wide the words along a skip may be
_BREAKS = re.compile(r" (?=[^\W\d])")  # before the name of an argument, not before its value
GAP, STUB, APART, LOOSEST = 15.0, 14.0, 3.0, 40.0


class Sized(NamedTuple):
    """A volume, and how much room it takes."""

    volume: Volume
    solid: Solid
    label: TextBlock
    fault: TextBlock
    words: TextBlock

    @property
    def label_width(self) -> float:
        return max(self.label.width, self.fault.width)


class Spot(NamedTuple):
    """A volume in its row: where its solid begins, the middle of its label, and that of its operation."""

    number: int
    sized: Sized
    x: float
    label: float
    words: float

    @property
    def end(self) -> float:
        return self.x + self.sized.solid.width

    @property
    def centre(self) -> float:
        return (self.x + self.end) / 2

    @property
    def arriving(self) -> Plane:
        return self.sized.solid.arriving.moved(self.x)

    @property
    def leaving(self) -> Plane:
        return self.sized.solid.leaving.moved(self.x)

    @property
    def entry(self) -> Point:
        """Where an arrow ends: on the left edge, level with the middle if it can be."""
        return Point(self.x + self.sized.solid.inset, level(self.arriving))

    @property
    def pixel(self) -> Point:
        """What a kernel makes: a point of a sheet, or of the edge where no face looks that way."""
        # a sheet's face looks at the reader; of a slab's left side only the front edge is seen
        return self.arriving.at(0.3, 0.3) if self.arriving.across.x else self.entry

    @property
    def exit(self) -> Point:
        """Where an arrow begins, level with the middle if it can."""
        return Point(self.leaving.at(self.sized.solid.exit, 0.5).x, level(self.leaving))

    @property
    def right(self) -> float:
        """The right end of all of it."""
        half, other = self.sized.label_width / 2, self.sized.words.width / 2
        return max(self.end, self.label + half, self.words + other)

    def moved(self, by: float, words: float | None = None) -> Spot:
        """Further to the right; `words` that lead to it perhaps not as far."""
        on = by if words is None or self.sized.volume.sign else words
        return self._replace(x=self.x + by, label=self.label + by, words=self.words + on)


def level(plane: Plane) -> float:
    """The height on a face that is nearest to the row's middle."""
    top = plane.corner.y + plane.across.y / 2
    return min(max(0.0, top), top + plane.down.y)


def give_size(volume: Volume, scale: FigureScale, sheets: bool, line: float = LINE) -> Sized:
    # what the form does not depend on is left out, so that equal forms are one entry in the cache of `solid`
    form = solid(
        volume._replace(words=(), label=(), window=None, transposed=False, fed=True, fault=""), scale, sheets
    )
    # a circle tells no shape, which is that of a value it joins, but the names of outputs
    label = TextBlock.fill(volume.label[:-1] if volume.sign else volume.label, 0, LONGEST)
    fault = TextBlock.fill(volume.fault.split(), LONGEST, LONGEST)
    return Sized(volume, form, label, fault, TextBlock.fill(pieces(volume.counted_words), line, LONGEST))


def pieces(words: Sequence[str]) -> list[str]:
    """What an operation says, broken wherever a line may end; commas between layers."""
    parts = [f"{part}," for part in words[:-1]] + list(words[-1:])
    return [word for part in parts for word in break_up(part)]


def break_up(part: str) -> list[str]:
    """Behind the layer and before arguments; a stride or a count stays with what it belongs to."""
    layer, between, rest = part.partition(" ")
    found = _BREAKS.split(rest) if between else []
    # conv 3x3 groups 10 -> [conv 3x3, groups 10]; maxpool 3x3 /2 -> [maxpool, 3x3 /2], too long for a line
    if rest[:1] in ("/", "×") or (found and width(f"{layer} {found[0]}", TEXT_SIZE) <= LINE):
        return [f"{layer} {found[0]}", *found[1:]]
    return [layer, *found]


def spread(
    things: Sequence[Sized], first: int, left: float, right: float, skips: Mapping[int, Sequence[Skip]]
) -> Iterator[Spot]:
    """As many things from the first one on as fit between left and right; one at least.

    `skips` are those with words, by the volume that they lead to.
    """
    spots: list[Spot] = []
    for number in range(first, len(things)):
        spot = beside(spots, number, things[number], left)
        for skip in skips.get(number, ()):
            # a value of the row before, if it is the last one, comes in at the left end
            begins = {other.number: other.end for other in spots} | {first - 1: left + STUB}
            if skip.tail in begins:
                lack = max(0.0, begins[skip.tail] + width(skip.words, TEXT_SIZE) + 2 * APART - spot.x)
                # words in the middle of a gap move half as far as its right end
                spot = spot.moved(lack, lack / 2)
        if spots and spot.right > right - STUB:
            break
        spots.append(spot)
        yield spot


def beside(spots: Sequence[Spot], index: int, thing: Sized, left: float) -> Spot:
    """The nearest place to the right of what stands there."""
    half = thing.solid.width / 2
    words, label = thing.words.width / 2, thing.label_width / 2
    # the words of a join say what follows it, as `relu`: they stand at it, not before
    is_join = bool(thing.volume.sign)
    if not spots:
        stub = STUB if thing.volume.fed else 0.0
        # words in the middle of the stub, x - stub/2, begin at `left`: x >= left + stub/2 + words
        led = words - half if is_join else words + stub / 2
        x = left + max(stub, label - half, led if thing.words.width else 0.0)
        return Spot(index, thing, x, x + half, x + half if is_join else max(x - stub / 2, left + words))
    before = spots[-1]
    gap = gap_before(thing, before.sized)
    labelled, named = reaches(spots, left)
    x = max(before.end + gap, labelled + label - half)
    if thing.words.width:
        # in the middle of a gap, (end + x) / 2, words begin behind the last: x >= 2 * (named + words) - end
        x = max(x, named + words - half if is_join else 2 * (named + words) - before.end)
    return Spot(index, thing, x, x + half, x + half if is_join else (before.end + x) / 2)


def reaches(spots: Sequence[Spot], left: float) -> tuple[float, float]:
    """From where on there is room for labels, and for operations: behind the last of either."""
    labels = (s.label + s.sized.label_width / 2 + APART for s in reversed(spots) if s.sized.label_width)
    words = (s.words + s.sized.words.width / 2 + APART for s in reversed(spots) if s.sized.words.width)
    return next(labels, left), next(words, left)


def gap_before(thing: Sized, before: Sized) -> float:
    # no arrow leads to it: twice the room tells that it begins anew
    if not thing.volume.fed:
        return 2 * GAP
    if "circle" in (thing.solid.form, before.solid.form):
        return GAP * 0.7
    return GAP


def wrapped(
    figure: Figure, things: Sequence[Sized], left: float, right: float, start: int = 0
) -> list[list[Spot]]:
    """The things from `start` on in rows: few, cut where nothing skips and at inputs, and evenly filled."""
    with_words, count = by_head(figure.skips), len(things)
    ways = [(skip.tail + 1, skip.head) for skip in figure.skips]
    # a way from a volume to the next but one is torn by a break before either of the two behind it
    torn = crossings([*ways, *((brace.first, brace.last) for brace in figure.braces)], count)

    def rows_from(first: int) -> Iterator[tuple[int, float]]:
        for spot in spread(things, first, left, right, with_words):
            # inputs side by side in one row would look as if one made the other
            if spot.number > first and begins_row(spot.sized.volume):
                break
            yield spot.number + 1, row_cost(spot.right / right, torn[spot.number + 1])

    rows = []
    for numbers in best_breaks(start, count, rows_from):
        row = list(islice(spread(things, numbers.start, left, right, with_words), len(numbers)))
        # all rows but the last leave room at the right, where the way to the next one begins
        rows.append(justify(row, right if numbers.stop == count else right - STUB))
    return rows


def begins_row(volume: Volume) -> bool:
    return volume.kind == "input" and not volume.fed


def fewest_rows(
    things: Sequence[Sized], left: float, right: float, start: int, skips: Mapping[int, Sequence[Skip]]
) -> int:
    """How many rows there are at least: each as full as it can be."""
    count = 0
    while start < len(things):
        start, count = max(spot.number for spot in spread(things, start, left, right, skips)) + 1, count + 1
    return count


def by_head(skips: Sequence[Skip]) -> dict[int, list[Skip]]:
    """Skips with words, by the volume that they lead to."""
    return group_pairs((skip.head, skip) for skip in skips if skip.words)


def justify(spots: Sequence[Spot], right: float) -> list[Spot]:
    """The row as wide as the page, unless it is much shorter."""
    gaps = max(1, len(spots) - 1)
    more = min(LOOSEST, max(0.0, right - spots[-1].right) / gaps)
    # words stand between i - 1 and i, and so move by the mean of both: (i - 0.5) * more
    return [spot.moved(i * more, max(0.0, i - 0.5) * more) for i, spot in enumerate(spots)]
