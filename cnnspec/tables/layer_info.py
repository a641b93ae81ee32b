"""The layers of a network one by one, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.values.shapes import Shape, plain_shape


class LayerInfo(NamedTuple):
    """A layer as it runs.

    `path` is what its tensors' keys begin with, `layer` its name in the language, `arguments` are all its
    arguments, `line` is its line in the specification; `inputs` are the paths whose values it takes, `output`
    is its shape for one image: C, H and W, or C alone. `params` are the numbers that training changes, `macs`
    the multiply-accumulates for one image.
    """

    path: str
    layer: str
    arguments: Mapping[str, Any]
    line: int
    inputs: tuple[str, ...]
    output: Shape
    params: int
    macs: int


def layers(network: Network) -> tuple[LayerInfo, ...]:
    """Every layer of every block and repeat, in the order in which they run."""
    return tuple(
        LayerInfo(
            node.path,
            node.layer.name,
            {name: json_value(node.layer.value(name)) for name in node.layer.arguments},
            node.span.line,
            node.inputs,
            plain_shape(node.output),
            node.params,
            node.macs,
        )
        for node in unroll(network).nodes
    )


def json_value(value: Any) -> Any:
    """An argument's value as JSON has it."""
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return int(value)
    return [json_value(item) for item in value]
