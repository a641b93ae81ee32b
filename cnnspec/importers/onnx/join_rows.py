"""Joins of values: sums, products, gates, and rows of channels behind each other."""

from __future__ import annotations

from typing import Any

from cnnspec.importers import arrangement
from cnnspec.importers.arrangement import axes_of, whole
from cnnspec.importers.model import Value
from cnnspec.importers.onnx.lower import Lowering, Row
from cnnspec.importers.onnx.values import Flow, Refuse
from cnnspec.layers import activation, merge
from cnnspec.layers.base import Join, Layer


def joined(net: Lowering, join: Join, left: Flow, right: Flow) -> Flow:
    """Two values of one shape, where their numbers lie alike as they are, else as maps."""
    left, right = net.compact(left), net.compact(right)
    if left.axes != right.axes or left.value.shape != right.value.shape:
        left, right = net.natural(net.map(left)), net.natural(net.map(right))
    return Flow(net.emit(join, left.value, right.value), left.axes)


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


def product(net: Lowering, left: Flow, right: Flow) -> Flow:
    """A product; a gate has the axes of the other value, but none of its channels, or of its pixels."""
    left, right = net.compact(left), net.compact(right)
    if left.axes == right.axes and left.value.shape == right.value.shape:
        return Flow(net.emit(merge.Mul(), left.value, right.value), left.axes)
    for one, two in ((left, right), (right, left)):
        if is_gate(one, two):
            values = [one.value, as_map(net, two)]
            return Flow(net.emit(merge.Mul(), *(values if one is left else values[::-1])), one.axes)
    return net.natural(net.emit(merge.Mul(), net.map(left), net.map(right)))


def is_gate(flow: Flow, gate: Flow) -> bool:
    """Whether the gate has a number for each channel of the value, or pixel, and lies as it does."""
    shape, gates = flow.value.shape, gate.value.shape
    if not shape.is_map or len(gate.axes) != len(flow.axes) or gate.axes[0] != flow.axes[0]:
        return False
    is_known = gates.features == shape.channels or (gates.channels == 1 and gates[1:] == shape[1:])
    return is_known and all(
        ours == theirs or not ours for ours, theirs in zip(gate.axes, flow.axes, strict=True)
    )


def as_map(net: Lowering, gate: Flow) -> Value:
    """A gate's value as C@1x1."""
    if gate.value.shape.is_map:
        return gate.value
    return net.map(Flow(gate.value, (*axes_of(gate.value.shape, net.batch), (), ())))


def concat(net: Lowering, *values: Any, axis: int = 1) -> Flow:
    flows = [net.compact(net.flow(each)) for each in values]
    if len(flows) == 1:
        return flows[0]
    place = axis % len(flows[0].axes)
    rest = [arrangement.remove(flow.axes, [place]) for flow in flows]
    at_channels = all(flow.axes[place] == whole("C", flow.value.shape.channels) for flow in flows)
    if not at_channels or any(each != rest[0] for each in rest):
        flows = [net.natural(net.map(flow)) for flow in flows]
        if place != 1:
            raise Refuse("E1003", "`Concat` along another axis than that of the channels has no layer")
    made = net.emit(merge.Concat(), *(flow.value for flow in flows))
    axes = flows[0].axes
    return Flow(made, (*axes[:place], whole("C", made.shape.channels), *axes[place + 1 :]))


ROWS: dict[str, Row] = {"Concat": concat}
