"""Titles of clusters stand clear of edges: Graphviz leads those that come in from above through them.

A title goes to the first place from the left where nothing crosses it. Where there is none, the cluster's
frame, and the frames around it, reach further to the left; and to the right over words that stand on them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import unescape
from itertools import chain, pairwise
from typing import NamedTuple

from cnnspec.draw.metrics import width
from cnnspec.draw.style import FRAME, SIZE

PAD = 3.0  # points between a title and a line, and between a frame and what stands beside it
STEPS = 12  # of a curve's piece, which is short

CLUSTER = re.compile(
    r'<g id="[^"]*" class="cluster">\n<path [^>]* d="([^"]*)"/>\n(?:<text [^>]*>[^<]*</text>\n)*</g>'
)
EDGE = re.compile(r'<g id="[^"]*" class="edge">\n(.*?)</g>\n', re.DOTALL)
_NODE = re.compile(r'<g id="(?:n\d+"|[^"]*" class="node")>\n(.*?)</g>\n', re.DOTALL)
_OUTLINE = re.compile(r' (?:points|d)="([^"]*)"')
_CURVE = re.compile(r'<path [^>]* d="([^"]*)"')
_WORDS = re.compile(r'<text [^>]*text-anchor="middle" x="([-\d.]+)" y="([-\d.]+)"[^>]*>([^<]*)</text>')
_TITLE = re.compile(r'(<text [^>]*text-anchor="start" x=")[-\d.]+(" y="([-\d.]+)"[^>]*>)([^<]*)(</text>\n)')
_BLANKS = re.compile(r"^(?:&#160;|\s)+")
_PAIR = re.compile(r"([-\d.]+),([-\d.]+)")


class Rect(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: Rect) -> bool:
        return union((self, other)) == self

    def touches(self, other: Rect) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


class DrawnEdge(NamedTuple):
    """An edge: what is around all of it, around its short pieces, and around the lines of its words."""

    whole: Rect
    pieces: list[Rect]
    words: list[Rect]

    def parts_in(self, area: Rect) -> Iterator[Rect]:
        if self.whole.touches(area):
            yield from filter(area.touches, chain(self.pieces, self.words))


def clear_titles(body: str, wide: float, roomy: bool = True) -> tuple[str, float, float]:
    """The drawing, so wide, with its titles moved, and how much further to the left and right it reaches now.

    `roomy`: frames may reach further.
    """
    frames = Frames(body, roomy)
    # the inner before the outer: a frame that grows makes those around it grow
    for number in reversed(range(len(frames.now))):
        frames.hold_words(number)
    places = [frames.place_title(number) for number in reversed(range(len(frames.now)))]
    # frames are met in the order of the text, so `places` is read from its end
    numbers = iter(range(len(places)))

    def move(cluster: re.Match[str]) -> str:
        number = next(numbers)
        path = frames.moved_path(number, cluster.group(1))
        text = cluster.group().replace(cluster.group(1), path, 1)
        left = f"{places[-1 - number]:.2f}"
        return _TITLE.sub(lambda t: f"{t[1]}{left}{t[2]}{_BLANKS.sub('', t[4])}{t[5]}", text)

    left = min((frame.left for frame in frames.now), default=0.0)
    right = max((frame.right for frame in frames.now), default=0.0)
    return CLUSTER.sub(move, body), max(0.0, -left), max(0.0, right - wide)


class Frames:
    """The frames of clusters, the outer before the inner: as they are drawn, and as they are now."""

    def __init__(self, body: str, roomy: bool) -> None:
        self.roomy = roomy
        found = list(CLUSTER.finditer(body))
        self.titles = [_TITLE.findall(cluster.group()) for cluster in found]
        self.drawn = [around(pairs(cluster.group(1))) for cluster in found]
        self.now = list(self.drawn)
        self.edges = list(drawn_edges(body))
        shapes = [pairs(" ".join(_OUTLINE.findall(node.group(1)))) for node in _NODE.finditer(body)]
        self.nodes = [around(points) for points in shapes if points]

    def place_title(self, number: int) -> float:
        """Where a title starts; its frame reaches further to the left if that makes room for it."""
        lines = [(float(y), unescape(words).strip()) for _, _, y, words, _ in self.titles[number]]
        frame, wide = self.now[number], max((width(words, SIZE) for _, words in lines), default=0.0)
        # where a title may start: inside its frame, and at the latest so that it ends there
        low, high = frame.left + FRAME + PAD, frame.right - FRAME - wide
        if not lines:
            return low
        top, bottom = min(y for y, _ in lines) - 0.8 * SIZE, max(y for y, _ in lines) + 0.2 * SIZE
        band = Rect(frame.left, top, frame.right, bottom)
        taken = [(r.left, r.right) for edge in self.edges for r in edge.parts_in(band)]
        # right behind each thing that crosses the title's height; `low`, if free, even if it is too wide
        for left in sorted([low, *(right + PAD for _, right in taken)]):
            if (left == low or left <= high) and clear(left, left + wide, taken):
                return left
        # else left of all that crosses: the frame has to come along
        left = min(a for a, _ in taken) - PAD - wide
        return left if self.reach(number, left=left - FRAME - PAD) else low

    def hold_words(self, number: int) -> None:
        """Let a frame reach over the words of an edge that stand on its right side."""
        side = self.drawn[number]._replace(left=self.drawn[number].right - 1)
        for edge in self.edges:
            for words in edge.words:
                # words that stand on the right side, and not all of them beyond it
                if words.touches(side) and words.right - side.right < words.right - words.left:
                    self.reach(number, right=words.right + 1, edge=edge)

    def reach(
        self, number: int, left: float = math.inf, right: float = -math.inf, edge: DrawnEdge | None = None
    ) -> bool:
        """Let a frame, and those around it, go as far to a side, if nothing is there but perhaps an edge.

        An edge that comes in from the left crosses the frame wherever that is.
        """
        frame = self.now[number]
        wider = frame._replace(left=min(left, frame.left), right=max(right, frame.right))
        if wider == frame:
            return True
        # those around it, innermost last: they hold it, and stand before it in the text
        outer = [i for i in range(number) if self.drawn[i].holds(self.drawn[number])]
        # what the frame would cover anew, and a little more
        strip = frame._replace(left=frame.right, right=right + PAD)
        if left < frame.left:
            strip = frame._replace(left=left - PAD, right=frame.left)
        others = [self.now[i] for i in range(len(self.now)) if i != number and i not in outer]
        edges = [each for each in self.edges if each is not edge and any(each.parts_in(strip))]
        if left < frame.left:
            edges = [each for each in edges if not any(each.parts_in(frame))]
        if not self.roomy or edges or any(map(strip.touches, (*others, *self.nodes))):
            return False
        # the next one around has to have room, too, and that asks the one around it
        if outer and not self.reach(outer[-1], wider.left - FRAME, wider.right + FRAME, edge):
            return False
        self.now[number] = wider
        return True

    def moved_path(self, number: int, path: str) -> str:
        """A frame's outline, its halves moved."""
        drawn, now = self.drawn[number], self.now[number]
        middle = (drawn.left + drawn.right) / 2

        def move(pair: re.Match[str]) -> str:
            x = float(pair[1])
            # the round corners keep their form: each half moves as a whole
            x += now.left - drawn.left if x < middle else now.right - drawn.right
            return f"{x:.2f},{pair[2]}"

        return path if now == drawn else _PAIR.sub(move, path)


def drawn_edges(body: str) -> Iterator[DrawnEdge]:
    for edge in EDGE.finditer(body):
        pieces, words = [], []
        for curve in _CURVE.finditer(edge.group(1)):
            pieces += [around(ends) for ends in pairwise(flatten_curve(pairs(curve.group(1))))]
        for x, y, said in _WORDS.findall(edge.group(1)):
            half = width(unescape(said).strip(), SIZE) / 2
            words.append(Rect(float(x) - half, float(y) - 0.8 * SIZE, float(x) + half, float(y) + 0.2 * SIZE))
        yield DrawnEdge(union(pieces + words), pieces, words)


def pairs(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in _PAIR.findall(text)]


def around(points: Sequence[tuple[float, float]]) -> Rect:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Rect(min(xs), min(ys), max(xs), max(ys))


def union(rects: Sequence[Rect]) -> Rect:
    return around([point for r in rects for point in ((r.left, r.top), (r.right, r.bottom))])


def flatten_curve(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points of a path of cubic Bézier curves: a start, and three for each curve."""
    found = list(points[:1])
    for i in range(0, len(points) - 3, 3):
        a, b, c, d = points[i : i + 4]
        for step in range(1, STEPS + 1):
            t, s = step / STEPS, 1 - step / STEPS
            # Bernstein's polynomials: at t = 1/2 a and d count 1/8, b and c 3/8
            shares = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
            x, y = (sum(n * p[axis] for n, p in zip(shares, (a, b, c, d), strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found


def clear(left: float, right: float, taken: Sequence[tuple[float, float]]) -> bool:
    # 0.01: Graphviz writes two decimals
    return all(b + PAD <= left + 0.01 or a - PAD >= right - 0.01 for a, b in taken)
