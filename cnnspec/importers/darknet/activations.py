"""Darknet's activations, each of ours, or put together of ours."""

from __future__ import annotations

from collections.abc import Callable

from cnnspec.importers.darknet.net import SectionReading
from cnnspec.importers.model import Value
from cnnspec.importers.refusals import Refuse, did_you_mean
from cnnspec.layers import activation, channels, merge
from cnnspec.layers.base import Layer

LAYERS: dict[str, Callable[[], Layer]] = {
    "elu": activation.ELU,
    "gelu": lambda: activation.GELU(approximate="tanh"),
    "hardtan": activation.HardTanh,
    "leaky": lambda: activation.LeakyReLU(slope=0.1),
    "logistic": activation.Sigmoid,
    "mish": activation.Mish,
    "relie": activation.LeakyReLU,
    "relu": activation.ReLU,
    "relu6": activation.ReLU6,
    "selu": activation.SELU,
    "swish": activation.SiLU,
    "tanh": activation.Tanh,
}


def activate(reading: SectionReading, value: Value, default: str) -> Value:
    """The value behind the section's activation; one that has no layer is refused, and left out."""
    name = reading.fields.text("activation", default)
    if name == "linear":
        return value
    if name == "ramp":  # max(0, x) + x/10
        tenth = reading.add(channels.Scale(init=0.1, trained=False), value)
        return reading.add(merge.Add(), reading.add(activation.ReLU(), value), tenth)
    if name not in LAYERS:
        field = reading.fields.one("activation")
        line = field.line if field else 0
        message = f"the activation `{name[:40]}` has no layer{did_you_mean(name, LAYERS)}"
        reading.net.refuse(Refuse("E1003", message, line))
        return value
    return reading.add(LAYERS[name](), value)
