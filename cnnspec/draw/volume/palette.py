"""Colours of the parts, by role and theme. Kinds have the colours that the graph view gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cnnspec.draw.theme import DARK, GREYS, HUES, WHITE, mix
from cnnspec.draw.theme import THEMES as PAGES
from cnnspec.draw.theme import Theme as PageTheme


class Theme(NamedTuple):
    """`page` has the colours of what is flat, `kinds` those of solids; "" as `edge` is the solid's own.

    `shades` tell how much of its colour each face shows, and of what colour the rest is.
    """

    page: PageTheme
    edge: str
    kinds: Mapping[str, str]
    shades: Mapping[str, tuple[float, str]]


LIT = {"front": (1.0, WHITE), "top": (0.55, WHITE), "side": (0.8, "#000000")}
DIM = {"front": (0.45, DARK), "top": (0.7, DARK), "side": (0.3, DARK)}
BLOCK = "#D5DCE4"  # of what is drawn as one: none of the colours of a layer

THEMES = {
    "light": Theme(PAGES["light"], PAGES["light"].ink, HUES | {"block": BLOCK}, LIT),
    "dark": Theme(PAGES["dark"], "", HUES | {"block": BLOCK}, DIM),
    "mono": Theme(PAGES["mono"], "#000000", GREYS | {"pool": "#8C8C8C", "block": "#F0F0F0"}, LIT),
}


def fill(theme: Theme, kind: str, shade: str) -> str:
    share, rest = theme.shades[shade]
    return mix(colour_of(theme, kind), rest, share)


def edge(theme: Theme, kind: str) -> str:
    return theme.edge or colour_of(theme, kind)


def colour_of(theme: Theme, kind: str) -> str:
    return theme.kinds.get(kind, WHITE)
