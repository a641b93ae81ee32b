"""Where weights are random, because no file gives them and the specification does not either."""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph
from cnnspec.layers.base import Layer
from cnnspec.passes.fold_batchnorm import TAKERS


def say_random(graph: Graph) -> str:
    """`the weights are random`, and in which layers where they are so in some; "" where they are in none."""
    weighing = [n for n in graph.nodes if n.layer.name in TAKERS and not n.shared and not n.train]
    found = [node for node in weighing if has_random_weight(node.layer) or has_random_bias(node.layer)]
    if not found:
        return ""
    if len(found) == len(weighing) and all(has_random_weight(node.layer) for node in found):
        return "the weights are random"
    first = found[0].path if has_random_weight(found[0].layer) else f"{found[0].path}.bias"
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"the weights are random in {first}{more}"


def has_random_weight(layer: Layer) -> bool:
    """Whether chance says what the weight starts from."""
    fixed = "weights" in layer.arguments and layer.value("weights") is not None
    return not fixed and not ("init" in layer.arguments and layer.value("init") == "bilinear")


def has_random_bias(layer: Layer) -> bool:
    """Whether there is a bias, and chance says what it starts from; an `init` starts it at 0."""
    said = any(name in layer.arguments and layer.value(name) is not None for name in ("biases", "init"))
    return bool(layer.value("bias")) and not said
