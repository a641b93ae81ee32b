"""`cnnspec import`: a network that someone else wrote becomes a specification."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from cnnspec.commands import options
from cnnspec.commands.common import complain, fail, needs, save
from cnnspec.commands.progress import progress

if TYPE_CHECKING:
    from cnnspec.importers.readers import Loaded


@click.command("import")
@click.argument("source")
@click.argument("numbers", metavar="[WEIGHTS]", default="")
@options.output
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE",
    help="The shape of an input, as 3@224x224; again for each further input.",
)
@click.option("--name", metavar="NAME", help="What the net is called, if not as its class.")
@click.option("--weights", metavar="FILE", help="Write the weights, too: a .safetensors or .npz file.")
@click.option("--until", default="", metavar="LAYER", help="Import the layers before this one alone.")
@click.option("--flat", is_flag=True, help="Write neither blocks nor repeats.")
@options.style("text", "json", words="How to answer.")
@options.force
def import_(
    source: str,
    numbers: str,
    output: str | None,
    inputs: tuple[str, ...],
    name: str | None,
    weights: str | None,
    until: str,
    flat: bool,
    style: str,
    force: bool,
) -> None:
    """Write the specification of a network that others wrote.

    SOURCE is torchvision:NAME, timm:NAME or FILE.py:NAME. A file is run, so let it be one that you trust;
    what it defines by the name is a module of PyTorch, or a class or a function that makes one. Its input is
    3@224x224 without --input.

    SOURCE may also be a NET.onnx, Caffe's NET.prototxt, its WEIGHTS then a .caffemodel, or Darknet's NET.cfg,
    its WEIGHTS then a .weights. Nothing in them is run. LAYER is a layer's name, in a .cfg its number from 0.
    """
    from cnnspec.importers.refusals import Refused
    from cnnspec.importers.wording.free_names import is_free

    shapes = parse_inputs(inputs)
    if name is not None and not is_free(name):
        fail(f"--name: a net cannot be called {name!r}")
    try:
        with needs("onnx" if source.endswith(".onnx") else "run"):
            loaded, text, keys = import_source(source, numbers, until, shapes, name, flat)
            tensors = loaded.weights([*keys.values()]) if numbers or weights is not None else {}
    except Refused as refused:
        lists_layers = source.lower().endswith((".cfg", ".prototxt"))
        refuse(refused, style, is_input_given=bool(shapes), may_end_before=lists_layers and not until)
    if weights is not None:
        from cnnspec.run.weight_files import contents

        save(weights, contents(weights, {own: tensors[key] for own, key in keys.items()}), force)
    if output not in (None, "-"):
        save(output, text, force)
    if style == "json":
        click.echo(
            json.dumps({"text": text, "lines": lines(text), "keys": [*keys]}, indent=2, ensure_ascii=False)
        )
    elif output in (None, "-"):
        click.echo(text, nl=False)


def parse_inputs(inputs: tuple[str, ...]) -> list[Any]:
    from cnnspec.elaborate.settings import parse_shape

    try:
        return [parse_shape(text) for text in inputs]
    except ValueError as problem:
        fail(str(problem))


def import_source(
    source: str, numbers: str, until: str, shapes: list[Any], name: str | None, flat: bool
) -> tuple[Loaded, str, Mapping[str, str]]:
    """What the source names, its specification, and its own key of each of its weights. Raises Refused."""
    from cnnspec.importers.readers import load
    from cnnspec.importers.write import specify

    with progress(3, "import") as step:
        loaded = load(source, numbers, until)
        step()
        model = loaded.read(shapes, name or loaded.name)
        step()
        found = specify(model, flat)
        step()
    return loaded, found.text, found.keys


def refuse(refused: Any, style: str, is_input_given: bool, may_end_before: bool) -> None:
    """Tell all that cannot be imported, and end the call."""
    if style == "json":
        click.echo(json.dumps({"refused": [group._asdict() for group in refused.groups]}, indent=2))
    else:
        for group in refused.groups:
            complain(f"error[{group.code}]: {group}")
        code, *_, place, path = refused.groups[0]
        if code == "E1002" and (place or path) and not is_input_given:  # it ran until there
            complain("its input was taken for 3@224x224: `--input 1@28x28` gives another")
        if code == "E1003" and may_end_before:
            complain("`--until LAYER` imports what lies before a layer")
        complain(f"nothing was written; see `cnnspec explain {refused.groups[0].code}`")
    sys.exit(1)


def lines(text: str) -> int:
    """How many lines are neither blank nor a comment."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())
