"""`cnnspec build`: the program of a net."""

from __future__ import annotations

from typing import Any

import click

from cnnspec.backends import BACKENDS, ONLY, emit
from cnnspec.commands.common import Call, fail, options, save, takes_call


@click.command()
@click.argument("file", required=False)
@options
@click.option("--backend", type=click.Choice([*BACKENDS]), default="torch", help="What to build for.")
@click.option("--inference", is_flag=True, help="numpy: leave training out.")
@click.option("--plain", is_flag=True, help="numpy: write the net out, to be read, not to be fast.")
@click.option("--optimize", is_flag=True, help="For inference alone: norms folded, and what idles left out.")
@click.option(
    "--explicit", is_flag=True, help="torch: write the arguments that equal PyTorch's defaults, too."
)
@click.option("-o", "--output", metavar="OUT", help="Where to write; standard output without it, or for `-`.")
@click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")
@takes_call
def build(
    call: Call,
    /,
    file: str | None,
    backend: str,
    inference: bool,
    plain: bool,
    optimize: bool,
    explicit: bool,
    output: str | None,
    force: bool,
    **choice: Any,
) -> None:
    """Write the program of a net: the first of FILE, or the one that --net names."""
    flags = {"inference": inference, "plain": plain, "optimize": optimize, "explicit": explicit}
    chosen = {name: flag for name, flag in flags.items() if flag}
    for name in chosen:
        if ONLY.get(name, backend) != backend:
            fail(f"--{name} is for --backend {ONLY[name]}")
    if plain and optimize:
        fail("--plain writes the net as it is, --optimize changes it: leave one of them out")
    path, network = call.network(file, choice)
    text = emit(backend, network, path, **chosen)
    if output in (None, "-"):
        click.echo(text, nl=False)
    else:
        save(output, text, force)
