"""A row as parts: solids, kernels with their rays, arrows, words, skips above and braces below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from cnnspec.draw.metrics import width
from cnnspec.draw.volume.figure_model import Brace, Figure, Skip
from cnnspec.draw.volume.primitives import (
    TEXT_SIZE,
    Circle,
    Point,
    Polygon,
    Polyline,
    Primitive,
    Skyline,
    TextBlock,
    TextLine,
    shift,
)
from cnnspec.draw.volume.row_layout import APART, GAP, STUB, Spot
from cnnspec.draw.volume.solids import FAULT, RADIUS

ABOVE = 5.0  # from what is below a line to the line
POWER = 0.6  # a kernel's part of a face is drawn on the scale of the faces


Row = TypeVar("Row")


class Tags(NamedTuple):
    """Numbers in place of skips that no line shows, by the volumes where they begin, and where they end.

    There each stands on a line of its own with what it does on its way.
    """

    leaving: Mapping[int, list[str]]
    arriving: Mapping[int, list[str]]


def numbered(skips: Iterable[Skip]) -> Tags:
    """Those of one value share a number."""
    # 2 -> 9, 4 -> 9, 4 -> 12 with `conv 1x1`: 2 is "1", 4 is "2"; at 9 `1 2`, at 12 `2 conv 1x1`
    numbers = {tail: i for i, tail in enumerate(sorted({skip.tail for skip in skips}), 1)}
    arriving: dict[int, list[str]] = {}
    # those without words first: they share the first line
    for skip in sorted(skips, key=lambda skip: (skip.words, skip.tail)):
        lines = arriving.setdefault(skip.head, [])
        if skip.words or not lines:
            lines.append(f"{numbers[skip.tail]} {skip.words}".strip())
        else:
            lines[0] += f" {numbers[skip.tail]}"
    return Tags({tail: [str(number)] for tail, number in numbers.items()}, arriving)


def draw_rows(
    figure: Figure, rows: Sequence[Sequence[Spot]], left: float, right: float, loose: Sequence[Skip] = ()
) -> list[Strip]:
    """The rows between left and right. `loose` skips come from elsewhere."""
    found, others = rails(figure.skips, rows)
    tags = numbered([*loose, *others])
    return [draw_row(figure, row, mine, tags, left, right) for row, mine in zip(rows, found, strict=True)]


def part_skips(
    skips: Iterable[Skip], row_of: Mapping[int, Row], entering: Mapping[int, Row]
) -> tuple[dict[Row, list[Skip]], list[Skip]]:
    """The skips of each row, which lines show, and those that lead from one to another, which numbers do.

    `entering` are the rows that values of others lead into: there they are at hand, too.
    """
    found, others = dict[Row, list[Skip]](), list[Skip]()
    for skip in skips:
        row = row_of.get(skip.head)
        at_hand = row is not None and row in (row_of[skip.tail], entering.get(skip.tail))
        (found.setdefault(row, []) if row is not None and at_hand else others).append(skip)
    return found, others


def rails(skips: Sequence[Skip], rows: Sequence[Sequence[Spot]]) -> tuple[list[list[Skip]], list[Skip]]:
    """The skips of each row that lines show, and those that numbers do.

    The tail is -1 of what comes around from the end of the row before, which only a skip takes from there.
    """
    row_of = {spot.number: i for i, row in enumerate(rows) for spot in row}
    ends = {before[-1].number: i for i, before in enumerate(rows[:-1], 1)}
    entering = {number: i for number, i in ends.items() if rows[i][0].sized.volume.fed}
    found, others = part_skips((skip for skip in skips if skip.tail in row_of), row_of, entering)
    inside = [found.get(i, []) for i in range(len(rows))]
    for skip in list(others):
        i = row_of[skip.head]
        # a row's first volume that is fed by none leaves the way around free for one skip
        if ends.get(skip.tail) == i and not any(other.tail < 0 for other in inside[i]):
            inside[i].append(skip._replace(tail=-1))
            others.remove(skip)
    return inside, others


def draw_row(
    figure: Figure, spots: Sequence[Spot], skips: Sequence[Skip], tags: Tags, left: float, right: float
) -> Strip:
    strip = Strip(spots, left, right)
    strip.add_solids(spots)
    strip.add_labels(strip.below)
    strip.add_operations(strip.below)
    strip.add_skips(skips, tags)
    first = spots[0]
    if first.sized.volume.fed:
        strip.wire = arrival(first, strip.above.free(left, right) - ABOVE, left, right)
        strip.above.add(left, right, strip.wire.points[0].y)
    strip.add_braces(figure.braces, strip.below, right - STUB)
    return strip


class Strip:
    """A row between left and right: its volumes, its parts around y = 0, and where is room for more.

    `wire` is the way on which the last value of the row before comes, from the right edge on, if it does.
    """

    def __init__(self, spots: Sequence[Spot], left: float, right: float) -> None:
        self.spots, self.left, self.right = spots, left, right
        self.parts: list[Primitive] = []
        self.above, self.below = Skyline(-1), Skyline(1)
        self.wire: Polyline | None = None

    @property
    def height(self) -> float:
        return self.below.end - self.above.end

    def add_solids(self, spots: Sequence[Spot]) -> None:
        """Neighbours, and what leads from one to the next."""
        for spot in spots:
            half = spot.sized.solid.height / 2
            self.above.add(spot.x, spot.end, -half)
            self.below.add(spot.x, spot.end, half)
            self.parts += [shift(part, spot.x, 0) for part in spot.sized.solid.parts]
        for before, spot in pairwise(spots):
            self.parts += link(before, spot) if spot.sized.volume.fed else []

    def add_labels(self, line: Skyline) -> None:
        """Below each value, or above it, what it is."""
        for spot in self.spots:
            label, fault, half = spot.sized.label, spot.sized.fault, spot.sized.label_width / 2
            if half:
                high = label.height + fault.height
                top = line.put(spot.label - half, spot.label + half, high, 2.5)
                self.parts += label.centred(spot.label, top)
                self.parts += fault.centred(spot.label, top + label.height, "fault")

    def add_operations(self, line: Skyline) -> None:
        """Below each arrow, or above it, what is done, all on one line beyond the labels."""
        edge = line.end + line.sign * 1.5
        for spot in self.spots:
            words, half = spot.sized.words, spot.sized.words.width / 2
            self.parts += words.centred(spot.words, edge if line.sign > 0 else edge - words.height, "quiet")
            line.add(spot.words - half, spot.words + half, edge + line.sign * words.height)

    def add_skips(self, skips: Sequence[Skip], tags: Tags) -> None:
        """Skips as lines above the row, the short ones inside, and above them the numbers of others.

        What comes around from the row before last is the wire.
        """
        at = {spot.number: spot for spot in self.spots}
        begun, ended = Counter[int](), Counter(skip.head for skip in skips)
        first = self.spots[0].number
        # the longest lies outside, so that no line crosses another's uprights; what comes around, last of all
        inner_first = sorted(skips, key=lambda s: (s.tail < 0, s.head - max(s.tail, first), s))
        ways = [(skip, *self.ends(skip, at, begun, ended)) for skip in inner_first]
        uprights = [point.x for _, begin, end in ways for point in (begin, end)]
        for skip, begin, end in ways:
            # what comes around begins at the right edge, right of its end
            low, high = min(begin.x, end.x), max(begin.x, end.x)
            y = self.above.free(low - 1, high + 1) - ABOVE
            path = (begin, Point(begin.x, y), Point(end.x, y), end)
            role = "fault" if at[skip.head].sized.volume.kind == "fault" else "skip"
            if skip.tail < 0:
                self.wire = Polyline(path[1:], role, 1.1, arrow=True)
            else:
                self.parts.append(Polyline(path, role, 1.1, arrow=True))
            self.above.add(low - 1, high + 1, y - 2)
            if skip.words:
                half = width(skip.words, TEXT_SIZE) / 2
                centre = clear((low, high), half, uprights)
                centre = min(max(centre, self.left + half), self.right - half)
                self.parts.append(TextLine(Point(centre, y - 2.4), skip.words, role="skip"))
                self.above.add(centre - half, centre + half, y - 2.4 - TEXT_SIZE)
        # `ends` has counted it down to 0; tags stand outside all lines
        ended = Counter(skip.head for skip in skips)
        for spot in self.spots:
            self.add_tag(tags.arriving.get(spot.number), roof(spot, -1, ended[spot.number]), -1)
            self.add_tag(tags.leaving.get(spot.number), roof(spot, 1, begun[spot.number]), 1)

    def ends(
        self, skip: Skip, at: Mapping[int, Spot], begun: Counter[int], ended: Counter[int]
    ) -> tuple[Point, Point]:
        """Where a skip begins and ends, beside those that already `begun` there, and have yet `ended`."""
        ended[skip.head] -= 1
        end = roof(at[skip.head], -1, ended[skip.head])
        if skip.tail in at:
            begin = roof(at[skip.tail], 1, begun[skip.tail])
        else:
            first = self.spots[0]
            # beside the first volume, where what it is fed comes in; -1 from the right edge
            begin = Point(first.x - ABOVE, first.entry.y) if skip.tail >= 0 else Point(self.right, end.y)
        begun[skip.tail] += 1
        return begin, end

    def add_tag(self, lines: Sequence[str] | None, foot: Point, sense: int) -> None:
        """An arrow to a number, or with `sense` -1 from numbers to a solid, on its other side; if any."""
        if not lines:
            return
        words = TextBlock.fill(lines, 0)
        half = words.width / 2
        centre = foot.x + sense * (half - 2)
        centre = min(max(centre, self.left + APART + half), self.right - APART - half)
        top = self.above.put(centre - half - APART, centre + half + APART, words.height + 1, 2 * ABOVE)
        # arriving, the arrow leads the other way: from the number to the solid
        arrow = (foot, Point(foot.x, top + words.height + 1))[::sense]
        self.parts += [Polyline(arrow, "skip", 1.1, arrow=True), *words.centred(centre, top, "skip")]

    def add_braces(self, braces: Sequence[Brace], line: Skyline, right: float) -> None:
        """Below the volumes of a block, or above them, a brace with its name; the shorter ones inside."""
        for brace in sorted(braces, key=lambda brace: brace.last - brace.first):
            inside = [spot for spot in self.spots if brace.first <= spot.number <= brace.last]
            if not inside:
                continue
            a = min(spot.x for spot in inside) - GAP / 3
            b = max(spot.end for spot in inside) + GAP / 3
            # a block that goes on in the next row has a brace in each
            begins = any(spot.number == brace.first for spot in inside)
            words = brace.words if begins else f"{brace.words}, continued"
            half = width(words, TEXT_SIZE, bold=True) / 2
            centre = min(max((a + b) / 2, a + half), right - half)
            high = 3 + TEXT_SIZE * 1.5
            top = line.put(min(a, centre - half) - APART, max(b, centre + half) + APART, high, 2)
            y = top if line.sign > 0 else top + high
            tip = y + 3 * line.sign
            base = tip + TEXT_SIZE * 1.15 if line.sign > 0 else tip - 3
            self.parts.append(Polyline((Point(a, y), Point(a, tip), Point(b, tip), Point(b, y)), "ink", 0.7))
            self.parts.append(TextLine(Point(centre, base), words, bold=True))


def link(before: Spot, spot: Spot) -> list[Primitive]:
    """From a value to the next: a kernel with its rays, the lines of a full connection, or an arrow."""
    volume, given = spot.sized.volume, before.sized.volume
    if volume.kind == "fault":
        return [Polyline((before.exit, spot.entry), "fault", 1.4, arrow=True)]
    if volume.window and given.shape.is_map and not given.sign:
        return kernel(before, spot)
    if volume.kind == "linear":
        ends = [(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
        across = before.sized.solid.exit
        return [Polyline((before.leaving.at(across, a), spot.arriving.at(0, b)), "ray", 0.5) for a, b in ends]
    return [Polyline((before.exit, spot.entry), arrow=True)]


def arrival(spot: Spot, y: float, left: float, right: float) -> Polyline:
    """From the end of the row before, above this row, to its first value."""
    path = (Point(right, y), Point(left, y), Point(left, spot.entry.y), spot.entry)
    return Polyline(path, "fault" if spot.sized.volume.kind == "fault" else "ink", arrow=True)


def kernel(before: Spot, spot: Spot) -> list[Primitive]:
    """What the kernel sees, and the pixel that comes of it; or the pixel, and where it is put down."""
    given, made, window = before.sized.volume.shape, spot.sized.volume.shape, spot.sized.volume.window
    assert window is not None
    seen, plane, pixel = given, before.leaving, spot.pixel
    if spot.sized.volume.transposed:
        seen, plane, pixel = made, spot.arriving, before.exit
    high, wide = (min(1.0, (k / n) ** POWER) for k, n in zip(window, seen.size, strict=True))
    # 3 of 224 pixels would be a dot: (3 / 224)^0.6 = 0.075 of the side can be seen
    patch = plane.patch(wide, high)
    rays: list[Primitive] = [Polyline((corner, pixel), "ray", 0.45) for corner in patch]
    return [Polygon(patch, "patch"), *rays, Circle(pixel, 0.9)]


def clear(between: tuple[float, float], half: float, uprights: Sequence[float]) -> float:
    """The middle of words of half this width, as near to the middle as they stand on no upright."""
    low, high = between
    # words 40 wide between 0 and 100, an upright at 40: their middle at 20, or from 60 to 80; so at 60
    inside = sorted(x for x in uprights if low < x < high)
    rooms = [(a + half, b - half) for a, b in pairwise([low, *inside, high]) if b - a > 2 * half]
    middle = (low + high) / 2
    return min((min(max(middle, a), b) for a, b in rooms), key=lambda x: abs(x - middle), default=middle)


def roof(spot: Spot, side: int, outer: int) -> Point:
    """Where a line from above meets a value: arriving (side -1) or leaving (1).

    `outer` lines stand on its right at the same end.
    """
    solid = spot.sized.solid
    y = -solid.height / 2
    if solid.form == "circle":
        # arriving left of the top, leaving right of it, several side by side; the y is the circle's there
        x = max(-0.9, min(0.9, side * 0.45 - outer * 0.4))
        return Point(spot.x + RADIUS * (1 + x), -RADIUS * (1 - x * x) ** 0.5)
    if solid.form == "octagon":
        return Point(spot.x + max(0.0, FAULT - 2.5 * outer), y)
    if solid.form == "sheets":
        return Point(spot.x + max(0.0, solid.arriving.across.x / 2 + 2.2 * side - 2.5 * outer), y)
    back = spot.sized.solid.width - solid.leaving.across.x  # how wide the far upper edge is
    # leaving nearer to the right end; further lines 2.5 points to the left, less where the edge is short
    x = back * (0.9 if side > 0 else 0.6) - min(2.5, back * 0.15) * outer
    return Point(spot.x + solid.leaving.across.x + max(0.0, x), y)
