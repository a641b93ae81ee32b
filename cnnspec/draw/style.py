"""How each kind of box and edge looks to Graphviz: a colour, and a shape or border that does without."""

from __future__ import annotations

import math
from typing import NamedTuple

from cnnspec.draw.diagram.model import Box, Cluster, Edge
from cnnspec.draw.metrics import width
from cnnspec.draw.theme import Theme

FONT = "DejaVu Sans"
"""Graphviz knows its widths where no font is installed; PNGs are set in a font of the same widths."""

SIZE = 9.0
"""Points of every text in a drawing but some joins: what is scaled down stays legible all at once, or not."""

SPACE = 0.318 * SIZE  # points that one is wide
INSET = 3.6  # points between a box's words and its side
SIGN = 21.6  # points across: a join that bears a sign alone
CONNECTOR = 15.84  # points across: where an edge goes on at a number
BEVEL = 4  # points of the edges that a box in three dimensions has at its top and its right
FRAME = 3  # points between a cluster's frame and what is in it
LIGHT = "1"  # weight of an edge that need not be straight
LONGEST = 200.0  # inches: the largest page of PDF


class BoxStyle(NamedTuple):
    shape: str = "box"
    style: str = "filled"
    peripheries: int = 1


SHAPES = {
    "input": BoxStyle(style="filled,rounded,bold"),
    "conv": BoxStyle(),
    "pool": BoxStyle(style="filled,diagonals"),
    "norm": BoxStyle("box3d"),
    "activation": BoxStyle(style="filled,rounded"),
    "linear": BoxStyle(peripheries=2),
    "shape": BoxStyle("note"),
    "dropout": BoxStyle("hexagon"),
    "join": BoxStyle("ellipse", "filled,bold"),
    "block": BoxStyle(style="filled,rounded", peripheries=2),
    "other": BoxStyle("component"),
    "output": BoxStyle(style="filled,rounded,bold"),
    "fault": BoxStyle("octagon", "filled,bold"),
}

NAMES = {
    "conv": "convolution",
    "pool": "pooling",
    "norm": "normalization",
    "activation": "activation",
    "linear": "linear",
    "shape": "reshaping",
    "dropout": "dropout",
    "block": "block",
    "other": "other",
    "join": "join",
    "fault": "does not fit",
}
"""What the legend says of a kind; inputs and outputs speak for themselves."""

HIDDEN = {"label": "", "style": "invis", "margin": "0"}
"""A cluster that is not seen."""

WORDS = {"shape": "plaintext", "margin": "0.03", "height": "0.2"}


def graph_attributes(theme: Theme, direction: str) -> dict[str, str]:
    return {
        "rankdir": direction.upper(),
        "fontname": f"{FONT} Bold",
        "fontsize": "13",
        "fontcolor": theme.ink,
        "labelloc": "t",
        "labeljust": "l",
        "nodesep": "0.1",
        "ranksep": "0.07",
        "newrank": "true",  # keeps the order of branches that are single boxes
        "splines": "spline",
        "bgcolor": "transparent",
        "pad": "0",
    }


def letters(theme: Theme) -> dict[str, str]:
    return {"fontname": FONT, "fontsize": f"{SIZE:g}", "fontcolor": theme.ink, "color": theme.ink}


def node_attributes(theme: Theme) -> dict[str, str]:
    return letters(theme) | {
        "margin": f"{INSET / 72:g},0.02",
        "width": "0.75",
        "height": "0.25",
        "penwidth": "0.9",
    }


def plain_edge(theme: Theme) -> dict[str, str]:
    return letters(theme) | {
        "arrowsize": "0.6",
        "weight": "10",  # what is no way around stands in a line
    }


def connector(theme: Theme) -> dict[str, str]:
    """Where an edge leaves a column, and where it comes back."""
    look = {"shape": "circle", "style": "filled", "fillcolor": theme.ink, "fontcolor": theme.paper}
    return look | fixed(CONNECTOR, CONNECTOR)


def kind_attributes(kind: str, theme: Theme) -> dict[str, str]:
    shape, paint = SHAPES[kind], theme.paint(kind)
    found = {"shape": shape.shape, "style": shape.style, "fillcolor": paint.fill}
    if paint.text != theme.ink:
        found["fontcolor"] = paint.text
    if paint.border != theme.ink:
        found["color"] = paint.border
    if shape.peripheries > 1:
        found["peripheries"] = str(shape.peripheries)
    if shape.shape == "box3d":
        found["margin"] = f"{(INSET + BEVEL) / 72:.3f},{(INSET + BEVEL) / 72:.3f}"  # its edges run within
    return found | (fixed(*join_sides([NAMES[kind]])) if kind == "join" else {})


def fixed(wide: float, high: float) -> dict[str, str]:
    return {"fixedsize": "true", "width": f"{wide / 72:g}", "height": f"{high / 72:g}", "margin": "0"}


def join_sides(lines: list[str]) -> tuple[float, float]:
    """How wide and how high a join is in points: a circle around a sign, an ellipse around words."""
    if is_sign(lines):
        return SIGN, SIGN
    # An ellipse around a rectangle is at least √2 times as wide and as high.
    high = round(math.sqrt(2) * (1.2 * len(lines) - 0.35) * SIZE + 6)  # one line: √2 * 0.85 * 9 + 6 = 17
    return max(high, round(math.sqrt(2) * max(width(line, SIZE) for line in lines) + 2)), high


def is_sign(lines: list[str]) -> bool:
    return len(lines) == 1 == len(lines[0])


def box_attributes(box: Box, lines: list[str], theme: Theme) -> dict[str, str]:
    found = kind_attributes(box.kind, theme)
    if box.kind == "join":
        found |= fixed(*join_sides(lines))
        if is_sign(lines):
            found["fontsize"] = "15"
    if box.idle:
        found["style"] += ",dashed"
    return found


def cluster_attributes(cluster: Cluster, depth: int, theme: Theme) -> dict[str, str]:
    many = cluster.times > 1
    return {
        "fontname": FONT,  # bold is wider than Graphviz without fonts believes
        "fontsize": f"{SIZE:g}",
        "labeljust": "l",
        "style": "filled,rounded,dashed" if cluster.idle else "filled,rounded",
        "fillcolor": theme.tints[depth % 2],
        "color": theme.ink if many else theme.quiet,
        "penwidth": "1.6" if many else "0.7",
        "margin": f"{FRAME}",
    }


def edge_attributes(edge: Edge, theme: Theme) -> dict[str, str]:
    if edge.fault:
        return {"color": theme.fault, "fontcolor": theme.fault, "penwidth": "2.6"}
    skip = {"color": theme.skip, "fontcolor": theme.skip, "penwidth": "1.8", "weight": LIGHT}
    found = skip if edge.route else {}
    if edge.idle:
        found["style"] = "dashed"
    elif edge.route == "projection":
        found["style"] = "dotted"
    return found
