"""How a picture is to look: what the options of `draw` say."""

from __future__ import annotations

import re
from typing import NamedTuple

from cnnspec.draw.theme import THEMES, Theme

DETAILS = ("folded", "fused", "full")
DIRECTIONS = ("tb", "lr")
SHOWN = ("shapes", "params", "macs", "kernel")
UNITS = {"in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4, "pt": 1.0, "px": 0.75}
"""Points, of which an inch has 72."""

NARROWEST, WIDEST = 144.0, 14_400.0  # points; the latter is the side of the largest page of PDF


class Look(NamedTuple):
    """`width` is the page's, in points; None: as wide as suits the net. `letters` are those of a line."""

    view: str = "graph"
    detail: str = "folded"
    direction: str = "tb"
    width: float | None = None
    theme: Theme = THEMES["light"]
    show: frozenset[str] = frozenset(SHOWN) - {"macs"}
    letters: int = 24


def parse_width(text: str) -> float:
    """`6.875in`, `17.5cm`, `88mm`, `495pt`, `660px`, in points. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s?(in|cm|mm|pt|px)", text.strip())
    if match is None:
        raise ValueError(f"--width wants a length, as 6.875in, 17.5cm, 88mm, 495pt or 660px, not {text!r}")
    points = float(match.group(1)) * UNITS[match.group(2)]
    if not NARROWEST <= points <= WIDEST:
        raise ValueError(f"--width is between 2in and 200in, not {text.strip()}")
    return points


def parse_show(text: str) -> frozenset[str]:
    """`shapes,macs`: what is shown, and nothing else. Raises ValueError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in SHOWN:
            raise ValueError(f"--show: there is no {word!r}; there is {', '.join(SHOWN)}")
    return frozenset(words)
