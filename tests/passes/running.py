"""Graphs, run node by node: that of a net, and what a pass makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.graph.tree import Network
from cnnspec.passes.rewrite import Rewrite, apply
from tests.backends.interpreter import build, join
from tests.layers.instantiate import instantiate, with_numbers
from tests.nets import network


def net(text: str) -> Network:
    return network(text, shape="6@7x7")


def state_of(net: Network) -> dict[str, Any]:
    """Seeded weights, in float64."""
    return {key: tensor.double() for key, tensor in build(net).state_dict().items()}


def run(graph: Graph, state: Mapping[str, Tensor]) -> list[Tensor]:
    """The outputs of evaluation on seeded images, node by node, each layer by PyTorch's own module."""
    generator = torch.Generator().manual_seed(2)
    values = {
        name: torch.randn((2, *shape.dimensions), generator=generator).double()
        for name, shape in graph.inputs
    }
    for node in graph.nodes:
        if node.train:
            continue
        arriving = [values[name] for name in node.inputs]
        values[node.path] = value(node, arriving, state)
        activation = getattr(node.layer, "activation", None)
        if activation is not None:
            values[node.path] = getattr(F, activation)(values[node.path])
        assert list(values[node.path].shape[1:]) == node.output.dimensions, node.path
    return [values[at] for _, at, train in graph.outputs if not train]


def value(node: Node, arriving: list[Tensor], state: dict[str, Tensor]) -> Tensor:
    """What a node makes, before the activation that it has taken in."""
    if node.layer.is_join:
        return join(node.layer, arriving)
    path = node.path.partition(" (")[0]
    layer = node.layer.with_arguments(activation=None) if hasattr(node.layer, "activation") else node.layer
    module = instantiate(layer.torch(node.shapes[0]))
    if isinstance(module, nn.Parameter):
        return with_numbers(node.layer.name, arriving[0], state[path])
    module = module.double().eval()
    module.load_state_dict({key: state[f"{path}.{key}"] for key in module.state_dict()})
    made: Tensor = module(arriving[0])
    return made


def same_numbers(made: list[Tensor], wanted: list[Tensor]) -> None:
    for one, other in zip(made, wanted, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 1e-10 * other.abs().max()


def rewritten(text: str, rewrite: Callable[[Graph], Rewrite]) -> Graph:
    """The graph after a pass that leaves weights alone; it gives the same numbers."""
    given = net(text)
    graph = unroll(apply(given, rewrite(unroll(given))))
    state = state_of(given)
    with torch.no_grad():
        same_numbers(run(graph, state), run(unroll(given), state))
    return graph


def paths(graph: Graph) -> list[str]:
    return [node.path for node in graph.nodes]
