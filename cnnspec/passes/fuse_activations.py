"""Convolutions as emitted PyTorch's PackedConv2d, which apply the activation behind them themselves.

The values are still in the processor when they pass. NumPy's fast path does so anyhow.
"""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.layers.conv import Conv, Depthwise
from cnnspec.passes.rewrite import Change, Rewrite, consistent_pairs, lone_readers

ACTIVATIONS = frozenset({"relu", "relu6"})
"""What a convolution takes in: with hardswish and silu no time could be measured to be saved. A sum takes
in relu alone, as oneDNN does."""


def fusable_activations(graph: Graph) -> dict[str, str]:
    """The activation that goes into each node that takes one in, by their names.

    A convolution takes one in, and so does a sum of two of which a convolution has made one for it alone.
    """
    readers = lone_readers(graph)
    convs = {node.path for node in graph.nodes if is_conv2d(node)}
    alone = convs & readers.keys()
    pairs = {}
    for node in graph.nodes:
        after = readers[node.path].layer.name if node.path in readers else ""
        added = node.layer.name == "add" and len(node.inputs) == 2 and not alone.isdisjoint(node.inputs)
        if (node.path in convs and after in ACTIVATIONS) or (added and after == "relu"):
            pairs[node.path] = readers[node.path].path
    return consistent_pairs(graph, pairs)


def is_conv2d(node: Node) -> bool:
    """Whether the node is an nn.Conv2d in PyTorch, which the back end packs."""
    layer = node.layer
    # with uneven pads it is a PaddedConv2d, with standardised filters a StandardizedConv2d
    return isinstance(layer, Conv | Depthwise) and layer.is_even(node.shapes[0]) and not layer.standardize


def fuse_activations(graph: Graph) -> Rewrite:
    nodes = {node.path: node for node in graph.nodes}
    changes: dict[str, Change] = {n.first: (("packed", True),) for n in graph.nodes if is_conv2d(n)}
    for node, activation in fusable_activations(graph).items():
        first = nodes[node].first
        changes[first] = (*(changes.get(first) or ()), ("activation", nodes[activation].layer.name))
        changes[nodes[activation].first] = None
    return changes
