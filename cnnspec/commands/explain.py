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
        try:
            click.echo(zoo_page(asked), nl=False)
        except FileProblem:
            fail(str(problem))


def zoo_page(name: str) -> str:
    """The page of a shipped file, or of the net in it that the name means. Raises FileProblem."""
    from cnnspec.compiler import check
    from cnnspec.tables.one_line import figures
    from cnnspec.text.files import read_used
    from cnnspec.text.shipped import defined_by, find, source_of

    file, net = find(name)
    networks, held = check(source_of(file), read_used, net).networks, defined_by(file)
    width = max((len(network.name) for network in networks), default=0)
    lines = [f"{network.name:{width}}  {figures(network)}" for network in networks]
    if not lines:
        lines = [f"Blocks, for `use`: {', '.join(held.defines)}"]
    example = f"; `cnnspec draw {networks[0].name}` draws one" if networks else ""
    return "\n".join([held.about, "", *lines, "", f"`cnnspec zoo {file}` prints the file{example}."]) + "\n"
