"""How wide words are: the advance widths of DejaVu Sans, in thousandths of the size of the letters.

Bitstream Vera and Verdana, which stand in for it, are as wide; other fonts of the family are narrower.
Those of the user tell their own widths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

Widths = Mapping[str, float]  # by character

PLAIN = (
    *(318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337),
    *(636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531),
    *(1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787),
    *(603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500),
    *(500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612),
    *(635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838),
)
"""Of the characters from space to tilde."""

WIDEST = 1100  # of any other character: those of other fonts are hardly wider than high
BOLD = 1.27  # how much wider bold letters are at most


_FONT = ContextVar[tuple[Widths, Widths] | None]("font", default=None)


@contextmanager
def measured_by(plain: Widths, bold: Widths) -> Iterator[None]:
    """Within, words are as wide as in another font."""
    before = _FONT.set((plain, bold))
    try:
        yield
    finally:
        _FONT.reset(before)


def width(words: str, size: float, bold: bool = False) -> float:
    """Points that the words take at most."""
    if font := _FONT.get():
        return sum(font[bold].get(c, WIDEST) for c in words) / 1000 * size
    return usual_width(words, size, bold)


@lru_cache(4096)
def usual_width(words: str, size: float, bold: bool) -> float:
    total = sum(PLAIN[ord(c) - 32] if " " <= c <= "~" else WIDEST for c in words)
    return total / 1000 * size * (BOLD if bold else 1)


def cut(words: str, size: float, room: float) -> str:
    """The words, or as many of their letters as there is room for, and `…`."""
    if width(words, size) <= room:
        return words
    kept = words
    while kept and width(kept + "…", size) > room:
        kept = kept[:-1]
    return kept + "…"
