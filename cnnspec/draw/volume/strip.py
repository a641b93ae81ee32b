"""A row as parts: solids, kernels with their rays, arrows, words, skips above and braces below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cnnspec.draw.metrics import width
from cnnspec.draw.volume.arrange import APART, GAP, LABEL, STUB, WORDS, Spot, widest
from cnnspec.draw.volume.figure_model import Brace, Figure, Skip
from cnnspec.draw.volume.primitives import Disc, Face, Line, Point, Primitive, Text, column, shift, tall
from cnnspec.draw.volume.skyline import Skyline
from cnnspec.draw.volume.solids import FAULT, RADIUS

ABOVE = 5.0  # from what is below a line to the line
POWER = 0.6  # a kernel's part of a face is drawn on the scale of the faces


class Row(NamedTuple):
    """Parts around y = 0, how far they reach, and where the last value leaves.

    `wire` is the way on which the last value of the row before comes, from the right edge on, if it does.
    """

    parts: tuple[Primitive, ...]
    top: float
    bottom: float
    exit: Point = Point(0, 0)
    wire: Line | None = None


class Tags(NamedTuple):
    """Numbers in place of skips that no line shows, by the steps where they begin, and where they end.

    There each stands on a line of its own with what it does on its way.
    """

    leaving: Mapping[int, list[str]]
    arriving: Mapping[int, list[str]]


def numbered(skips: Iterable[Skip]) -> Tags:
    """Those of one value share a number."""
    numbers = {tail: i for i, tail in enumerate(sorted({skip.tail for skip in skips}), 1)}
    arriving: dict[int, list[str]] = {}
    for skip in sorted(skips, key=lambda skip: (skip.words, skip.tail)):
        lines = arriving.setdefault(skip.head, [])
        if skip.words or not lines:
            lines.append(f"{numbers[skip.tail]} {skip.words}".strip())
        else:
            lines[0] += f" {numbers[skip.tail]}"
    return Tags({tail: [str(number)] for tail, number in numbers.items()}, arriving)


def draw_rows(
    figure: Figure, rows: Sequence[Sequence[Spot]], left: float, right: float, loose: Sequence[Skip] = ()
) -> list[Row]:
    """The rows between left and right. `loose` skips come from elsewhere."""
    found, others = rails(figure.skips, rows)
    tags = numbered([*loose, *others])
    return [draw_row(figure, row, mine, tags, left, right) for row, mine in zip(rows, found, strict=True)]


def rails(skips: Sequence[Skip], rows: Sequence[Sequence[Spot]]) -> tuple[list[list[Skip]], list[Skip]]:
    """The skips of each row that lines show, and those that lead from one to another.

    The tail is -1 of what comes around from the end of the row before.
    """
    row_of = {spot.number: i for i, row in enumerate(rows) for spot in row}
    home = dict(row_of)  # where skips from a value begin: what the next row begins with is at hand there
    around: dict[int, int] = {}  # by row, the end of the row before, which only a skip takes from there
    for i, (before, row) in enumerate(pairwise(rows), 1):
        if row[0].sized.step.fed:
            home[before[-1].number] = i
        else:
            around[i] = before[-1].number
    found, others = [list[Skip]() for _ in rows], list[Skip]()
    for skip in (skip for skip in skips if skip.tail in row_of):
        i = row_of[skip.head]
        if home[skip.tail] == i:
            found[i].append(skip)
        elif around.get(i) == skip.tail:
            del around[i]
            found[i].append(skip._replace(tail=-1))
        else:
            others.append(skip)
    return found, others


def draw_row(
    figure: Figure, spots: Sequence[Spot], skips: Sequence[Skip], tags: Tags, left: float, right: float
) -> Row:
    above, below = Skyline(-1), Skyline(1)
    parts = chain(spots, above, below)
    parts += labels(spots, below)
    parts += operations(spots, below)
    lines = overhead(spots, skips, tags, above, (left, right))
    wire = next((line for line in lines if isinstance(line, Line) and line.points[0].x == right), None)
    parts += [part for part in lines if part is not wire]
    first = spots[0]
    if first.sized.step.fed:
        wire = arrival(first, above.free(left, right) - ABOVE, left, right)
        above.add(left, right, wire.points[0].y)
    parts += clasps(spots, figure.braces, below, right - STUB)
    return Row(tuple(parts), above.end, below.end, spots[-1].exit, wire)


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


def operations(spots: Sequence[Spot], line: Skyline) -> list[Primitive]:
    """Below each arrow, or above it, what is done, all on one line beyond the labels."""
    parts: list[Primitive] = []
    edge = line.end + line.sign * 1.5
    for spot in spots:
        lines, half = spot.sized.words, spot.sized.words_width / 2
        high = tall(lines, WORDS)
        parts += column(lines, spot.words, edge if line.sign > 0 else edge - high, WORDS, "quiet")
        line.add(spot.words - half, spot.words + half, edge + line.sign * high)
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


def arrival(spot: Spot, y: float, left: float, right: float) -> Line:
    """From the end of the row before, above this row, to its first value."""
    path = (Point(right, y), Point(left, y), Point(left, spot.entry.y), spot.entry)
    return Line(path, "fault" if spot.sized.step.kind == "fault" else "ink", arrow=True)


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


def overhead(
    spots: Sequence[Spot], skips: Sequence[Skip], tags: Tags, above: Skyline, edges: tuple[float, float]
) -> list[Primitive]:
    """Skips as lines above the row, the short ones inside, and above them the numbers of others.

    What comes around from the row before last begins at the right edge.
    """
    left, right = edges
    at = {spot.number: spot for spot in spots}
    first = spots[0].number
    begun, ended = Counter[int](), Counter(skip.head for skip in skips)
    ways: list[tuple[Skip, Point, Point]] = []
    for skip in sorted(skips, key=lambda s: (s.tail < 0, s.head - max(s.tail, first), s)):
        ended[skip.head] -= 1
        end = roof(at[skip.head], -1, ended[skip.head])
        if skip.tail in at:
            begin = roof(at[skip.tail], 1, begun[skip.tail])
        else:
            begin = entry(spots[0]) if skip.tail >= 0 else Point(right, end.y)
        begun[skip.tail] += 1
        ways.append((skip, begin, end))
    uprights = [point.x for _, begin, end in ways for point in (begin, end)]
    parts: list[Primitive] = []
    for skip, begin, end in ways:
        low, high = min(begin.x, end.x), max(begin.x, end.x)
        y = above.free(low - 1, high + 1) - ABOVE
        path = [begin, Point(begin.x, y), Point(end.x, y), end][skip.tail < 0 :]
        role = "fault" if at[skip.head].sized.step.kind == "fault" else "skip"
        parts.append(Line(tuple(path), role, 1.1, arrow=True))
        above.add(low - 1, high + 1, y - 2)
        if skip.words:
            half = width(skip.words, WORDS) / 2
            centre = clear((low, high), half, uprights)
            centre = min(max(centre, left + half), right - half)
            parts.append(Text(Point(centre, y - 2.4), skip.words, WORDS, role="skip"))
            above.add(centre - half, centre + half, y - 2.4 - WORDS)
    ended = Counter(skip.head for skip in skips)
    for spot in spots:
        for words, foot, sense in (
            (tags.arriving.get(spot.number), roof(spot, -1, ended[spot.number]), -1),
            (tags.leaving.get(spot.number), roof(spot, 1, begun[spot.number]), 1),
        ):
            parts += tag(words, foot, sense, above, edges) if words else []
    return parts


def tag(
    words: Sequence[str], foot: Point, sense: int, above: Skyline, edges: tuple[float, float]
) -> list[Primitive]:
    """A short arrow to a number, or with `sense` -1 from numbers to a step, which stand on the other side."""
    half = widest(words, WORDS) / 2
    centre = foot.x + sense * (half - 2)
    centre = min(max(centre, edges[0] + APART + half), edges[1] - APART - half)
    y = above.free(centre - half, centre + half) - 2 * ABOVE
    top = y - 1 - tall(words, WORDS)
    above.add(centre - half - APART, centre + half + APART, top)
    way = Line((foot, Point(foot.x, y))[::sense], "skip", 1.1, arrow=True)
    return [way, *column(words, centre, top, WORDS, "skip")]


def clear(between: tuple[float, float], half: float, uprights: Sequence[float]) -> float:
    """The middle of words of half this width, as near to the middle as they stand on no upright."""
    low, high = between
    inside = sorted(x for x in uprights if low < x < high)
    rooms = [(a + half, b - half) for a, b in pairwise([low, *inside, high]) if b - a > 2 * half]
    middle = (low + high) / 2
    return min((min(max(middle, a), b) for a, b in rooms), key=lambda x: abs(x - middle), default=middle)


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
    x = back * (0.9 if side > 0 else 0.6) - min(2.5, back * 0.15) * outer
    return Point(spot.x + solid.leaving.across.x + max(0.0, x), y)


def clasps(spots: Sequence[Spot], braces: Sequence[Brace], line: Skyline, right: float) -> list[Primitive]:
    """Below the steps of a block, or above them, a brace with its name; the shorter ones inside."""
    parts: list[Primitive] = []
    for brace in sorted(braces, key=lambda brace: brace.last - brace.first):
        inside = [spot for spot in spots if brace.first <= spot.number <= brace.last]
        if not inside:
            continue
        a = min(spot.x for spot in inside) - GAP / 3
        b = max(spot.end for spot in inside) + GAP / 3
        begins = any(spot.number == brace.first for spot in inside)
        words = brace.words if begins else f"{brace.words}, continued"
        half = width(words, LABEL, bold=True) / 2
        centre = min(max((a + b) / 2, a + half), right - half)
        y = line.free(min(a, centre - half), max(b, centre + half)) + 2 * line.sign
        tip, end = y + 3 * line.sign, y + line.sign * (3 + LABEL * 1.5)
        base = tip + LABEL * 1.15 if line.sign > 0 else tip - 3
        parts.append(Line((Point(a, y), Point(a, tip), Point(b, tip), Point(b, y)), "ink", 0.7))
        parts.append(Text(Point(centre, base), words, LABEL, bold=True))
        line.add(min(a, centre - half) - APART, max(b, centre + half) + APART, end)
    return parts
