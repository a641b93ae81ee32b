"""A row as parts: solids, kernels with their rays, arrows, words, skips above and braces below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from cnnspec.draw.metrics import width
from cnnspec.draw.volume.arrange import APART, GAP, LABEL, STUB, WORDS, Spot
from cnnspec.draw.volume.figure_model import Brace, Figure, Skip, Step
from cnnspec.draw.volume.primitives import Disc, Face, Line, Point, Primitive, Text, column, shift, tall
from cnnspec.draw.volume.skyline import Skyline
from cnnspec.draw.volume.solids import FAULT, RADIUS

POWER = 0.6  # a kernel's part of a face is drawn on the scale of the faces


class Strip(NamedTuple):
    """Parts around y = 0, and how far they reach."""

    parts: tuple[Primitive, ...]
    top: float
    bottom: float


def strip(figure: Figure, spots: Sequence[Spot], left: float, right: float) -> Strip:
    """A row between left and right."""
    last = spots[-1].number
    goes_on = last + 1 < len(figure.steps) and figure.steps[last + 1].fed
    above, below = Skyline(-1), Skyline(1)
    parts = chain(spots, above, below)
    parts += labels(spots, below)
    parts += [arrival(spots[0])] if spots[0].sized.step.fed else []
    parts += [onwards(spots[-1], way(figure.steps[last + 1]))] if goes_on else []
    parts += operations(spots, below)
    # What goes on to the next row anyway skips within that row alone.
    ended = last if goes_on else last + 1
    skips = [skip for skip in figure.skips if skip.tail < ended and skip.head >= spots[0].number]
    parts += rails(figure.steps, spots, skips, above, left, right)
    parts += clasps(spots, figure.braces, below, right)
    return Strip(tuple(parts), above.end, below.end)


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
    """Below each arrow what is done, below the labels of both its ends; they stand beside each other."""
    parts: list[Primitive] = []
    reached: list[tuple[float, float, float]] = []
    for i, spot in enumerate(spots):
        lines, half = spot.sized.words, spot.sized.words_width / 2
        if lines:
            begin = spots[i - 1].label if i else spot.words
            top = below.free(min(begin, spot.words - half), max(spot.label, spot.words + half)) + 1.5
            parts += column(lines, spot.words, top, WORDS, "quiet")
            reached.append((spot.words - half, spot.words + half, top + tall(lines, WORDS)))
    for place in reached:
        below.add(*place)
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


def arrival(spot: Spot) -> Line:
    """From the row before to the first value of a row."""
    return Line((Point(spot.x - STUB, spot.entry.y), spot.entry), way(spot.sized.step), arrow=True)


def onwards(spot: Spot, role: str) -> Line:
    """From the last value of a row towards the next row."""
    return Line((spot.exit, Point(spot.end + STUB * 0.8, spot.exit.y)), role, arrow=True)


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


def rails(
    steps: Sequence[Step],
    spots: Sequence[Spot],
    skips: Sequence[Skip],
    above: Skyline,
    left: float,
    right: float,
) -> list[Primitive]:
    """Skips as lines above the row, the short ones inside; one that ends in another row goes to the edge."""
    at = {spot.number: spot for spot in spots}
    first, last = spots[0].number, spots[-1].number
    fed = first - 1 if spots[0].sized.step.fed else -1  # the value that comes in from the row before
    parts: list[Primitive] = []
    leaving, arriving = Counter[int](), Counter(skip.head for skip in skips)
    for skip in sorted(skips, key=lambda s: (min(s.head, last) - max(s.tail, first), s)):
        tail, head = at.get(skip.tail), at.get(skip.head)
        arriving[skip.head] -= 1
        begin = roof(tail, 1, leaving[skip.tail]) if tail else entry(spots[0]) if skip.tail == fed else None
        end = roof(head, -1, arriving[skip.head]) if head else None
        leaving[skip.tail] += 1
        a, b = begin.x if begin else left, end.x if end else right
        y = above.free(a - 1, b + 1) - 5
        path = [begin or Point(a, y), Point(a, y), Point(b, y), end or Point(b, y)]
        role = "fault" if steps[skip.head].kind == "fault" else "skip"
        parts.append(Line(tuple(dict.fromkeys(path)), role, 1.1, arrow=True))
        above.add(a - 1, b + 1, y - 1)
        if skip.words and head:
            half = width(skip.words, WORDS) / 2
            centre = min(max((a + b) / 2, left + half), right - half)
            parts.append(Text(Point(centre, y - 2.4), skip.words, WORDS, role="skip"))
            above.add(centre - half, centre + half, y - 2.4 - WORDS)
    return parts


def entry(spot: Spot) -> Point:
    """Where the value of the row before comes in."""
    return Point(spot.x - STUB * 0.7, spot.entry.y)


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
