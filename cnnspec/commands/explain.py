"""`cnnspec explain`: what a code means, what a layer does."""

from __future__ import annotations

import click

from cnnspec.commands.common import fail


@click.command()
@click.argument("what", required=False)
def explain(what: str | None) -> None:
    """Tell what a code means, or what a layer does.

    WHAT is a code such as E0410, or a layer such as conv; without it all are listed.
    """
    from cnnspec.faults import handbook

    try:
        click.echo(handbook.page(what) if what else handbook.contents(), nl=False)
    except handbook.NoPage as problem:
        fail(problem)
