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
        own = [weight.name for weight in node.weights]
        made = lower(node.layer, node.shapes[0]).tensors if own and not node.shared else None
        for name, tensor in made_of(made).items() if made is not None else ():
            key = f"{node.path}.{name}" if name in own else node.path  # a scale bears its step's own name
            found[key] = tensor.start(rng, tensor.shape)
    return found


def made_of(call: Construction) -> Any:
    """What a Construction of tensors.py makes."""
    keywords = {
        name: made_of(each) if isinstance(each, Construction) else each for name, each in call.kwargs.items()
    }
    return getattr(tensors, call.name)(*call.args, **keywords)
