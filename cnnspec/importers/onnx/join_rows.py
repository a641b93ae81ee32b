"""Joins of values: sums, products, gates, and rows of channels behind each other."""

from __future__ import annotations

from typing import Any

from cnnspec.importers.flows import Flow, concatenated
from cnnspec.importers.onnx.lower import Lowering, Row
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
    return concatenated(net, [net.flow(each) for each in values], axis)


ROWS: dict[str, Row] = {"Concat": concat}
