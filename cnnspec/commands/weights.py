"""`cnnspec weights`: files of weights, converted."""

from __future__ import annotations

from typing import Any

import click

from cnnspec.commands.common import Call, fail, options, save, takes_call


@click.group()
def weights() -> None:
    """Convert files of weights."""


@weights.command()
@click.argument("spec")
@click.argument("weights", metavar="WEIGHTS")
@options
@click.option("-o", "--output", metavar="OUT", required=True, help="A .safetensors or .npz file to write.")
@click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")
@takes_call
def fold(call: Call, /, spec: str, weights: str, output: str, force: bool, **choice: Any) -> None:
    """Write the weights that an optimised program takes, from those of the net in SPEC.

    Batch norms are folded into the layers before them; what only training has is left out. WEIGHTS is a
    .safetensors or .npz file under PyTorch's keys.
    """
    _, network = call.network(spec, choice)
    try:
        from cnnspec.passes.optimize import fold_weights
        from cnnspec.run import RunProblem
        from cnnspec.run.weight_files import blank_state, contents, read_tensors, suffix_of

        suffix_of(output)
        found = read_tensors(weights, blank_state(network))
        content = contents(output, fold_weights(network, found))
    except ImportError as problem:
        fail(f"{str(problem.name).partition('.')[0]} is not installed: pip install 'cnnspec[run]'")
    except RunProblem as problem:
        fail(problem)
    save(output, content, force)
