"""Pads that follow one another are one, and one before a convolution is the convolution's own.

    pad p with a, pad q with a            = pad p + q with a
    pad p with a, conv pad=q, q holding a = conv pad=p + q

where the second finds the first's rows as it would have made them: a is a number, or the edge repeated. To a
convolution without a pad, one may hold anything that a convolution's pad can.
"""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.layers.pads import Sides
from cnnspec.passes.rewrite import Change, Rewrite, consistent_pairs, lone_readers

NONE = (0, 0, 0, 0)


def merge_pads(graph: Graph) -> Rewrite:
    nodes = {node.path: node for node in graph.nodes}
    readers = lone_readers(graph)
    pads = [node for node in graph.nodes if node.layer.name == "pad" and not node.train]
    found = {readers[pad.path].path: pad.path for pad in pads if pad.path in readers}
    fitting = {after: pad for after, pad in found.items() if pad_fits(nodes[pad], nodes[after])}
    # {what stays: what goes}: of p1: pad 1, p2: pad 2, c: conv it is {p2: p1, c: p2}
    pairs = consistent_pairs(graph, fitting)
    changes: dict[str, Change] = {nodes[pad].first: None for pad in pairs.values()}
    for after, pad in pairs.items():
        # p2 goes itself: only c writes the sum of the chain [c, p2, p1], 0 + 2 + 1 = 3 rows on each side.
        if after in pairs.values():
            continue
        chain = [nodes[after], nodes[pad]]
        while chain[-1].path in pairs:
            chain.append(nodes[pairs[chain[-1].path]])
        sides = tuple(sum(each) for each in zip(*map(sides_of, chain), strict=True))
        # a convolution without a pad of its own takes the mode of the pad before it
        filling = next((pad_filling(node) for node in chain if sides_of(node) != NONE), pad_filling(chain[0]))
        changes[chain[0].first] = (("pad", sides), *filling_arguments(filling, chain[0]))
    return changes


def pad_fits(pad: Node, after: Node) -> bool:
    """Whether the pad may go into what reads it."""
    # A pad in words, such as "same", follows from the size that arrives, which the first pad changes.
    if after.layer.name not in ("pad", "conv", "depthwise") or isinstance(after.layer.value("pad"), str):
        return False
    kind, number = pad_filling(pad)
    # a convolution pads with zeros, never with another number
    if number and after.layer.name != "pad":
        return False
    # Reflections do not add up: 1 2 3 by 1, and by 1 again, is 1 2 1 2 3 2 3; by 2 it is 3 2 1 2 3 2 1.
    alike = pad_filling(pad) == pad_filling(after) and kind in ("constant", "replicate")
    return alike or sides_of(after) == NONE


def sides_of(node: Node) -> Sides:
    sides: Sides = node.layer.value("pad")
    return sides


def pad_filling(node: Node) -> tuple[str, float]:
    """What a pad holds: how it is made, and its number."""
    mode = node.layer.value("mode")
    number = node.layer.value("value") if node.layer.name == "pad" else 0.0
    return "constant" if mode == "zeros" else mode, number


def filling_arguments(mode: tuple[str, float], node: Node) -> tuple[tuple[str, object], ...]:
    """The filling as arguments of a layer."""
    kind, number = mode
    if node.layer.name == "pad":
        return ("mode", kind), ("value", number)
    return (("mode", "zeros" if kind == "constant" else kind),)
