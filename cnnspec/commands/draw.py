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
@click.option(
    "--view",
    type=click.Choice(("graph", "volume")),
    default="graph",
    help="Boxes and edges, or feature maps in 3-D, as papers draw them.",
)
@click.option(
    "--width", metavar="LENGTH", help="How wide the volume view is to be: 6.875in, 17.5cm, 88mm, 495pt."
)
@click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")
def draw(file: str | None, output: str, force: bool, **choice: Any) -> None:
    """Draw a net: its graph, blocks as clusters, repeats as ×N; or its feature maps as volumes."""
    from cnnspec.draw.picture import WIDTH, DrawProblem, check_suffix, parse_width, picture

    view, width = choice["view"], choice["width"]
    try:
        check_suffix(output)
        if width and view == "graph":
            fail("--width goes with --view volume")
        points = parse_width(width) if width else WIDTH
        _, network = the_network(file, choice)
        save(output, picture(network, output, view, points), force)
    except DrawProblem as problem:
        fail(str(problem))
