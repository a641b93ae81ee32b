"""Rows of activations and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnspec.importers.onnx.formulas import formula
from cnnspec.importers.onnx.model_file import shortest
from cnnspec.importers.onnx.net import GraphFlows, WeightArray
from cnnspec.importers.onnx.values import ConstantArray, FormulaPart, Known
from cnnspec.importers.reading.arrangement import places_of_channels, sizes_of
from cnnspec.importers.reading.flows import Flow, Row, limited, plain
from cnnspec.importers.reading.paths import softmax
from cnnspec.layers import activation, channels, dropout
from cnnspec.layers.base import Layer

SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""Alpha and gamma of Klambauer et al. 2017, as ONNX has them."""


def selu(net: GraphFlows, x: object, *, alpha: float = SELU[0], gamma: float = SELU[1]) -> Flow:
    if not np.allclose((alpha, gamma), SELU, rtol=1e-6):
        net.deny("alpha, gamma", (alpha, gamma))
    return net.each(activation.SELU(), x)


def hard_sigmoid(net: GraphFlows, x: object, *, alpha: float = 0.2) -> Flow:
    """Of another slope it is the layer's, of a multiple of x."""
    # max(0, min(1, 0.2*x + 0.5)) is the layer's, with its slope of 1/6, of 1.2*x.
    if abs(alpha - 1 / 6) > 1e-6:
        x = net.each(channels.Scale(init=float(f"{6 * alpha:.7g}"), trained=False), x)
    return net.each(activation.HardSigmoid(), x)


def prelu(net: GraphFlows, x: object, slope: object) -> Flow:
    """A slope in all, or one a channel. Raises Refuse."""
    flow = net.compact(net.flow(x))
    given = net.numbers(slope, "slope")
    places = places_of_channels(flow.axes, given.array.shape, flow.value.shape.channels)
    if places is None:
        net.deny("slope", f"a tensor of shape {given.array.shape}")
    layer = activation.PReLU(per="channel" if places else "layer")
    return net.each(layer, flow, weight=WeightArray(given.array.reshape(-1), given.name))


def clip(net: GraphFlows, x: Any, low: object = None, high: object = None) -> Known:
    least, most = limit(net, low), limit(net, high)
    # Of x*Clip(x + 3, 0, 6)/6, a HardSwish, the limits are a part.
    if isinstance(x, FormulaPart) and least is not None and most is not None:
        return formula(net, "clip", x, ConstantArray(np.array(least)), ConstantArray(np.array(most)))
    return limited(net, x, least, most)


def limit(net: GraphFlows, known: object) -> float | None:
    """A limit; None where there is none, in words or because no number lies beyond it."""
    if known is None:
        return None
    given = net.numbers(known, "limit").array.reshape(()).item()
    # 3.4028235e38, the largest number of float32, is how exporters write that there is none.
    return None if abs(given) > 3e38 else shortest(given)


def over_channels(layer: type[Layer]) -> Row:
    """Or over paths. Up to opset 12 all axes from this one on are one."""

    def softmax_(net: GraphFlows, x: object, *, axis: int | None = None) -> Flow:
        flow = net.compact(net.flow(x))
        given = (-1 if net.opset >= 13 else 1) if axis is None else axis
        behind = sizes_of(flow.axes)[given % len(flow.axes) + 1 :]
        # There axis 1 of (N, C, H, W) means C*H*W numbers, which is the layer for (N, C, 1, 1) alone.
        if net.opset < 13 and any(size > 1 for size in behind):
            net.deny("axis", f"{given}, and all behind it")
        return softmax(net, layer, flow, given, "axis")

    return softmax_


def drop(net: GraphFlows, x: object, ratio: object = None, training: object = None) -> Flow:
    """Inference passes by it."""
    if training is not None and net.numbers(training, "training_mode").array.any():
        net.deny("training_mode", True)
    given = 0.5 if ratio is None else net.numbers(ratio, "ratio").array.reshape(()).item()
    return net.each(dropout.Dropout(p=shortest(given)), x)


def function(name: str) -> Row:
    """A function that is a part of formulas alone."""

    def apply(net: GraphFlows, x: Any) -> Known:
        return formula(net, name, x)

    return apply


ROWS: dict[str, Row] = {
    "Relu": plain(activation.ReLU),
    "Sigmoid": plain(activation.Sigmoid),
    "Tanh": plain(activation.Tanh),
    "Softplus": plain(activation.Softplus),
    "HardSwish": plain(activation.HardSwish),
    "Mish": plain(activation.Mish),
    "Abs": plain(activation.Abs),
    "LeakyRelu": plain(activation.LeakyReLU, alpha="slope"),
    "Elu": plain(activation.ELU, alpha="alpha"),
    "Selu": selu,
    "HardSigmoid": hard_sigmoid,
    "Gelu": plain(activation.GELU, approximate="approximate"),
    "PRelu": prelu,
    "Clip": clip,
    "Softmax": over_channels(activation.Softmax),
    "LogSoftmax": over_channels(activation.LogSoftmax),
    "Dropout": drop,
    "Erf": function("erf"),
    "Sqrt": function("sqrt"),
    "Exp": function("exp"),
    "Log": function("log"),
    "Reciprocal": function("reciprocal"),
}
