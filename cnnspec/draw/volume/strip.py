"""A row as parts: solids, kernels with their rays, arrows, words, skips above and braces below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnspec.draw.volume.metrics import width
from cnnspec.draw.volume.parts import Disc, Face, Line, Part, Point, Text, column, moved, tall
from cnnspec.draw.volume.plan import Brace, Skip
from cnnspec.draw.volume.rows import APART, LABEL, STUB, WORDS, Spot
from cnnspec.draw.volume.skyline import Skyline
from cnnspec.draw.volume.solids import Plane

POWER = 0.6  # a kernel's part of a face is drawn on the scale of the faces


class Strip(NamedTuple):
    """Parts around y = 0, and how far they reach."""

    parts: tuple[Part, ...]
    top: float
    bottom: float


def strip(
    spots: Sequence[Spot], skips: Sequence[Skip], braces: Sequence[Brace], left: float, right: float
) -> Strip:
    above, below = Skyline(-1), Skyline(1)
    parts: list[Part] = []
    for spot in spots:
        half = spot.sized.solid.height / 2
        above.add(spot.x, spot.end, -half)
        below.add(spot.x, spot.end, half)
        parts += [moved(part, spot.x, 0) for part in spot.sized.solid.parts]
    parts += labels(spots, below)
    before: Spot | None = None
    for spot in spots:
        parts += link(before, spot) if spot.sized.step.fed else []
        before = spot
    parts += operations(spots, below)
    parts += rails(spots, skips, above, left, right)
    parts += clasps(spots, braces, below, right)
    return Strip(tuple(parts), above.end, below.end)


def labels(spots: Sequence[Spot], below: Skyline) -> list[Part]:
    """Below each value what it is."""
    parts: list[Part] = []
    for spot in spots:
        lines, half = spot.sized.label, spot.sized.label_width / 2
        if lines:
            top = below.free(spot.label - half, spot.label + half) + 2.5
            parts += column(lines, spot.label, top, LABEL)
            below.add(spot.label - half, spot.label + half, top + tall(lines, LABEL))
    return parts


def operations(spots: Sequence[Spot], below: Skyline) -> list[Part]:
    """Below each arrow what is done."""
    parts: list[Part] = []
    for spot in spots:
        lines, half = spot.sized.words, spot.sized.words_width / 2
        if lines:
            top = below.free(spot.words - half - 1, spot.words + half + 1) + 1.5
            parts += column(lines, spot.words, top, WORDS, "quiet")
            below.add(spot.words - half, spot.words + half, top + tall(lines, WORDS))
    return parts


def link(before: Spot | None, spot: Spot) -> list[Part]:
    """From a value to the next: a kernel with its rays, the lines of a full connection, or an arrow."""
    step = spot.sized.step
    arriving = moved_plane(spot.sized.solid.arriving, spot.x)
    target = arriving.at(0.5, 0.5)
    if before is None:
        return [Line((Point(spot.x - STUB, target.y), arrow_end(target, spot)), arrow=True)]
    leaving = moved_plane(before.sized.solid.leaving, before.x)
    if step.window and before.sized.step.shape.is_map and not step.sign:
        return kernel(leaving, arriving, before, spot)
    if step.kind == "linear":
        ends = [(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
        return [Line((leaving.at(0.5, a), arriving.at(0.0, b)), "ray", 0.5) for a, b in ends]
    return [Line((leaving.at(0.5, 0.5), arrow_end(target, spot)), arrow=True)]


def arrow_end(target: Point, spot: Spot) -> Point:
    """Sheets are pointed at from the side."""
    return Point(spot.x, 0) if spot.sized.solid.form == "sheets" else target


def moved_plane(plane: Plane, x: float) -> Plane:
    return plane._replace(corner=Point(plane.corner.x + x, plane.corner.y))


def kernel(leaving: Plane, arriving: Plane, before: Spot, spot: Spot) -> list[Part]:
    """What the kernel sees, and the pixel that comes of it; or the pixel, and where it is put down."""
    given, made = before.sized.step.shape, spot.sized.step.shape
    assert spot.sized.step.window is not None
    enlarges = made.features // made.channels > given.features // given.channels
    seen, plane, other = (made, arriving, leaving) if enlarges else (given, leaving, arriving)
    high, wide = (min(1.0, (k / n) ** POWER) for k, n in zip(spot.sized.step.window, seen.size, strict=True))
    patch = plane.patch(wide, high)
    pixel = other.at(0.5, 0.5)
    rays: list[Part] = [Line((corner, pixel), "ray", 0.45) for corner in patch]
    return [Face(patch, "patch"), *rays, Disc(pixel, 0.9)]


def rails(
    spots: Sequence[Spot], skips: Sequence[Skip], above: Skyline, left: float, right: float
) -> list[Part]:
    """Skips as lines above the row, the short ones inside; one that ends in another row goes to the edge."""
    at = {spot.number: spot for spot in spots}
    first, last = spots[0].number, spots[-1].number
    parts: list[Part] = []
    found = [skip for skip in skips if skip.tail <= last and skip.head >= first]
    leaving: dict[int, int] = {}
    for skip in sorted(found, key=lambda s: (min(s.head, last) - max(s.tail, first), s)):
        tail, head = at.get(skip.tail), at.get(skip.head)
        begin = roof(tail, 2.2) if tail else None
        end = roof(head, -2.2) if head else None
        a, b = begin.x if begin else left, end.x if end else right
        y = above.free(a - 1, b + 1) - 5
        leaving[skip.tail] = leaving.get(skip.tail, 0) + 1
        path = [begin or Point(a, y), Point(a, y), Point(b, y), end or Point(b, y)]
        path = [p for i, p in enumerate(path) if i == 0 or p != path[i - 1]]
        parts.append(Line(tuple(path), "skip", 1.1, arrow=True))
        above.add(a - 1, b + 1, y - 1)
        if skip.words and head:
            half = width(skip.words, WORDS) / 2
            centre = min(max((a + b) / 2, left + half), right - half)
            parts.append(Text(Point(centre, y - 2.4), skip.words, WORDS, role="skip"))
            above.add(centre - half, centre + half, y - 2.4 - WORDS)
    return parts


def roof(spot: Spot, off: float) -> Point:
    """Where a line from above meets a value; lines that leave and arrive keep apart."""
    solid = spot.sized.solid
    y = -solid.height / 2
    if solid.form == "circle":
        return Point(spot.x + solid.width / 2 + off, y + 0.7)
    if solid.form == "sheets":
        return Point(spot.x + solid.arriving.across.x / 2 + off, y)
    return Point(spot.end - (solid.leaving.across.x / 2 + 2 if off > 0 else 2), y)


def clasps(spots: Sequence[Spot], braces: Sequence[Brace], below: Skyline, right: float) -> list[Part]:
    """Below the steps of a block a brace with its name."""
    parts: list[Part] = []
    for brace in braces:
        inside = [spot for spot in spots if brace.first <= spot.number <= brace.last]
        if not inside:
            continue
        a = min(min(spot.x, spot.words - spot.sized.words_width / 2) for spot in inside) + 1
        b = max(spot.right for spot in inside) - 1
        words = brace.words if inside[0].number == brace.first else f"{brace.words}, continued"
        half = width(words, LABEL, bold=True) / 2
        centre = min(max((a + b) / 2, a + half), right - half)
        y = below.free(min(a, centre - half), max(b, centre + half)) + 2
        parts.append(Line((Point(a, y), Point(a, y + 3), Point(b, y + 3), Point(b, y)), "ink", 0.7))
        parts.append(Text(Point(centre, y + 3 + LABEL * 1.15), words, LABEL, bold=True))
        below.add(min(a, centre - half) - APART, max(b, centre + half) + APART, y + 3 + LABEL * 1.5)
    return parts
