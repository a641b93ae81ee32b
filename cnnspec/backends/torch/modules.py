"""What PyTorch has no module for. An emitted file carries a copy of the definitions that it uses.

Each definition stands alone, given this file's imports and the other definitions in it, and is laid out so
that the formatter leaves it alone at 88 columns too.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Abs(nn.Module):
    """The absolute value."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class ChannelLayerNorm(nn.LayerNorm):
    """Layer norm over the channels of every pixel."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class Crop(nn.Module):
    """A part of the map."""

    def __init__(self, top: int, left: int, height: int, width: int) -> None:
        super().__init__()
        self.rows = slice(top, top + height)
        self.columns = slice(left, left + width)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.rows, self.columns]


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


class Pick(nn.Module):
    """Some channels, in the order given."""

    channels: Tensor

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.register_buffer("channels", torch.tensor(channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(1, self.channels)


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


class StochasticDepth(nn.Module):
    """While training, rows or the whole batch are zero with probability p."""

    def __init__(self, p: float, mode: str = "row") -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        rows = x.shape[0] if self.mode == "row" else 1
        noise = x.new_empty([rows] + [1] * (x.ndim - 1)).bernoulli_(1.0 - self.p)
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


def freeze(module: nn.Module) -> nn.Module:
    """Turn a module's parameters into buffers under the same keys, and return the module."""
    for name, parameter in list(module.named_parameters(recurse=False)):
        delattr(module, name)
        module.register_buffer(name, parameter.detach())
    return module


# The init_… repeat how a bias is set: a file is given few of them, and each is to be read by itself.
def init_bilinear(module: nn.Module) -> nn.Module:
    """Every kernel a tent: transposed with half its size as stride, it interpolates; bias 0."""
    weight = module.get_parameter("weight")
    tents = []
    for k in weight.shape[2:]:
        distance = (torch.arange(k) - (k - 1) / 2).abs()
        tents.append(1 - distance / ((k + 1) // 2))
    with torch.no_grad():
        weight.copy_(torch.outer(*tents))
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_he(module: nn.Module) -> nn.Module:
    """Weight ~ N(0, 2 / fan_in) (He et al. 2015), bias 0."""
    nn.init.kaiming_normal_(module.get_parameter("weight"), nonlinearity="relu")
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_normal(module: nn.Module, mean: float, std: float) -> nn.Module:
    """Weight ~ N(mean, std^2), bias 0."""
    nn.init.normal_(module.get_parameter("weight"), mean, std)
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_uniform(module: nn.Module, low: float, high: float) -> nn.Module:
    """Weight ~ U(low, high), bias 0."""
    nn.init.uniform_(module.get_parameter("weight"), low, high)
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_xavier(module: nn.Module) -> nn.Module:
    """Weight ~ U(-b, b) with b = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), bias 0."""
    nn.init.xavier_uniform_(module.get_parameter("weight"))
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def set_values(module: nn.Module, **values: object) -> nn.Module:
    """Start a module's parameters from these numbers, broadcast to their shapes, and return the module."""
    with torch.no_grad():
        for name, value in values.items():
            parameter = module.get_parameter(name)
            parameter.copy_(torch.tensor(value, dtype=parameter.dtype))
    return module
