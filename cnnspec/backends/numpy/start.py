"""The numbers that the tensors of a network start from: those of the NumPy program with the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnspec.analysis.unroll import Graph
from cnnspec.backends.numpy.kernels import tensors
from cnnspec.backends.numpy.kernels.arrays import Array
from cnnspec.backends.numpy.lowering import lower
from cnnspec.layers.base import Construction


def start(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """The tensors of a graph by their keys, drawn in the order of its nodes. Raises Unsupported."""
    rng = np.random.default_rng(seed)
    found = {}
    for node in graph.nodes:
        if node.weights and not node.shared:
            made = make_tensors(lower(node.layer, node.shapes[0]).tensors)
            for key, tensor in zip(node.by_key, made.values(), strict=True):
                found[key] = tensor.start(rng, tensor.shape)
    return found


def make_tensors(value: Any) -> Any:
    """What a Construction of tensors.py makes; any other value is itself."""
    if not isinstance(value, Construction):
        return value
    keywords = {name: make_tensors(each) for name, each in value.kwargs.items()}
    return getattr(tensors, value.name)(*value.args, **keywords)
