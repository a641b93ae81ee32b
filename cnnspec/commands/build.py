"""`cnnspec build`: the program of a net, or its model in ONNX."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cnnspec.backends import BACKENDS, MODELS, ONLY, emit
from cnnspec.commands import options
from cnnspec.commands.common import Job, complain, fail, needs, save, takes_job, warn_of_random
from cnnspec.commands.options import NetChoice, takes_choice


@click.command()
@click.argument("file", required=False)
@takes_choice
@click.option("--backend", type=click.Choice([*BACKENDS]), default="torch", help="What to build for.")
@click.option("--inference", is_flag=True, help="numpy: leave training out.")
@click.option("--plain", is_flag=True, help="numpy: write the net out, to be read, not to be fast.")
@click.option("--optimize", is_flag=True, help="For inference alone: norms folded, and what idles left out.")
@click.option(
    "--explicit", is_flag=True, help="torch: write the arguments that equal PyTorch's defaults, too."
)
@click.option("--weights", metavar="FILE", help="onnx: a .safetensors or .npz file; random without it.")
@click.option("--opset", type=int, metavar="N", help="onnx: the version of its operators; 21.")
@click.option("--functions", is_flag=True, help="onnx: make each block a function.")
@click.option("--free-size", is_flag=True, help="onnx: leave height and width open.")
@click.option("--trainer", is_flag=True, help="torch: the program that trains it, which imports the net's.")
@options.output
@options.force
@takes_job
def build(
    job: Job,
    /,
    file: str | None,
    backend: str,
    trainer: bool,
    output: str | None,
    force: bool,
    choice: NetChoice,
    **given: Any,
) -> None:
    """Write the program of a net: PyTorch, NumPy or ONNX.

    The net is the first of FILE, or the one that --net names.
    """
    chosen = {name: value for name, value in given.items() if value not in (None, False)}
    for name in chosen:
        if ONLY.get(name, backend) != backend:
            fail(f"--{name.replace('_', '-')} is for --backend {ONLY[name]}")
    if chosen.keys() >= {"plain", "optimize"}:
        fail("--plain writes the net as it is, --optimize changes it: leave one of them out")
    if backend in MODELS and output is None:
        fail(f"--backend {backend} makes a binary file: -o names it")
    if trainer and (chosen or backend != "torch"):
        fail("--trainer writes what trains the net in PyTorch: other options of a program do not go with it")
    path, network = job.network(file, choice)
    if trainer:
        write_trainer(network, path, output, force)
        return
    if chosen.pop("free_size", False):
        from cnnspec.api import for_other_sizes

        chosen["others"] = for_other_sizes(network, choice.as_settings())
    made, beside = emit_program(backend, network, path, chosen, output)
    save(output, made, force, beside)


def emit_program(
    backend: str, network: Any, path: str, chosen: dict[str, Any], output: str | None
) -> tuple[str | bytes, dict[str, Iterator[bytes]]]:
    """What a back end makes of a net; of a model also a file for what its own has no room for, by its path.

    Raises UsageError.
    """
    given, store = dict(chosen), None
    with needs(backend):
        if "weights" in chosen:
            from cnnspec.run.weight_files import blank_state, read_weights

            given["weights"] = read_weights(chosen["weights"], blank_state(network))
        # Standard output has no file beside it that tensors beyond 2 GB could go to.
        if backend in MODELS and output not in (None, "-"):
            from cnnspec.backends.onnx.store import Store

            given["store"] = store = Store(f"{Path(str(output)).name}.data")
        made = emit(backend, network, path, **given)
        if backend in MODELS and "weights" not in chosen:
            from cnnspec.analysis.unroll import unroll

            warn_of_random(unroll(network))
    if store is None or not store.parts:
        return made, {}
    return made, {str(Path(str(output)).with_name(store.name)): store.content()}


def write_trainer(network: Any, path: str, output: str | None, force: bool) -> None:
    """Write the trainer, and say where it looks for the net."""
    from cnnspec.backends import check_python

    with needs("train"):
        from cnnspec.train.trainer_file import module_of, trainer_file

        made = trainer_file(network, path)
    check_python("torch", made)
    save(output, made, force)
    module = Path(output or "-").parent / f"{module_of(path)}.py"
    if output not in (None, "-") and not module.exists():
        complain(f"it imports the net from {module.name}: `cnnspec build {path} -o {module}` writes that")
