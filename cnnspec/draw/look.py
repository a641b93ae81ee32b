"""How a picture is to look."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from cnnspec.draw.names import plain
from cnnspec.draw.theme import THEMES, Theme

VIEWS = ("graph", "volume")
DETAILS = ("chains", "parts", "blocks", "folded", "fused", "full")
DIRECTIONS = ("tb", "lr")
SHOWN = ("shapes", "params", "macs", "kernel")

UNITS = {"in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4, "pt": 1.0, "px": 0.75}
"""Points, of which an inch has 72."""

LONGEST = 200  # characters of a title
NARROWEST, WIDEST = 144.0, 14_400.0  # points; the latter is the side of the largest page of PDF


class Look(NamedTuple):
    """`width` is the page's, in points; None: as wide as suits the net. `letters` are those of a line.

    `detail`: None folds repeats, and where the page has a width that they do not fit, blocks are boxes.

    `font`: a family, or a font's file, by whose widths volumes stand apart; "" is the usual one.
    `blocks`: a figure of volumes shows what is in its blocks. `title`: in place of the net's name, perhaps
    ""; `caption`: with its facts.
    """

    view: str = "graph"
    detail: str | None = None
    direction: str = "tb"
    width: float | None = None
    theme: Theme = THEMES["light"]
    show: frozenset[str] = frozenset(SHOWN) - {"macs"}
    letters: int = 24
    font: str = ""
    blocks: bool = False
    title: str | None = None
    caption: bool = True


def look_of(
    view: str = "graph",
    theme: str = "light",
    detail: str | None = None,
    direction: str | None = None,
    width: str | None = None,
    show: str | Collection[str] | None = None,
    font: str | None = None,
    blocks: bool = False,
    title: str | None = None,
    caption: bool = True,
) -> Look:
    """A look in words: a width as `6.875in`, what is shown as `shapes,macs` or a list; None: as usual.

    Raises ValueError.
    """
    choose("view", view, VIEWS)
    choose("theme", theme, THEMES)
    graphs = {"detail": detail, "direction": direction, "show": show}
    given = [name for name, value in graphs.items() if value is not None]
    if view != "graph" and given:
        raise ValueError(f"{given[0]} goes with view graph")
    if blocks and view != "volume":
        raise ValueError("blocks goes with view volume")
    usual = Look()
    return Look(
        view=view,
        detail=None if detail is None else choose("detail", detail, DETAILS),
        direction=usual.direction if direction is None else choose("direction", direction, DIRECTIONS),
        width=None if width is None else parse_width(width),
        theme=THEMES[theme],
        show=usual.show if show is None else parse_show(show),
        font=font or "",
        blocks=blocks,
        title=None if title is None else plain(title, LONGEST),
        caption=caption,
    )


def choose(what: str, word: str, words: Collection[str]) -> str:
    """The word, if it is one of those. Raises ValueError."""
    if word not in words:
        raise ValueError(f"{what}: there is no {word!r}; there is {', '.join(words)}")
    return word


def parse_width(text: str) -> float:
    """`6.875in`, `17.5cm`, `88mm`, `495pt`, `660px`, in points. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s?(in|cm|mm|pt|px)", text.strip())
    if match is None:
        raise ValueError(f"width wants a length, as 6.875in, 17.5cm, 88mm, 495pt or 660px, not {text!r}")
    points = float(match.group(1)) * UNITS[match.group(2)]
    if not NARROWEST <= points <= WIDEST:
        raise ValueError(f"width is between 2in and 200in, not {text.strip()}")
    return points


def parse_show(words: str | Collection[str]) -> frozenset[str]:
    """`shapes,macs`: what is shown, and nothing else. Raises ValueError."""
    if isinstance(words, str):
        words = [word.strip() for word in words.split(",") if word.strip()]
    return frozenset(choose("show", word, SHOWN) for word in words)
