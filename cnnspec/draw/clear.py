"""Titles of clusters moved aside, where Graphviz let an edge run through them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from itertools import pairwise
from typing import NamedTuple

from cnnspec.draw.metrics import width
from cnnspec.draw.style import FRAME, SIZE

PADS = (3.0, 1.0)  # points between words and a line, and where there is too little room
STEPS = 12  # of a curve's piece, which is short

_CLUSTER = re.compile(
    r'<g id="[^"]*" class="cluster">\n<path [^>]* d="([^"]*)"/>\n(?:<text [^>]*>[^<]*</text>\n)+'
)
_EDGE = re.compile(r'<g id="[^"]*" class="edge">\n(.*?)</g>\n', re.DOTALL)
_CURVE = re.compile(r'<path [^>]* d="([^"]*)"')
_LABEL = re.compile(r'<text [^>]*text-anchor="middle" x="([-\d.]+)" y="([-\d.]+)"[^>]*>([^<]*)</text>')
_TITLE = re.compile(
    r'(<text [^>]*text-anchor="start" x=")([-\d.]+)(" y=")([-\d.]+)("[^>]*>)([^<]*)(</text>\n)'
)
_BLANKS = re.compile(r"^(?:&#160;|\s)+")
_PAIR = re.compile(r"([-\d.]+),([-\d.]+)")


class Rect(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


def clear_titles(body: str) -> str:
    """The drawing with each title where nothing crosses it, if its cluster has such a place."""
    found = list(obstacles(body))
    return _CLUSTER.sub(lambda match: move_title(match, found), body)


def obstacles(body: str) -> Iterator[Rect]:
    """Around the short pieces of all edges, and around the words on them."""
    for edge in _EDGE.finditer(body):
        for curve in _CURVE.finditer(edge.group(1)):
            points = flatten_curve(pairs(curve.group(1)))
            for (x, y), (u, v) in pairwise(points):
                yield Rect(min(x, u), min(y, v), max(x, u), max(y, v))
        for x, y, words in _LABEL.findall(edge.group(1)):
            half = width(unescape(words).strip(), SIZE) / 2
            yield Rect(float(x) - half, float(y) - 0.8 * SIZE, float(x) + half, float(y) + 0.2 * SIZE)


def pairs(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in _PAIR.findall(text)]


def flatten_curve(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points of a path of cubic Bézier curves: a start, and three for each curve."""
    found = list(points[:1])
    for i in range(0, len(points) - 3, 3):
        a, b, c, d = points[i : i + 4]
        for step in range(1, STEPS + 1):
            t, s = step / STEPS, 1 - step / STEPS
            shares = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
            x, y = (sum(n * p[axis] for n, p in zip(shares, (a, b, c, d), strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found


def move_title(cluster: re.Match[str], found: Sequence[Rect]) -> str:
    """The cluster with its title in the nearest free place between its sides."""
    xs = [x for x, _ in pairs(cluster.group(1))]
    lines = [(float(y), unescape(words)) for _, _, _, y, _, words, _ in _TITLE.findall(cluster.group())]
    wide = max(width(words.strip(), SIZE) for _, words in lines)
    top, bottom = min(y for y, _ in lines) - 0.8 * SIZE, max(y for y, _ in lines) + 0.2 * SIZE
    first = _TITLE.search(cluster.group())
    assert first is not None
    indent = len(lines[0][1]) - len(lines[0][1].lstrip())
    now = float(first.group(2)) + width(" " * indent, SIZE)
    taken = [(r.left, r.right) for r in found if r.top < bottom and r.bottom > top]
    low, high = min(xs) + FRAME, max(xs) - FRAME - wide
    left = now
    for pad in PADS:
        places = [now, low, *(right + pad for _, right in taken), *(left - pad - wide for left, _ in taken)]
        free = [x for x in places if low <= x <= high and clear(x, x + wide, taken, pad)]
        if free:
            left = min(free, key=lambda x: abs(x - now))
            break
    return _TITLE.sub(
        lambda t: f"{t[1]}{left:.2f}{t[3]}{t[4]}{t[5]}{_BLANKS.sub('', t[6])}{t[7]}", cluster.group()
    )


def clear(left: float, right: float, taken: Sequence[tuple[float, float]], pad: float) -> bool:
    return all(b + pad <= left + 0.01 or a - pad >= right - 0.01 for a, b in taken)
