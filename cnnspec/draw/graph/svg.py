"""Columns as Graphviz drew them become one page, an SVG with a title for those who cannot see it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from cnnspec.draw.graph.clear import clear_titles
from cnnspec.draw.style import FONT
from cnnspec.draw.theme import Theme

FAMILIES = f"{FONT},Verdana,Geneva,sans-serif"
MARGIN, BETWEEN, APART = 4, 12, 14  # points: around everything, between columns, between the legend's entries
NAME, FACTS, LETTER = 15, 10, 0.62  # points of the letters; their mean width, as a part of that
NARROW = 150  # points: half of what a page is wide at least

_HEAD = re.compile(r'<svg width="[\d.]+pt" height="[\d.]+pt"\s+viewBox="([-\d. ]+)"[^>]*>')
_NOISE = re.compile(r"<!--.*?-->\n?|<title>[^<]*</title>\n?|</svg>\n?", re.DOTALL)
_NODE = re.compile(r'<g id="[^"]*" class="node">\n<title>(n\d+)</title>')
_IDS = re.compile(r' id="[^"]*" class="(?:graph|cluster|node|edge)"')
_FONT = re.compile(rf'font-family="{FONT}( Bold)?[^"]*"(?: font-weight="bold")?')
_CLUSTER = re.compile(r'<g id="[^"]*" class="cluster">\n.*?</g>\n', re.DOTALL)
_EDGE = re.compile(r'<g id="[^"]*" class="edge">\n.*?</g>\n', re.DOTALL)
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
    body = _FONT.sub(lambda match: family(bool(match.group(1))), _IDS.sub("", body))
    if left:
        body = f'<g transform="translate({left:.2f} 0)">\n{body}\n</g>'
    return Drawing(left + width + right, height, body)


def raise_text(body: str, paper: str) -> str:
    """Titles of clusters and shapes on edges above all lines, with a rim in the colour of what is behind."""
    texts: list[str] = []

    def lift(match: re.Match[str]) -> str:
        fill = _FILL.search(match.group())
        rim = fill.group(1) if fill and 'class="cluster"' in match.group() else paper
        texts.extend(
            text.replace("<text ", f'<text stroke="{rim}" ', 1) for text in _TEXT.findall(match.group())
        )
        return _TEXT.sub("", match.group())

    body = _EDGE.sub(lift, _CLUSTER.sub(lift, body))
    end = body.rindex("</g>")
    group = '<g stroke-width="2.5" stroke-linejoin="round" stroke-opacity="0.85" paint-order="stroke">\n'
    return f"{body[:end]}{group}{''.join(texts)}</g>\n{body[end:]}" if texts else body


def family(bold: bool) -> str:
    return f'font-family="{FAMILIES}"' + (' font-weight="bold"' if bold else "")


class Words(NamedTuple):
    """What a page says besides its drawings: `title` in place of the name, facts where it is `captioned`."""

    name: str
    facts: str
    description: str
    mark: str
    title: str | None = None
    captioned: bool = True


class Sheet(NamedTuple):
    """The paper: its colours, its width in points if that is given, rows or columns on it.

    To be no higher than `height`, drawings are scaled down, but not below `least`.
    """

    theme: Theme
    width: float | None
    rows: bool
    height: float
    least: float


class Page(NamedTuple):
    """A page's size in points, by how much its drawings are scaled, and its SVG.

    `filled`: how long its columns or rows are in the mean, as a share of the longest.
    """

    width: float
    height: float
    scale: float
    filled: float
    svg: str


def page(words: Words, drawings: Sequence[Drawing], legend: Sequence[Drawing], sheet: Sheet) -> Page:
    """The net's name, the columns side by side or the rows one below the other, the legend.

    A given width is kept: what is wider is scaled down, what is narrower is set in the middle.
    """
    wide, high = extent(drawings, sheet.rows)
    width = max(wide + 2 * MARGIN, sheet.width or 2 * NARROW)
    content, height = compose_page(words, drawings, legend, sheet, width)
    scale = min(1.0, sheet.width / width) if sheet.width else 1.0
    if sheet.width and sheet.least <= sheet.height / height < scale:
        scale = sheet.height / height
        width = sheet.width / scale
        content, height = compose_page(words, drawings, legend, sheet, width)
    svg = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<!-- {words.mark} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale:.2f}pt" '
        f'height="{height * scale:.2f}pt" viewBox="0 0 {width:.2f} {height:.2f}" '
        'role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(words.name)}: {escape(words.facts)}</title>\n'
        f'<desc id="desc">{escape(words.description)}</desc>\n'
        f'<rect width="{width:.2f}" height="{height:.2f}" fill="{sheet.theme.paper}"/>\n'
        f"{content}</svg>\n"
    )
    filled = sum(d.width / wide if sheet.rows else d.height / high for d in drawings) / len(drawings)
    return Page(width * scale, height * scale, scale, filled, svg)


def compose_page(
    words: Words, drawings: Sequence[Drawing], legend: Sequence[Drawing], sheet: Sheet, width: float
) -> tuple[str, float]:
    """All that is on a page of this width, before it is scaled, and how high that is."""
    ink, inner = sheet.theme.ink, width - 2 * MARGIN
    said, top = [], float(MARGIN)
    for text, size in heading(words, inner):
        top += size if size == NAME else size + 4
        said.append(line(text, top, size, size == NAME, ink))
    wide, high = extent(drawings, sheet.rows)
    left, top = MARGIN + (inner - wide) / 2, top + 12 if said else top
    bottom = top + high
    key = None if sheet.rows else below_a_column(drawings, legend, left, top)
    if key is None:
        key, bottom = set_in_lines(legend, inner, MARGIN, bottom + BETWEEN)
    return "".join((*said, arrange_drawings(drawings, sheet.rows, left, top), key)), bottom + MARGIN


def heading(words: Words, width: float) -> Iterator[tuple[str, int]]:
    """The lines above the drawings, and their sizes."""
    title = words.name if words.title is None else words.title
    for text, size in ((title, NAME), (words.facts if words.captioned else "", FACTS)):
        letters = max(NARROW // size, int(width / (size * LETTER)))
        yield from ((line, size) for line in textwrap.wrap(text, letters))


def below_a_column(
    drawings: Sequence[Drawing], legend: Sequence[Drawing], left: float, top: float
) -> str | None:
    """The legend right below the shortest column; None where there is too little room."""
    shortest = min(range(len(drawings)), key=lambda i: drawings[i].height)
    wide, high = drawings[shortest].width, set_in_lines(legend, drawings[shortest].width, left, 0)[1]
    room = max(drawing.height for drawing in drawings) - drawings[shortest].height
    if high + 2 * BETWEEN > room or any(entry.width > wide for entry in legend):
        return None
    left += sum(drawing.width + BETWEEN for drawing in drawings[:shortest])
    return set_in_lines(legend, wide, left, top + drawings[shortest].height + 2 * BETWEEN)[0]


def extent(drawings: Sequence[Drawing], rows: bool) -> tuple[float, float]:
    """How wide and how high drawings are together."""
    widths, heights = [d.width for d in drawings], [d.height for d in drawings]
    gaps = BETWEEN * (len(drawings) - 1)
    return (max(widths), sum(heights) + gaps) if rows else (sum(widths) + gaps, max(heights))


def arrange_drawings(drawings: Sequence[Drawing], rows: bool, left: float, top: float) -> str:
    """Drawings in their places."""
    parts = []
    for drawing in drawings:
        parts.append(place_drawing(drawing, left, top))
        if rows:
            top += drawing.height + BETWEEN
        else:
            left += drawing.width + BETWEEN
    return "".join(parts)


def set_in_lines(drawings: Sequence[Drawing], width: float, left: float, top: float) -> tuple[str, float]:
    """Small drawings in lines, as words are set, each in the middle of its line; and where they end."""
    lines: list[list[Drawing]] = [[]]
    for drawing in drawings:
        if lines[-1] and sum(d.width + APART for d in lines[-1]) + drawing.width > width:
            lines.append([])
        lines[-1].append(drawing)
    parts = []
    for drawn in lines:
        x, high = left, max((d.height for d in drawn), default=0.0)
        for drawing in drawn:
            parts.append(place_drawing(drawing, x, top + (high - drawing.height) / 2))
            x += drawing.width + APART
        top += high + APART / 2
    return "".join(parts), top - APART / 2


def line(words: str, bottom: float, size: int, bold: bool, ink: str) -> str:
    at = f'x="{MARGIN}" y="{bottom}" font-size="{size}" fill="{ink}"'
    return f"<text {at} {family(bold)}>{escape(words)}</text>\n"


def place_drawing(drawing: Drawing, left: float, top: float) -> str:
    return f'<g transform="translate({left:.2f} {top:.2f})">\n{drawing.body}\n</g>\n'
