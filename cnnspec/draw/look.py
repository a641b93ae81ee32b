"""How a picture is to look."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.draw.theme import THEMES, Theme

DETAILS = ("folded", "fused", "full")
SHOWN = ("shapes", "params", "macs", "kernel")


class Look(NamedTuple):
    """`width` is the page's, in points; None: as wide as suits the net. `letters` are those of a line."""

    view: str = "graph"
    detail: str = "folded"
    direction: str = "tb"
    width: float | None = None
    theme: Theme = THEMES["light"]
    show: frozenset[str] = frozenset(SHOWN) - {"macs"}
    letters: int = 24
