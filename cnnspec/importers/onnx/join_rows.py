"""Joins of values: sums, products, gates, and rows of channels behind each other."""

from __future__ import annotations

from typing import Any

from cnnspec.importers.onnx.lower import Lowering
from cnnspec.importers.reading.arrangement import remove
from cnnspec.importers.reading.flows import Flow, Row, concatenated
from cnnspec.importers.reading.paths import stacked
from cnnspec.layers import activation
from cnnspec.layers.base import Layer

GATES: dict[str, type[Layer]] = {
    "sigmoid": activation.SiLU,
    "hardsigmoid": activation.HardSwish,
    "tanh": activation.Mish,
}
"""What a value times this of itself is; of mish this is the tanh of its softplus."""


def gated_by_itself(net: Lowering, x: Flow, gate: Flow) -> Flow | None:
    made = net.made.get(gate.value.number)
    name = made.operation.layer.name if made is not None else ""
    if made is None or name not in GATES or x.axes != gate.axes:
        return None
    source = made.operation.inputs[0]
    if name == "tanh":
        inner = net.made.get(source.number)
        if inner is None or inner.operation.layer.name != "softplus":
            return None
        source = inner.operation.inputs[0]
    return net.each(GATES[name](), x) if source == x.value else None


def concat(net: Lowering, *values: Any, axis: int = 1) -> Flow:
    """Along the channels, or of paths along an axis that they have been given for it."""
    flows = [net.flow(each) for each in values]
    place = axis % len(flows[0].axes)
    if place and all(flow.axes[place] == () and flow.value.shape.channels > 1 for flow in flows):
        return stacked(net, [flow._replace(axes=remove(flow.axes, [place])) for flow in flows], place)
    return concatenated(net, flows, axis)


ROWS: dict[str, Row] = {"Concat": concat}
