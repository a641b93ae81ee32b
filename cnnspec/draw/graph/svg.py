"""Columns as Graphviz drew them become one page, an SVG with a title for those who cannot see it."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from cnnspec.draw.graph.clear import CLUSTER, EDGE, clear_titles
from cnnspec.draw.graph.wrap import BETWEEN
from cnnspec.draw.look import Look
from cnnspec.draw.names import mark
from cnnspec.draw.style import FONT
from cnnspec.draw.svg import FAMILIES, document

MARGIN, APART = 4, 14  # points: around everything, between the legend's entries
NAME, FACTS, LETTER = 15, 10, 0.62  # points of the letters; their mean width, as a part of that
NARROW = 150  # points: half of what a page is wide at least

_HEAD = re.compile(r'<svg width="[\d.]+pt" height="[\d.]+pt"\s+viewBox="([-\d. ]+)"[^>]*>')
_NOISE = re.compile(r"<!--.*?-->\n?|<title>[^<]*</title>\n?|</svg>\n?", re.DOTALL)
_NODE = re.compile(r'<g id="[^"]*" class="node">\n<title>(n\d+)</title>')
_IDS = re.compile(r' id="[^"]*" class="(?:graph|cluster|node|edge)"')
_FONT = re.compile(rf'font-family="{FONT}( Bold)?[^"]*"(?: font-weight="bold")?')
_FILL = re.compile(r'fill="(#[0-9a-fA-F]{6})"')
_TEXT = re.compile(r"<text [^>]*>[^<]*</text>\n")


class Unreadable(Exception):
    """The engine's output is not the SVG that we know."""


class Drawing(NamedTuple):
    """A part of the page: its size, and the elements that draw it."""

    width: float
    height: float
    body: str


def parse(svg: str, paper: str, rims: bool = True, roomy: bool = True) -> Drawing:
    """What Graphviz drew, without its frame and comments, and names but those of boxes. Raises Unreadable.

    `rims`: text that lines may cross is raised above them; what cannot draw rims leaves it where it is.
    `roomy`: frames may be wider than Graphviz drew them, for their titles.
    """
    head = _HEAD.search(svg)
    if head is None:
        raise Unreadable
    _, _, width, height = map(float, head.group(1).split())
    body = _NOISE.sub("", _NODE.sub(r'<g id="\1">', svg[head.end() :])).strip()
    body, left, right = clear_titles(body, width, roomy)
    if rims:
        body = raise_text(body, paper)
    # last, for titles and texts are found by the classes that go with the ids
    body = _FONT.sub(lambda match: family(bool(match.group(1))), _IDS.sub("", body))
    # frames that reach further to the left begin at negative x: all is moved to the right
    if left:
        body = f'<g transform="translate({left:.2f} 0)">\n{body}\n</g>'
    return Drawing(left + width + right, height, body)


def raise_text(body: str, paper: str) -> str:
    """Titles of clusters and shapes on edges above all lines, with a rim in the colour of what is behind."""
    texts: list[str] = []

    def lift(match: re.Match[str]) -> str:
        fill = _FILL.search(match.group())
        rim = fill.group(1) if fill and 'class="cluster"' in match.group() else paper
        found = _TEXT.findall(match.group())
        texts.extend(text.replace("<text ", f'<text stroke="{rim}" ', 1) for text in found)
        return _TEXT.sub("", match.group())

    body = EDGE.sub(lift, CLUSTER.sub(lift, body))
    # before the end of the outermost group, whose transform holds for the texts, too
    end = body.rindex("</g>")
    group = '<g stroke-width="2.5" stroke-linejoin="round" stroke-opacity="0.85" paint-order="stroke">\n'
    return f"{body[:end]}{group}{''.join(texts)}</g>\n{body[end:]}" if texts else body


def family(bold: bool) -> str:
    return f'font-family="{FAMILIES}"' + (' font-weight="bold"' if bold else "")


class Caption(NamedTuple):
    """What a page says of the net, besides its drawings."""

    name: str
    facts: str
    description: str


class SvgPage(NamedTuple):
    """A page's size in points, by how much its drawings are scaled, its SVG, and how wide its columns are.

    `size` is that of what it shows, `content`, before that is scaled.
    """

    width: float
    height: float
    scale: float
    size: tuple[str, str]
    content: str
    svg: str
    columns: tuple[float, ...]


def page(
    caption: Caption, drawings: Sequence[Drawing], legend: Sequence[Drawing], look: Look, scale: float = 1.0
) -> SvgPage:
    """The net's name, the columns side by side or the rows one below the other, the legend.

    A given width is kept: columns that it has no room for at this scale go on below the others; what alone
    is wider is scaled down.
    """
    widest = max(drawing.width for drawing in drawings)
    room = max(widest, look.width / scale - 2 * MARGIN) if look.width else math.inf
    # rows of a diagram from left to right: with no room each stands on a line of its own
    lines = break_lines(drawings, 0 if look.direction == "lr" else room, BETWEEN)
    wide = max(sum(drawing.width + BETWEEN for drawing in line) for line in lines) - BETWEEN
    # a page of no given width has room for its name and facts at least
    inner = max(wide, room) if look.width else max(wide, 2 * NARROW - 2 * MARGIN)
    width = inner + 2 * MARGIN
    content, height = compose_page(caption, lines, legend, look, inner)
    scale = look.width / width if look.width else 1.0
    size, own = (f"{width * scale:.2f}", f"{height * scale:.2f}"), (f"{width:.2f}", f"{height:.2f}")
    title = f"{caption.name}: {caption.facts}"
    svg = document(content, size, own, look.theme.paper, title, caption.description, mark(caption.name))
    columns = tuple(drawing.width for drawing in drawings)
    return SvgPage(width * scale, height * scale, scale, own, content, svg, columns)


def break_lines(drawings: Sequence[Drawing], room: float, gap: float) -> list[list[Drawing]]:
    """Drawings in lines, as words are set."""
    lines: list[list[Drawing]] = [[]]
    filled = 0.0
    for drawing in drawings:
        if lines[-1] and filled + drawing.width > room:
            lines.append([])
            filled = 0.0
        lines[-1].append(drawing)
        filled += drawing.width + gap
    return lines


class Nook(NamedTuple):
    """Where a legend may stand, and how much room it has there."""

    left: float
    top: float
    width: float
    height: float


def compose_page(
    caption: Caption, lines: Sequence[Sequence[Drawing]], legend: Sequence[Drawing], look: Look, inner: float
) -> tuple[str, float]:
    """All that is on a page with so much room between its margins, before it is scaled; how high that is."""
    parts, nooks, top = [], [], float(MARGIN)
    for text, size in heading(caption, look, inner):
        top += size if size == NAME else size + 4
        parts.append(line(text, top, size, size == NAME, look.theme.ink))
    top += 12 if parts else 0
    for drawings in lines:
        wide, high = sum(d.width + BETWEEN for d in drawings) - BETWEEN, max(d.height for d in drawings)
        left = MARGIN + (inner - wide) / 2 if look.direction == "lr" or len(lines) == 1 else MARGIN
        for drawing in drawings:
            parts.append(place_drawing(drawing, left, top))
            below = drawing.height + 2 * BETWEEN
            nooks.append(Nook(left, top + below, drawing.width, high - below))
            left += drawing.width + BETWEEN
        nooks.append(Nook(left + BETWEEN, top, MARGIN + inner - left - BETWEEN, high))
        top += high + BETWEEN
    # below a short column or beside the last line; else below all, where there is always room
    roomiest = sorted(nooks, key=lambda nook: -nook.height)
    for nook in (*roomiest, Nook(MARGIN, top, inner, math.inf)):
        key, end = set_legend(legend, nook)
        if end <= nook.top + nook.height and all(entry.width <= nook.width for entry in legend):
            break
    return "".join((*parts, key)), max(top - BETWEEN, end) + MARGIN


def heading(caption: Caption, look: Look, width: float) -> Iterator[tuple[str, int]]:
    """The lines above the drawings, and their sizes."""
    title = caption.name if look.title is None else look.title
    for text, size in ((title, NAME), (caption.facts if look.caption else "", FACTS)):
        # by their mean width: 15 points on 500 are 500 / (15 * 0.62) = 53 letters
        letters = max(NARROW // size, int(width / (size * LETTER)))
        yield from ((line, size) for line in textwrap.wrap(text, letters))


def set_legend(legend: Sequence[Drawing], nook: Nook) -> tuple[str, float]:
    """The entries in lines, each in the middle of its line; and where they end."""
    parts, top = [], nook.top
    for line in break_lines(legend, nook.width, APART):
        left, high = nook.left, max((entry.height for entry in line), default=0.0)
        for entry in line:
            parts.append(place_drawing(entry, left, top + (high - entry.height) / 2))
            left += entry.width + APART
        top += high + APART / 2
    return "".join(parts), top - APART / 2


def line(words: str, bottom: float, size: int, bold: bool, ink: str) -> str:
    at = f'x="{MARGIN}" y="{bottom}" font-size="{size}" fill="{ink}"'
    return f"<text {at} {family(bold)}>{escape(words)}</text>\n"


def place_drawing(drawing: Drawing, left: float, top: float) -> str:
    return f'<g transform="translate({left:.2f} {top:.2f})">\n{drawing.body}\n</g>\n'
