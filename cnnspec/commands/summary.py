"""`cnnspec summary`: the table of a net's layers."""

from __future__ import annotations

import sys
from typing import Any

import click

from cnnspec.commands.common import Call, fail, options, settings_of, takes_call, terminal_width, use_colour


@click.command()
@click.argument("file", required=False)
@options
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Levels of names: deeper ones add up.")
@click.option("--columns", metavar="NAME,…", help="The columns to show, in their order.")
@click.option(
    "--format",
    "style",
    type=click.Choice(("text", "csv", "json", "markdown", "latex", "html")),
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
    from cnnspec.tables.columns import choose
    from cnnspec.tables.summary import summary as render

    try:
        chosen = [name.strip() for name in columns.split(",")] if columns else []
        choose(chosen)
    except ValueError as problem:
        fail(f"--columns: {problem}")
    _, found = call.check(file, choice["net"], settings_of(choice), first=True)
    for network in (found.networks or found.partial)[:1]:
        made = render(network, style, chosen, depth, use_colour(sys.stdout), terminal_width())
        click.echo(made, nl=False, color=True)
    call.show(found.diagnostics)
    sys.exit(not found.ok or not found.networks)
