"""The graph of a network that is never trained."""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.layers.base import Layer
from cnnspec.passes.rewrite import Rewrite

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
            # Where an auxiliary head runs `h`, then the main path `again h`, only the node "h (2)" is left:
            # it becomes "h", under whose name its weights are stored.
            same[node.path] = node.path if node.first in nodes else node.first
            nodes[same[node.path]] = node._replace(path=same[node.path], inputs=inputs)
    outputs = tuple((name, same.get(at, at), False) for name, at, train in graph.outputs if not train)
    return Graph(graph.inputs, tuple(nodes.values()), outputs)


def drop_idle(graph: Graph) -> Rewrite:
    """What only training needs goes, and what does nothing: dropout, a pad of 0. (`identity` is no node.)"""
    # By first runs: a layer that training runs first stays if evaluation runs it again.
    needed = {node.first for node in graph.nodes if not node.train}
    return {node.first: None for node in graph.nodes if node.first not in needed or does_nothing(node.layer)}


def does_nothing(layer: Layer) -> bool:
    return layer.name in NOISE or (layer.name == "pad" and not any(layer.value("pad")))
