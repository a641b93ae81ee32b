"""Colours of the page and of each kind of box: light (Okabe and Ito 2008), dark, and mono for print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Paint(NamedTuple):
    fill: str
    text: str
    border: str


class Theme(NamedTuple):
    """`tints` are the backgrounds of clusters, of the outer ones and of those within."""

    name: str
    paper: str
    ink: str
    quiet: str  # borders that matter little
    skip: str  # a path around layers
    fault: str
    tints: tuple[str, str]
    paints: Mapping[str, Paint]

    def paint(self, kind: str) -> Paint:
        if kind == "fault":
            return Paint(self.paper, self.fault, self.fault)
        if kind == "block":
            return Paint(self.tints[1], self.ink, self.ink)
        return self.paints.get(kind, Paint(self.paper, self.ink, self.ink))


HUES = {
    "conv": "#E69F00",
    "pool": "#56B4E9",
    "norm": "#009E73",
    "activation": "#F0E442",
    "linear": "#0072B2",
    "shape": "#CC79A7",
    "dropout": "#D9D9D9",
}
"""Fixed by kind, in every picture; all other kinds are as the paper."""

GREYS = {"conv": "#D2D2D2", "norm": "#ECECEC", "linear": "#404040", "dropout": "#ECECEC"}
"""What tells kinds apart in print, besides their shapes."""

BLACK, WHITE, DARK = "#1A1A1A", "#FFFFFF", "#14171C"


def mix(colour: str, other: str, share: float) -> str:
    """So much of a colour, the rest of another."""
    pairs = ((int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(share * one + (1 - share) * two):02X}" for one, two in pairs)


def on_white(fills: Mapping[str, str]) -> dict[str, Paint]:
    return {kind: Paint(fill, WHITE if kind == "linear" else BLACK, BLACK) for kind, fill in fills.items()}


THEMES = {
    "light": Theme(
        name="light",
        paper=WHITE,
        ink=BLACK,
        quiet="#5A5A5A",
        skip="#A84300",  # Okabe and Ito's vermilion, darkened until thin lines and small text can be read
        fault="#B3001B",
        tints=("#F4F4F4", "#E7E7E7"),
        paints=on_white(HUES),
    ),
    "dark": Theme(
        name="dark",
        paper=DARK,
        ink="#F0F0F0",
        quiet="#9AA0A8",
        skip="#FF9A57",
        fault="#FF7B7B",
        tints=("#1F242B", "#2B313A"),
        paints={kind: Paint(mix(hue, DARK, 0.36), "#F0F0F0", hue) for kind, hue in HUES.items()},
    ),
    "mono": Theme(
        name="mono",
        paper=WHITE,
        ink="#000000",
        quiet="#4A4A4A",
        skip="#000000",
        fault="#000000",
        tints=("#FAFAFA", "#F2F2F2"),
        paints=on_white(GREYS),
    ),
}
