"""The graph of a network that is never trained."""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.layers.base import Layer
from cnnspec.passes.rewrite import Rewrite, owner

NOISE = frozenset({"dropout", "stochasticdepth"})


def evaluation(graph: Graph) -> Graph:
    """The graph without what only training needs: its nodes and outputs, dropout.

    Of what runs again and runs first in training alone, the next run is the first.
    """
    same: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    for node in graph.nodes:
        inputs = tuple(same.get(name, name) for name in node.inputs)
        if node.layer.name in NOISE:
            same[node.path] = inputs[0]
        elif not node.train:
            path = owner(node)
            first = path not in nodes
            same[node.path] = path if first else node.path
            nodes[same[node.path]] = node._replace(
                path=same[node.path], inputs=inputs, shared=node.shared and not first
            )
    outputs = tuple((name, same.get(at, at), False) for name, at, train in graph.outputs if not train)
    return Graph(graph.inputs, tuple(nodes.values()), outputs)


def drop_idle(graph: Graph) -> Rewrite:
    """What only training needs goes, and what does nothing: dropout, a pad of 0. (`identity` is no node.)"""
    needed = {owner(node) for node in graph.nodes if not node.train}
    return {
        owner(node): None for node in graph.nodes if owner(node) not in needed or does_nothing(node.layer)
    }


def does_nothing(layer: Layer) -> bool:
    return layer.name in NOISE or (layer.name == "pad" and not any(layer.value("pad")))
