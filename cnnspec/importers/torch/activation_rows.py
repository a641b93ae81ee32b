"""Rows of activations and dropout."""

from __future__ import annotations

from typing import Any

from cnnspec.importers.reading.arrangement import whole
from cnnspec.importers.reading.flows import Flow, Row, limited, plain
from cnnspec.importers.reading.paths import softmax
from cnnspec.importers.refusals import Refuse
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.numbers import common_number
from cnnspec.layers import activation, channels, dropout
from cnnspec.layers.base import Layer


def hardtanh(
    net: TraceFlows, input: object, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Flow:
    del inplace  # the value is the same
    return limited(net, input, min_val, max_val)


def clip(net: TraceFlows, input: object, min: Any = None, max: Any = None) -> Flow:
    return limited(net, input, min, max)


def clamp_max(net: TraceFlows, input: object, max: Any) -> Flow:
    return limited(net, input, None, max)


def celu(net: TraceFlows, input: object, alpha: float = 1.0, inplace: bool = False) -> Flow:
    """An ELU where alpha is 1, and nothing that the language has elsewhere."""
    del inplace  # the value is the same
    return net.each(activation.ELU(), input) if alpha == 1 else net.deny("alpha", alpha)


def threshold(net: TraceFlows, input: object, threshold: Any, value: Any, inplace: bool = False) -> Flow:
    del inplace  # the value is the same
    if (threshold, value) != (0, 0):
        net.deny("threshold, value", f"{threshold}, {value}")
    return net.each(activation.ReLU(), input)


def log_sigmoid(net: TraceFlows, input: object) -> Flow:
    """-softplus(-x)."""
    negative = channels.Scale(init=-1.0, trained=False)
    return net.each(negative, net.each(activation.Softplus(), net.each(negative, input)))


def prelu(net: TraceFlows, input: object, weight: Any) -> Flow:
    flow = net.compact(net.flow(input))
    count = net.tensor("weight", weight, 1).shape[0]
    if count > 1 and (len(flow.axes) < 2 or flow.axes[1] != whole("C", flow.value.shape.channels)):
        raise Refuse("E1005", "`prelu` with a number for each place of an axis that is not that of channels")
    start = common_number(net.state[weight.key])
    layer = activation.PReLU(per="channel" if count > 1 else "layer", init=0.25 if start is None else start)
    return net.each(layer, flow, weight=weight)


def over_channels(layer: type[Layer]) -> Row:
    """Or over paths, which PyTorch does not tell from channels."""

    def softmax_(
        net: TraceFlows, input: object, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
    ) -> Flow:
        del _stacklevel  # of a warning
        net.expect("dtype", dtype, None)
        return net.deny("dim", None) if dim is None else softmax(net, layer, net.flow(input), dim, "dim")

    return softmax_


def drop(mode: str) -> Row:
    def dropout_(
        net: TraceFlows,
        input: object,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
        train: bool | None = None,
    ) -> Flow:
        del inplace  # the value is the same
        # `F.dropout` says `training`, `torch.dropout` says `train`.
        is_on = training if train is None else train
        flow = net.flow(input)
        if not is_on:
            return flow
        if not net.is_training:
            net.deny("training", True)
        if mode == "channels" and flow.axes[1:2] != (whole("C", flow.value.shape.channels),):
            raise Refuse("E1005", "`dropout2d` of an axis that is not that of channels")
        return net.each(dropout.Dropout(p=p, mode=mode), flow)

    return dropout_


ROWS: dict[str, Row] = {
    "relu": plain(activation.ReLU, inplace=""),
    "relu6": plain(activation.ReLU6, inplace=""),
    "selu": plain(activation.SELU, inplace=""),
    "silu": plain(activation.SiLU, inplace=""),
    "mish": plain(activation.Mish, inplace=""),
    "sigmoid": plain(activation.Sigmoid),
    "tanh": plain(activation.Tanh),
    "hardswish": plain(activation.HardSwish, inplace=""),
    "hardsigmoid": plain(activation.HardSigmoid, inplace=""),
    "abs": plain(activation.Abs),
    "leaky_relu": plain(activation.LeakyReLU, negative_slope="slope", inplace=""),
    "elu": plain(activation.ELU, alpha="alpha", inplace=""),
    "gelu": plain(activation.GELU, approximate="approximate"),
    "softplus": plain(activation.Softplus, beta="beta", threshold="threshold"),
    "hardtanh": hardtanh,
    "clip": clip,
    "clamp_max": clamp_max,
    "celu": celu,
    "threshold": threshold,
    "log_sigmoid": log_sigmoid,
    "prelu": prelu,
    "softmax": over_channels(activation.Softmax),
    "log_softmax": over_channels(activation.LogSoftmax),
    "dropout": drop("units"),
    "dropout2d": drop("channels"),
}
