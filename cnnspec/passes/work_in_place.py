"""Activations that write over what arrives: what a convolution made is used up while it is in the cache.

This is PyTorch's form of a convolution and its activation in one; the fast path of NumPy does it anyhow.
"""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph
from cnnspec.passes.rewrite import Change, Rewrite, lone_readers, owner

MAKERS = frozenset(
    {"conv", "depthwise", "convtranspose", "linear"}
    | {"batchnorm", "layernorm", "groupnorm", "instancenorm", "add", "sub", "mul", "concat"}
)
"""Layers whose output is new memory, which nobody else holds."""


def work_in_place(graph: Graph) -> Rewrite:
    makers = {node.path for node in graph.nodes if node.layer.name in MAKERS}
    alone = {after.path for name, after in lone_readers(graph).items() if name in makers}
    changes: dict[str, Change] = {}
    for node in graph.nodes:
        if hasattr(node.layer, "in_place"):
            fit = node.path in alone and changes.get(owner(node)) != ()
            changes[owner(node)] = (("in_place", True),) if fit else ()
    return changes
