"""The table of a network's layers, in the format that is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.graph.tree import Network
from cnnspec.tables.columns import choose
from cnnspec.tables.rows import collapse, table

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

    paper = {"markdown": papers.markdown, "latex": papers.latex, "html": papers.html}[style]
    return paper(made, columns)
