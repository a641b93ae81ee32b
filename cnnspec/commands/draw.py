"""`cnnspec draw`: the picture of a net."""

from __future__ import annotations

import sys
from itertools import chain, repeat
from pathlib import PurePath
from typing import Any, NamedTuple

import click

from cnnspec.commands import options
from cnnspec.commands.common import Job, complain, fail, save, takes_job
from cnnspec.commands.options import NetChoice, is_given, takes_choice
from cnnspec.text.files import SHIPPED, STDIN

FORMATS = ("svg", "png", "pdf", "tex", "dot", "html")

OF_GRAPHS = ("detail", "direction", "show")


@click.command()
@click.argument("file", required=False)
@takes_choice
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="A file that ends in .svg, .png, .pdf, .tex, .dot or .html; `-` is standard output. Without it, a "
    "file here that is named as FILE, or as the net that --net chooses.",
)
@click.option(
    "--view",
    type=click.Choice(("graph", "volume")),
    default="graph",
    help="Boxes and edges, or feature maps in 3-D, as papers draw them.",
)
@click.option(
    "--detail",
    type=click.Choice(("full", "fused", "folded", "blocks", "parts", "chains")),
    help="Each layer a box; with what follows it in one; repeats as ×N (the default); each block, "
    "each part, or each chain of a few, a box.",
)
@click.option(
    "--direction", type=click.Choice(("tb", "lr")), help="From the top down (the default), or to the right."
)
@click.option("--width", metavar="LENGTH", help="Of the page: 6.875in, 17.5cm, 88mm, 495pt, 660px.")
@click.option("--theme", type=click.Choice(("light", "dark", "mono")), default="light", help="Colours.")
@click.option("--font", metavar="NAME|FILE", help="A family that is installed, or a .ttf or .otf file.")
@click.option("--title", metavar="TEXT", help='In place of the name of the net; "" for none.')
@click.option("--caption/--no-caption", default=True, help="With the sizes and costs of the net, or without.")
@click.option(
    "--show",
    metavar="WHAT,…",
    help="Of shapes, params, macs, kernel those to show; all but macs if not given.",
)
@click.option("--blocks", is_flag=True, help="Of volumes: below the net what is in each of its blocks.")
@click.option(
    "--format", "style", type=click.Choice(FORMATS), help="Of `-o -`, or of the file named as FILE."
)
@click.option("--open", "opens", is_flag=True, help="Show the file that was written.")
@click.option("--watch", "watches", is_flag=True, help="Draw anew whenever the file changes, until Ctrl-C.")
@options.force
@takes_job
def draw(
    job: Job,
    /,
    file: str | None,
    output: str | None,
    style: str | None,
    opens: bool,
    watches: bool,
    force: bool,
    choice: NetChoice,
    **words: Any,
) -> None:
    """Draw a net: its graph, or its feature maps as volumes.

    In the graph blocks are clusters, and repeats ×N.
    """
    if output == "-" and (opens or watches):
        fail(f"--{'open' if opens else 'watch'} wants a file, and `-o -` writes none")
    look = chosen_look(words)
    target = Target(output, style, force, opens)
    if watches:
        from cnnspec.commands.watch import watch

        # The picture is opened once, not anew with each change.
        rounds = chain([target], repeat(target._replace(opens=False)))
        watch(lambda job: paint(job, file, look, next(rounds), choice), () if file is None else (file,))
    paint(job, file, look, target, choice)


class Target(NamedTuple):
    """Where a picture goes."""

    output: str | None
    style: str | None
    force: bool
    opens: bool

    @property
    def suffix(self) -> str:
        """Of the file, its format. Raises DrawProblem."""
        from cnnspec.draw.picture import suffix_of

        if self.output in (None, "-"):
            return f".{self.style or 'svg'}"
        found = suffix_of(str(self.output))
        if self.style is not None and found != f".{self.style}":
            fail(f"--format {self.style}: the name {self.output} tells another")
        return found


def paint(job: Job, file: str | None, look: Any, target: Target, choice: NetChoice) -> None:
    """Draw the net once; ends the call where it has faults."""
    from cnnspec.draw.picture import picture

    suffix = target.suffix
    path, network, faults = job.network_or_part(file, choice)
    made = picture(network, suffix, look, faults)
    # Standard input and the zoo's files have no name here that a picture could be called by.
    by_net = choice.net or path == STDIN or path.startswith(SHIPPED)
    output = target.output or f"{network.name if by_net else PurePath(path).stem}{suffix}"
    save(output, made.content, target.force)
    if made.note:
        click.echo(f"cnnspec: {made.note}", err=True)
    if target.opens and click.launch(output) != 0:
        complain(f"--open: nothing here shows {output}")
    if faults:
        sys.exit(1)


def chosen_look(words: dict[str, Any]) -> Any:
    """How the picture is to look. Raises UsageError."""
    from cnnspec.draw.look import look_of

    given = [name for name in OF_GRAPHS if words[name] is not None]
    if words["view"] == "volume" and given:
        if any(is_given(click.get_current_context(), name) for name in given):
            fail(f"--{given[0]} goes with --view graph")
        words |= dict.fromkeys(given)  # a configuration says how graphs are to look, if one is drawn
    try:
        return look_of(**words)
    except ValueError as problem:
        fail(f"--{problem}")
