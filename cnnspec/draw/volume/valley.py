"""Nets that narrow and widen again, drawn as Ronneberger et al. (2015) did: down the left, up the right.

A level is what has one size: on the left what comes before a skip, on the right what takes it. The skips
lead straight across; all that is below the last of them lies at the bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from cnnspec.draw.metrics import width
from cnnspec.draw.volume.figure_model import Brace, Figure, Skip, Volume
from cnnspec.draw.volume.primitives import (
    PITCH,
    TEXT_SIZE,
    Point,
    Polyline,
    Primitive,
    TextBlock,
    TextLine,
    shift,
)
from cnnspec.draw.volume.row_layout import (
    APART,
    GAP,
    Sized,
    Spot,
    by_head,
    pieces,
    spread,
)
from cnnspec.draw.volume.strip import Strip, Tags, numbered, part_skips

SIDE, CHANNEL, MOST_INDENT = 9.0, 15.0, 40.0  # beside a level, below it, and from level to level
NIBBLED = 1.5  # times the size, from which on a map is on another level
INFINITE = float("inf")


class Level(NamedTuple):
    """Numbers of volumes: those on the left, and those on the right; the bottom has none on the right.

    `skips` lead from side to side, or past volumes of one. `braces` are the repeated ones.
    """

    left: range
    right: range
    skips: Sequence[Skip] = ()
    braces: Sequence[Brace] = ()

    @property
    def crossing(self) -> list[Skip]:
        return [skip for skip in self.skips if skip.tail in self.left and skip.head in self.right]

    def is_straight(self, skip: Skip) -> bool:
        return (skip.tail, skip.head) == (self.left.stop - 1, self.right.start)


class Valley(NamedTuple):
    """The levels from the top to the bottom, the skips that no line shows, and the volume behind the U."""

    levels: list[Level]
    loose: list[Skip]
    end: int


def valley(figure: Figure) -> Valley | None:
    """The U that a net begins with, or None. What does not work on the value before stands behind the U."""
    unfed = (i for i, volume in enumerate(figure.volumes) if i and not volume.fed)
    end = next(unfed, len(figure.volumes))
    within = [skip for skip in figure.skips if skip.head < end]
    crossing = [skip for skip in sorted(within) if crosses(figure, skip)]
    # levels as they are handed across, of which each lies within the one above: 568 > 280 > 136 > 64
    last = {side(figure, skip.tail): skip.tail for skip in crossing}  # of two values of a size the inner one
    groups = [[skip for skip in crossing if skip.tail == tail] for tail in sorted(last.values())]
    # UNet: skips 2 -> 24, 5 -> 21, 8 -> 18, 11 -> 15: each ends before the one above it does
    nested = all(a[0].head > b[-1].head for a, b in pairwise(groups))
    shrinking = all(side(figure, a[0].tail) > side(figure, b[0].tail) for a, b in pairwise(groups))
    faulty = any(volume.kind == "fault" for volume in figure.volumes)
    if faulty or len(groups) < 2 or not nested or not shrinking:
        return None
    found: list[Level] = []
    low, high = 0, end  # what no level above has taken: each takes its part from both ends
    for skips in groups:
        # UNet's top: volumes 0 to 2 on the left, 24 to 27 on the right; what is left lies between, 3 to 23
        start = rise(figure, skips[0])
        found.append(Level(range(low, skips[0].tail + 1), range(start, high)))
        low, high = skips[0].tail + 1, start
    found.append(Level(range(low, high), range(0)))
    return with_skips(figure, found, end)


def with_skips(figure: Figure, found: list[Level], end: int) -> Valley | None:
    """The U of those levels, with all skips that begin in it; None where what is repeated is on several.

    On the left of a level the last value of the one above is at hand.
    """
    row_of = {number: i for i, level in enumerate(found) for number in (*level.left, *level.right)}
    # the value before a level's first comes down to it: a skip may begin there, too
    entering = {level.left.start - 1: i for i, level in enumerate(found)}
    inside, loose = part_skips((skip for skip in figure.skips if skip.tail < end), row_of, entering)
    braces = [brace for brace in figure.braces if brace.times > 1 and brace.first < end]
    held = [[b for b in braces if is_in(b, level.left) or is_in(b, level.right)] for level in found]
    # `repeat 2 { … }` around a whole U: its brace is on no single level
    if sum(map(len, held)) < len(braces):
        return None
    levels = [level._replace(skips=inside.get(i, ()), braces=held[i]) for i, level in enumerate(found)]
    return Valley(levels, loose, end)


def is_in(brace: Brace, numbers: range) -> bool:
    return brace.first in numbers and brace.last in numbers


def by_size(figure: Figure, found: Valley) -> Iterator[Valley]:
    """The U, and with levels above for what is larger than all that is handed across: one, or more."""
    yield found
    first, *others = found.levels
    left, right = parted(figure, first.left), parted(figure, first.right)[::-1]
    # one size on the right, FPN: more on the left stands above the U; as many as left: pair them up
    if len(right) not in (1, len(left)):
        return
    for sizes in range(len(left) - 1, 0, -1) if len(right) == 1 else (1,):
        starts = [*(left[i].start for i in range(0, len(left) - 1, sizes)), left[-1].start]
        downs = [range(a, b) for a, b in pairwise([*starts, first.left.stop])]
        ups = [range(0)] * (len(downs) - len(right)) + right
        if made := with_skips(figure, [*map(Level, downs, ups), *others], found.end):
            yield made


def parted(figure: Figure, numbers: range) -> list[range]:
    """Neighbours of much the same size: unpadded convolutions only nibble at it."""
    # 572 570 568 | 284 282 280 | 140: cut where the size is not within 1.5 times that before
    sizes = {i: max(1, side(figure, i)) for i in numbers}
    cuts = [i for i in numbers[1:] if not 1 / NIBBLED < sizes[i] / sizes[i - 1] < NIBBLED]
    return [range(a, b) for a, b in pairwise([numbers.start, *cuts, numbers.stop])]


def crosses(figure: Figure, skip: Skip) -> bool:
    """Whether a skip leads past smaller maps to one that is larger again."""
    least = min(side(figure, number) for number in range(skip.tail + 1, skip.head))
    return least < side(figure, skip.tail) and least < side(figure, skip.head)


def side(figure: Figure, number: int) -> int:
    return figure.volumes[number].shape.height or 0


def rise(figure: Figure, skip: Skip) -> int:
    """The first volume before the skip's end that has its size."""
    number = skip.head
    while number - 1 > skip.tail + 1 and side(figure, number - 1) == side(figure, skip.head):
        number -= 1
    return number


def without_resizes(figure: Figure) -> Figure:
    """The figure without the maps that are enlarged only to be laid beside others: their bands show them."""
    joins = {
        skip.head
        for skip in figure.skips
        if figure.volumes[skip.head].bands and figure.volumes[skip.head].fed
    }
    enlarged = {i - 1 for i in joins if side(figure, i - 2) < side(figure, i - 1) == side(figure, i)}
    gone = enlarged - {end for skip in figure.skips for end in (skip.tail, skip.head)}
    return merge_volumes(
        figure, gone, lambda volume, after: after._replace(words=(*volume.words, *after.words))
    )


def condense(figure: Figure) -> Figure:
    """The figure in less room: an operation and the same again as one, ×2; of equal sizes only the first."""
    # not to become one with the volume before: what is behind a skip's begin, at its end, or at a brace's
    ends = {skip.tail + 1 for skip in figure.skips} | {skip.head for skip in figure.skips}
    ends |= {brace.first for brace in figure.braces} | {brace.last + 1 for brace in figure.braces}
    gone = {
        i
        for i, (volume, after) in enumerate(pairwise(figure.volumes))
        if volume.words == after.words
        and volume.shape.channels == after.shape.channels
        and volume.kind == after.kind != "block"
        and not (volume.sign or volume.leaves)
        if after.fed and i + 1 not in ends
    }
    found = merge_volumes(
        figure, gone, lambda volume, after: after._replace(times=volume.times + after.times)
    )
    pairs = zip(found.volumes, (None, *found.volumes), strict=False)
    return found._replace(volumes=tuple(narrow(volume, before) for volume, before in pairs))


def narrow(volume: Volume, before: Volume | None) -> Volume:
    """The volume with its size on a line of its own where that is another than the one before has."""
    channels, at, size = "".join(volume.label[-1:]).partition("@")
    if not at or volume.sign:
        return volume
    # `64@128x128` behind `32@128x128` is `64`; where the size is new, `64@` and below it `128x128`
    known = before and before.shape.is_map and volume.shape.size == before.shape.size
    brief = known and volume.fed and len(volume.label) == 1
    shape = (channels,) if brief else (channels + at, size)
    return volume._replace(label=(*volume.label[:-1], *shape))


def merge_volumes(figure: Figure, gone: Set[int], merge: Callable[[Volume, Volume], Volume]) -> Figure:
    """Each of those volumes becomes one with the next."""
    volumes, place = list[Volume](), list[int]()
    for i, volume in enumerate(figure.volumes):
        # place: by the old number the new one: gone {1} -> [0, 1, 1, 2]
        if i - 1 in gone:
            volumes[-1] = merge(volumes[-1], volume)
        else:
            volumes.append(volume)
        place.append(len(volumes) - 1)
    skips = tuple(skip._replace(tail=place[skip.tail], head=place[skip.head]) for skip in figure.skips)
    braces = tuple(b._replace(first=place[b.first], last=place[b.last]) for b in figure.braces)
    return figure._replace(volumes=tuple(volumes), skips=skips, braces=braces)


class Rung(NamedTuple):
    """A level in its place, its parts around y = 0."""

    left: list[Spot]
    right: list[Spot]
    strip: Strip


def rungs(found: Valley, things: Sequence[Sized], left: float, right: float) -> list[Rung] | None:
    """The levels, each further in than the one above; None where there is no room."""
    downs = [group(things, level.left, level.skips) for level in found.levels]
    ups = [group(things, level.right, level.skips) for level in found.levels]
    rooms: list[float] = []  # to be left free beside each level
    for i, (level, down, up) in enumerate(zip(found.levels, downs, ups, strict=True)):
        # beside all levels but the top one the ways down and up need room
        need = length(down) + length(up) + 2 * SIDE * (i > 0)
        if level.crossing:
            need += GAP + max(fill_words([skip.words]).width for skip in level.crossing)
        rooms.append(right - left - need)
    if min(rooms) < 0:
        return None
    # level i stands i indents in on both sides, so half of its room is shared by i of them
    indent = min(MOST_INDENT, *(room / 2 / i for i, room in enumerate(rooms) if i))
    made, tags = list[Rung](), numbered(found.loose)
    for i, (level, down, up) in enumerate(zip(found.levels, downs, ups, strict=True)):
        bottom = i == len(downs) - 1
        inset = (right - left - length(down)) / 2 if bottom else i * indent + SIDE * (i > 0)
        begin = [spot.moved(left + inset) for spot in down]
        end = [spot.moved(right - inset - length(up)) for spot in up]
        made.append(Rung(begin, end, across(begin, end, level, tags)))
    return made


def group(things: Sequence[Sized], numbers: range, skips: Sequence[Skip]) -> list[Spot]:
    """Neighbours from x = 0 on; what leads to the first of them stands elsewhere."""
    if not numbers:
        return []
    row = list(things[: numbers.stop])
    first = row[numbers.start]._replace(words=TextBlock())
    row[numbers.start] = first._replace(volume=first.volume._replace(fed=False))
    return list(spread(row, numbers.start, 0, INFINITE, by_head(skips)))


def length(spots: Sequence[Spot]) -> float:
    return max((spot.right for spot in spots), default=0.0)


def across(left: list[Spot], right: list[Spot], level: Level, tags: Tags) -> Strip:
    """A level's two sides, and the skips from one to the other: straight, or above what stands between.

    Words stand above, for the ways to other levels lead below.
    """
    strip = Strip([*left, *right], -INFINITE, INFINITE)
    straight = [skip for skip in level.skips if level.is_straight(skip)]
    strip.add_solids(left)
    strip.add_solids(right)
    strip.add_skips([skip for skip in level.skips if skip not in straight], tags)
    strip.add_labels(strip.above)
    strip.add_operations(strip.above)
    strip.add_braces(level.braces, strip.above, INFINITE)
    for skip in straight:
        begin, end = left[-1].exit, right[0].entry
        strip.parts.append(Polyline((begin, end), "skip", 1.1, arrow=True))
        words = fill_words([skip.words], right[0].x - left[-1].end - GAP)
        top = -2.4 - words.height
        strip.parts += words.centred((left[-1].end + right[0].x) / 2, top, "skip")
        strip.above.add(left[-1].end, right[0].x, top)
    return strip


def fill_words(words: Sequence[str], room: float = 0.0) -> TextBlock:
    return TextBlock.fill(pieces(words), room)


def caption(words: Sequence[str], x: float, edge: float, middle: float) -> list[Primitive]:
    """What an operation says beside a way at x, the last line on y = 0.

    One line towards the page's edge if it fits there; else lines on the side that has more room.
    """
    outer, inner = abs(edge - x) - APART, abs(middle - x) - APART
    room = outer if width(", ".join(words), TEXT_SIZE) <= outer else max(outer, inner)
    ends = (edge if room == outer else middle) < x
    lines = TextBlock.fill(pieces(words), room, room).lines
    starts = (x - APART - width(line, TEXT_SIZE) if ends else x + APART for line in lines)
    return [
        TextLine(Point(start, (i + 1 - len(lines)) * PITCH), line, False, "quiet")
        for i, (start, line) in enumerate(zip(starts, lines, strict=True))
    ]


def stairs(made: Sequence[Rung], top: float, left: float, right: float) -> tuple[list[Primitive], float]:
    """All levels below each other between left and right, with the ways down and up; and where they end."""
    solids: list[Primitive] = []
    ways: list[Primitive] = []
    y, high = top, 0.0
    for upper, rung in zip((None, *made), made, strict=False):
        if upper is None:
            low = y - rung.strip.above.end
        else:
            tail, head, rise_to = upper.left[-1], rung.left[0], upper.right[:1]
            middle = (tail.centre + (rise_to[0].centre if rise_to else right)) / 2
            said = [caption(head.sized.volume.counted_words, tail.centre, left, middle)]
            said += (caption(spot.sized.volume.counted_words, spot.centre, right, middle) for spot in rise_to)
            # the y on which the ways run across; captions of several lines need more room above it
            corridor = y + CHANNEL - 5 + PITCH * (max(map(len, said)) - 1)
            low = corridor + 5 - rung.strip.above.end
            ways.append(down(tail, head, (high, corridor, low)))
            last = (rung.right or rung.left)[-1]
            ways += (up(last, spot, (low, corridor, high)) for spot in rise_to)
            ways += (shift(line, 0, corridor - 2.4) for lines in said for line in lines)
        solids += [shift(part, 0, low) for part in rung.strip.parts]
        y, high = low + rung.strip.below.end, low
    return [*solids, *ways], y


def down(tail: Spot, head: Spot, heights: tuple[float, float, float]) -> Polyline:
    """From below the last of a level around the left of the next level's first."""
    start, corridor, end = heights
    a, b = tail.centre, min(head.x, head.label - head.sized.label_width / 2) - SIDE / 2
    under, into = start + tail.sized.solid.height / 2, Point(head.entry.x, end + head.entry.y)
    path = (Point(a, under), Point(a, corridor), Point(b, corridor), Point(b, into.y), into)
    return Polyline(path, arrow=True)


def up(tail: Spot, head: Spot, heights: tuple[float, float, float]) -> Polyline:
    """From the right of the last of a level to below the first of the level above."""
    start, corridor, end = heights
    a, b = tail.right + SIDE / 2, head.centre
    under = end + head.sized.solid.height / 2 + APART / 2
    begin = Point(tail.exit.x, start + tail.exit.y)
    path = (begin, Point(a, begin.y), Point(a, corridor), Point(b, corridor), Point(b, under))
    return Polyline(path, arrow=True)
