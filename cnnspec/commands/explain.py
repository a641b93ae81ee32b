"""`cnnspec explain`: what a code means, what a layer does."""

from __future__ import annotations

import click

from cnnspec.commands.common import fail, terminal_width
from cnnspec.text.files import FileProblem


@click.command()
@click.argument("what", required=False)
def explain(what: str | None) -> None:
    """Tell what a code means, or what a layer does.

    WHAT is a code such as E0410, a layer such as conv, or a network of the zoo such as resnet; without it
    the codes and layers are listed.
    """
    from cnnspec.faults import handbook

    width = terminal_width()
    try:
        click.echo(handbook.page(what, width) if what else handbook.contents(width), nl=False)
    except handbook.NoPage as problem:
        from cnnspec.tables.zoo_page import zoo_page

        try:
            click.echo(zoo_page(what or ""), nl=False)
        except FileProblem:
            fail(problem)
