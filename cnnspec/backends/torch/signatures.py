"""What a constructor call may leave out: PyTorch's own defaults, and the names of positional arguments.

A test holds every default here to PyTorch's signatures; `--explicit` writes all arguments out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

AS_KERNEL = object()
"""The default of a pool's stride: as large as its kernel."""


class Signature(NamedTuple):
    """Arguments of a constructor: `positional` ones stand behind those that a call itself gives so."""

    positional: tuple[str, ...]
    defaults: Mapping[str, Any]


_CONV = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"}
_NORM = {"eps": 1e-05, "momentum": 0.1}
_PADDED_POOL = {"stride": AS_KERNEL, "ceil_mode": False}
_POOL = _PADDED_POOL | {"padding": 0}
_AVERAGE = {"count_include_pad": True, "divisor_override": None}

SIGNATURES: dict[str, Signature] = {
    "nn.Conv2d": Signature(("kernel_size",), _CONV),
    "PackedConv2d": Signature(("kernel_size",), _CONV | {"activation": "none"}),
    # its four pads differ, so a call always says them
    "PaddedConv2d": Signature(("kernel_size",), {k: v for k, v in _CONV.items() if k != "padding"}),
    "StandardizedConv2d": Signature(("kernel_size",), _CONV | {"gain": False, "gamma": 1.0, "eps": 1e-6}),
    "ChannelConv": Signature((), {"bias": True, "padding_mode": "zeros"}),
    "L2Norm": Signature((), {"eps": 1e-12}),
    "nn.ConvTranspose2d": Signature(("kernel_size",), _CONV | {"output_padding": 0}),
    "nn.Linear": Signature((), {"bias": True}),
    "PointwiseLinear": Signature((), {"bias": True}),
    "nn.Flatten": Signature((), {"start_dim": 1, "end_dim": -1}),
    "nn.MaxPool2d": Signature(("kernel_size",), _POOL | {"dilation": 1}),
    "nn.AvgPool2d": Signature(("kernel_size",), _POOL | _AVERAGE),
    "PaddedMaxPool2d": Signature(("kernel_size",), _PADDED_POOL | {"dilation": 1}),
    "PaddedAvgPool2d": Signature(("kernel_size",), _PADDED_POOL | _AVERAGE),
    "BlurPool": Signature((), {"stride": 2, "padding": 1, "padding_mode": "reflect"}),
    "nn.BatchNorm1d": Signature((), _NORM | {"affine": True, "track_running_stats": True}),
    "nn.BatchNorm2d": Signature((), _NORM | {"affine": True, "track_running_stats": True}),
    "nn.InstanceNorm2d": Signature((), _NORM | {"affine": False, "track_running_stats": False}),
    "nn.GroupNorm": Signature((), {"eps": 1e-05, "affine": True}),
    "nn.LayerNorm": Signature((), {"eps": 1e-05, "elementwise_affine": True, "bias": True}),
    "ChannelLayerNorm": Signature((), {"eps": 1e-05, "elementwise_affine": True, "bias": True}),
    "ChannelRMSNorm": Signature((), {"eps": 1e-05, "affine": True}),
    "GlobalResponseNorm": Signature((), {"eps": 1e-06}),
    "FilterResponseNorm": Signature((), {"tlu": True, "eps": 1e-06}),
    "EvoNormB0": Signature((), {"momentum": 0.1, "eps": 1e-05}),
    "EvoNormS0": Signature((), {"act": True, "eps": 1e-05}),
    "nn.LocalResponseNorm": Signature(("size",), {"alpha": 0.0001, "beta": 0.75, "k": 1.0}),
    "nn.Dropout": Signature(("p",), {}),
    "nn.Dropout2d": Signature(("p",), {}),
    "StochasticDepth": Signature(("p",), {}),
    "BatchStochasticDepth": Signature(("p",), {}),
    "nn.Hardtanh": Signature((), {"min_val": -1.0, "max_val": 1.0}),
    "StarReLU": Signature((), {"scale": 1.0, "bias": 0.0}),
    "nn.LeakyReLU": Signature((), {"negative_slope": 0.01}),
    "nn.PReLU": Signature((), {"num_parameters": 1, "init": 0.25}),
    "nn.ELU": Signature((), {"alpha": 1.0}),
    "nn.GELU": Signature((), {"approximate": "none"}),
    "nn.Softplus": Signature((), {"beta": 1.0, "threshold": 20.0}),
}
EVERYTHING_SAID = Signature((), {})

DICT_METHODS = {"clear", "items", "keys", "pop", "update", "values"}
"""What nn.ModuleDict has beside nn.Module: it holds no module under such a name."""
