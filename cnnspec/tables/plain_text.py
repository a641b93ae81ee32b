"""The table for a terminal: sections as headings, never wrapped."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest

from cnnspec.faults.reports import glyphs
from cnnspec.faults.reports.glyphs import paint, visible
from cnnspec.tables import PAGE, align, shorten
from cnnspec.tables.columns import COLUMNS, heading, layers_grid, notes, title, total_words
from cnnspec.tables.grid import Cell, Grid, cell_lines
from cnnspec.tables.rows import Item, LayerRow, RowGroup, Summary

SHORTEST = 15  # but not shorter than this
FAIR = 24  # of names, where a terminal has no room for all columns
RANK = ("share", "jump", "memory", "kernel", "field", "macs", "params")
"""The columns that a narrow terminal lacks, the one that is missed least first."""
BOLD, DIM = "1", "2"


def rows_by_level(items: Sequence[Item], level: int = 0) -> Iterator[tuple[int, Item]]:
    """All rows and the sections before theirs, each with its level."""
    for item in items:
        yield level, item
        if isinstance(item, RowGroup):
            yield from rows_by_level(item.items, level + 1)


def text(table: Summary, columns: Sequence[str], colour: bool, width: int | None = None) -> str:
    """The table; with a width, that of a terminal, only columns for which there is room, and filled notes."""
    below, shown = notes(table), list(rows_by_level(table.items))
    cells = {key: [cell(item, key, level, table) for level, item in shown] for key in columns}
    heads = {key: [heading(key, table), total_words(key, table)] for key in columns}
    widths = {key: max(map(glyphs.width, [*heads[key], *cells[key]])) for key in columns}
    if width is not None:
        columns = columns_with_room(widths, width)
        dropped = [key for key in widths if key not in columns]
        below += [f"For want of room not shown: {', '.join(dropped)}."] if dropped else []
        below = fill_paragraphs(below, min(width, PAGE))
    if "layer" in columns:
        room = max(SHORTEST, (width or PAGE) - sum(widths[key] + 2 for key in columns if key != "layer"))
        cells["layer"] = [shorten(name, room) for name in cells["layer"]]
    rows = list(zip(*(cells[key] for key in columns), strict=True))
    bold = {number for number, (_, item) in enumerate(shown) if isinstance(item, RowGroup)}
    return grid_text(layers_grid(table, columns, rows, below), colour, table.network, bold)


def grid_text(grid: Grid, colour: bool, name: str = "", bold: Collection[int] = ()) -> str:
    """A table, the totals below a line of their own; in bold a name before it, and rows by their numbers."""
    styled: list[tuple[Sequence[Cell], str]] = [
        (grid.heads, BOLD),
        *((row, BOLD if number in bold else "") for number, row in enumerate(grid.rows)),
        *((row, BOLD) for row in grid.foot),
    ]
    cells = [(line, style) for row, style in styled for line in row_lines(row)]
    aligned = align([line for line, _ in cells], grid.sides)
    lines = [(line, style) for line, (_, style) in zip(aligned, cells, strict=True)]
    rule = ("─" * max(map(glyphs.width, aligned)), "")
    lines.insert(1, rule)
    if grid.foot:
        lines.insert(-len(grid.foot), rule)
    if name:
        lines.insert(0, (visible(name), BOLD))
    lines += [("", ""), *((visible(note), DIM) for note in grid.notes)]
    return "".join(f"{paint(style, line) if colour and style else line}\n" for line, style in lines)


def row_lines(row: Sequence[Cell]) -> Iterator[Sequence[str]]:
    """A row as lines of cells: layers in a stack stand below each other."""
    return zip_longest(*(map(visible, cell_lines(cell)) for cell in row), fillvalue="")


def columns_with_room(widths: Mapping[str, int], width: int) -> list[str]:
    """The columns for which there is room, beside names of a fair length."""
    wanted = {**widths, "layer": min(widths["layer"], FAIR)} if "layer" in widths else dict(widths)
    for key in RANK:
        # - 2: behind the last column there is no gap.
        if sum(each + 2 for each in wanted.values()) - 2 > width:
            wanted.pop(key, None)
    return list(wanted)


def fill_paragraphs(paragraph: Sequence[str], width: int) -> list[str]:
    """Lines as one paragraph of a width; what has a line of its own, its sentence ending there, keeps it."""
    from textwrap import wrap

    ends = [i for i, line in enumerate(paragraph) if line.endswith(".")]
    starts = [0, *(i + 1 for i in ends)]
    whole = [" ".join(paragraph[a : b + 1]) for a, b in zip(starts, ends, strict=False)]
    return [line for each in whole for line in wrap(each, width)]


def cell(item: Item, key: str, level: int, table: Summary) -> str:
    if key == "layer":
        return "  " * level + visible(title(item, item.name))
    return COLUMNS[key].words(item, table) if isinstance(item, LayerRow) else ""
