"""Know the definitions that emitted programs carry, where PyTorch has no function to see them by.

A class is one of ours where its code is: a name alone says nothing of what a class does.
"""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import Any

from torch import nn

from cnnspec.backends.torch.modules import conv, layers, norm

CLASSES = (
    conv.ChannelConv,
    layers.BlurPool,
    layers.PaddedAvgPool2d,
    layers.PaddedMaxPool2d,
    layers.PathSoftmax,
    layers.PixelUnshuffle,
    layers.Upsample,
    norm.ChannelRMSNorm,
    norm.EvoNormS0,
    norm.FilterResponseNorm,
    norm.GlobalResponseNorm,
    norm.L2Norm,
)
OURS: dict[str, type] = {cls.__name__: cls for cls in CLASSES}
"""Modules that are seen as one call of their name."""


def name_of_ours(module: nn.Module) -> str:
    """The definition that a module's class is a copy of, or ""."""
    cls = type(module)
    ours = OURS.get(cls.__name__)
    is_copy = ours is not None and cls.__bases__ == ours.__bases__ and code_of(cls) == code_of(ours)
    return f"cnnspec.{cls.__name__}" if is_copy else ""


def code_of(cls: type) -> dict[str, Any]:
    """The code of a class's methods."""
    functions = {name: value for name, value in vars(cls).items() if isinstance(value, FunctionType)}
    return {name: sign(function.__code__) for name, function in functions.items()}


def sign(code: CodeType) -> tuple[Any, ...]:
    """Code without the place where it stands."""
    constants = tuple(sign(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, constants
