"""What a run tells beside what is valid: whether weights still fit, and where pixels are lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnspec.analysis.sizes.size_run import SizeRun, ValueSizes
from cnnspec.analysis.unroll import Graph, Node
from cnnspec.layers.base import Layer, Weight

Tensors = Mapping[str, tuple[Weight, ...]]


def tensors(graph: Graph) -> dict[str, tuple[Weight, ...]]:
    """The weights of all layers that have any, those of layers that run again once."""
    return {node.path: node.weights for node in graph.nodes if has_weights(node)}


def has_weights(node: Node) -> bool:
    return type(node.layer).weights is not Layer.weights and not node.shared


def unfit(run: SizeRun, written: Tensors) -> list[str | None]:
    """For each input the first layer whose weights are not those written; None: all are."""
    found: list[str | None] = [None] * run.length
    nodes = [node for node in run.graph.nodes if has_weights(node)]
    if (other := [node.path for node in nodes]) != list(written):
        return [next((path for path in other if path not in written), next(iter(written), ""))] * run.length
    for node in nodes:
        flow = run.flows[node.inputs[0]]
        wanted = written[node.path]
        if not grows(node, flow):
            if node.weights != wanted:
                found = [path or node.path for path in found]
            continue
        known: dict[Any, bool] = {None: True}
        for i, place in enumerate(flow.column):
            key = place if node.following is None or place is None else (i, place)
            if key not in known:
                known[key] = fits(node, run, i, wanted)
            if not known[key]:
                found[i] = found[i] or node.path
    return found


def grows(node: Node, flow: ValueSizes) -> bool:
    """Whether the weights may be others at other sizes."""
    if node.following is not None:
        return True
    if flow.channels is None:
        return len(set(flow.column) - {None}) > 1 or flow.column[0] != node.shapes[0].features
    height, width = node.shapes[0].size
    return node.weights != node.layer.weights(node.shapes[0].with_size(height + 1, width + 1))


def fits(node: Node, run: SizeRun, i: int, wanted: tuple[Weight, ...]) -> bool:
    layer, arriving = run.layer_at(node, i), run.flows[node.inputs[0]].shape(i)
    assert arriving is not None
    return layer is not None and layer.weights(arriving) == wanted


def losses(run: SizeRun) -> dict[str, list[tuple[int, int]]]:
    """The layers that leave pixels out, with how many rows and columns for each input."""
    found = {}
    known: dict[Any, list[tuple[int, int]]] = {}
    for node in run.graph.nodes:
        if type(node.layer).unread is Layer.unread:
            continue
        flow = run.flows[node.inputs[0]]
        key = run.program.behaviour(node.layer), id(flow.column)
        if node.following is not None:
            column = [left_out_at(run, node, flow, i) for i in range(run.length)]
        elif key in known:
            column = known[key]
        else:
            column = left_out(run, node, flow)
            known[key] = column = column if any(map(any, column)) else []
        if any(map(any, column)):
            found[node.path] = column
    return found


def left_out(run: SizeRun, node: Node, flow: ValueSizes) -> list[tuple[int, int]]:
    heights, widths = ({place[axis] for place in set(flow.column) - {None}} for axis in (0, 1))
    down, across = run.program.along(node.layer, node.shapes[0], heights, widths, lost=True)
    return [(0, 0) if p is None else (down[p[0]] or 0, across[p[1]] or 0) for p in flow.column]


def left_out_at(run: SizeRun, node: Node, flow: ValueSizes, i: int) -> tuple[int, int]:
    """Where the layer is another one at every size."""
    layer, place = run.layer_at(node, i), flow.column[i]
    found = None if layer is None or place is None else run.program.left_out(layer, flow.channels, place)
    return found or (0, 0)
