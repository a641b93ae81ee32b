"""Parts as SVG. The same parts make the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from cnnspec.draw.svg import FAMILIES, number
from cnnspec.draw.volume.palette import Theme, edge, fill
from cnnspec.draw.volume.primitives import Circle, Point, Polygon, Polyline, Primitive, Text

ARROW = (3.6, 1.5)  # length and half the width of a head


def draw_parts(parts: Iterable[Primitive], theme: Theme) -> str:
    body = "\n".join(element(part, theme) for part in parts)
    return f'<g font-family="{FAMILIES}" stroke-linejoin="round" stroke-linecap="round">\n{body}\n</g>\n'


def points(found: Iterable[Point]) -> str:
    return " ".join(f"{number(p.x)},{number(p.y)}" for p in found)


def element(part: Primitive, theme: Theme) -> str:
    if isinstance(part, Polygon):
        return face(part, theme)
    if isinstance(part, Polyline):
        return line(part, theme)
    if isinstance(part, Circle):
        return disc(part, theme)
    return text(part, theme)


def colour(role: str, theme: Theme) -> str:
    page = theme.page
    colours = {"skip": page.skip, "quiet": page.quiet, "ray": page.quiet, "fault": page.fault}
    return colours.get(role, theme.page.ink)


def face(part: Polygon, theme: Theme) -> str:
    if part.role == "patch":
        look = f'fill="{theme.page.paper}" fill-opacity="0.55" stroke="{theme.page.ink}" stroke-width="0.6"'
    elif part.role == "fault":
        look = f'fill="{theme.page.paper}" stroke="{theme.page.fault}" stroke-width="1.4"'
    else:
        look = f'fill="{fill(theme, part.role, part.shade)}" stroke="{edge(theme, part.role)}" '
        look += 'stroke-width="0.5"'
    return f'<polygon points="{points(part.points)}" {look}/>'


def line(part: Polyline, theme: Theme) -> str:
    paint = colour(part.role, theme)
    path = f'<polyline points="{points(part.points)}" fill="none" stroke="{paint}" '
    path += f'stroke-width="{number(part.width)}"/>'
    return path + head(part.points[-2], part.points[-1], paint) if part.arrow else path


def head(before: Point, end: Point, paint: str) -> str:
    """The head of an arrow; markers are beyond some programs."""
    x, y = end.x - before.x, end.y - before.y
    long = (x * x + y * y) ** 0.5 or 1.0
    x, y = x / long, y / long
    back = Point(end.x - ARROW[0] * x, end.y - ARROW[0] * y)
    wings = (Point(back.x + ARROW[1] * side * -y, back.y + ARROW[1] * side * x) for side in (1, -1))
    return f'<polygon points="{points((end, *wings))}" fill="{paint}"/>'


def disc(part: Circle, theme: Theme) -> str:
    where = f'cx="{number(part.centre.x)}" cy="{number(part.centre.y)}" r="{number(part.radius)}"'
    if part.role == "join":
        return f'<circle {where} fill="{theme.page.paper}" stroke="{theme.page.ink}" stroke-width="0.9"/>'
    return f'<circle {where} fill="{colour(part.role, theme)}"/>'


def text(part: Text, theme: Theme) -> str:
    where = f'x="{number(part.at.x)}" y="{number(part.at.y)}" font-size="{number(part.size)}"'
    anchor = ' text-anchor="middle"' if part.middle else ""
    weight = ' font-weight="bold"' if part.bold else ""
    return f'<text {where}{anchor}{weight} fill="{colour(part.role, theme)}">{escape(part.words)}</text>'
