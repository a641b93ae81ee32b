"""Pads that follow one another are one, and one before a convolution is the convolution's own.

    pad p with a, pad q with a            = pad p + q with a
    pad p with a, conv pad=q, q holding a = conv pad=p + q

where the second finds the first's rows as it would have made them: a is a number, or the edge repeated. To a
convolution without a pad, one may hold anything that a convolution's pad can.
"""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.layers.pads import Sides
from cnnspec.passes.rewrite import Change, Rewrite, lone_readers, match

NONE = (0, 0, 0, 0)


def merge_pads(graph: Graph) -> Rewrite:
    nodes = {node.path: node for node in graph.nodes}
    readers = lone_readers(graph)
    pads = [node for node in graph.nodes if node.layer.name == "pad" and not node.train]
    found = {readers[pad.path].path: pad.path for pad in pads if pad.path in readers}
    pairs = match(graph, {after: pad for after, pad in found.items() if fits(nodes[pad], nodes[after])})
    changes: dict[str, Change] = {nodes[pad].first: None for pad in pairs.values()}
    for after, pad in pairs.items():
        chain = [nodes[after], nodes[pad]]
        while chain[-1].path in pairs:
            chain.append(nodes[pairs[chain[-1].path]])
        top, bottom, left, right = (sum(sides) for sides in zip(*map(sides_of, chain), strict=True))
        mode = next((filling(node) for node in chain if sides_of(node) != NONE), filling(nodes[after]))
        if after not in pairs.values():
            changes[nodes[after].first] = (("pad", (top, bottom, left, right)), *mode_as(mode, nodes[after]))
    return changes


def fits(pad: Node, after: Node) -> bool:
    """Whether the pad may go into what reads it."""
    if after.layer.name not in ("pad", "conv", "depthwise") or isinstance(after.layer.value("pad"), str):
        return False
    kind, number = filling(pad)
    if number and after.layer.name != "pad":
        return False
    alike = filling(pad) == filling(after) and kind in ("constant", "replicate")
    return alike or sides_of(after) == NONE


def sides_of(node: Node) -> Sides:
    sides: Sides = node.layer.value("pad")
    return sides


def filling(node: Node) -> tuple[str, float]:
    """What a pad holds: how it is made, and its number."""
    mode = node.layer.value("mode")
    number = node.layer.value("value") if node.layer.name == "pad" else 0.0
    return "constant" if mode == "zeros" else mode, number


def mode_as(mode: tuple[str, float], node: Node) -> tuple[tuple[str, object], ...]:
    """The filling as arguments of a layer."""
    kind, number = mode
    if node.layer.name == "pad":
        return ("mode", kind), ("value", number)
    return (("mode", "zeros" if kind == "constant" else kind),)
