"""Parts as SVG, in colours by role and theme: the same parts make the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import NamedTuple

from cnnspec.draw.svg import FAMILIES, number
from cnnspec.draw.theme import DARK, GREYS, HUES, WHITE, mix
from cnnspec.draw.theme import THEMES as PAGES
from cnnspec.draw.theme import Theme as PageTheme
from cnnspec.draw.volume.primitives import Circle, Point, Polygon, Polyline, Primitive, TextLine

ARROW = (3.6, 1.5)  # length and half the width of a head


class Theme(NamedTuple):
    """`page` has the colours of what is flat, `kinds` those of solids, which the graph view gives them.

    "" as `edge` is a solid's own colour. `shades` tell how much of its colour each side shows, and of what
    colour the rest is.
    """

    page: PageTheme
    edge: str
    kinds: Mapping[str, str]
    shades: Mapping[str, tuple[float, str]]

    def fill(self, kind: str, shade: str) -> str:
        share, rest = self.shades[shade]
        return mix(self.kinds.get(kind, WHITE), rest, share)

    def line(self, role: str) -> str:
        page = self.page
        colours = {"skip": page.skip, "quiet": page.quiet, "ray": page.quiet, "fault": page.fault}
        return colours.get(role, page.ink)


LIT = {"front": (1.0, WHITE), "top": (0.55, WHITE), "side": (0.8, "#000000")}
DIM = {"front": (0.45, DARK), "top": (0.7, DARK), "side": (0.3, DARK)}
BLOCK = "#D5DCE4"  # of what is drawn as one: none of the colours of a layer

THEMES = {
    "light": Theme(PAGES["light"], PAGES["light"].ink, HUES | {"block": BLOCK}, LIT),
    "dark": Theme(PAGES["dark"], "", HUES | {"block": BLOCK}, DIM),
    "mono": Theme(PAGES["mono"], "#000000", GREYS | {"pool": "#8C8C8C", "block": "#F0F0F0"}, LIT),
}


def draw_parts(parts: Iterable[Primitive], theme: Theme) -> str:
    body = "\n".join(element(part, theme) for part in parts)
    return f'<g font-family="{FAMILIES}" stroke-linejoin="round" stroke-linecap="round">\n{body}\n</g>\n'


def element(part: Primitive, theme: Theme) -> str:
    if isinstance(part, Polygon):
        return f'<polygon points="{points(part.points)}" {faced(part, theme)}/>'
    if isinstance(part, Polyline):
        paint = theme.line(part.role)
        path = f'<polyline points="{points(part.points)}" fill="none" stroke="{paint}" '
        path += f'stroke-width="{number(part.width)}"/>'
        return path + head(part.points[-2], part.points[-1], paint) if part.arrow else path
    if isinstance(part, Circle):
        where = f'cx="{number(part.centre.x)}" cy="{number(part.centre.y)}" r="{number(part.radius)}"'
        look = f'fill="{theme.line(part.role)}"'
        if part.role == "join":
            look = f'fill="{theme.page.paper}" stroke="{theme.page.ink}" stroke-width="0.9"'
        return f"<circle {where} {look}/>"
    return text(part, theme)


def points(found: Iterable[Point]) -> str:
    return " ".join(f"{number(p.x)},{number(p.y)}" for p in found)


def faced(part: Polygon, theme: Theme) -> str:
    page = theme.page
    if part.role == "patch":
        return f'fill="{page.paper}" fill-opacity="0.55" stroke="{page.ink}" stroke-width="0.6"'
    if part.role == "fault":
        return f'fill="{page.paper}" stroke="{page.fault}" stroke-width="1.4"'
    edge = theme.edge or theme.kinds.get(part.role, WHITE)
    return f'fill="{theme.fill(part.role, part.shade)}" stroke="{edge}" stroke-width="0.5"'


def head(before: Point, end: Point, paint: str) -> str:
    """The head of an arrow; markers are beyond some programs."""
    x, y = end.x - before.x, end.y - before.y
    # a line of no length has no direction: its head is a point
    long = (x * x + y * y) ** 0.5 or 1.0
    x, y = x / long, y / long
    back = Point(end.x - ARROW[0] * x, end.y - ARROW[0] * y)
    wings = (Point(back.x + ARROW[1] * side * -y, back.y + ARROW[1] * side * x) for side in (1, -1))
    return f'<polygon points="{points((end, *wings))}" fill="{paint}"/>'


def text(part: TextLine, theme: Theme) -> str:
    where = f'x="{number(part.at.x)}" y="{number(part.at.y)}" font-size="{number(part.size)}"'
    anchor = ' text-anchor="middle"' if part.middle else ""
    weight = ' font-weight="bold"' if part.bold else ""
    return f'<text {where}{anchor}{weight} fill="{theme.line(part.role)}">{escape(part.words)}</text>'
