"""`cnnspec weights`: files of weights, converted and told."""

from __future__ import annotations

import sys
from typing import Any

import click

from cnnspec.commands import options
from cnnspec.commands.common import Job, complain, fail, needs, save, takes_job, tell
from cnnspec.commands.options import NetChoice, takes_choice


@click.group()
def weights() -> None:
    """Convert files of weights, and tell what they hold."""


@weights.command()
@click.argument("spec")
@click.argument("weights", metavar="WEIGHTS")
@takes_choice
@click.option("-o", "--output", metavar="OUT", required=True, help="A .safetensors or .npz file to write.")
@options.force
@takes_job
def fold(job: Job, /, spec: str, weights: str, output: str, force: bool, choice: NetChoice) -> None:
    """Write the weights that an optimised program takes.

    They are made of those of the net in SPEC: batch norms are folded into the layers before them, and what
    only training has is left out. WEIGHTS is a .safetensors or .npz file under PyTorch's keys.
    """
    _, network = job.network(spec, choice)
    with needs("run"):
        from cnnspec.passes.optimize import fold_weights
        from cnnspec.run.weight_files import blank_state, contents, read_tensors, suffix_of

        suffix_of(output)
        found = read_tensors(weights, blank_state(network))
        content = contents(output, fold_weights(network, found))
    save(output, content, force)


PREFIX = click.option(
    "--prefix", default="", metavar="TEXT", help="Take the names that begin so, and take that off: module."
)


@weights.command()
@click.argument("source", metavar="FILE")
@click.argument("target", metavar="OUT")
@PREFIX
@click.option(
    "--map", "maps", multiple=True, metavar="OLD=NEW", help="Another beginning for names that begin so."
)
@options.force
def convert(source: str, target: str, prefix: str, maps: tuple[str, ...], force: bool) -> None:
    """Write a file of weights as one of another kind.

    FILE is a .pth, .safetensors or .npz, OUT one of the latter. A .pth is loaded with weights_only=True, so
    nothing in it runs; that needs PyTorch.
    """
    changes = []
    for text in maps:
        old, equals, new = text.partition("=")
        if not old or not equals:
            fail(f"--map wants OLD=NEW, not {text!r}")
        changes.append((old, new))
    with needs("run"):
        from cnnspec.run.tensor_files import read, rename, sums
        from cnnspec.run.weight_files import contents, suffix_of

        # Refused before a large file is read for nothing.
        suffix_of(target)
        found = rename(read(source, prefix), changes)
        content = contents(target, found)
    save(target, content, force)
    tell(sums(found))
    hint_at_prefix(found)


@weights.command()
@click.argument("file")
@PREFIX
@click.option("--spec", metavar="SPEC", help="Say whether the net takes them, and what it lacks if not.")
@takes_choice
@takes_job
def show(job: Job, /, file: str, prefix: str, spec: str | None, choice: NetChoice) -> None:
    """Tell the names, shapes and ranges of weights.

    FILE is a .safetensors, .npz or .pth.
    """
    network = None if spec is None else job.network(spec, choice)[1]
    with needs("run"):
        from cnnspec.run.tensor_files import misfits, read, table
        from cnnspec.run.weight_files import blank_state

        found = read(file, prefix)
        for line in table(found):
            tell(line)
        lines = [] if network is None else misfits(found, blank_state(network))
    if network is not None and not lines:
        tell(f"{network.name} takes them")
    for line in lines:
        tell(line)
    hint_at_prefix(found)
    # As a call that hands a net weights which it does not take.
    sys.exit(2 if lines else 0)


def hint_at_prefix(names: Any) -> None:
    """Say it where all names begin as DataParallel's and DDP's do, or torch.compile's."""
    for prefix in ("module.", "_orig_mod."):
        if all(name.startswith(prefix) for name in names):
            complain(f"all names begin with {prefix}, which wraps the net: --prefix {prefix} takes it off")
