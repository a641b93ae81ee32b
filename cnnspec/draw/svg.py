"""Columns as Graphviz drew them become one page, an SVG with a title for those who cannot see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from cnnspec.draw.style import FONT, INK

FAMILIES = f"{FONT},Verdana,Geneva,sans-serif"
MARGIN, BETWEEN, NAME, FACTS = 14, 26, 15, 10  # points: around everything, between columns, sizes of letters

_HEAD = re.compile(r'<svg width="[\d.]+pt" height="[\d.]+pt"\s+viewBox="([-\d. ]+)"[^>]*>')
_NOISE = re.compile(r"<!--.*?-->\n?|<title>[^<]*</title>\n?|</svg>\n?", re.DOTALL)
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


def parse(svg: str, rims: bool = True) -> Drawing:
    """What Graphviz drew, without its frame, names and comments. Raises Unreadable.

    `rims`: text that lines may cross is raised above them; what cannot draw rims leaves it where it is.
    """
    head = _HEAD.search(svg)
    if head is None:
        raise Unreadable
    _, _, width, height = map(float, head.group(1).split())
    body = _NOISE.sub("", svg[head.end() :]).strip()
    if rims:
        body = raised(body)
    body = _FONT.sub(lambda match: family(bool(match.group(1))), _IDS.sub("", body))
    return Drawing(width, height, body)


def raised(body: str) -> str:
    """Titles of clusters and shapes on edges above all lines, with a rim in the colour of what is behind."""
    texts: list[str] = []

    def lift(match: re.Match[str]) -> str:
        fill = _FILL.search(match.group())
        rim = fill.group(1) if fill and 'class="cluster"' in match.group() else "#FFFFFF"
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
    """What a page says besides its drawings."""

    name: str
    facts: str
    description: str
    mark: str


def page(words: Words, drawings: Sequence[Drawing], legend: Drawing) -> str:
    """The columns side by side, the net's name above them, the legend below."""
    top = MARGIN + NAME + 2 * FACTS + 12
    parts, left = [], float(MARGIN)
    for drawing in drawings:
        parts.append(placed(drawing, left, top))
        left += drawing.width + BETWEEN
    below = top + max(drawing.height for drawing in drawings) + BETWEEN
    parts.append(placed(legend, MARGIN, below))
    width = max(left - BETWEEN, legend.width + MARGIN, MARGIN + len(words.facts) * FACTS * 0.62) + MARGIN
    height = below + legend.height + MARGIN
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<!-- {words.mark} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}pt" height="{height:.0f}pt" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(words.name)}: {escape(words.facts)}</title>\n'
        f'<desc id="desc">{escape(words.description)}</desc>\n'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#FFFFFF"/>\n'
        f"{line(words.name, MARGIN + NAME, NAME, True)}{line(words.facts, MARGIN + NAME + 16, FACTS, False)}"
        f"{''.join(parts)}</svg>\n"
    )


def line(words: str, bottom: float, size: int, bold: bool) -> str:
    at = f'x="{MARGIN}" y="{bottom}" font-size="{size}" fill="{INK}"'
    return f"<text {at} {family(bold)}>{escape(words)}</text>\n"


def placed(drawing: Drawing, left: float, top: float) -> str:
    return f'<g transform="translate({left:.2f} {top:.2f})">\n{drawing.body}\n</g>\n'
