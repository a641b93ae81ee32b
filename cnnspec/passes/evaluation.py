"""The graph of a network that is never trained."""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph


def evaluation(graph: Graph) -> Graph:
    """The graph without what only training needs: its nodes and outputs, dropout."""
    same: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(same.get(name, name) for name in node.inputs)
        if node.layer.name in ("dropout", "stochasticdepth"):
            same[node.path] = inputs[0]
        elif not node.train:
            nodes.append(node._replace(inputs=inputs))
    outputs = tuple((name, same.get(at, at), False) for name, at, train in graph.outputs if not train)
    return Graph(graph.inputs, tuple(nodes), outputs)
