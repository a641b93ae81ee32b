"""The table of a network's layers, in the format that is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.graph.tree import Network
from cnnspec.tables.grid import Cell, Grid
from cnnspec.tables.rows import collapse, rows_of, table
from cnnspec.tables.table_columns import COLUMNS, choose, layers_grid, notes

STYLES = ("text", "csv", "json", "markdown", "latex", "html")
"""csv and json have raw numbers, and every layer a row; in the others repeated rows are one."""


def summary(
    network: Network,
    style: str = "text",
    columns: str | Sequence[str] = (),
    depth: int | None = None,
    colour: bool = False,
    width: int | None = None,
) -> str:
    """The table, of all columns if none are named; sections deeper than `depth` levels add up to a row.

    `width` is that of a terminal, for text: if no columns are named, only those are shown that fit.

    Raises ValueError for a column or a style that there is none of.
    """
    # Columns that were asked for are shown whatever the width.
    width = None if columns else width
    columns = choose(columns)
    check_style(style)
    made = table(network)
    if style not in ("csv", "json"):
        from cnnspec.tables.fold_rows import fold

        made = made._replace(items=fold(made.items))
    if depth is not None:
        made = made._replace(items=collapse(made.items, depth))
    if style == "text":
        from cnnspec.tables.plain_text import text

        return text(made, columns, colour, width)
    if style in ("csv", "json"):
        from cnnspec.tables.data import as_csv, as_json

        return as_csv(made, columns) if style == "csv" else as_json(made, columns)
    rows: list[list[Cell]] = [
        [COLUMNS[key].words(row, made) for key in columns] for row in rows_of(made.items)
    ]
    return write_grid(layers_grid(made, columns, rows, notes(made)), style)


def check_style(style: str) -> None:
    """Raises ValueError."""
    if style not in STYLES:
        raise ValueError(f"there is no format {style!r}; there is {', '.join(STYLES)}")


def comparison(
    networks: Sequence[Network], style: str = "text", stages: bool = False, colour: bool = False
) -> str:
    """Several nets in one table: a row each, or a column each whose rows are the sizes of the maps.

    Raises ValueError for a style that there is none of.
    """
    check_style(style)
    from cnnspec.tables.comparison import by_nets, by_stages

    return write_grid(by_stages(networks) if stages else by_nets(networks), style, colour)


def write_grid(grid: Grid, style: str, colour: bool = False) -> str:
    """A table in the format that is wanted."""
    if style == "text":
        from cnnspec.tables.plain_text import grid_text

        return grid_text(grid, colour)
    if style in ("csv", "json"):
        from cnnspec.tables.data import grid_csv, grid_json

        return grid_csv(grid) if style == "csv" else grid_json(grid)
    from cnnspec.tables.papers import WRITERS

    return WRITERS[style](grid)
