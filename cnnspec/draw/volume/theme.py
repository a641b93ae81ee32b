"""Colours of the parts, by role and theme. Kinds have the colours that the graph view gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cnnspec.draw.style import SHAPES
from cnnspec.draw.theme import THEMES as GRAPHS

LIT = {"front": ("#FFFFFF", 0.0), "top": ("#FFFFFF", 0.45), "side": ("#000000", 0.2)}
DIM = {"front": ("#14171A", 0.55), "top": ("#14171A", 0.3), "side": ("#14171A", 0.7)}


class Theme(NamedTuple):
    """`kinds` are the colours of solids; `shades` tell how far each face leans to another colour.

    `edge` is between faces; where it is "", that is the kind's own colour.
    """

    page: str
    ink: str
    quiet: str
    skip: str
    edge: str
    kinds: dict[str, str]
    shades: Mapping[str, tuple[str, float]] = LIT


BASE = GRAPHS["light"]
FILLS = {kind: BASE.paint(kind).fill for kind in SHAPES}
LIGHT = Theme(BASE.paper, BASE.ink, BASE.quiet, BASE.skip, BASE.ink, FILLS)
DARK = Theme("#14171A", "#F2F2F2", "#B9BEC4", "#F5A56B", "#0B0D0F", LIGHT.kinds)
MONO = Theme("#FFFFFF", "#000000", "#3D3D3D", "#000000", "#000000", dict.fromkeys(SHAPES, "#FFFFFF"))

LIGHT = LIGHT._replace(kinds=LIGHT.kinds | {"block": "#D5DCE4", "join": "#FFFFFF", "copy": "#FFFFFF"})
DARK = DARK._replace(
    kinds=DARK.kinds | {"block": "#8C9AA8", "join": "#FFFFFF", "copy": "#FFFFFF"}, edge="", shades=DIM
)
MONO = MONO._replace(
    kinds=MONO.kinds | {"block": "#E4E4E4", "copy": "#E4E4E4", "pool": "#C9C9C9", "linear": "#9A9A9A"}
)
THEMES = {"light": LIGHT, "dark": DARK, "mono": MONO}


def fill(theme: Theme, kind: str, shade: str) -> str:
    return mixed(colour_of(theme, kind), *theme.shades[shade])


def edge(theme: Theme, kind: str) -> str:
    return theme.edge or colour_of(theme, kind)


def colour_of(theme: Theme, kind: str) -> str:
    return theme.kinds.get(kind, theme.kinds["other"])


def mixed(colour: str, other: str, part: float) -> str:
    """A colour with a part of another."""
    pairs = ((int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(one + (two - one) * part):02X}" for one, two in pairs)
