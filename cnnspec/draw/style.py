"""How each kind of box looks: a colour (Okabe and Ito 2008), and a shape or border that tells it without one."""

from __future__ import annotations

from typing import NamedTuple

FONT = "DejaVu Sans"
"""Graphviz knows its widths where no font is installed, and they are those of the font that PNGs are set in."""

INK = "#1A1A1A"
SKIP = "#B34700"  # Okabe and Ito's vermilion, darkened until thin lines and small text can be read
QUIET = "#5A5A5A"


class Style(NamedTuple):
    fill: str
    text: str = INK
    shape: str = "box"
    style: str = "filled"
    border: str = INK
    peripheries: int = 1


STYLES = {
    "input": Style("#FFFFFF", shape="box", style="filled,rounded,bold"),
    "conv": Style("#E69F00"),
    "pool": Style("#56B4E9", style="filled,diagonals"),
    "norm": Style("#009E73", shape="hexagon"),
    "activation": Style("#F0E442", style="filled,rounded"),
    "linear": Style("#0072B2", "#FFFFFF", peripheries=2),
    "shape": Style("#CC79A7", shape="note"),
    "dropout": Style("#D9D9D9", style="filled,rounded"),
    "join": Style("#FFFFFF", shape="circle", style="filled,bold"),
    "other": Style("#FFFFFF"),
    "output": Style("#FFFFFF", shape="box", style="filled,rounded,bold"),
}

NAMES = {
    "conv": "convolution",
    "pool": "pooling",
    "norm": "normalization",
    "activation": "activation",
    "linear": "linear",
    "shape": "reshaping",
    "dropout": "dropout",
    "join": "+",
}
"""What the legend says of a kind; inputs and outputs speak for themselves."""
