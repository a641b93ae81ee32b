"""Know the modules that are a layer of ours as a whole, where PyTorch has no function to see them by.

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

from cnnspec.backends.torch.modules import conv, layers
from cnnspec.backends.torch.modules import norm as norms
from cnnspec.importers.torch.numbers import sides
from cnnspec.layers import channels, norm, pool, resize
from cnnspec.layers.base import Layer


def upsample(module: Any) -> Layer:
    has_factor = module.scale_factor is not None
    given = list(sides(module.scale_factor if has_factor else module.size))
    return resize.Upsample(mode=module.mode, **{"factor" if has_factor else "size": given})


def blur_pool(module: Any) -> Layer:
    # In the order of F.pad: left, right, top, bottom.
    left, _, top, _ = module.pads
    return pool.BlurPool(
        window=tuple(module.kernel.shape[2:]),
        stride=sides(module.stride),
        pad=(top, left),
        mode="zeros" if module.mode == "constant" else module.mode,
    )


def windows(module: Any) -> dict[str, Any]:
    """What all pools have whose sides are padded apart."""
    left, right, top, bottom = module.sides
    window, stride = sides(module.kernel_size), sides(module.stride)
    return {"window": window, "stride": stride, "pad": [top, bottom, left, right], "ceil": module.ceil_mode}


def max_pool(module: Any) -> Layer:
    return pool.MaxPool(**windows(module), dilation=sides(module.dilation))


def avg_pool(module: Any) -> Layer:
    counted, divisor = module.count_include_pad, module.divisor_override
    return pool.AvgPool(**windows(module), countpad=counted, divisor=divisor)


def channel_conv(module: Any) -> Layer:
    (kernel,) = module.kernel_size
    return channels.ChannelConv(kernel=kernel, bias=module.bias is not None, mode=module.padding_mode)


LAYERS: dict[type, Callable[[Any], Layer]] = {
    conv.ChannelConv: channel_conv,
    layers.BlurPool: blur_pool,
    layers.PaddedAvgPool2d: avg_pool,
    layers.PaddedMaxPool2d: max_pool,
    layers.PixelUnshuffle: lambda module: resize.PixelUnshuffle(factor=module.downscale_factor),
    layers.Upsample: upsample,
    norms.ChannelRMSNorm: lambda m: norm.RMSNorm(eps=m.eps, affine=m.weight is not None),
    norms.EvoNormB0: lambda module: norm.EvoNormB0(momentum=module.momentum, eps=module.eps),
    norms.EvoNormS0: lambda m: norm.EvoNormS0(groups=m.groups, act=m.v is not None, eps=m.eps),
    norms.FilterResponseNorm: lambda m: norm.FilterResponseNorm(eps=m.eps, tlu=m.tau is not None),
    norms.GlobalResponseNorm: lambda m: norm.GlobalResponseNorm(eps=m.eps),
}
"""Modules that are seen as one call of their name, and the layer that each is."""

OURS = {cls.__name__: cls for cls in LAYERS}

TWINS: dict[str, Callable[[Any], nn.Module]] = {
    "EvoNorm2dB0": lambda theirs: norms.EvoNormB0(len(theirs.v), theirs.momentum, theirs.eps),
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
