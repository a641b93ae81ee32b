"""Convolutions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelConv(nn.Conv1d):
    """A convolution along the channels of every pixel, or along features."""

    def __init__(
        self,
        kernel_size: int,
        bias: bool = True,
        padding_mode: Any = "zeros",
    ) -> None:
        super().__init__(
            1,
            1,
            kernel_size,
            padding=kernel_size // 2,
            bias=bias,
            padding_mode=padding_mode,
        )

    def forward(self, x: Tensor) -> Tensor:
        last = x.movedim(1, -1)
        y = super().forward(last.reshape(-1, 1, last.shape[-1]))
        return y.reshape(last.shape).movedim(-1, 1)


class PackedConv2d(nn.Conv2d):
    """A convolution for inference: where oneDNN computes it, the weight is laid out once.

    PyTorch alone lays it out anew in every call. Here that is done again when images of
    another size arrive, or the weight has changed; what is written into its `.data` shows
    nowhere, and goes unnoticed. The activation is part of it; with `plus`, which is added
    and may be written over, it is the one that the call names.
    """

    packed: tuple[object, Tensor, Tensor] | None = None
    least = 1 << 10  # numbers of a weight: with fewer, calling oneDNN takes longer

    def __init__(self, *sizes: Any, activation: str = "none", **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.activation = activation

    def forward(
        self,
        x: Tensor,
        plus: Tensor | None = None,
        activation: str = "none",
    ) -> Tensor:
        name = self.activation if plus is None else activation
        weight = self.weight
        if (
            torch.compiler.is_compiling()  # first: it cannot follow what comes behind
            or torch.is_grad_enabled()
            or torch._C._get_tracing_state() is not None
            or weight.is_inference()
        ):
            return self.plain(x, plus, name)
        options = (self.padding, self.stride, self.dilation, self.groups)
        sign = (x.shape, x.dtype, weight.data_ptr(), weight._version)
        packed = self.packed
        if packed is None or packed[0] != sign:
            if not self.packs(x, weight):
                return self.plain(x, plus, name)
            old = weight.detach()  # kept: nothing else can take its address
            lay_out = torch.ops.mkldnn._reorder_convolution_weight
            packed = self.packed = sign, old, lay_out(old, *options, x.shape)
        given = (x, packed[2], self.bias, *options)
        bounds = []
        if name == "relu6":  # a word that oneDNN does not know
            name, bounds = "hardtanh", [0.0, 6.0]
        y: Tensor
        if plus is None:
            convolve = torch.ops.mkldnn._convolution_pointwise.default
            y = convolve(*given, name, bounds, "")
        else:
            add = torch.ops.mkldnn._convolution_pointwise_.binary
            last = None if name == "none" else name
            y = add(plus, *given, "add", 1.0, last, bounds, None)
        return y

    def plain(self, x: Tensor, plus: Tensor | None, activation: str) -> Tensor:
        y: Tensor = super().forward(x)
        y = y if plus is None else y.add_(plus)
        return y if activation == "none" else getattr(F, activation)(y, inplace=True)

    def packs(self, x: Tensor, weight: Tensor) -> bool:
        """Whether it is worth it, and oneDNN computes."""
        return (
            weight.numel() >= self.least
            and x.dim() == 4
            and x.dtype == weight.dtype == torch.float32
            and x.device.type == weight.device.type == "cpu"
            and self.padding_mode == "zeros"
            and isinstance(self.padding, tuple)
            and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        )

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "packed": None}


class PaddedConv2d(nn.Conv2d):
    """A convolution with a pad of its own on each side: left, right, top, bottom."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        *,
        padding: tuple[int, int, int, int],
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        self.sides = padding
        self.fill = "constant" if padding_mode == "zeros" else padding_mode

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.sides, mode=self.fill))


class StandardizedConv2d(nn.Conv2d):
    """A convolution whose filters are brought to mean 0 and deviation 1.

    With a trained gain they are filters times gain * gamma / sqrt(fan_in). The padding may
    have a pad of its own on each side: left, right, top, bottom.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: Any = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: Any = "zeros",
        gain: bool = False,
        gamma: float = 1.0,
        eps: float = 1e-06,
    ) -> None:
        uneven = isinstance(padding, tuple) and len(padding) == 4
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            0 if uneven else padding,
            dilation,
            groups,
            bias,
            padding_mode,
        )
        self.sides = padding if uneven else None
        self.gain = nn.Parameter(torch.ones(out_channels, 1, 1, 1)) if gain else None
        self.scale = gamma * self.weight[0].numel() ** -0.5
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        if self.sides is not None:
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            x = F.pad(x, self.sides, mode=mode)
        weight = F.batch_norm(
            self.weight.reshape(1, self.out_channels, -1),
            None,
            None,
            weight=None if self.gain is None else (self.gain * self.scale).view(-1),
            training=True,
            momentum=0.0,
            eps=self.eps,
        )
        y: Tensor = self._conv_forward(x, weight.reshape_as(self.weight), self.bias)
        return y
