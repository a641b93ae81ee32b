"""The table for a terminal: sections as headings, never wrapped."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cnnspec.faults.reports import glyphs
from cnnspec.faults.reports.glyphs import visible
from cnnspec.tables import PAGE, shorten
from cnnspec.tables.grid import Cell, Grid, cell_lines
from cnnspec.tables.rows import Item, LayerRow, RowGroup, Summary
from cnnspec.tables.table_columns import COLUMNS, heading, layers_grid, notes, title, total_words

SHORTEST = 15  # but not shorter than this
FAIR = 24  # of names, where a terminal has no room for all columns
RANK = ("share", "jump", "memory", "kernel", "field", "macs", "params")
"""The columns that a narrow terminal lacks, the one that is missed least first."""
UNBROKEN = 10_000


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
    from rich import box
    from rich.table import Table as Lines
    from rich.text import Text

    made = Lines(
        box=box.SIMPLE,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_footer=bool(grid.foot),
        highlight=False,
    )
    for i, (head, side) in enumerate(zip(grid.heads, grid.sides, strict=True)):
        foot = Text("\n".join(cell_text(row[i]) for row in grid.foot))
        made.add_column(Text(visible(head)), foot, justify="left" if side == "<" else "right", no_wrap=True)
    for number, row in enumerate(grid.rows):
        style = "bold" if number in bold else ""
        made.add_row(*(Text(cell_text(cell), style=style) for cell in row))
    names = [Text(visible(name), style="bold")] if name else []
    return print_cells([*names, made, Text("\n".join(["", *map(visible, grid.notes)]), style="dim")], colour)


def cell_text(cell: Cell) -> str:
    """A cell: layers in a stack stand below each other."""
    return "\n".join(map(visible, cell_lines(cell)))


def print_cells(content: Iterable[Any], colour: bool) -> str:
    """What rich makes of it for a terminal, without spaces at the ends of lines."""
    from rich.console import Console

    file = io.StringIO()  # of no terminal: its width and encoding change nothing
    console = Console(
        file=file,
        width=UNBROKEN,
        height=1,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    for each in content:
        console.print(each)
    return "".join(line.rstrip() + "\n" for line in file.getvalue().splitlines())


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
