"""`cnnspec sizes`: for which inputs a net is valid."""

from __future__ import annotations

import sys
from typing import Any

import click

from cnnspec.commands import options
from cnnspec.commands.common import Job, fail, read_spec, takes_job
from cnnspec.commands.options import NetChoice, takes_choice

TRIES, WORK = 32, 100_000  # of inputs for a net that has faults as it is written, and the steps of all tries


@click.command()
@click.argument("file", required=False)
@takes_choice
@click.option("--up-to", "end", type=click.IntRange(16, 65_536), default=1024, help="The largest side.")
@options.style("text", "json", words="The format of the answer.")
@takes_job
def sizes(job: Job, /, file: str | None, end: int, style: str, choice: NetChoice) -> None:
    """Tell for which inputs a net is valid.

    With --input it says of one size whether it is valid, and which sizes near it are.
    """
    from cnnspec.analysis.sizes.size_program import TooMuch
    from cnnspec.analysis.sizes.survey import survey
    from cnnspec.tables.size_report import as_json, report

    chosen = choice.as_settings()
    # As it is written: --input asks a question of the net, and is no part of it.
    written = chosen._replace(inputs={})
    found = job.check(read_spec(file, written), choice.net, written, first=True)
    try:
        explorer = explorer_of(job, found, chosen, end)
        asked = question(job, explorer, found, chosen)
        surveys = survey(explorer, end)
        answer = as_json(surveys, asked) if style == "json" else report(surveys, asked)
    except TooMuch:
        fail("the network is too long for its sizes to be looked at")
    if not surveys:
        fail(f"{explorer.network.name} takes no maps: it has no heights and widths to choose")
    click.echo(answer, nl=False)
    sys.exit(not found.ok if asked is None else not asked.valid)


def explorer_of(job: Job, found: Any, chosen: Any, end: int) -> Any:
    """The net as it is written, or, where that has faults, as it is for the nearest input without any."""
    from cnnspec.analysis.sizes.explore import Explorer
    from cnnspec.analysis.sizes.near import proposals
    from cnnspec.compiler import rechecker
    from cnnspec.text.files import read_used

    # A net may be wrong as it is written and right at another size, which is what is asked for.
    written = bool(found.networks) and found.ok
    if not written and (not chosen.inputs or not found.partial):
        job.show(found.diagnostics)
    if not written and not found.partial:
        sys.exit(1)
    network = (found.networks if written else found.partial)[0]
    recheck = rechecker(network.net.span.source, read_used, network.name, chosen)
    widths = channels(network, chosen.inputs)
    if widths or not written:
        proposed = proposals(Explorer(network, None, chosen.limits), end)
        # Each try costs what the net unfolds to: of large nets fewer are made.
        tries = min(TRIES, WORK // max(1, found.expanded + found.work))
        network = next(filter(None, map(recheck, [widths, *proposed[:tries]])), None)
    if network is None:
        sys.exit(1)
    return Explorer(network, recheck, chosen.limits)


def channels(network: Any, inputs: Any) -> dict[str, Any]:
    """The inputs as they are written, but of the channels that are asked for, where these are others.

    A map that a vector is asked about in place of stays as it is.
    """
    found = {}
    for given in network.inputs:
        shape, asked = given.value.shape, inputs.get(given.name) or inputs.get("")
        if asked and shape and asked.is_map == shape.is_map and asked.channels != shape.channels:
            found[given.name] = shape.with_channels(asked.channels)
    return found


def question(job: Job, explorer: Any, found: Any, chosen: Any) -> Any:
    """What --input asks about, and whether it is valid; None where it is not given."""
    from cnnspec.analysis.sizes.survey import SizeQuestion
    from cnnspec.compiler import check
    from cnnspec.text.files import read_used

    if not chosen.inputs:
        return None
    answer = check(explorer.network.net.span.source, read_used, explorer.network.name, chosen)
    if not answer.ok:
        job.show(answer.diagnostics)
    names = list(explorer.written)
    return SizeQuestion({name or names[0]: shape for name, shape in chosen.inputs.items()}, answer.ok)
