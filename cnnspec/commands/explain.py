"""`cnnspec explain`: what a code means, what a layer does, what a word of the field is."""

from __future__ import annotations

import click

from cnnspec.commands.common import fail, terminal_width
from cnnspec.text.files import FileProblem


@click.command()
@click.argument("what", nargs=-1)
def explain(what: tuple[str, ...]) -> None:
    """Tell what a code, a layer or a word means.

    WHAT is a code such as E0410, a layer such as conv, a word such as stride or receptive field, or a network
    of the zoo such as resnet; without it the codes, layers and words are listed.
    """
    from cnnspec.faults import handbook

    asked, width = " ".join(what), terminal_width()
    try:
        click.echo(handbook.page(asked, width) if asked else handbook.contents(width), nl=False)
    except handbook.NoPage as problem:
        from cnnspec.tables.zoo_page import zoo_page

        try:
            click.echo(zoo_page(asked), nl=False)
        except FileProblem:
            fail(str(problem))
