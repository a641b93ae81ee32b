"""A page as TikZ: an SVG of ours becomes a picture for LaTeX, its text in the document's own font."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from xml.etree import ElementTree

from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.svg import number
from cnnspec.text.latex import escape_latex

LARGEST = 16_000  # points; TeX's lengths end soon after
LEADING = 1.2  # from line to line, of the size of the letters

# Only a document that has begun has undone \@nodocument. Sizes are rounded: the page has room to spare.
HEAD = r"""% {mark}
% \input it where the preamble has \usepackage{{tikz}}, or compile it: it is a page of its own.
\expandafter\ifx\csname @nodocument\endcsname\relax
\let\figureend\relax
\else
\documentclass{{article}}
\usepackage{{tikz}}
\usepackage[paperwidth={width}bp,paperheight={height}bp,margin=0bp]{{geometry}}
\pagestyle{{empty}}
\topskip=0pt \parindent=0pt \advance\textheight 1bp \hfuzz=1bp
\begin{{document}}
\def\figureend{{\end{{document}}}}
\fi
\begin{{tikzpicture}}[x={unit}bp,y=-{unit}bp,line width={thin}bp,inner sep=0pt,outer sep=0pt]
"""
FOOT = "\\end{tikzpicture}%\n\\figureend\n"

_TRANSLATE = re.compile(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)")
_NUMBER = re.compile(r"-?[\d.]+")
ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
PAPER = "#FFFFFF"  # a page of this colour is left as the document has it
NONE = ("none", "transparent")


class Inherited(NamedTuple):
    """How far the elements of a group are moved, and what they inherit."""

    x: float
    y: float
    look: Mapping[str, str]

    def within(self, group: ElementTree.Element) -> Inherited:
        x, y = self.x, self.y
        for match in _TRANSLATE.finditer(group.get("transform", "")):
            x, y = x + float(match.group(1)), y + float(match.group(2))
        return Inherited(x, y, {**self.look, **group.attrib})

    def point(self, x: float | str, y: float | str) -> str:
        return f"({number(float(x) + self.x)},{number(float(y) + self.y)})"

    def points(self, text: str) -> list[str]:
        values = _NUMBER.findall(text)
        return [self.point(x, y) for x, y in zip(values[::2], values[1::2], strict=True)]


def tikz(svg: str, mark: str) -> str:
    """The page as the text of a .tex file, to \\input or to compile. Raises DrawProblem.

    Coordinates are those of the SVG, in points of 1/72 inch, and y runs downwards.
    """
    root = ElementTree.fromstring(svg)
    wide, high = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    if max(wide, high) > LARGEST:
        raise DrawProblem(f"the picture is {max(wide, high) / 72:,.0f}in long, more than TeX can set")
    _, _, across, down = map(float, root.attrib["viewBox"].split())
    unit = wide / across
    body = "\n".join(elements(root, Inherited(0, 0, {}), unit))
    # only what an option names, `fill=E69F00`: not the words of a node that look like a colour
    colours = sorted(set(re.findall(r"(?<==)[0-9A-F]{6}\b", body)))
    lines = [f"\\definecolor{{{colour}}}{{HTML}}{{{colour}}}" for colour in colours]
    lines.append(f"\\useasboundingbox (0,0) rectangle ({number(across)},{number(down)});")
    size = {"width": number(wide), "height": number(high), "unit": f"{unit:.5g}", "thin": number(unit)}
    return HEAD.format(mark=mark, **size) + "\n".join([*lines, body, FOOT])


def elements(group: ElementTree.Element, inherited: Inherited, unit: float) -> Iterator[str]:
    """A line for each element that is seen, those behind first."""
    for element in group:
        kind, inner = element.tag.rpartition("}")[2], inherited.within(element)
        if kind == "g":
            yield from elements(element, inner, unit)
        elif kind == "text":
            yield node(element, inner, unit)
        elif kind in OUTLINES and not (kind == "rect" and element.get("fill") == PAPER):
            yield f"\\path[{', '.join(paint(inner.look, unit))}] {OUTLINES[kind](element.attrib, inner)};"


def node(text: ElementTree.Element, inherited: Inherited, unit: float) -> str:
    size = float(inherited.look["font-size"]) * unit
    font = f"\\fontsize{{{number(size)}}}{{{number(size * LEADING)}}}\\selectfont"
    if inherited.look.get("font-weight") == "bold":
        font += "\\bfseries"
    look = (
        f"anchor={ANCHORS[inherited.look.get('text-anchor', 'start')]}, text={colour(inherited.look['fill'])}"
    )
    where = inherited.point(text.attrib["x"], text.attrib["y"])
    return f"\\node[{look}, font={font}] at {where} {{{escape_latex((text.text or '').strip())}}};"


def paint(look: Mapping[str, str], unit: float) -> Iterator[str]:
    """The options of a path."""
    if look.get("fill", "none") not in NONE:
        yield f"fill={colour(look['fill'])}"
        if "fill-opacity" in look:
            yield f"fill opacity={look['fill-opacity']}"
    if look.get("stroke", "none") not in NONE:
        yield f"draw={colour(look['stroke'])}"
        if "stroke-width" in look:
            yield f"line width={number(float(look['stroke-width']) * unit)}bp"
        if "stroke-dasharray" in look:
            on, off = (number(float(each) * unit) for each in look["stroke-dasharray"].split(","))
            yield f"dash pattern=on {on}bp off {off}bp"
        if look.get("stroke-linejoin") == "round":
            yield "line join=round"


def colour(text: str) -> str:
    """The name of a colour, its six hexadecimal digits."""
    return text.removeprefix("#").upper()


def polygon(given: Mapping[str, str], inherited: Inherited) -> str:
    corners = inherited.points(given["points"])
    # Graphviz says the first corner twice; `cycle` would join it to itself
    if corners[0] == corners[-1]:
        del corners[-1]
    return " -- ".join([*corners, "cycle"])


def polyline(given: Mapping[str, str], inherited: Inherited) -> str:
    return " -- ".join(inherited.points(given["points"]))


def curve(given: Mapping[str, str], inherited: Inherited) -> str:
    """A path of Graphviz: `M`, where it begins, and `C`, three points for each piece."""
    start, *rest = inherited.points(given["d"])
    made, before = start, start
    for one, two, end in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        # Graphviz draws the sides of rounded boxes as curves whose control points are their ends
        straight = one == before and two == end
        made += f" -- {end}" if straight else f" .. controls {one} and {two} .. {end}"
        before = end
    return made


def ellipse(given: Mapping[str, str], inherited: Inherited) -> str:
    radii = [number(float(given.get(name, given.get("r", "0")))) for name in ("rx", "ry")]
    return f"{inherited.point(given['cx'], given['cy'])} ellipse [x radius={radii[0]}, y radius={radii[1]}]"


def rectangle(given: Mapping[str, str], inherited: Inherited) -> str:
    x, y = (float(given.get(name, "0")) for name in "xy")
    end = inherited.point(x + float(given["width"]), y + float(given["height"]))
    return f"{inherited.point(x, y)} rectangle {end}"


OUTLINES: dict[str, Callable[[Mapping[str, str], Inherited], str]] = {
    "polygon": polygon,
    "polyline": polyline,
    "path": curve,
    "ellipse": ellipse,
    "circle": ellipse,
    "rect": rectangle,
}
"""What draws a kind of element."""
