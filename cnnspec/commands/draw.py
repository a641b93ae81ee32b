"""`cnnspec draw`: the picture of a net."""

from __future__ import annotations

import re
import sys
from pathlib import PurePath
from typing import Any

import click
from click.core import ParameterSource

from cnnspec.commands.common import Call, complain, fail, options, save, takes_call
from cnnspec.text.files import SHIPPED, STDIN

UNITS = {"in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4, "pt": 1.0, "px": 0.75}
"""Points, of which an inch has 72."""

FORMATS = ("svg", "png", "pdf", "dot", "html")

OF_GRAPHS = ("detail", "direction", "show")

NARROWEST, WIDEST = 144.0, 14_400.0  # points; the latter is the side of the largest page of PDF


@click.command()
@click.argument("file", required=False)
@options
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="A file that ends in .svg, .png, .pdf, .dot or .html; `-` is standard output. Without it, a file "
    "here that is named as FILE, or as the net that --net chooses.",
)
@click.option(
    "--view",
    type=click.Choice(("graph", "volume")),
    default="graph",
    help="Boxes and edges, or feature maps in 3-D, as papers draw them.",
)
@click.option(
    "--detail",
    type=click.Choice(("full", "fused", "folded")),
    help="Each layer a box; with what follows it in one; and repeats as ×N (the default).",
)
@click.option(
    "--direction", type=click.Choice(("tb", "lr")), help="From the top down (the default), or to the right."
)
@click.option("--width", metavar="LENGTH", help="Of the page: 6.875in, 17.5cm, 88mm, 495pt, 660px.")
@click.option("--theme", type=click.Choice(("light", "dark", "mono")), default="light", help="Colours.")
@click.option(
    "--show",
    metavar="WHAT,…",
    help="Of shapes, params, macs, kernel those to show; all but macs if not given.",
)
@click.option(
    "--format", "style", type=click.Choice(FORMATS), help="Of `-o -`, or of the file named as FILE."
)
@click.option("--open", "opens", is_flag=True, help="Show the file that was written.")
@click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")
@takes_call
def draw(
    call: Call,
    /,
    file: str | None,
    output: str | None,
    style: str | None,
    opens: bool,
    force: bool,
    **choice: Any,
) -> None:
    """Draw a net: its graph, or its feature maps as volumes.

    In the graph blocks are clusters, and repeats ×N.
    """
    from cnnspec.draw.picture import DrawProblem, picture, suffix_of

    if opens and output == "-":
        fail("--open shows a file, and `-o -` writes none")
    look = look_of(choice)
    try:
        suffix = suffix_of(output) if output not in (None, "-") else f".{style or 'svg'}"
        if style is not None and suffix != f".{style}":
            fail(f"--format {style}: the name {output} tells another")
        path, network, faults = call.network_or_part(file, choice)
        made = picture(network, suffix, look, faults)
    except DrawProblem as problem:
        fail(problem)
    by_net = choice["net"] or path == STDIN or path.startswith(SHIPPED)
    output = output or f"{network.name if by_net else PurePath(path).stem}{suffix}"
    if output == "-":
        click.echo(made.content, nl=False)
    else:
        save(output, made.content, force)
    if made.note:
        click.echo(f"cnnspec: {made.note}", err=True)
    if opens and click.launch(output) != 0:
        complain(f"--open: nothing here shows {output}")
    if faults:
        sys.exit(1)


def look_of(choice: dict[str, Any]) -> Any:
    """How the picture is to look. What is wrong ends the call."""
    from cnnspec.draw.look import Look
    from cnnspec.draw.theme import THEMES

    given = [name for name in OF_GRAPHS if choice[name] is not None]
    if choice["view"] == "volume" and given:
        source = click.get_current_context().get_parameter_source
        if any(source(name) is ParameterSource.COMMANDLINE for name in given):
            fail(f"--{given[0]} goes with --view graph")
        given = []  # a configuration says how graphs are to look, if one is drawn
    look = Look(view=choice["view"], theme=THEMES[choice["theme"]])
    look = look._replace(**{name: choice[name] for name in given if name != "show"})
    try:
        if "show" in given:
            look = look._replace(show=parse_show(choice["show"]))
        if choice["width"] is not None:
            look = look._replace(width=parse_width(choice["width"]))
    except ValueError as problem:
        fail(problem)
    return look


def parse_width(text: str) -> float:
    """`6.875in`, `17.5cm`, `88mm`, `495pt`, `660px`, in points. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s?(in|cm|mm|pt|px)", text.strip())
    if match is None:
        raise ValueError(f"--width wants a length, as 6.875in, 17.5cm, 88mm, 495pt or 660px, not {text!r}")
    points = float(match.group(1)) * UNITS[match.group(2)]
    if not NARROWEST <= points <= WIDEST:
        raise ValueError(f"--width is between 2in and 200in, not {text.strip()}")
    return points


def parse_show(text: str) -> frozenset[str]:
    """`shapes,macs`: what is shown, and nothing else. Raises ValueError."""
    from cnnspec.draw.look import SHOWN

    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in SHOWN:
            raise ValueError(f"--show: there is no {word!r}; there is {', '.join(SHOWN)}")
    return frozenset(words)
