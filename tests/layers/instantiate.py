"""Builds what a layer's Construction describes, and lists layers with arguments to try."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cnnspec.backends.torch.modules import conv, layers, norm, start
from cnnspec.layers import find
from cnnspec.layers.base import Construction, Layer, Misfit
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape

torch.set_num_threads(1)

HELPERS = SimpleNamespace(
    **{name: item for each in (conv, layers, norm, start) for name, item in vars(each).items()}
)
"""The definitions that emitted files copy."""

Case = tuple[str, dict[str, Any], Shape]

MAP, WIDE, VECTOR = Shape(4, 6, 6), Shape(4, 9, 7), Shape(12)


def make(name: str, **arguments: Any) -> Layer:
    cls = find(name)
    assert cls is not None, name
    return cls(**arguments)


def instantiate(call: Any) -> Any:
    """The object that a Construction describes; anything else as it is."""
    if isinstance(call, list | tuple) and not isinstance(call, Construction):
        return type(call)(map(instantiate, call))
    if not isinstance(call, Construction):
        return call
    prefix, _, rest = call.name.rpartition(".")
    space = {"": HELPERS, "nn": nn, "torch": torch}[prefix]
    arguments = {name: instantiate(value) for name, value in call.kwargs.items()}
    return getattr(space, rest)(*map(instantiate, call.args), **arguments)


def module(name: str, arguments: dict[str, Any], x: Shape) -> Any:
    """The PyTorch module of a layer when `x` arrives."""
    return instantiate(make(name, **arguments).torch(x))


def batch(x: Shape, images: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn((images, *x.dimensions), generator=torch.Generator().manual_seed(seed))


def run(module: Any, x: torch.Tensor, name: str) -> Any:
    """What a module makes, or the parameter of a scale or a shift."""
    return with_numbers(name, x, module) if isinstance(module, nn.Parameter) else module(x)


def with_numbers(name: str, x: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """What a scale or a shift makes with one number, or one a channel."""
    numbers = numbers.reshape(-1, *[1] * (x.dim() - 2))
    return x * numbers if name == "scale" else x + numbers


def misfit(name: str, arguments: dict[str, Any], *shapes: Shape) -> Misfit | None:
    """What the layer raises when it is made and the shapes arrive."""
    try:
        layer = make(name, **arguments)
        if layer.is_join:
            layer.join(shapes)  # type: ignore[attr-defined]
        elif shapes:
            layer.output(shapes[0])
    except Misfit as raised:
        return raised
    return None


def _conv(**arguments: Any) -> dict[str, Any]:
    return {"filter": Filter(8, (3, 3)), **arguments}


KERNEL = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]

CONVOLUTIONS: list[Case] = [
    ("conv", _conv(), MAP),
    ("conv", {"filter": Filter(5, (3, 2))}, WIDE),
    ("conv", _conv(stride=2, pad=1, bias=False), WIDE),
    ("conv", _conv(stride=(2, 1), pad=(1, 0), dilation=(1, 2)), WIDE),
    ("conv", _conv(pad=[1, 0, 2, 3]), WIDE),
    ("conv", _conv(pad=[1, 0, 2, 3], mode="reflect"), WIDE),
    ("conv", _conv(pad="same"), WIDE),
    ("conv", {"filter": Filter(3, (4, 2)), "pad": "same"}, WIDE),
    ("conv", {"filter": Filter(3, (4, 2)), "pad": "same", "mode": "circular"}, WIDE),
    ("conv", {"filter": Filter(3, (4, 2)), "pad": "same", "stride": 2, "mode": "replicate"}, WIDE),
    ("conv", _conv(pad="same", stride=(3, 2), dilation=2), WIDE),
    ("conv", _conv(pad=1, mode="reflect"), MAP),
    ("conv", _conv(pad=1, mode="replicate"), MAP),
    ("conv", _conv(pad=6, mode="circular"), MAP),
    ("conv", _conv(groups=2, **{"in": 4}), MAP),
    ("conv", _conv(init="he"), MAP),
    ("conv", _conv(init="xavier", bias=False), MAP),
    ("conv", _conv(init="normal(0.5, 0.01)"), MAP),
    ("conv", _conv(init="uniform(-0.25, 1e-3)"), MAP),
    ("conv", _conv(weights=KERNEL), MAP),
    ("conv", _conv(weights=KERNEL, bias=False, frozen=True), MAP),
    ("conv", _conv(weights=[KERNEL] * 8, biases=[1.5] * 8, frozen=True, init="he"), MAP),
    ("conv", _conv(weights=[[KERNEL] * 2] * 8, biases=-1, groups=2), MAP),
    ("conv", _conv(weights=0.5, pad=[0, 1, 0, 1], frozen=True), MAP),
    ("conv", _conv(standardize=True, pad="same"), MAP),
    ("conv", _conv(standardize=True, gain=True, pad="same", stride=2), WIDE),
    ("conv", _conv(standardize=True, gain=True, gamma=1.7, eps=0.1, bias=False, groups=2), MAP),
    ("conv", _conv(standardize=True, gain=True, pad=[1, 0, 2, 3], mode="reflect", frozen=True), WIDE),
    (
        "depthwise",
        {
            "kernel": 3,
            "standardize": True,
            "gain": True,
            "gamma": 2,
            "eps": 0.01,
            "pad": 1,
            "mode": "circular",
        },
        MAP,
    ),
    ("depthwise", {"kernel": 3}, MAP),
    (
        "depthwise",
        {"kernel": (3, 1), "multiplier": 2, "stride": 2, "pad": 1, "dilation": 2, "bias": False},
        WIDE,
    ),
    ("depthwise", {"kernel": 4, "pad": "same", "stride": 2, "mode": "reflect", "init": "he", "in": 4}, WIDE),
    ("depthwise", {"kernel": 3, "pad": 1, "mode": "replicate"}, MAP),
    ("depthwise", {"kernel": 3, "pad": "same", "mode": "circular"}, MAP),
    ("depthwise", {"kernel": 3, "weights": [KERNEL] * 4, "biases": [0, 1, 2, 3], "frozen": True}, MAP),
    ("convtranspose", {"filter": Filter(6, (2, 2)), "stride": 2}, MAP),
    ("convtranspose", {"filter": Filter(6, (3, 2)), "stride": (2, 3), "pad": 1, "extra": (1, 2)}, WIDE),
    ("convtranspose", {"filter": Filter(6, (3, 3)), "groups": 2, "dilation": 2, "bias": False}, MAP),
    (
        "convtranspose",
        {"filter": Filter(2, (3, 3)), "weights": [KERNEL] * 2, "biases": 1, "frozen": True},
        MAP,
    ),
    ("convtranspose", {"filter": Filter(4, (3, 3)), "weights": KERNEL, "groups": 4, "in": 4}, MAP),
    ("convtranspose", {"filter": Filter(4, (3, 3)), "init": "xavier"}, MAP),
    ("convtranspose", {"filter": Filter(4, (4, 6)), "init": "bilinear", "frozen": True}, MAP),
    ("channelconv", {"kernel": 3}, VECTOR),
    ("channelconv", {"kernel": 5, "bias": False, "mode": "circular"}, Shape(6, 1, 1)),
    ("channelconv", {"kernel": 7}, MAP),
    ("linear", {"units": 5}, VECTOR),
    ("linear", {"units": 5, "bias": False, "in": 12, "init": "uniform(0, 1)"}, VECTOR),
    ("linear", {"units": 2, "weights": [[1] * 12, [2] * 12], "biases": [3, 4], "frozen": True}, VECTOR),
    ("linear", {"units": 7, "pointwise": True}, WIDE),
]

NORMS: list[Case] = [
    ("batchnorm", {}, MAP),
    ("batchnorm", {}, VECTOR),
    ("batchnorm", {"eps": 1e-3, "momentum": 0.01}, MAP),
    ("batchnorm", {"momentum": "average", "affine": False}, MAP),
    ("batchnorm", {"track": False, "bias": False}, MAP),
    ("layernorm", {}, MAP),
    ("layernorm", {}, VECTOR),
    ("layernorm", {"over": "all", "eps": 1e-6}, WIDE),
    ("layernorm", {"affine": False}, MAP),
    ("layernorm", {"bias": False}, MAP),
    ("groupnorm", {"groups": 2}, MAP),
    ("groupnorm", {"groups": 4, "eps": 0.1, "affine": False}, VECTOR),
    ("groupnorm", {"groups": 1, "bias": False}, MAP),
    ("instancenorm", {}, MAP),
    ("instancenorm", {"affine": True, "track": True, "eps": 0.1, "momentum": 0.5}, MAP),
    ("instancenorm", {"affine": True, "bias": False}, MAP),
    ("rmsnorm", {}, MAP),
    ("rmsnorm", {"eps": 0.1}, VECTOR),
    ("rmsnorm", {"affine": False}, MAP),
    ("l2norm", {}, VECTOR),
    ("l2norm", {"eps": 1.5}, MAP),
    ("grn", {}, WIDE),
    ("grn", {"eps": 0.1}, MAP),
    ("frn", {}, WIDE),
    ("frn", {"tlu": False, "eps": 0.1}, MAP),
    ("evonorms0", {"groups": 2}, WIDE),
    ("evonorms0", {"groups": 4, "act": False, "eps": 0.1}, MAP),
    ("evonormb0", {}, WIDE),
    ("evonormb0", {"momentum": 0.5, "eps": 0.1}, MAP),
    ("lrn", {"size": 3}, MAP),
    ("lrn", {"size": 4, "alpha": 0.5, "beta": 0.5, "k": 2}, MAP),
]

POOLS: list[Case] = [
    ("maxpool", {"window": 2}, MAP),
    ("maxpool", {"window": (3, 2), "stride": 2, "pad": 1, "ceil": True}, WIDE),
    ("maxpool", {"window": 3, "stride": 1, "dilation": (2, 1)}, WIDE),
    ("maxpool", {"window": (3, 2), "stride": 2, "pad": [0, 1, 1, 0], "ceil": True}, WIDE),
    ("maxpool", {"window": 2, "stride": 1, "dilation": 2, "pad": [1, 0, 0, 1]}, WIDE),
    ("avgpool", {"window": 2, "stride": 1, "pad": [0, 1, 0, 1]}, WIDE),
    ("avgpool", {"window": 3, "stride": 2, "pad": [1, 0, 0, 1], "ceil": True, "countpad": False}, WIDE),
    ("avgpool", {"window": 3, "pad": [0, 1, 1, 1], "divisor": 5}, WIDE),
    ("avgpool", {"window": 2}, MAP),
    ("avgpool", {"window": 3, "stride": (2, 1), "pad": (1, 0), "ceil": True, "countpad": False}, WIDE),
    ("avgpool", {"window": 3, "divisor": 5}, WIDE),
    ("avgpool", {"window": 3, "stride": 2, "pad": 1, "divisor": -2}, WIDE),
    ("blurpool", {"window": 3}, WIDE),
    ("blurpool", {"window": (4, 2), "stride": (1, 2), "pad": (2, 0), "mode": "zeros"}, WIDE),
    *[("blurpool", {"window": 5, "stride": 3, "mode": mode}, WIDE) for mode in ("replicate", "circular")],
    ("globalavgpool", {}, WIDE),
    ("globalmaxpool", {}, WIDE),
    ("adaptiveavgpool", {"size": (3, 8)}, WIDE),
    ("adaptivemaxpool", {"size": 2}, WIDE),
    *[(name, {}, x) for name in ("channelmean", "channelmax") for x in (WIDE, VECTOR)],
]

OTHERS: list[Case] = [
    *[(name, {}, x) for name in ("relu", "relu6", "selu", "silu", "mish", "sigmoid") for x in (MAP, VECTOR)],
    *[(name, {}, MAP) for name in ("tanh", "hardswish", "hardsigmoid", "softmax", "logsoftmax", "abs")],
    ("softmax", {}, VECTOR),
    ("softmax", {"paths": 2}, MAP),
    ("softmax", {"paths": 3}, VECTOR),
    ("hardtanh", {}, MAP),
    ("hardtanh", {"low": -0.5, "high": 2}, VECTOR),
    ("squaredrelu", {}, MAP),
    ("starrelu", {}, VECTOR),
    ("starrelu", {"scale": 0.8944, "bias": -0.4472}, MAP),
    ("identity", {}, MAP),
    ("leakyrelu", {"slope": 0.3}, MAP),
    ("prelu", {"init": 0.5}, MAP),
    ("prelu", {"per": "channel"}, VECTOR),
    ("elu", {"alpha": 2}, MAP),
    ("gelu", {}, MAP),
    ("gelu", {"approximate": "tanh"}, MAP),
    ("softplus", {"beta": 2, "threshold": 1.0}, MAP),
    ("dropout", {"p": 0.25}, VECTOR),
    ("dropout", {"mode": "channels"}, MAP),
    ("stochasticdepth", {"p": 0.5}, MAP),
    ("stochasticdepth", {"p": 0.5, "mode": "batch"}, VECTOR),
    ("flatten", {}, WIDE),
    ("flatten", {}, VECTOR),
    ("flatten", {"order": "HWC"}, WIDE),
    ("unflatten", {"shape": Filter(2, (3, 2))}, VECTOR),
    ("upsample", {"factor": 2}, WIDE),
    ("upsample", {"factor": [1.5, 0.5], "mode": "bilinear"}, WIDE),
    ("upsample", {"size": (5, 11), "mode": "bilinear", "align": True}, WIDE),
    ("upsample", {"size": 4}, WIDE),
    ("pixelshuffle", {"factor": 2}, WIDE),
    ("pixelunshuffle", {"factor": 2}, MAP),
    ("pixelunshuffle", {"factor": 4}, WIDE),
    ("channelshuffle", {"groups": 2}, WIDE),
    ("pad", {"pad": [1, 0, 2, 3]}, WIDE),
    ("pad", {"pad": 1, "value": -1.5}, WIDE),
    *[("pad", {"pad": [1, 0, 2, 3], "mode": mode}, WIDE) for mode in ("reflect", "replicate", "circular")],
    ("crop", {"size": (4, 4)}, WIDE),
    ("crop", {"sides": [1, 0, 2, 3]}, WIDE),
    ("slice", {"start": 1, "stop": 3}, MAP),
    ("slice", {"start": 2}, VECTOR),
    ("pick", {"channels": [3, 0, 0]}, MAP),
    ("pick", {"channels": [11]}, VECTOR),
    ("normalize", {"mean": [1, 2, 3, 4], "std": 0.5}, MAP),
    ("scale", {"init": 0.25, "trained": False}, MAP),
    ("shift", {"init": -0.5, "trained": False}, VECTOR),
]

PARAMETERS: list[Case] = [
    ("scale", {}, MAP),
    ("scale", {"init": 1e-6}, VECTOR),
    ("scale", {"dims": 1}, MAP),
    ("scale", {"dims": 4}, MAP),
    ("scale", {"dims": 2}, VECTOR),
    ("scale", {"per": "layer"}, MAP),
    ("scale", {"per": "layer", "dims": 1}, VECTOR),
    ("scale", {"per": "layer", "dims": 3, "init": 0}, MAP),
    ("shift", {}, MAP),
    ("shift", {"dims": 1, "init": 0.5}, MAP),
    ("shift", {"per": "layer", "dims": 1}, MAP),
    ("shift", {}, VECTOR),
]

MODULES = CONVOLUTIONS + NORMS + POOLS + OTHERS


def title(case: Case) -> str:
    """A test's name for a case."""
    name, arguments, x = case
    return " ".join([name, *(f"{k}={v}" for k, v in arguments.items()), "on", str(x)])[:80]
