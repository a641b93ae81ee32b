"""Batch norms taken into the layers before them: in evaluation both are one sum with other weights.

    (w*x + b - mean)*scale + shift = (w*scale)*x + (b - mean)*scale + shift
    with scale = weight/sqrt(var + eps) and shift = bias

Every layer whose output is linear in its weights takes one in: conv, depthwise, convtranspose, linear.
What counts as a batch norm is what brings running statistics along, an instance norm that tracks them
included. Ioffe and Szegedy 2015; Jacob et al. 2018, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.passes.rewrite import Change, Rewrite, consistent_pairs, lone_readers

TAKERS = frozenset({"conv", "depthwise", "convtranspose", "linear"})


def folds(graph: Graph) -> dict[str, str]:
    """The norm that folds into each node that takes one in, by their names.

    A norm folds where it alone reads the node's value, and no output is that value. Runs with the same
    weights fold together or not at all, on either side. What only training runs does not count.
    """
    readers = lone_readers(graph)
    pairs = {
        node.path: readers[node.path].path
        for node in graph.nodes
        if takes_in(node) and node.path in readers and is_norm(readers[node.path])
    }
    return consistent_pairs(graph, pairs)


def takes_in(node: Node) -> bool:
    """Whether its output is linear in its weights: standardised filters are as long whatever their scale."""
    return node.layer.name in TAKERS and not getattr(node.layer, "standardize", False)


def is_norm(node: Node) -> bool:
    """Whether evaluation uses running statistics here."""
    return any(weight.name == "running_mean" for weight in node.weights)


def fold_batchnorm(graph: Graph) -> Rewrite:
    """Norms that fold go. What takes one in has a bias, and none of the numbers that it was to start from."""
    nodes = {node.path: node for node in graph.nodes}
    changes: dict[str, Change] = {}
    for node, norm in folds(graph).items():
        changes[nodes[node].first] = (("bias", True), ("weights", None), ("biases", None))
        changes[nodes[norm].first] = None
    return changes


def fold_tensors(graph: Graph, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of the folded graph, from those of the graph itself, by their state_dict keys.

    Arrays of NumPy or of PyTorch; those that nothing folds into are handed on as they are, those of what
    only training runs are left out. Raises KeyError where a tensor is missing.
    """
    nodes = {node.path: node for node in graph.nodes}
    pairs = folds(graph)
    gone = set(pairs.values())
    found: dict[str, Any] = {}
    for node in graph.nodes:
        if node.train or node.path in gone:
            continue
        path = node.first
        if node.path in pairs:
            weight, bias = fold(nodes[node.path], nodes[pairs[node.path]], tensors)
            found |= {f"{path}.weight": weight, f"{path}.bias": bias}
        else:
            found |= {key: tensors[key] for key in node.by_key}
    return found


def fold(node: Node, norm: Node, tensors: Mapping[str, Any]) -> tuple[Any, Any]:
    """The weight and the bias of a node with its norm in them."""
    theirs = {weight.name: tensors[f"{norm.first}.{weight.name}"] for weight in norm.weights}
    weight, eps = tensors[f"{node.first}.weight"], norm.layer.value("eps")
    # A norm with affine=no has running statistics alone: its weight is 1, its bias 0.
    scale = theirs.get("weight", 1) / (theirs["running_var"] + eps) ** 0.5
    bias = -theirs["running_mean"] * scale
    if node.layer.value("bias"):
        bias = bias + tensors[f"{node.first}.bias"] * scale
    if "bias" in theirs:
        bias = bias + theirs["bias"]
    # A weight of 64x3x7x7 is seen as 1 x 1 x 64 x 147, the 64 scales as 1 x 1 x 64 x 1.
    filters = (1, 1, node.output.channels)  # groups, channels of a group, filters of a group
    # A transposed convolution 4 -> 6 with groups=2 has 4x3x2x2, the three filters of each group second: it is
    # seen as 2 x 2 x 3 x 4, the 6 scales as 2 x 1 x 3 x 1.
    if getattr(node.layer, "filter_axis", 0) == 1:
        groups = node.layer.value("groups")
        filters = (groups, node.shapes[0].channels // groups, node.output.channels // groups)
    scaled = weight.reshape(*filters, -1) * scale.reshape(filters[0], 1, filters[2], 1)
    return scaled.reshape(weight.shape), bias
