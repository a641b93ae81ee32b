"""`cnnspec summary`: the table of a net's layers."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from cnnspec.commands import options
from cnnspec.commands.common import Job, fail, read_spec, takes_job, terminal_width, use_colour
from cnnspec.commands.options import NetChoice, takes_choice
from cnnspec.graph.tree import Network
from cnnspec.text.diagnostics import Diagnostic


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1)
@takes_choice
@click.option("--all", "every", is_flag=True, help="All nets of the files, a row each.")
@click.option("--stages", is_flag=True, help="Nets side by side: a row a size of the maps, a column a net.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Levels of names: deeper ones add up.")
@click.option("--columns", metavar="NAME,…", help="The columns to show, in their order.")
@options.style(
    *("text", "csv", "json", "markdown", "latex", "html"),
    words="What the table is for; csv and json have raw numbers, and every layer a row.",
)
@takes_job
def summary(
    job: Job,
    /,
    files: tuple[str, ...],
    every: bool,
    stages: bool,
    depth: int | None,
    columns: str | None,
    style: str,
    choice: NetChoice,
) -> None:
    """Tell the layers of a net: shapes, parameters, MACs, memory.

    A row a layer, in the columns that --columns names: receptive fields, too. Of several files, or with
    --all, a row a net, or with --stages a column.
    """
    if len(files) > 1 or every or stages:
        for name, given in (("depth", depth), ("columns", columns)):
            if given is not None:
                fail(f"--{name} is for the table of one net")
        compare(job, files, every, stages, style, choice)
    from cnnspec.tables.summary import summary as render
    from cnnspec.tables.table_columns import choose

    try:
        chosen = [name.strip() for name in columns.split(",")] if columns else []
        choose(chosen)
    except ValueError as problem:
        fail(f"--columns: {problem}")
    settings = choice.as_settings()
    found = job.check(read_spec(next(iter(files), None), settings), choice.net, settings, first=True)
    # Of a net with faults the layers before the first of them.
    for network in (found.networks or found.partial)[:1]:
        made = render(network, style, chosen, depth, use_colour(sys.stdout), terminal_width())
        click.echo(made, nl=False, color=True)
    job.show(found.diagnostics)
    sys.exit(not found.ok or not found.networks)


def compare(
    job: Job, files: tuple[str, ...], every: bool, stages: bool, style: str, choice: NetChoice
) -> NoReturn:
    """Print the table of several nets, those without faults, and end the call."""
    from cnnspec.tables.summary import comparison

    settings, well = choice.as_settings(), True
    networks: list[Network] = []
    faults: list[Diagnostic] = []
    for file in files or (None,):
        found = job.check(read_spec(file, settings), choice.net, settings, first=not every)
        networks += found.networks
        faults += found.diagnostics
        well = well and found.ok and bool(found.networks)
    if networks:
        click.echo(comparison(networks, style, stages, use_colour(sys.stdout)), nl=False, color=True)
    job.show(tuple(faults))
    sys.exit(not well)
