"""Colours of the parts, by role and theme. Kinds have the colours that the graph view gives them."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.draw.style import INK, QUIET, SKIP, STYLES


class Theme(NamedTuple):
    """`kinds` are colours of solids; `tint` is how far their upper and right faces lean to `towards`."""

    page: str
    ink: str
    quiet: str
    skip: str
    edge: str  # between faces
    kinds: dict[str, str]


LIGHT = Theme("#FFFFFF", INK, QUIET, SKIP, "#1A1A1A", {kind: look.fill for kind, look in STYLES.items()})
DARK = Theme("#14171A", "#F2F2F2", "#B9BEC4", "#F5A56B", "#0B0D0F", LIGHT.kinds)
MONO = Theme("#FFFFFF", "#000000", "#3D3D3D", "#000000", "#000000", dict.fromkeys(STYLES, "#FFFFFF"))

LIGHT = LIGHT._replace(kinds=LIGHT.kinds | {"block": "#D5DCE4", "join": "#FFFFFF", "copy": "#FFFFFF"})
DARK = DARK._replace(kinds=DARK.kinds | {"block": "#8C9AA8", "join": "#14171A"})
MONO = MONO._replace(kinds=MONO.kinds | {"block": "#E4E4E4", "pool": "#C9C9C9", "linear": "#9A9A9A"})
THEMES = {"light": LIGHT, "dark": DARK, "mono": MONO}
LEANING = {"front": 0.0, "top": 0.45, "side": -0.2}
"""How far a face's colour leans to white, or, below zero, to black."""


def fill(theme: Theme, kind: str, shade: str) -> str:
    return mixed(theme.kinds.get(kind, theme.kinds["other"]), LEANING[shade])


def mixed(colour: str, part: float) -> str:
    goal = 255 if part > 0 else 0
    values = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(v + (goal - v) * abs(part)):02X}" for v in values)
