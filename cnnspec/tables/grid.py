"""A table as cells, before it has a format."""

from __future__ import annotations

from typing import NamedTuple


class Stack(NamedTuple):
    """Layers one below the other, in brackets where they are several, of so many copies."""

    lines: tuple[str, ...]
    times: int = 1


Cell = str | tuple[Stack, ...]


class Grid(NamedTuple):
    """Headings, rows and the totals below them; `notes` are lines below the table.

    Columns stand to the side that their sign in `sides` says: `<` or `>`.
    """

    title: str
    heads: list[str]
    rows: list[list[Cell]]
    foot: list[list[Cell]]
    sides: str
    notes: tuple[str, ...] = ()


def cell_lines(cell: Cell) -> list[str]:
    """A cell as lines: the parts of a stack one below the other."""
    return [cell] if isinstance(cell, str) else [part_words(part) for part in cell]


def one_line(cell: Cell) -> str:
    """A cell without line breaks: `maxpool 3x3 /2 + [3x3, 64; 3x3, 64] ×2`."""
    return " + ".join(cell_lines(cell))


def part_words(part: Stack) -> str:
    words = "; ".join(part.lines)
    if len(part.lines) > 1:
        words = f"[{words}]"
    return f"{words} ×{part.times}" if part.times > 1 else words
