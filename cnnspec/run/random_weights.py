"""Where weights are random, because no file gives them and the specification does not either."""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph
from cnnspec.layers.base import Layer
from cnnspec.passes.fold_batchnorm import TAKERS


def say_random(graph: Graph) -> str:
    """`the weights are random`, and in which layers where they are so in some; "" where they are in none."""
    weighing = [n for n in graph.nodes if n.layer.name in TAKERS and not n.shared and not n.train]
    found = [node.path for node in weighing if not has_numbers(node.layer)]
    if not found:
        return ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return "the weights are random" + (f" in {found[0]}{more}" if len(found) < len(weighing) else "")


def has_numbers(layer: Layer) -> bool:
    """Whether the specification says what the weights start from."""
    fixed = "weights" in layer.arguments and layer.value("weights") is not None
    return fixed or ("init" in layer.arguments and layer.value("init") == "bilinear")
