"""`cnnspec summary`: the table of a net's layers."""

from __future__ import annotations

import sys
from typing import Any

import click

from cnnspec.commands.common import Call, fail, options, settings_of, takes_call, use_colour


@click.command()
@click.argument("file", required=False)
@options
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Levels of names: deeper ones add up.")
@click.option("--columns", metavar="NAME,…", help="The columns to show, in their order.")
@click.option(
    "--format",
    "style",
    type=click.Choice(("text", "csv", "json", "markdown", "latex")),
    default="text",
    help="What the table is for; csv and json have raw numbers, and every layer a row.",
)
@takes_call
def summary(
    call: Call, /, file: str | None, depth: int | None, columns: str | None, style: str, **choice: Any
) -> None:
    """Tell the layers of a net: shapes, parameters, MACs, memory.

    A row a layer, in the columns that --columns names: receptive fields, too.
    """
    from cnnspec.tables.columns import COLUMNS
    from cnnspec.tables.rows import collapse, table

    chosen = [name.strip() for name in columns.split(",")] if columns else list(COLUMNS)
    for name in chosen:
        if name not in COLUMNS:
            fail(f"--columns: there is no column {name!r}; there is {', '.join(COLUMNS)}")
    _, found = call.check(file, choice["net"], settings_of(choice), first=True)
    for network in (found.networks or found.partial)[:1]:
        made = table(network)
        if style not in ("csv", "json"):
            from cnnspec.tables.fold_rows import fold

            made = made._replace(items=fold(made.items))
        if depth is not None:
            made = made._replace(items=collapse(made.items, depth))
        click.echo(render(made, chosen, style), nl=False, color=True)
    call.show(found.diagnostics)
    sys.exit(not found.ok or not found.networks)


def render(table: Any, columns: list[str], style: str) -> str:
    if style == "text":
        from cnnspec.tables.plain_text import text

        return text(table, columns, use_colour(sys.stdout))
    if style in ("csv", "json"):
        from cnnspec.tables.data import as_csv, as_json

        return as_csv(table, columns) if style == "csv" else as_json(table, columns)
    from cnnspec.tables.papers import latex, markdown

    return markdown(table, columns) if style == "markdown" else latex(table, columns)
