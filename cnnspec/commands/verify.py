"""`cnnspec verify`: the programs of several back ends, compared."""

from __future__ import annotations

import sys
from typing import Any

import click

from cnnspec.commands.common import fail, options, the_network


@click.command()
@click.argument("file", required=False)
@options
@click.option("--backends", default="torch,numpy", metavar="A,B", help="What to compare, the measure first.")
@click.option("--seed", default=0, help="Of the weights and the images.")
def verify(file: str | None, backends: str, seed: int, **choice: Any) -> None:
    """Run the programs of several back ends on the same random weights and images, and compare them."""
    from cnnspec.backends import BACKENDS

    names = tuple(dict.fromkeys(backends.split(",")))
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        fail(f"--backends knows {', '.join(BACKENDS)}, not {unknown[0]!r}")
    _, network = the_network(file, choice)
    try:
        from cnnspec.verify import table
        from cnnspec.verify import verify as compare

        report = compare(network, names, seed=seed)
    except ImportError as problem:
        fail(f"{problem.name} is not installed: pip install 'cnnspec[torch]'")
    click.echo(table(report))
    sys.exit(1 if report.first_fault else 0)
