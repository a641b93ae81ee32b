"""How each kind of box looks: a colour (Okabe and Ito 2008), and a shape or border that does without."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.draw.model import Box, Cluster, Edge

FONT = "DejaVu Sans"
"""Graphviz knows its widths where no font is installed; PNGs are set in a font of the same widths."""

INK = "#1A1A1A"
SKIP = "#A84300"  # Okabe and Ito's vermilion, darkened until thin lines and small text can be read
QUIET = "#5A5A5A"
TINTS = ("#F4F4F4", "#E7E7E7")  # backgrounds of clusters, of the outer ones and of those within


class Style(NamedTuple):
    fill: str
    text: str = INK
    shape: str = "box"
    style: str = "filled"
    peripheries: int = 1


STYLES = {
    "input": Style("#FFFFFF", style="filled,rounded,bold"),
    "conv": Style("#E69F00"),
    "pool": Style("#56B4E9", style="filled,diagonals"),
    "norm": Style("#009E73", shape="box3d"),
    "activation": Style("#F0E442", style="filled,rounded"),
    "linear": Style("#0072B2", "#FFFFFF", peripheries=2),
    "shape": Style("#CC79A7", shape="note"),
    "dropout": Style("#D9D9D9", style="filled,rounded"),
    "join": Style("#FFFFFF", shape="circle", style="filled,bold"),
    "other": Style("#FFFFFF"),
    "output": Style("#FFFFFF", style="filled,rounded,bold"),
}

NAMES = {
    "conv": "convolution",
    "pool": "pooling",
    "norm": "normalization",
    "activation": "activation",
    "linear": "linear",
    "shape": "reshaping",
    "dropout": "dropout",
    "other": "other",
    "join": "join",
}
"""What the legend says of a kind; inputs and outputs speak for themselves."""

GRAPH = {
    "rankdir": "TB",
    "fontname": f"{FONT} Bold",
    "fontsize": "13",
    "fontcolor": INK,
    "labelloc": "t",
    "labeljust": "l",
    "nodesep": "0.28",
    "ranksep": "0.24",
    "splines": "spline",
    "bgcolor": "transparent",
    "pad": "0",
}
NODE = {
    "fontname": FONT,
    "fontsize": "10",
    "fontcolor": INK,
    "color": INK,
    "margin": "0.11,0.055",
    "height": "0.3",
    "penwidth": "0.9",
}
EDGE = {"fontname": FONT, "fontsize": "9", "arrowsize": "0.6", "color": INK, "fontcolor": INK}
CONNECTOR = {
    "shape": "circle",
    "fixedsize": "true",
    "width": "0.24",
    "height": "0.24",
    "margin": "0",
    "style": "filled",
    "fillcolor": INK,
    "fontcolor": "#FFFFFF",
    "fontsize": "9",
}
WORDS = {"shape": "underline"}


def kind_attributes(kind: str) -> dict[str, str]:
    look = STYLES[kind]
    found = {"shape": look.shape, "style": look.style, "fillcolor": look.fill}
    if look.text != INK:
        found["fontcolor"] = look.text
    if look.peripheries > 1:
        found["peripheries"] = str(look.peripheries)
    if kind == "join":
        found |= {"fixedsize": "true", "width": "0.52", "height": "0.52", "margin": "0"}
    return found


def box_attributes(box: Box) -> dict[str, str]:
    found = kind_attributes(box.kind)
    if box.train:
        found["style"] += ",dashed"
    return found


def cluster_attributes(cluster: Cluster, depth: int) -> dict[str, str]:
    many = cluster.times > 1
    return {
        "fontname": f"{FONT} Bold" if many else FONT,
        "fontsize": "10",
        "labeljust": "l",
        "style": "filled,rounded,dashed" if cluster.train else "filled,rounded",
        "fillcolor": TINTS[depth % 2],
        "color": INK if many else QUIET,
        "penwidth": "1.6" if many else "0.7",
        "margin": "8",
    }


def edge_attributes(edge: Edge) -> dict[str, str]:
    found: dict[str, str] = {}
    if edge.skip:
        found |= {"color": SKIP, "fontcolor": SKIP, "penwidth": "1.8"}
    if edge.train:
        found["style"] = "dashed"
    return found
