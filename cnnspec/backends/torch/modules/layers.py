"""Layers, and what stands for one in a forward."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Abs(nn.Module):
    """The absolute value."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class BatchStochasticDepth(nn.Dropout):
    """While training, the batch is zero with probability p, else divided by 1 - p."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        noise = x.new_empty([1] * x.ndim).bernoulli_(1.0 - self.p)
        return x * (noise / (1.0 - self.p) if self.p < 1.0 else noise)


class BlurPool(nn.Module):
    """Means of windows weighed by binomial coefficients, which are not in the state_dict."""

    kernel: Tensor

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 2,
        padding: int | tuple[int, int] = 1,
        padding_mode: str = "reflect",
    ) -> None:
        super().__init__()
        sizes = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
        down, across = padding if isinstance(padding, tuple) else (padding, padding)
        self.stride, self.pads = stride, (across, across, down, down)
        self.mode = "constant" if padding_mode == "zeros" else padding_mode
        rows, columns = ([math.comb(k - 1, i) for i in range(k)] for k in sizes)
        kernel = torch.tensor([[a * b for b in columns] for a in rows])
        kernel = (kernel / 2.0 ** (sum(sizes) - 2)).repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.pads, mode=self.mode)
        return F.conv2d(x, self.kernel, stride=self.stride, groups=len(self.kernel))


class ChannelMax(nn.Module):
    """The largest of every pixel's channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax(1, keepdim=True)


class ChannelMean(nn.Module):
    """The mean of every pixel's channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)


class Crop(nn.Module):
    """A part of the map."""

    def __init__(self, top: int, left: int, height: int, width: int) -> None:
        super().__init__()
        self.rows = slice(top, top + height)
        self.columns = slice(left, left + width)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.rows, self.columns]


class FlattenPixels(nn.Module):
    """A map as a vector, pixel by pixel: rows, then columns, then channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class Multiply(nn.Module):
    """Times a fixed number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Normalize(nn.Module):
    """(x - mean) / std, channel by channel; the numbers are not in the state_dict.

    Each is kept as a number of float32 and what that leaves: exact after `.double()`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        for name, numbers in (("mean", mean), ("std", std)):
            exact = torch.tensor(numbers, dtype=torch.float64).reshape(-1, 1, 1)
            near = exact.float()
            parts = torch.stack((near, (exact - near).float()))
            self.register_buffer(name, parts, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean.sum(0)) / self.std.sum(0)


class PaddedAvgPool2d(nn.AvgPool2d):
    """The means of windows; each side has a pad of its own.

    The pads are those at the left, right, top and bottom.
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        *,
        padding: tuple[int, int, int, int],
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(
            kernel_size,
            stride,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )
        self.sides = padding

    def forward(self, x: Tensor) -> Tensor:
        """Windows that start behind the map are left out."""
        left, _, top, _ = self.sides
        s = self.stride
        down, along = s if isinstance(s, tuple) else (s, s)
        rows, columns = -(-(x.shape[2] + top) // down), -(-(x.shape[3] + left) // along)
        y = super().forward(F.pad(x, self.sides))
        if not self.count_include_pad and self.divisor_override is None:
            y = y / super().forward(F.pad(torch.ones_like(x[:1, :1]), self.sides))
        return y[:, :, :rows, :columns]


class PaddedMaxPool2d(nn.MaxPool2d):
    """The largest values of windows; each side has a pad of its own.

    The pads are those at the left, right, top and bottom.
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        *,
        padding: tuple[int, int, int, int],
        dilation: int | tuple[int, int] = 1,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, dilation=dilation, ceil_mode=ceil_mode)
        self.sides = padding

    def forward(self, x: Tensor) -> Tensor:
        """Windows that start behind the map are left out."""
        left, _, top, _ = self.sides
        s = self.stride
        down, along = s if isinstance(s, tuple) else (s, s)
        rows, columns = -(-(x.shape[2] + top) // down), -(-(x.shape[3] + left) // along)
        y: Tensor = super().forward(F.pad(x, self.sides, value=-math.inf))
        return y[:, :, :rows, :columns]


class PathSoftmax(nn.Module):
    """Shares of paths, whose channels stand one behind the other."""

    def __init__(self, paths: int) -> None:
        super().__init__()
        self.paths = paths

    def forward(self, x: Tensor) -> Tensor:
        parts = x.reshape(x.shape[0], self.paths, x.shape[1] // self.paths, -1)
        return parts.softmax(1).reshape(x.shape)


class Pick(nn.Module):
    """Some channels, in the order given."""

    channels: Tensor

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.register_buffer("channels", torch.tensor(channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(1, self.channels)


class PixelUnshuffle(nn.PixelUnshuffle):
    """Squares of pixels as channels; rows and columns that fill none are left out."""

    def forward(self, x: Tensor) -> Tensor:
        r = self.downscale_factor
        height, width = (x.shape[axis] // r * r for axis in (2, 3))
        return super().forward(x[:, :, :height, :width])


class Plus(nn.Module):
    """Plus a fixed number."""

    def __init__(self, summand: float) -> None:
        super().__init__()
        self.summand = summand

    def forward(self, x: Tensor) -> Tensor:
        return x + self.summand


class PointwiseLinear(nn.Linear):
    """The same linear layer on the channels of every pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Slice(nn.Module):
    """The channels from start up to stop."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.channels = slice(start, stop)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.channels]


class SquaredReLU(nn.Module):
    """max(0, x)^2."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x).square()


class StarReLU(nn.Module):
    """scale * max(0, x)^2 + bias with a trained scale and bias."""

    def __init__(self, scale: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), scale))
        self.bias = nn.Parameter(torch.full((1,), bias))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * F.relu(x) ** 2 + self.bias


class StochasticDepth(nn.Dropout):
    """While training, each image is zero with probability p, else divided by 1 - p."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        noise = x.new_empty([x.shape[0]] + [1] * (x.ndim - 1)).bernoulli_(1.0 - self.p)
        return x * (noise / (1.0 - self.p) if self.p < 1.0 else noise)


class Upsample(nn.Upsample):
    """Maps at another size, pixel by pixel; the factor is the size over the map's, if given.

    Nearest, output q is pixel floor(q / factor); bilinear, its centre is at
    (q + 0.5) / factor - 0.5. nn.Upsample copies small maps instead, 4 pixels by a factor
    of 1.1, and rounds q / factor to float32 before it takes the floor.
    """

    def forward(self, x: Tensor) -> Tensor:
        given: Any = self.size if self.scale_factor is None else self.scale_factor
        down, along = given if isinstance(given, tuple) else (given, given)
        return self.resize(self.resize(x, 2, down), 3, along)

    def resize(self, x: Tensor, axis: int, given: float) -> Tensor:
        n = x.shape[axis]
        if self.scale_factor is None:
            at = torch.arange(int(given), dtype=torch.float64) * n / given
        else:
            at = torch.arange(int(n * given), dtype=torch.float64) / given
        if self.mode == "bilinear":
            at = (at + 0.5 / given - 0.5).clamp(min=0)
        low = at.long().clamp(max=n - 1)
        near = x.index_select(axis, low.to(x.device))
        if self.mode == "nearest":
            return near
        far = x.index_select(axis, (low + 1).clamp(max=n - 1).to(x.device))
        share = (at - low).to(x).reshape(-1, *[1] * (3 - axis))
        return near * (1 - share) + far * share


def crop(x: Tensor, like: Tensor) -> Tensor:
    """The middle of a map, as large as another map."""
    height, width = x.shape[2:]
    rows, columns = like.shape[2:]
    top, left = (height - rows) // 2, (width - columns) // 2
    return x[:, :, top : top + rows, left : left + columns]


def max_unpool(x: Tensor, source: Tensor, kernel_size: int | tuple[int, int]) -> Tensor:
    """The values of x where a max pool of the source finds its largest, 0 elsewhere."""
    _, places = F.max_pool2d(source, kernel_size, return_indices=True)
    window = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
    return F.max_unpool2d(x, places, window, output_size=source.shape[2:])
