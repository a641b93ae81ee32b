"""Know the modules that are a layer of ours, where PyTorch has no function to see them by.

A class is one of ours where its code is, as in emitted programs, or where what it computes is: a name alone
says nothing of what a class does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from cnnspec.backends.torch.modules import conv, layers, norm

CLASSES = (
    conv.ChannelConv,
    layers.BlurPool,
    layers.PaddedAvgPool2d,
    layers.PaddedMaxPool2d,
    layers.PixelUnshuffle,
    layers.Upsample,
    norm.ChannelRMSNorm,
    norm.EvoNormB0,
    norm.EvoNormS0,
    norm.FilterResponseNorm,
    norm.GlobalResponseNorm,
)
OURS: dict[str, type] = {cls.__name__: cls for cls in CLASSES}
"""Modules that are seen as one call of their name."""


TWINS: dict[str, Callable[[Any], nn.Module]] = {
    "EvoNorm2dB0": lambda theirs: norm.EvoNormB0(len(theirs.v), theirs.momentum, theirs.eps),
}
"""Modules of others by the names of their classes, and what of ours has the same tensors and arguments."""


def name_of_ours(module: nn.Module) -> str:
    """The definition that a module's class is a copy of, or that computes what it does; else ""."""
    cls = type(module)
    twin = twin_of(module)
    if twin is not None:
        return f"cnnspec.{type(twin).__name__}"
    ours = OURS.get(cls.__name__)
    is_copy = ours is not None and cls.__bases__ == ours.__bases__ and code_of(cls) == code_of(ours)
    return f"cnnspec.{cls.__name__}" if is_copy else ""


def twin_of(module: nn.Module) -> nn.Module | None:
    """The module of ours that computes what another one does, and learns the same of what it sees."""
    make = TWINS.get(type(module).__name__)
    if make is None:
        return None
    try:
        return ours if are_alike(copy.deepcopy(module), ours := make(module)) else None
    except (AttributeError, RuntimeError, TypeError):  # of other attributes, or other tensors
        return None


def are_alike(theirs: nn.Module, ours: nn.Module) -> bool:
    """Whether modules with the same tensors make the same of random images, in training and evaluation."""
    # The module is on the meta device: it gets memory here, and numbers below.
    theirs = theirs.to_empty(device="cpu").float()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for tensor in theirs.state_dict().values():
            # Variances, too, so above 0; a counter of batches raises here, and the two are not alike.
            tensor.uniform_(0.5, 1.5)
        ours.load_state_dict(theirs.state_dict())
        # As many channels as the last tensor has numbers; a square would hide rows taken for columns.
        images = torch.randn(3, len(tensor), 5, 4)
        made: list[list[Tensor]] = []
        for each in (theirs, ours):
            outputs = [each.train(is_training)(images) for is_training in (True, False)]
            # The state after a step of training: running statistics have to have moved alike.
            made.append([*outputs, *each.state_dict().values()])
    return all(torch.allclose(one, two, 1e-4, 1e-5) for one, two in zip(*made, strict=True))


def code_of(cls: type) -> dict[str, Any]:
    """The code of a class's methods."""
    functions = {name: value for name, value in vars(cls).items() if isinstance(value, FunctionType)}
    return {name: sign(function.__code__) for name, function in functions.items()}


def sign(code: CodeType) -> tuple[Any, ...]:
    """Code without the place where it stands."""
    # The code of a comprehension or a lambda is among the constants, with a place of its own.
    constants = tuple(sign(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, constants
