"""The layers of the language: a table of names, each loaded from its family's file on first use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnspec.layers.base import Layer

FAMILIES: dict[str, dict[str, str]] = {
    "conv": {"conv": "Conv", "depthwise": "Depthwise", "convtranspose": "ConvTranspose"},
    "pool": {
        "maxpool": "MaxPool",
        "maxunpool": "MaxUnpool",
        "avgpool": "AvgPool",
        "blurpool": "BlurPool",
        "globalavgpool": "GlobalAvgPool",
        "globalmaxpool": "GlobalMaxPool",
        "adaptiveavgpool": "AdaptiveAvgPool",
        "adaptivemaxpool": "AdaptiveMaxPool",
        "channelmean": "ChannelMean",
        "channelmax": "ChannelMax",
    },
    "norm": {
        "batchnorm": "BatchNorm",
        "layernorm": "LayerNorm",
        "groupnorm": "GroupNorm",
        "instancenorm": "InstanceNorm",
        "rmsnorm": "RMSNorm",
        "l2norm": "L2Norm",
        "grn": "GlobalResponseNorm",
        "frn": "FilterResponseNorm",
        "evonorms0": "EvoNormS0",
        "evonormb0": "EvoNormB0",
        "lrn": "LocalResponseNorm",
    },
    "activation": {
        "relu": "ReLU",
        "relu6": "ReLU6",
        "hardtanh": "HardTanh",
        "squaredrelu": "SquaredReLU",
        "starrelu": "StarReLU",
        "leakyrelu": "LeakyReLU",
        "prelu": "PReLU",
        "elu": "ELU",
        "selu": "SELU",
        "gelu": "GELU",
        "silu": "SiLU",
        "mish": "Mish",
        "sigmoid": "Sigmoid",
        "tanh": "Tanh",
        "hardswish": "HardSwish",
        "hardsigmoid": "HardSigmoid",
        "softplus": "Softplus",
        "softmax": "Softmax",
        "logsoftmax": "LogSoftmax",
        "abs": "Abs",
        "identity": "Identity",
    },
    "dropout": {"dropout": "Dropout", "stochasticdepth": "StochasticDepth"},
    "linear": {"flatten": "Flatten", "unflatten": "Unflatten", "linear": "Linear"},
    "resize": {
        "upsample": "Upsample",
        "pixelshuffle": "PixelShuffle",
        "pixelunshuffle": "PixelUnshuffle",
        "channelshuffle": "ChannelShuffle",
        "pad": "Pad",
        "crop": "Crop",
    },
    "channels": {
        "slice": "Slice",
        "pick": "Pick",
        "scale": "Scale",
        "shift": "Shift",
        "normalize": "Normalize",
        "channelconv": "ChannelConv",
    },
    "merge": {"add": "Add", "sub": "Sub", "mul": "Mul", "concat": "Concat"},
}
"""Module -> layer -> class, in the order of the reference. A test keeps it true."""

_MODULES = {layer: (module, cls) for module, layers in FAMILIES.items() for layer, cls in layers.items()}
NAMES = tuple(_MODULES)


@cache
def find(name: str) -> type[Layer] | None:
    """The class of a layer, or None where no layer bears the name."""
    if name not in _MODULES:
        return None
    module, cls = _MODULES[name]
    found: type[Layer] = getattr(import_module(f"cnnspec.layers.{module}"), cls)
    return found
