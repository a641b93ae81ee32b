"""Norms."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelLayerNorm(nn.LayerNorm):
    """Layer norm over the channels of every pixel."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class ChannelRMSNorm(nn.Module):
    """Channels or features divided by the root of their mean square, times a weight."""

    def __init__(self, channels: int, eps: float = 1e-05, affine: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        x = x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + self.eps)
        if self.weight is None:
            return x
        return (x.transpose(1, -1) * self.weight).transpose(1, -1)


class EvoNormB0(nn.Module):
    """weight * x / max(deviation in the batch, v * x + deviation in the image) + bias."""

    running_var: Tensor

    def __init__(
        self,
        channels: int,
        momentum: float = 0.1,
        eps: float = 1e-05,
    ) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.v = nn.Parameter(torch.ones(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        variance = self.running_var
        if self.training:
            variance = x.var((0, 2, 3), correction=0)
            count = x.numel() // x.shape[1]
            unbiased = variance.detach() * (count / (count - 1))
            self.running_var.lerp_(unbiased, self.momentum)
        batch = (variance + self.eps).sqrt().view(1, -1, 1, 1)
        image = (x.var((2, 3), correction=0, keepdim=True) + self.eps).sqrt()
        x = x / torch.maximum(batch, x * self.v.view(1, -1, 1, 1) + image)
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class EvoNormS0(nn.Module):
    """weight * x * sigmoid(v * x) / (deviation of the group) + bias."""

    def __init__(
        self,
        channels: int,
        groups: int,
        act: bool = True,
        eps: float = 1e-05,
    ) -> None:
        super().__init__()
        self.groups, self.eps = groups, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.v = nn.Parameter(torch.ones(channels)) if act else None

    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = (x.shape[axis] for axis in range(4))
        parts = x.reshape(n, self.groups, c // self.groups, height, width)
        variance = parts.var((2, 3, 4), correction=0, keepdim=True)
        deviation = (variance + self.eps).sqrt().expand_as(parts).flatten(1, 2)
        if self.v is not None:
            x = x * (x * self.v.view(1, -1, 1, 1)).sigmoid()
        x = x / deviation
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class FilterResponseNorm(nn.Module):
    """max(weight * x / sqrt(mean of squares + eps) + bias, tau), map by map."""

    def __init__(self, channels: int, tlu: bool = True, eps: float = 1e-06) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.tau = nn.Parameter(torch.zeros(channels)) if tlu else None

    def forward(self, x: Tensor) -> Tensor:
        x = x * (x.square().mean((2, 3), keepdim=True) + self.eps).rsqrt()
        x = x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return x if self.tau is None else torch.maximum(x, self.tau.view(1, -1, 1, 1))


class GlobalResponseNorm(nn.Module):
    """x + weight * x * n + bias, n a channel's length over the mean of all lengths."""

    def __init__(self, channels: int, eps: float = 1e-06) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        length = x.norm(p=2, dim=(2, 3), keepdim=True)
        share = length / (length.mean(1, keepdim=True) + self.eps)
        weight, bias = self.weight.view(1, -1, 1, 1), self.bias.view(1, -1, 1, 1)
        return x + torch.addcmul(bias, weight, x * share)


class L2Norm(nn.Module):
    """Channels or features divided by their length, or by eps where that is more."""

    def __init__(self, eps: float = 1e-12) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1, eps=self.eps)
