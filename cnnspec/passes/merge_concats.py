"""A concatenation that another one alone reads goes into it: both put channels one behind the other."""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.passes.rewrite import lone_readers


def merge_concats(graph: Graph) -> Graph:
    """The graph without concatenations that go into others of the same run of a block."""
    readers = lone_readers(graph)
    nodes = {node.path: node for node in graph.nodes}
    inner = {node.path for node in graph.nodes if merges_into(node, readers.get(node.path))}
    for path, node in nodes.items():
        if node.layer.name == "concat" and not inner.isdisjoint(node.inputs):
            nodes[path] = merge_inputs(node, [nodes[at] for at in node.inputs if at in inner])
    return graph._replace(nodes=tuple(node for path, node in nodes.items() if path not in inner))


def merges_into(node: Node, reader: Node | None) -> bool:
    if reader is None or not node.layer.name == reader.layer.name == "concat":
        return False
    # ONNX makes a function of a block's run: its concat cannot go into one outside, or it has no output left.
    return node.within == reader.within and reader.inputs.count(node.path) == 1


def merge_inputs(node: Node, inner: list[Node]) -> Node:
    """The node with the inputs of others in place of their values; those have been merged before it."""
    parts = {each.path: (each.inputs, each.shapes) for each in inner}
    given = [parts.get(at, ((at,), (shape,))) for at, shape in zip(node.inputs, node.shapes, strict=True)]
    inputs, shapes = zip(*given, strict=True)
    return node._replace(inputs=sum(inputs, ()), shapes=sum(shapes, ()))
