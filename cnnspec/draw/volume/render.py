"""Parts as SVG. The same parts make the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from cnnspec.draw.numbers import number
from cnnspec.draw.style import FONT
from cnnspec.draw.volume.palette import Theme, edge, fill
from cnnspec.draw.volume.primitives import Disc, Face, Line, Point, Primitive, Text

FAMILIES = f"{FONT},Verdana,Geneva,sans-serif"
ARROW = (3.6, 1.5)  # length and half the width of a head


def page(
    title: str,
    description: str,
    mark: str,
    parts: Iterable[Primitive],
    size: tuple[float, float],
    theme: Theme,
) -> str:
    """Width and height in points. `title` and `description` are for those who do not see it."""
    body = "\n".join(element(part, theme) for part in parts)
    width, height = map(number, size)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<!-- {comment(mark)} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(title)}</title>\n'
        f'<desc id="desc">{escape(description)}</desc>\n'
        f'<rect width="{width}" height="{height}" fill="{theme.page.paper}"/>\n'
        f'<g font-family="{FAMILIES}" stroke-linejoin="round" stroke-linecap="round">\n{body}\n</g>\n</svg>\n'
    )


def comment(words: str) -> str:
    return escape(words.replace("--", "- -"))


def points(found: Iterable[Point]) -> str:
    return " ".join(f"{number(p.x)},{number(p.y)}" for p in found)


def element(part: Primitive, theme: Theme) -> str:
    if isinstance(part, Face):
        return face(part, theme)
    if isinstance(part, Line):
        return line(part, theme)
    if isinstance(part, Disc):
        return disc(part, theme)
    return text(part, theme)


def colour(role: str, theme: Theme) -> str:
    page = theme.page
    colours = {"skip": page.skip, "quiet": page.quiet, "ray": page.quiet, "fault": page.fault}
    return colours.get(role, theme.page.ink)


def face(part: Face, theme: Theme) -> str:
    if part.role == "patch":
        look = f'fill="{theme.page.paper}" fill-opacity="0.55" stroke="{theme.page.ink}" stroke-width="0.6"'
    elif part.role == "fault":
        look = f'fill="{theme.page.paper}" stroke="{theme.page.fault}" stroke-width="1.4"'
    else:
        look = f'fill="{fill(theme, part.role, part.shade)}" stroke="{edge(theme, part.role)}" '
        look += 'stroke-width="0.5"'
    return f'<polygon points="{points(part.points)}" {look}/>'


def line(part: Line, theme: Theme) -> str:
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


def disc(part: Disc, theme: Theme) -> str:
    where = f'cx="{number(part.centre.x)}" cy="{number(part.centre.y)}" r="{number(part.radius)}"'
    if part.role == "join":
        return f'<circle {where} fill="{theme.page.paper}" stroke="{theme.page.ink}" stroke-width="0.9"/>'
    return f'<circle {where} fill="{colour(part.role, theme)}"/>'


def text(part: Text, theme: Theme) -> str:
    where = f'x="{number(part.at.x)}" y="{number(part.at.y)}" font-size="{number(part.size)}"'
    anchor = ' text-anchor="middle"' if part.middle else ""
    weight = ' font-weight="bold"' if part.bold else ""
    return f'<text {where}{anchor}{weight} fill="{colour(part.role, theme)}">{escape(part.words)}</text>'
