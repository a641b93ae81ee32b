"""All rewrites for inference, one after the other, and the weights that go with what they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnspec.analysis.unroll import Graph, unroll
from cnnspec.graph.tree import Network
from cnnspec.passes.fold_batchnorm import fold_batchnorm, fold_tensors, folds
from cnnspec.passes.fuse_activations import fusable_activations, fuse_activations
from cnnspec.passes.inference import drop_idle, evaluation
from cnnspec.passes.merge_pads import merge_pads
from cnnspec.passes.rewrite import Rewrite, apply
from cnnspec.passes.work_in_place import work_in_place

BEFORE = (drop_idle, merge_pads)  # the norms fold over what these take away
PASSES: dict[str, tuple[Callable[[Graph], Rewrite], ...]] = {
    "numpy": (*BEFORE, fold_batchnorm),
    "onnx": (*BEFORE, fold_batchnorm),
    # A ReLU is behind its convolution when the norm between them is gone; what writes over its input comes
    # last, as later passes would change who reads it.
    "torch": (*BEFORE, fold_batchnorm, fuse_activations, work_in_place),
}
"""By back end."""


def optimize(network: Network, backend: str) -> Network:
    """The network for inference alone, after all passes of a back end."""
    for rewrite in PASSES[backend]:
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


def twins(network: Network, backend: str) -> dict[str, str]:
    """For every node of the optimised graph the network's own node whose value it has."""
    takes_in = {fold_batchnorm: folds, fuse_activations: fusable_activations}
    # {node so far: the network's own}. PyTorch's convolution c takes in a norm n, then a ReLU r: {c: r}.
    names = {node.path: node.path for node in unroll(network).nodes}
    for rewrite in PASSES[backend]:
        graph = unroll(network)
        changes = rewrite(graph)
        taken_in = takes_in[rewrite](graph) if rewrite in takes_in else {}
        # A pass keeps the order of what stays, so old and new nodes pair up, even where names count anew.
        kept = [node.path for node in graph.nodes if changes.get(node.first, ()) is not None]
        network = apply(network, changes)
        made = [node.path for node in unroll(network).nodes]
        names = {new: names[taken_in.get(old, old)] for new, old in zip(made, kept, strict=True)}
    graph = unroll(network)
    run = [node.path for node in graph.nodes if not node.train]
    return {new.path: names[old] for new, old in zip(evaluation(graph).nodes, run, strict=True)}
