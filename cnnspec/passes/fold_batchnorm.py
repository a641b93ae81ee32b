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

TAKERS = frozenset({"conv", "depthwise", "convtranspose", "linear"})


def folds(graph: Graph) -> dict[str, str]:
    """The norm that folds into each node that takes one in, by their names.

    A norm folds where it alone reads the node's value, and no output is that value. Runs with the same
    weights fold together or not at all, on either side. What only training runs does not count.
    """
    nodes = {node.path: node for node in graph.nodes if not node.train}
    pairs = pairs_of(graph, nodes)
    takers: dict[str, set[str]] = {}  # of a node's weights: the norms' weights
    norms: dict[str, set[str]] = {}  # of a norm's weights: the weights before it
    for node in nodes.values():
        if node.layer.name in TAKERS:
            norm = pairs.get(node.path)
            takers.setdefault(owner(node), set()).add(owner(nodes[norm]) if norm else "")
    before = {norm: node for node, norm in pairs.items()}
    for node in nodes.values():
        source = before.get(node.path)
        norms.setdefault(owner(node), set()).add(owner(nodes[source]) if source else "")
    fit = {name for name, found in takers.items() if len(found) == 1 and "" not in found}
    whole = {name for name, found in norms.items() if found <= fit}
    return {
        node: norm
        for node, norm in pairs.items()
        if owner(nodes[node]) in fit and owner(nodes[norm]) in whole
    }


def pairs_of(graph: Graph, nodes: dict[str, Node]) -> dict[str, str]:
    """A norm right behind each node, where it is alone there."""
    readers: dict[str, list[Node]] = {}
    for node in nodes.values():
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    kept = {at for _, at, train in graph.outputs if not train}
    found = {}
    for name, after in readers.items():
        alone = name in nodes and len(after) == 1 and name not in kept
        if alone and nodes[name].layer.name in TAKERS and is_norm(after[0]):
            found[name] = after[0].path
    return found


def is_norm(node: Node) -> bool:
    """Whether evaluation uses running statistics here."""
    return any(weight.name == "running_mean" for weight in node.weights)


def owner(node: Node) -> str:
    """The path that a node's weights bear: that of its first run."""
    return node.path.rpartition(" (")[0] if node.shared else node.path


def fold(graph: Graph) -> Graph:
    """The graph for evaluation alone, its norms folded; who read a norm reads the node before it.

    What has taken a norm in has a bias, and none of the numbers to start from that were said.
    """
    pairs = folds(graph)
    gone = {norm: node for node, norm in pairs.items()}
    nodes = []
    for node in graph.nodes:
        if node.train or node.path in gone:
            continue
        layer = node.layer
        if node.path in pairs:
            layer = layer.altered(bias=True, weights=None, biases=None)
        inputs = tuple(gone.get(name, name) for name in node.inputs)
        nodes.append(node._replace(layer=layer, inputs=inputs))
    outputs = tuple((name, gone.get(at, at), False) for name, at, train in graph.outputs if not train)
    return Graph(graph.inputs, tuple(nodes), outputs)


def fold_tensors(graph: Graph, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of the folded graph, from those of the graph itself, by their state_dict keys.

    Arrays of NumPy or of PyTorch; those that nothing folds into are handed on as they are. Raises
    KeyError where a tensor is missing.
    """
    nodes = {node.path: node for node in graph.nodes}
    pairs = folds(graph)
    found: dict[str, Any] = {}
    for node in fold(graph).nodes:
        path = owner(node)
        if node.path in pairs:
            weight, bias = folded(nodes[node.path], nodes[pairs[node.path]], tensors)
            found |= {f"{path}.weight": weight, f"{path}.bias": bias}
        else:
            keys = [f"{path}.{weight.name}" if weight.name else path for weight in node.weights]
            found |= {key: tensors[key] for key in keys}
    return found


def folded(node: Node, norm: Node, tensors: Mapping[str, Any]) -> tuple[Any, Any]:
    """The weight and the bias of a node with its norm in them."""
    theirs = {weight.name: tensors[f"{owner(norm)}.{weight.name}"] for weight in norm.weights}
    weight, eps = tensors[f"{owner(node)}.weight"], norm.layer.value("eps")
    scale = theirs.get("weight", 1) / (theirs["running_var"] + eps) ** 0.5
    bias = -theirs["running_mean"] * scale
    if node.layer.value("bias"):
        bias = bias + tensors[f"{owner(node)}.bias"] * scale
    if "bias" in theirs:
        bias = bias + theirs["bias"]
    filters = (1, 1, node.output.channels)  # groups, channels of a group, filters of a group
    if getattr(node.layer, "filter_axis", 0) == 1:
        groups = node.layer.value("groups")
        filters = (groups, node.shapes[0].channels // groups, node.output.channels // groups)
    scaled = weight.reshape(*filters, -1) * scale.reshape(filters[0], 1, filters[2], 1)
    return scaled.reshape(weight.shape), bias
