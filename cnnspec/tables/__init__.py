"""`cnnspec summary`: the rows of a network's table, and one file a format."""

import sys
from collections.abc import Sequence

from cnnspec.faults.reports.glyphs import width

PAGE = 100
"""Columns of a report: names are cut where it would be wider."""


def align(rows: Sequence[Sequence[str]], sides: str, page: int | None = None) -> list[str]:
    """Rows as lines in columns, each to the side that its sign in `sides` says: `<` or `>`.

    Where they are wider than a page, the second column is cut.
    """
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    over = sum(widths) + 2 * (len(widths) - 1) - (page or sys.maxsize)
    if over > 0:
        widths[1] -= over
        rows = [[row[0], shorten(row[1], widths[1]), *row[2:]] for row in rows]
    lines = []
    for row in rows:
        blanks = [" " * (room - width(cell)) for cell, room in zip(row, widths, strict=True)]
        pairs = zip(row, blanks, sides, strict=True)
        lines.append(
            "  ".join(gap + cell if side == ">" else cell + gap for cell, gap, side in pairs).rstrip()
        )
    return lines


def shorten(text: str, columns: int) -> str:
    """A text that takes at most so many columns of a terminal: of a longer one the beginning, and `…`."""
    if width(text) <= columns:
        return text
    # One column is left for the `…`.
    while width(text) >= max(columns, 1):
        text = text[:-1]
    return f"{text.rstrip()}…"
