"""Activations and sums that write over what arrives: what a convolution made is used while the cache has it.

This is PyTorch's form of a convolution with its activation in one; the fast path of NumPy does it anyhow.
"""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.passes.rewrite import Change, Rewrite, lone_readers, owner

MAKERS = frozenset(
    {"conv", "depthwise", "convtranspose", "linear"}
    | {"batchnorm", "layernorm", "groupnorm", "instancenorm", "add", "sub", "mul", "concat"}
)
"""Layers whose output is new memory, which nobody else holds."""


def work_in_place(graph: Graph) -> Rewrite:
    makers = {node.path for node in graph.nodes if node.layer.name in MAKERS}
    free = makers & lone_readers(graph).keys()
    changes: dict[str, Change] = {}
    for node in graph.nodes:
        if hasattr(node.layer, "in_place"):
            change = place(node, free)
            changes[owner(node)] = change if changes.get(owner(node), change) == change else ()
    return changes


def place(node: Node, free: set[str]) -> Change:
    """The change of a node that may write over one of its inputs; of three or more, only the first."""
    if not node.layer.is_join:
        return (("in_place", True),) if node.inputs[0] in free else ()
    places = [i for i, name in enumerate(node.inputs) if name in free]
    return (("in_place", places[0]),) if places and (len(node.inputs) == 2 or places[0] == 0) else ()
