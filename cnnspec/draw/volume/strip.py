"""A row as parts: solids, kernels with their rays, arrows, words, skips above and braces below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from cnnspec.draw.metrics import width
from cnnspec.draw.volume.arrange import APART, GAP, LABEL, NUMBER, STUB, WORDS, Spot
from cnnspec.draw.volume.figure_model import Brace, Figure, Skip, Step
from cnnspec.draw.volume.primitives import Disc, Face, Line, Point, Primitive, Text, column, shift, tall
from cnnspec.draw.volume.skyline import Skyline
from cnnspec.draw.volume.solids import FAULT, RADIUS

ABOVE = 5.0  # from what is below a line to the line
POWER = 0.6  # a kernel's part of a face is drawn on the scale of the faces


class Strip(NamedTuple):
    """Parts around y = 0, and how far they reach."""

    parts: tuple[Primitive, ...]
    top: float
    bottom: float


class Row(NamedTuple):
    """A strip, and where its last value leaves it.

    `wire` is the way on which the last value of the row before comes, from the right edge on, if it does.
    """

    strip: Strip
    exit: Point
    wire: Line | None


class Rail(NamedTuple):
    """A skip as far as one row shows it.

    `tail` or `head` is -1 where that end is in another row: the `number` stands at both edges. What comes
    around from the end of the row before has none.
    """

    tail: int
    head: int
    words: str = ""
    number: int = 0


def draw_rows(figure: Figure, rows: Sequence[Sequence[Spot]], left: float, right: float) -> list[Row]:
    """The rows between left and right."""
    found = rails(figure.skips, rows)
    return [draw_row(figure, row, mine, left, right) for row, mine in zip(rows, found, strict=True)]


def rails(skips: Sequence[Skip], rows: Sequence[Sequence[Spot]]) -> list[list[Rail]]:
    """The skips of each row. Those of one value that lead to other rows share a number."""
    row_of = {spot.number: i for i, row in enumerate(rows) for spot in row}
    home = dict(row_of)  # where skips from a value begin: what the next row begins with is at hand there
    around: dict[int, int] = {}  # by row, the end of the row before, which only a skip takes from there
    for i, (before, row) in enumerate(pairwise(rows), 1):
        if row[0].sized.step.fed:
            home[before[-1].number] = i
        else:
            around[i] = before[-1].number
    found: list[list[Rail]] = [[] for _ in rows]
    numbers: dict[int, int] = {}
    for skip in skips:
        i = row_of[skip.head]
        if home[skip.tail] == i:
            found[i].append(Rail(*skip))
        elif around.get(i) == skip.tail:
            del around[i]
            found[i].append(Rail(-1, skip.head, skip.words))
        else:
            if skip.tail not in numbers:
                numbers[skip.tail] = len(numbers) + 1
                found[home[skip.tail]].append(Rail(skip.tail, -1, "", numbers[skip.tail]))
            found[i].append(Rail(-1, skip.head, skip.words, numbers[skip.tail]))
    return found


def draw_row(figure: Figure, spots: Sequence[Spot], skips: Sequence[Rail], left: float, right: float) -> Row:
    above, below = Skyline(-1), Skyline(1)
    parts = chain(spots, above, below)
    parts += labels(spots, below)
    parts += operations(spots, below)
    lines = overhead(spots, skips, above, (left, right))
    wire = next((line for line in lines if isinstance(line, Line) and line.points[0].x == right), None)
    parts += [part for part in lines if part is not wire]
    first = spots[0]
    if first.sized.step.fed:
        wire = arrival(first, above.free(left, right) - ABOVE, left, right)
        above.add(left, right, wire.points[0].y)
    parts += clasps(spots, figure.braces, below, right - STUB)
    return Row(Strip(tuple(parts), above.end, below.end), spots[-1].exit, wire)


def chain(spots: Sequence[Spot], above: Skyline, below: Skyline) -> list[Primitive]:
    """Solids, and what leads from one to the next."""
    parts: list[Primitive] = []
    for spot in spots:
        half = spot.sized.solid.height / 2
        above.add(spot.x, spot.end, -half)
        below.add(spot.x, spot.end, half)
        parts += [shift(part, spot.x, 0) for part in spot.sized.solid.parts]
    for before, spot in pairwise(spots):
        parts += link(before, spot) if spot.sized.step.fed else []
    return parts


def labels(spots: Sequence[Spot], line: Skyline) -> list[Primitive]:
    """Below each value, or above it, what it is."""
    parts: list[Primitive] = []
    for spot in spots:
        lines, faults, half = spot.sized.label, spot.sized.fault, spot.sized.label_width / 2
        if lines or faults:
            high = tall((*lines, *faults), LABEL)
            edge = line.free(spot.label - half, spot.label + half) + line.sign * 2.5
            top = edge if line.sign > 0 else edge - high
            parts += column(lines, spot.label, top, LABEL)
            parts += column(faults, spot.label, top + tall(lines, LABEL), LABEL, "fault")
            line.add(spot.label - half, spot.label + half, edge + line.sign * high)
    return parts


def operations(spots: Sequence[Spot], below: Skyline) -> list[Primitive]:
    """Below each arrow what is done, all on one line below the labels."""
    parts: list[Primitive] = []
    top = below.end + 1.5
    for spot in spots:
        lines, half = spot.sized.words, spot.sized.words_width / 2
        parts += column(lines, spot.words, top, WORDS, "quiet")
        below.add(spot.words - half, spot.words + half, top + tall(lines, WORDS))
    return parts


def link(before: Spot, spot: Spot) -> list[Primitive]:
    """From a value to the next: a kernel with its rays, the lines of a full connection, or an arrow."""
    step, given = spot.sized.step, before.sized.step
    if step.kind == "fault":
        return [Line((before.exit, spot.entry), "fault", 1.4, arrow=True)]
    if step.window and given.shape.is_map and not given.sign:
        return kernel(before, spot)
    if step.kind == "linear":
        ends = [(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
        across = before.sized.solid.exit
        return [Line((before.leaving.at(across, a), spot.arriving.at(0, b)), "ray", 0.5) for a, b in ends]
    return [Line((before.exit, spot.entry), arrow=True)]


def way(step: Step) -> str:
    """The role of a line that leads to a step."""
    return "fault" if step.kind == "fault" else "ink"


def arrival(spot: Spot, y: float, left: float, right: float) -> Line:
    """From the end of the row before, above this row, to its first value."""
    path = (Point(right, y), Point(left, y), Point(left, spot.entry.y), spot.entry)
    return Line(path, way(spot.sized.step), arrow=True)


def kernel(before: Spot, spot: Spot) -> list[Primitive]:
    """What the kernel sees, and the pixel that comes of it; or the pixel, and where it is put down."""
    given, made, window = before.sized.step.shape, spot.sized.step.shape, spot.sized.step.window
    assert window is not None
    enlarges = made.features // made.channels > given.features // given.channels
    seen, plane, pixel = (
        (made, spot.arriving, before.exit) if enlarges else (given, before.leaving, spot.pixel)
    )
    high, wide = (min(1.0, (k / n) ** POWER) for k, n in zip(window, seen.size, strict=True))
    patch = plane.patch(wide, high)
    rays: list[Primitive] = [Line((corner, pixel), "ray", 0.45) for corner in patch]
    return [Face(patch, "patch"), *rays, Disc(pixel, 0.9)]


class Leap(NamedTuple):
    """A rail with the points where it begins and ends, None at an edge, and its role."""

    rail: Rail
    begin: Point | None
    end: Point | None
    role: str


def leaps(spots: Sequence[Spot], skips: Sequence[Rail]) -> list[Leap]:
    """The rails of a row, the short ones first; what comes around from the row before last."""
    at = {spot.number: spot for spot in spots}
    first, last = spots[0].number, spots[-1].number
    found: list[Leap] = []
    leaving, arriving = Counter[int](), Counter(skip.head for skip in skips)
    for skip in sorted(skips, key=lambda s: (s.tail < 0 and not s.number, span(s, first, last), s)):
        tail, head = at.get(skip.tail), at.get(skip.head)
        arriving[skip.head] -= 1
        begin = roof(tail, 1, leaving[skip.tail]) if tail else entry(spots[0]) if skip.tail >= 0 else None
        end = roof(head, -1, arriving[skip.head]) if head else None
        role = "fault" if head and head.sized.step.kind == "fault" else "skip"
        found.append(Leap(skip, begin, end, role))
        leaving[skip.tail] += 1
    return found


def overhead(
    spots: Sequence[Spot], skips: Sequence[Rail], above: Skyline, edges: tuple[float, float]
) -> list[Primitive]:
    """Skips as lines above the row, the short ones inside; at an edge they begin or end at their number."""
    left, right = edges
    parts: list[Primitive] = []
    found = leaps(spots, skips)
    uprights = [point.x for leap in found for point in (leap.begin, leap.end) if point]
    for skip, begin, end, role in found:
        a = begin.x if begin else left + NUMBER if skip.number else right
        b = end.x if end else right - NUMBER
        low, high = min(a, b), max(a, b)
        y = above.free(low - 1, high + 1) - ABOVE
        path = [begin or Point(a, y), Point(a, y), Point(b, y), end or Point(b, y)]
        parts.append(Line(tuple(dict.fromkeys(path)), role, 1.1, arrow=True))
        if skip.number:
            edge = left + NUMBER / 2 if end else right - NUMBER / 2
            parts.append(Text(Point(edge, y + 2.2), str(skip.number), WORDS, role="skip", bold=True))
            above.add(edge - NUMBER / 2, edge + NUMBER / 2, y - 2)
        above.add(low - 1, high + 1, y - 2)
        if skip.words and end:
            half = width(skip.words, WORDS) / 2
            centre = clear((low, high), half, uprights)
            centre = min(max(centre, left + NUMBER + half), right - NUMBER - half)
            parts.append(Text(Point(centre, y - 2.4), skip.words, WORDS, role="skip"))
            above.add(centre - half, centre + half, y - 2.4 - WORDS)
    return parts


def clear(between: tuple[float, float], half: float, uprights: Sequence[float]) -> float:
    """The middle of words of half this width, as near to the middle as they stand on no upright."""
    low, high = between
    inside = sorted(x for x in uprights if low < x < high)
    rooms = [(a + half, b - half) for a, b in pairwise([low, *inside, high]) if b - a > 2 * half]
    middle = (low + high) / 2
    return min((min(max(middle, a), b) for a, b in rooms), key=lambda x: abs(x - middle), default=middle)


def span(skip: Rail, first: int, last: int) -> int:
    return (skip.head if skip.head >= 0 else last) - max(skip.tail, first)


def entry(spot: Spot) -> Point:
    """Where the value of the row before comes in."""
    return Point(spot.x - ABOVE, spot.entry.y)


def roof(spot: Spot, side: int, outer: int) -> Point:
    """Where a line from above meets a value: arriving (side -1) or leaving (1).

    `outer` lines stand on its right at the same end.
    """
    solid = spot.sized.solid
    y = -solid.height / 2
    if solid.form == "circle":
        x = max(-0.9, min(0.9, side * 0.45 - outer * 0.4))
        return Point(spot.x + RADIUS * (1 + x), -RADIUS * (1 - x * x) ** 0.5)
    if solid.form == "octagon":
        return Point(spot.x + max(0.0, FAULT - 2.5 * outer), y)
    if solid.form == "sheets":
        return Point(spot.x + max(0.0, solid.arriving.across.x / 2 + 2.2 * side - 2.5 * outer), y)
    back = spot.sized.solid.width - solid.leaving.across.x  # how wide the far upper edge is
    x = back * (0.6 if side > 0 else 0.9) - min(2.5, back * 0.15) * outer
    return Point(spot.x + solid.leaving.across.x + max(0.0, x), y)


def clasps(spots: Sequence[Spot], braces: Sequence[Brace], below: Skyline, right: float) -> list[Primitive]:
    """Below the steps of a block a brace with its name."""
    parts: list[Primitive] = []
    for brace in braces:
        inside = [spot for spot in spots if brace.first <= spot.number <= brace.last]
        if not inside:
            continue
        a, b = inside[0].x - GAP / 3, inside[-1].end + GAP / 3
        words = brace.words if inside[0].number == brace.first else f"{brace.words}, continued"
        half = width(words, LABEL, bold=True) / 2
        centre = min(max((a + b) / 2, a + half), right - half)
        y = below.free(min(a, centre - half), max(b, centre + half)) + 2
        parts.append(Line((Point(a, y), Point(a, y + 3), Point(b, y + 3), Point(b, y)), "ink", 0.7))
        parts.append(Text(Point(centre, y + 3 + LABEL * 1.15), words, LABEL, bold=True))
        below.add(min(a, centre - half) - APART, max(b, centre + half) + APART, y + 3 + LABEL * 1.5)
    return parts
