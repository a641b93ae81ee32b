"""`cnnspec draw`: the picture of a net."""

from __future__ import annotations

from typing import Any

import click

from cnnspec.commands.common import fail, options, save, the_network


@click.command()
@click.argument("file", required=False)
@options
@click.option(
    "-o", "--output", required=True, metavar="OUT", help="A file that ends in .svg, .png, .pdf or .dot."
)
@click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")
def draw(file: str | None, output: str, force: bool, **choice: Any) -> None:
    """Draw the graph of a net, with shapes on its edges, blocks as clusters, repeats as ×N."""
    from cnnspec.draw.picture import DrawProblem, check_suffix, picture

    try:
        check_suffix(output)
        _, network = the_network(file, choice)
        save(output, picture(network, output), force)
    except DrawProblem as problem:
        fail(str(problem))
