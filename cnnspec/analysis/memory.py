"""Activation memory of inference: which tensors are alive at once, and where that is most.

A value lives from the layer that makes it to the last layer that reads it; inputs live from the start,
outputs to the end. What only looks at its input's numbers (flatten, and dropout in evaluation) makes
no tensor of its own.
"""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.analysis.unroll import Graph, Node

VIEWS = frozenset({"flatten", "dropout", "stochasticdepth"})


FLOAT = 4  # bytes of a number


class Peak(NamedTuple):
    """The most numbers of one image alive at once, and the layer that runs then ("": at the start)."""

    elements: int
    path: str

    @property
    def memory(self) -> int:
        """In bytes."""
        return FLOAT * self.elements


def peak(graph: Graph) -> Peak:
    """The live-tensor peak of one image through a graph, in elements."""
    nodes = [node for node in graph.nodes if not node.train]
    owner = owners(graph, nodes)
    # -1: an input that nothing reads is let go behind the first layer.
    last = dict.fromkeys(owner.values(), -1)
    for step, node in enumerate(nodes):
        for name in (*node.inputs, node.path):
            last[owner[name]] = step
    for _, name, train in graph.outputs:
        if not train:
            last[owner[name]] = len(nodes)
    live = {name: int(shape.features) for name, shape in graph.inputs}
    highest = Peak(sum(live.values()), "")
    for step, node in enumerate(nodes):
        if owner[node.path] == node.path:
            live[node.path] = int(node.output.features)
        total = sum(live.values())
        if total > highest.elements:
            highest = Peak(total, node.path)
        # What is read for the last time here is freed behind the layer: both are there while it runs.
        for name in [name for name in live if last[name] <= step]:
            del live[name]
    return highest


def owners(graph: Graph, nodes: list[Node]) -> dict[str, str]:
    """The value whose numbers each value is made of: its own, but for views."""
    found = {name: name for name in dict(graph.inputs)}
    for node in nodes:
        found[node.path] = found[node.inputs[0]] if node.layer.name in VIEWS else node.path
    return found
