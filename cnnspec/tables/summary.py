"""The table of a network's layers, in the format that is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.graph.tree import Network
from cnnspec.tables.columns import COLUMNS, choose, heading, notes, total_words
from cnnspec.tables.grid import Cell, Grid
from cnnspec.tables.rows import Table, collapse, rows_of, table

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
    width = None if columns else width
    columns = choose(columns)
    if style not in STYLES:
        raise ValueError(f"there is no format {style!r}; there is {', '.join(STYLES)}")
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
    from cnnspec.tables import papers

    return papers.WRITERS[style](layers_grid(made, columns))


def layers_grid(made: Table, columns: Sequence[str]) -> Grid:
    """The table as cells, all rows and the totals."""
    rows: list[list[Cell]] = [
        [COLUMNS[key].words(row, made) for key in columns] for row in rows_of(made.items)
    ]
    left = frozenset(i for i, key in enumerate(columns) if key in ("layer", "kernel"))
    heads: list[str] = [heading(key, made) for key in columns]
    foot: list[list[Cell]] = [[total_words(key, made) for key in columns]]
    return Grid(f"The layers of {made.network}", heads, rows, foot, left, tuple(notes(made)))


def comparison(
    networks: Sequence[Network], style: str = "text", stages: bool = False, colour: bool = False
) -> str:
    """Several nets in one table: a row each, or a column each whose rows are the sizes of the maps.

    Raises ValueError for a style that there is none of.
    """
    if style not in STYLES:
        raise ValueError(f"there is no format {style!r}; there is {', '.join(STYLES)}")
    if stages:
        from cnnspec.tables.stages import by_stages

        grid = by_stages(networks)
    else:
        from cnnspec.tables.nets import by_nets

        grid = by_nets(networks)
    if style == "text":
        from cnnspec.tables.plain_text import grid_text

        return grid_text(grid, colour)
    if style in ("csv", "json"):
        from cnnspec.tables.data import grid_csv, grid_json

        return grid_csv(grid) if style == "csv" else grid_json(grid)
    from cnnspec.tables.papers import WRITERS

    return WRITERS[style](grid)
