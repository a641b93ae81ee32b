"""Rows of the modules that are a layer of ours as a whole: those of emitted programs, and twins of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnspec.importers.reading.flows import Flow, Row
from cnnspec.importers.torch.lower import TraceFlows
from cnnspec.importers.torch.numbers import sides
from cnnspec.importers.torch.values import Weight
from cnnspec.layers import channels, norm, pool, resize
from cnnspec.layers.base import Layer


def row(make: Callable[[Any], Layer]) -> Row:
    """The row of a module: its layer is made of its attributes, and has its tensors."""

    def read_module(net: TraceFlows, input: object) -> Flow:
        module: Any = net.call.module
        path = net.call.scopes[-1].path
        state = module.state_dict()
        tensors = {name: Weight(f"{path}.{name}", tuple(tensor.shape)) for name, tensor in state.items()}
        return net.as_made(make(module), input, **tensors)

    return read_module


def upsample(module: Any) -> Layer:
    has_factor = module.scale_factor is not None
    given = list(sides(module.scale_factor if has_factor else module.size))
    return resize.Upsample(mode=module.mode, **{"factor" if has_factor else "size": given})


def evo_norm(module: Any) -> Layer:
    return norm.EvoNormS0(groups=module.groups, act=module.v is not None, eps=module.eps)


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


ROWS: dict[str, Row] = {
    "cnnspec.BlurPool": row(blur_pool),
    "cnnspec.PaddedAvgPool2d": row(avg_pool),
    "cnnspec.PaddedMaxPool2d": row(max_pool),
    "cnnspec.ChannelConv": row(channel_conv),
    "cnnspec.Upsample": row(upsample),
    "cnnspec.PixelUnshuffle": row(lambda module: resize.PixelUnshuffle(factor=module.downscale_factor)),
    "cnnspec.ChannelRMSNorm": row(lambda m: norm.RMSNorm(eps=m.eps, affine=m.weight is not None)),
    "cnnspec.EvoNormB0": row(lambda module: norm.EvoNormB0(momentum=module.momentum, eps=module.eps)),
    "cnnspec.EvoNormS0": row(evo_norm),
    "cnnspec.FilterResponseNorm": row(lambda m: norm.FilterResponseNorm(eps=m.eps, tlu=m.tau is not None)),
    "cnnspec.GlobalResponseNorm": row(lambda m: norm.GlobalResponseNorm(eps=m.eps)),
}
