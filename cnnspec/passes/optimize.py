"""All rewrites for inference, one after the other, and the weights that go with what they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnspec.analysis.unroll import unroll
from cnnspec.graph import Network
from cnnspec.passes.evaluation import drop_idle
from cnnspec.passes.fold_batchnorm import fold_batchnorm, fold_tensors, folds
from cnnspec.passes.merge_pads import merge_pads
from cnnspec.passes.rewrite import apply, owner

BEFORE = (drop_idle, merge_pads)  # the norms fold over what these take away
PASSES = (*BEFORE, fold_batchnorm)


def optimize(network: Network) -> Network:
    """The network for inference alone, after all passes."""
    for rewrite in PASSES:
        network = apply(network, rewrite(unroll(network)))
    return network


def fold_weights(network: Network, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of the optimised network, from those of the network itself: NumPy's arrays, by their keys.

    They are computed in float64, and are of the types that they have come in; a bias that is new is of its
    weight's. Raises KeyError where a tensor is missing.
    """
    for rewrite in BEFORE:
        network = apply(network, rewrite(unroll(network)))
    wide = {key: x.astype("float64") if x.dtype.kind == "f" else x for key, x in tensors.items()}
    found = fold_tensors(unroll(network), wide)
    likes = {key: key if key in tensors else f"{key.removesuffix('bias')}weight" for key in found}
    return {key: x.astype(tensors[likes[key]].dtype) for key, x in found.items()}


def twins(network: Network) -> dict[str, str]:
    """For every node of the optimised network the network's own node whose value it has."""
    names = {node.path: node.path for node in unroll(network).nodes}
    for rewrite in PASSES:
        graph = unroll(network)
        changes = rewrite(graph)
        norms = folds(graph) if rewrite is fold_batchnorm else {}
        kept = [node.path for node in graph.nodes if changes.get(owner(node), ()) is not None]
        network = apply(network, changes)
        made = [node.path for node in unroll(network).nodes]
        names = {new: names[norms.get(old, old)] for new, old in zip(made, kept, strict=True)}
    return names
