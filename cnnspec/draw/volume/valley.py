"""Nets that narrow and widen again, drawn as Ronneberger et al. (2015) did: down the left, up the right.

A level is what has one size: on the left what comes before a skip, on the right what takes it. The skips
lead straight across; all that is below the last of them lies at the bottom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cnnspec.draw.metrics import cut, width
from cnnspec.draw.volume.arrange import APART, GAP, WORDS, Sized, Spot, by_head, fill_rows, pieces, spread
from cnnspec.draw.volume.figure_model import Figure, Skip, Step
from cnnspec.draw.volume.primitives import PITCH, Line, Point, Primitive, Text, shift
from cnnspec.draw.volume.skyline import Skyline
from cnnspec.draw.volume.strip import ABOVE, Rail, Strip, chain, labels, operations, overhead, roof

SIDE, CHANNEL, MOST_INDENT = 9.0, 15.0, 40.0  # beside a level, below it, and from level to level
INFINITE = float("inf")


class Level(NamedTuple):
    """Numbers of steps: those on the left, and those on the right; the bottom has none on the right.

    `skips` lead from the left to the right, `inner` past steps of one side. Others begin and end at their
    numbers: `leaving` and `arriving` tell them by step.
    """

    left: range
    right: range
    skips: tuple[Skip, ...]
    inner: tuple[Skip, ...] = ()
    leaving: Mapping[int, str] = {}
    arriving: Mapping[int, str] = {}


def levels(figure: Figure) -> list[Level]:
    """From the top to the bottom; nothing where a net is no U, or ends at a fault."""
    if any(step.kind == "fault" for step in figure.steps) or not all(step.fed for step in figure.steps[1:]):
        return []
    crossing = [skip for skip in sorted(figure.skips) if crosses(figure, skip)]
    last = {side(figure, skip.tail): skip.tail for skip in crossing}  # of two values of a size the inner one
    groups = [[skip for skip in crossing if skip.tail == tail] for tail in sorted(last.values())]
    nested = all(a[0].head > b[-1].head for a, b in pairwise(groups))
    shrinking = all(side(figure, a[0].tail) > side(figure, b[0].tail) for a, b in pairwise(groups))
    if len(groups) < 2 or not nested or not shrinking:
        return []
    found: list[Level] = []
    low, high = 0, len(figure.steps)
    for skips in groups:
        start = rise(figure, skips[0])
        found.append(Level(range(low, skips[0].tail + 1), range(start, high), tuple(skips)))
        low, high = skips[0].tail + 1, start
    return with_inner_skips([*found, Level(range(low, high), range(0), ())], figure.skips)


def crosses(figure: Figure, skip: Skip) -> bool:
    """Whether a skip leads past smaller maps to one that is larger again."""
    least = min(side(figure, number) for number in range(skip.tail + 1, skip.head))
    return least < side(figure, skip.tail) and least < side(figure, skip.head)


def with_inner_skips(found: list[Level], skips: Sequence[Skip]) -> list[Level]:
    """The levels with all other skips; nothing where one with words leads elsewhere than past one side.

    On the left it may begin where the level does, with what comes from above.
    """
    others = set(skips) - {skip for level in found for skip in level.skips}
    made = []
    for level in found:
        down, up = level.left, level.right
        here = range(max(0, down.start - 1), down.stop)
        inner = {
            skip
            for skip in others
            if (skip.tail in here and skip.head in down) or (skip.tail in up and skip.head in up)
        }
        others -= inner
        made.append(level._replace(inner=tuple(sorted(inner))))
    if any(skip.words for skip in others):
        return []
    numbers = {tail: str(i) for i, tail in enumerate(sorted({skip.tail for skip in others}), 1)}
    arriving: dict[int, str] = {}
    for skip in sorted(others):
        arriving[skip.head] = f"{arriving.get(skip.head, '')} {numbers[skip.tail]}".strip()
    return [level._replace(leaving=numbers, arriving=arriving) for level in made]


def side(figure: Figure, number: int) -> int:
    return figure.steps[number].shape.height or 0


def rise(figure: Figure, skip: Skip) -> int:
    """The first step before the skip's end that has its size."""
    number = skip.head
    while number - 1 > skip.tail + 1 and side(figure, number - 1) == side(figure, skip.head):
        number -= 1
    return number


def without_resizes(figure: Figure) -> Figure:
    """The figure without the maps that are enlarged only to be laid beside others: their bands show them."""
    gone = {
        skip.head - 1
        for skip in figure.skips
        if figure.steps[skip.head].bands
        and figure.steps[skip.head].fed
        and side(figure, skip.head - 2) < side(figure, skip.head - 1) == side(figure, skip.head)
        and not any(skip.head - 1 in (other.tail, other.head) for other in figure.skips)
    }
    place = {number: i for i, number in enumerate(n for n in range(len(figure.steps)) if n not in gone)}
    steps = [
        step._replace(words=(*figure.steps[i - 1].words, *step.words)) if i - 1 in gone else step
        for i, step in enumerate(figure.steps)
        if i not in gone
    ]
    skips = tuple(skip._replace(tail=place[skip.tail], head=place[skip.head]) for skip in figure.skips)
    return figure._replace(steps=tuple(steps), skips=skips, braces=())


class Rung(NamedTuple):
    """A level in its place, its parts around y = 0."""

    left: list[Spot]
    right: list[Spot]
    strip: Strip


def rungs(found: Sequence[Level], things: Sequence[Sized], left: float, right: float) -> list[Rung] | None:
    """The levels, each further in than the one above; None where there is no room."""
    sides = [
        (group(things, level.left, level.inner), group(things, level.right, level.inner)) for level in found
    ]
    depth = len(found) - 1
    indent = MOST_INDENT
    for i, (level, (down, up)) in enumerate(zip(found, sides, strict=True)):
        need = length(down) + length(up) + 2 * SIDE * (i > 0)
        if level.skips:
            need += max(2 * GAP, width(level.skips[0].words, WORDS) + 2 * GAP)
        if right - left < need:
            return None
        indent = min(indent, (right - left - need) / 2 / i) if i else indent
    made = []
    for i, (level, (down, up)) in enumerate(zip(found, sides, strict=True)):
        inset = i * indent + SIDE * (i > 0)
        if i == depth:
            inset = (right - left - length(down)) / 2
        begin, end = shift_spots(down, left + inset), shift_spots(up, right - inset - length(up))
        made.append(Rung(begin, end, across(begin, end, level)))
    return made


def group(things: Sequence[Sized], numbers: range, skips: Sequence[Skip]) -> list[Spot]:
    """Neighbours from x = 0 on; what leads to the first of them stands elsewhere."""
    if not numbers:
        return []
    first = things[numbers[0]]
    bare = first._replace(step=first.step._replace(fed=False), words=(), words_width=0.0)
    row = [*things[: numbers[0]], bare, *things[numbers[0] + 1 : numbers[-1] + 1]]
    return spread(row, numbers[0], 0, INFINITE, by_head(skips))


def length(spots: Sequence[Spot]) -> float:
    return max((spot.right for spot in spots), default=0.0)


def shift_spots(spots: Sequence[Spot], by: float) -> list[Spot]:
    return [s._replace(x=s.x + by, label=s.label + by, words=s.words + by) for s in spots]


def across(left: list[Spot], right: list[Spot], level: Level) -> Strip:
    """A level's two sides, and the skips from one to the other: straight, or above what stands between."""
    above, below = Skyline(-1), Skyline(1)
    parts: list[Primitive] = []
    for spots, numbers in ((left, level.left), (right, level.right)):
        inner = [Rail(*skip) for skip in level.inner if skip.head in numbers]
        parts += chain(spots, above, below)
        parts += overhead(spots, inner, above, (-INFINITE, INFINITE)) if inner else []
    for spot in (*left, *right):
        parts += tags(spot, level, above)
    parts += labels([*left, *right], above)
    parts += operations([*left, *right], below)
    for skip in level.skips:
        parts += bridge(skip, left[-1], right, above)
    return Strip(tuple(parts), above.end, below.end)


def tags(spot: Spot, level: Level, above: Skyline) -> list[Primitive]:
    """Above a step the numbers of skips that arrive from other levels, and of its own that lead there."""
    parts: list[Primitive] = []
    for words, sense in ((level.arriving.get(spot.number), -1), (level.leaving.get(spot.number), 1)):
        if words:
            foot, half = roof(spot, sense, 0), width(words, WORDS, bold=True) / 2
            y = above.free(foot.x - half, foot.x + half) - 2 * ABOVE
            way = (foot, Point(foot.x, y))
            parts.append(Line(way[::sense], "skip", 1.1, arrow=True))
            parts.append(Text(Point(foot.x, y - 2.4), words, WORDS, role="skip", bold=True))
            above.add(foot.x - half - APART, foot.x + half + APART, y - 2.4 - WORDS)
    return parts


def bridge(skip: Skip, tail: Spot, right: list[Spot], above: Skyline) -> list[Primitive]:
    head = next(spot for spot in right if spot.number == skip.head)
    path, y = [tail.exit, head.entry], 0.0
    if head is not right[0]:
        roof = Point(head.x + head.sized.solid.width / 2, -head.sized.solid.height / 2)
        x, y = tail.right + APART, above.free(tail.end, head.end) - ABOVE
        path = [tail.exit, Point(x, tail.exit.y), Point(x, y), Point(roof.x, y), roof]
        above.add(tail.end, head.end, y - 1)
    parts: list[Primitive] = [Line(tuple(path), "skip", 1.1, arrow=True)]
    if skip.words:
        middle = (tail.end + right[0].x) / 2
        parts.append(Text(Point(middle, y - 2.4), skip.words, WORDS, role="skip"))
        above.add(tail.end, right[0].x, y - 2.4 - WORDS)
    return parts


class Caption(NamedTuple):
    """What an operation says beside a way at x, in lines that end there or begin there."""

    lines: tuple[str, ...]
    x: float
    ends: bool

    def above(self, y: float) -> list[Primitive]:
        """The lines as parts, the last of them on y."""
        last = len(self.lines) - 1
        return [
            Text(
                Point(self.x - width(line, WORDS) if self.ends else self.x, y - (last - i) * WORDS * PITCH),
                line,
                WORDS,
                False,
                "quiet",
            )
            for i, line in enumerate(self.lines)
        ]


def caption(words: Sequence[str], x: float, edge: float, middle: float) -> Caption:
    """One line towards the page's edge if it fits there; else lines on the side that has more room."""
    outer, inner = abs(edge - x) - APART, abs(middle - x) - APART
    room = outer if width(", ".join(words), WORDS) <= outer else max(outer, inner)
    ends = (edge if room == outer else middle) < x
    found = tuple(cut(line, WORDS, room) for line in fill_rows(pieces(words), WORDS, room))
    return Caption(found, x - APART if ends else x + APART, ends)


def stairs(
    made: Sequence[Rung], steps: Sequence[Step], top: float, left: float, right: float
) -> tuple[list[Primitive], float]:
    """All levels below each other between left and right, with the ways down and up; and where they end."""
    solids: list[Primitive] = []
    ways: list[Primitive] = []
    y, high = top, 0.0
    middle = (left + right) / 2
    for upper, rung in zip((None, *made), made, strict=False):
        if upper is None:
            low = y - rung.strip.top
        else:
            head, rise_to = rung.left[0], upper.right[0]
            down_words = caption(steps[head.number].words, centre(upper.left[-1]), left, middle)
            up_words = caption(steps[rise_to.number].words, centre(rise_to), right, middle)
            corridor = y + CHANNEL - 5 + WORDS * PITCH * (max(len(down_words.lines), len(up_words.lines)) - 1)
            low = corridor + 5 - rung.strip.top
            last = (rung.right or rung.left)[-1]
            ways += [down(upper.left[-1], head, (high, corridor, low)), *down_words.above(corridor - 2.4)]
            ways += [up(last, rise_to, (low, corridor, high)), *up_words.above(corridor - 2.4)]
        solids += [shift(part, 0, low) for part in rung.strip.parts]
        y, high = low + rung.strip.bottom, low
    return [*solids, *ways], y


def centre(spot: Spot) -> float:
    return (spot.x + spot.end) / 2


def down(tail: Spot, head: Spot, heights: tuple[float, float, float]) -> Line:
    """From below the last of a level around the left of the next level's first."""
    start, corridor, end = heights
    a = centre(tail)
    b = min(head.x, head.label - head.sized.label_width / 2) - SIDE / 2
    under = start + tail.sized.solid.height / 2
    into = Point(head.entry.x, end + head.entry.y)
    path = (Point(a, under), Point(a, corridor), Point(b, corridor), Point(b, into.y), into)
    return Line(path, arrow=True)


def up(tail: Spot, head: Spot, heights: tuple[float, float, float]) -> Line:
    """From the right of the last of a level to below the first of the level above."""
    start, corridor, end = heights
    a = tail.right + SIDE / 2
    b = centre(head)
    under = end + head.sized.solid.height / 2 + APART / 2
    begin = Point(tail.exit.x, start + tail.exit.y)
    path = (begin, Point(a, begin.y), Point(a, corridor), Point(b, corridor), Point(b, under))
    return Line(path, arrow=True)
