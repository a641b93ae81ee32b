"""`cnnspec verify`: the programs of several back ends, compared."""

from __future__ import annotations

import sys

import click

from cnnspec.commands.common import Job, fail, needs, takes_job
from cnnspec.commands.options import NetChoice, takes_choice


@click.command()
@click.argument("file", required=False)
@takes_choice
@click.option(
    "--backends", default="torch,numpy", metavar="A,B", help="What to compare; numpy alone: its two paths."
)
@click.option("--optimize", is_flag=True, help="Compare what build --optimize writes with the plain program.")
@click.option("--seed", default=0, type=click.IntRange(min=0), help="Of the weights and the images.")
@click.option("--all", "every", is_flag=True, help="Show all layers of a long network, too.")
@takes_job
def verify(
    job: Job, /, file: str | None, backends: str, optimize: bool, seed: int, every: bool, choice: NetChoice
) -> None:
    """Run the programs of a net side by side, and compare them.

    They are those of several back ends, and get the same random weights and images.
    """
    names = parse_backends(backends, optimize)
    _, network = job.network(file, choice)
    with needs("numpy", "; --backends numpy does without"):
        from cnnspec.run.programs import report_memory
        from cnnspec.run.verdict import table
        from cnnspec.run.verification import verify as compare

        with report_memory(network.name):
            report = compare(network, names, seed=seed, optimize=optimize)
    click.echo(table(report, every, more="; --all shows all"))
    sys.exit(0 if report.ok else 1)


def parse_backends(backends: str, optimize: bool) -> tuple[str, ...]:
    """The names of back ends, separated by commas. Raises UsageError."""
    from cnnspec.backends import BACKENDS

    names = tuple(name.strip() for name in backends.split(","))
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        fail(f"--backends knows {', '.join(BACKENDS)}, not {unknown[0]!r}")
    if set(names) == {"torch"} and not optimize:
        fail("--backends torch leaves nothing to compare: torch,numpy")
    return names
