"""Every argument of the torch module of the same meaning is an argument here, or has a reason why not."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from torch import nn

from cnnspec.layers import NAMES, find
from cnnspec.layers.base import Construction
from tests.layers.instantiate import MODULES, Case, make, title

ANYWHERE = {
    "device": "where tensors live is said when the network runs",
    "dtype": "what tensors are made of is said when the network runs",
    "inplace": "changes no number; a matter of the emitted code",
}

ONE_TENSOR = "a layer's value is one tensor; nothing in the language takes indices"
INFERRED = "inferred from what arrives; `in=` may claim it"
CHANNELS = "inferred from the channels that arrive"

WITHOUT: dict[tuple[str, str], str] = {
    ("conv", "in_channels"): INFERRED,
    ("depthwise", "in_channels"): INFERRED,
    ("depthwise", "groups"): "as many as channels: that is what depthwise means",
    ("convtranspose", "in_channels"): INFERRED,
    ("convtranspose", "padding_mode"): 'PyTorch itself allows "zeros" alone',
    ("maxpool", "return_indices"): ONE_TENSOR,
    ("globalmaxpool", "return_indices"): ONE_TENSOR,
    ("maxunpool", "stride"): "the window: where windows overlap two values may have one place",
    ("maxunpool", "padding"): "none: windows stand side by side",
    ("adaptivemaxpool", "return_indices"): ONE_TENSOR,
    ("globalavgpool", "output_size"): "1x1: that is what global means",
    ("globalmaxpool", "output_size"): "1x1: that is what global means",
    ("batchnorm", "num_features"): CHANNELS,
    ("instancenorm", "num_features"): CHANNELS,
    ("groupnorm", "num_channels"): CHANNELS,
    ("softmax", "dim"): "channels or features, always",
    ("logsoftmax", "dim"): "channels or features, always",
    ("flatten", "start_dim"): "a value is a map or a vector: there is nothing between",
    ("flatten", "end_dim"): "a value is a map or a vector: there is nothing between",
    ("unflatten", "dim"): "a vector has one axis",
    ("upsample", "recompute_scale_factor"): "the same as giving `size`",
    ("hardtanh", "min_value"): "an old name of `min_val`",
    ("hardtanh", "max_value"): "an old name of `max_val`",
    ("identity", "args"): "ignored by PyTorch",
    ("identity", "kwargs"): "ignored by PyTorch",
    ("sigmoid", "args"): "ignored by PyTorch",
    ("sigmoid", "kwargs"): "ignored by PyTorch",
    ("tanh", "args"): "ignored by PyTorch",
    ("tanh", "kwargs"): "ignored by PyTorch",
}

UNWRITTEN: dict[tuple[str, str], str] = {
    (
        "nn.BatchNorm2d",
        "bias",
    ): "newer than the oldest PyTorch that is supported: written only where it is no",
    (
        "nn.BatchNorm1d",
        "bias",
    ): "newer than the oldest PyTorch that is supported: written only where it is no",
    (
        "nn.InstanceNorm2d",
        "bias",
    ): "newer than the oldest PyTorch that is supported: written only where it is no",
    ("nn.GroupNorm", "bias"): "newer than the oldest PyTorch that is supported: written only where it is no",
    ("nn.MaxPool2d", "return_indices"): ONE_TENSOR,
    ("nn.AdaptiveMaxPool2d", "return_indices"): ONE_TENSOR,
    ("nn.Upsample", "size"): "the factor stands in its place, or it in the factor's",
    ("nn.Upsample", "scale_factor"): "the factor stands in its place, or it in the factor's",
    ("nn.Upsample", "align_corners"): "PyTorch refuses it for the nearest pixel; else written",
    ("nn.Hardtanh", "min_value"): "an old name of `min_val`",
    ("nn.Hardtanh", "max_value"): "an old name of `max_val`",
    ("nn.Upsample", "recompute_scale_factor"): "None means what no does; yes is never wanted",
}


def parameters(torch_class: str) -> list[str]:
    return list(inspect.signature(getattr(nn, torch_class.removeprefix("nn."))).parameters)


@pytest.mark.parametrize("name", NAMES)
def test_torch_arguments_are_here_or_have_a_reason(name: str) -> None:
    cls = find(name)
    assert cls is not None
    theirs = parameters(cls.torch_class) if cls.torch_class else []
    reasons = {argument for layer, argument in WITHOUT if layer == name}
    assert reasons <= set(theirs)
    assert not reasons & set(cls.torch_arguments)
    assert set(theirs) - ANYWHERE.keys() - reasons == set(cls.torch_arguments) & set(theirs)
    for ours in cls.torch_arguments.values():
        assert ours in cls.arguments


def test_pad_has_the_arguments_of_all_pads() -> None:
    for torch_class in ("ConstantPad2d", "ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d", "CircularPad2d"):
        assert set(parameters(torch_class)) <= {"padding", "value"}
    assert set(parameters("Dropout2d")) == set(parameters("Dropout"))
    assert set(parameters("BatchNorm1d")) == set(parameters("BatchNorm2d"))


@pytest.mark.parametrize("case", MODULES, ids=title)
def test_calls_write_every_argument_out(case: Case) -> None:
    """A framework's default that changes does not change a network."""
    call: Any = make(case[0], **case[1]).torch(case[2])
    while isinstance(call, Construction) and call.args and isinstance(call.args[0], Construction):
        call = call.args[0]
    if not call.name.startswith("nn.") or case[0] in ("identity", "sigmoid", "tanh"):
        return
    theirs = parameters(call.name)
    written = {*theirs[: len(call.args)], *call.kwargs}
    left = {name for name in theirs if name not in written and name not in ANYWHERE}
    assert {name for name in left if (call.name, name) not in UNWRITTEN} == set()
