"""Convolutions. Their sizes are those of Dumoulin and Visin 2016, "A guide to convolution arithmetic"."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Construction, Layer, Misfit, Weight, argument, pair
from cnnspec.layers.pads import MODES, Sides, Sliding
from cnnspec.layers.size_formulas import SLIDING, TRANSPOSED
from cnnspec.layers.starting_values import Valued, kernel_values
from cnnspec.layers.windows import Pace, Window, transposed
from cnnspec.values.comparisons import Bound
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape, conv_size, effective, same_padding, transposed_size

STRIDE = argument("size", (1, 1), low=1, doc="step of the window", torch="stride")
PAD = argument(
    "pad",
    (0, 0, 0, 0),
    low=0,
    choices=("same",),
    doc='`1`, `1x2` (height, width), `[top, bottom, left, right]`, or `"same"`: o = ceil(n/stride), '
    "the odd one on the far side (published networks with a stride mean `pad=k//2`)",
    torch="padding",
)
DILATION = argument("size", (1, 1), low=1, doc="distance between a kernel's taps", torch="dilation")
GROUPS = argument("count", 1, low=1, doc="channels are split into so many independent groups", torch="groups")
BIAS = argument("flag", True, doc="a number is added to each filter's map", torch="bias")
MODE = argument("word", "zeros", choices=("zeros", *MODES), doc="what the pad holds", torch="padding_mode")


class _Convolution(Valued):
    """What all convolutions share."""

    filter: Filter
    stride: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    filter_axis = 0  # the axis of the weight that counts filters

    def kernel_of(self) -> tuple[int, int]:
        return self.filter.kernel

    def filters(self, x: Shape) -> int:
        return self.filter.count

    def split(self, x: Shape) -> int:
        """The number of groups."""
        return self.groups

    def kernel_shape(self, x: Shape) -> tuple[int, ...]:
        return (self.filters(x), x.channels // self.split(x), *self.kernel_of())

    def check_channels(self, x: Shape) -> None:
        groups, filters = self.split(x), self.filters(x)
        self.check_claim("channels", x.channels, groups)
        if groups != 1 and (x.channels % groups or filters % groups):
            counted = x.channels if x.channels % groups else filters
            what = "channels that arrive" if x.channels % groups else "filters"
            message = f"{groups} groups do not divide the {counted} {what}"
            raise Misfit("E0404", message, "groups", f"{counted} % {groups} = {counted % groups}")
        self.check_biases(filters)
        # For its Misfit alone: `weights` of another shape.
        self.first_weights(x)

    def first_weights(self, x: Shape) -> Any:
        """What `weights` gives, as lists that broadcast to the weight. Raises Misfit."""
        return kernel_values(self.weights_, self.kernel_shape(x), self.filter_axis, self.split(x))


class _Standardized(Layer):
    """A convolution whose filters may be standardised: brought to mean 0 and deviation 1 before use.

    Qiao et al. 2019, "Micro-batch training with batch-channel normalization and weight standardization"; with
    a trained gain, Brock et al. 2021, "Characterizing signal propagation", section 4: in the mean a filter
    then keeps the variance of what arrives, times gamma^2. The gain: filters x 1 x 1 x 1.
    """

    standardize: bool = argument(
        "flag", False, doc="each filter less its mean, divided by its deviation, before it is used"
    )
    gain: bool = argument("flag", False, doc="standardised filters times a trained gain * gamma/sqrt(fan-in)")
    gamma: float = argument(
        "float", 1.0, doc="of the gain: what makes up for the activation, 1.7139 for relu"
    )
    eps: float = argument("float", 1e-6, low=0, doc="added to the variance of standardised filters")

    def check_standardized(self) -> None:
        """Hold arguments to what they are for. Raises Misfit."""
        for name in ("gain", "gamma", "eps"):
            needs = "gain" if name == "gamma" else "standardize"
            if self.value(name) != self.arguments[name].default and not self.value(needs):
                raise Misfit("E0304", f"`{name}` is for `{needs}=yes`", name)

    def check_deviation(self, kernel: tuple[int, ...]) -> None:
        """Raises Misfit where the filters of a weight of this shape have no deviation."""
        if self.standardize and kernel[1:] == (1, 1, 1):
            message = f"`{self.name}` has filters of one weight, which has no deviation"
            raise Misfit("E0413", message, "standardize")

    def gains(self, filters: int, trained: bool) -> tuple[Weight, ...]:
        return (Weight("gain", (filters, 1, 1, 1), trained),) if self.gain else ()


class _Windowed(_Convolution, _Standardized, Sliding):
    """A convolution whose window walks over the padded map."""

    pad: str | Sides
    packed = False  # both for a rewrite to set: whether its weights are laid out once, in PyTorch, …
    activation: str | None = None  # … and what is applied to what it makes

    def settle(self) -> None:
        super().settle()
        self.check_standardized()

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return (*super().weights(x), *self.gains(self.filters(x), not self.frozen))

    def sides(self, x: Shape) -> Sides:
        """The padding in numbers when `x` arrives."""
        if not isinstance(self.pad, str):
            return self.pad
        height, width = self.need_map(x)
        (kh, kw), (sh, sw), (dh, dw) = self.kernel_of(), self.stride, self.dilation
        return (*same_padding(height, kh, sh, dh), *same_padding(width, kw, sw, dw))

    def output(self, x: Shape) -> Shape:
        self.need_map(x)
        self.check_channels(x)
        self.check_deviation(self.kernel_shape(x))
        return Shape(self.filters(x), *self.size_of(x))

    def _along(self, n: int, k: int, s: int, d: int, lo: int, hi: int) -> int:
        return conv_size(n, k, s, d, lo, hi)

    def macs(self, x: Shape) -> int:
        kh, kw = self.kernel_of()
        height, width = self.size_of(x)
        return height * width * self.filters(x) * (x.channels // self.split(x)) * kh * kw

    def torch(self, x: Shape) -> Construction:
        even, padding = self.is_even(x), self.torch_padding(x)
        if even and self.pad == "same" and self.stride == (1, 1):
            padding = "same"  # PyTorch's would do for uneven sides too, but warns that it copies
        keywords = {
            "kernel_size": pair(self.kernel_of()),
            "stride": pair(self.stride),
            "padding": padding,
            "dilation": pair(self.dilation),
            "groups": self.split(x),
            "bias": self.bias,
            "padding_mode": self.mode,
        }
        name = "nn.Conv2d" if even else "PaddedConv2d"
        if self.packed and even:
            name = "PackedConv2d"
            keywords["activation"] = self.activation or "none"
        if self.standardize:
            name = "StandardizedConv2d"
            keywords |= {"gain": self.gain, "gamma": self.gamma, "eps": self.eps}
        return self.finish(Construction(name, (x.channels, self.filters(x)), keywords), self.first_weights(x))


class Conv(_Windowed):
    """Convolution (cross-correlation: the kernel is not flipped) of C_in@HxW with `count` filters.

    Weight: count x C_in/groups x kh x kw; bias: count. Dumoulin and Visin 2016, relationship 6.
    Standardised (Qiao et al. 2019), a filter is (w - mean)/sqrt(variance + eps) when it is used; with
    `gain=yes` (Brock et al. 2021) times gain * gamma/sqrt(fan-in). Gain: count x 1 x 1 x 1.
    """

    summary = "convolution; the kernel is not flipped, as in every framework"
    size_formula = SLIDING
    formula = f"o = {size_formula}, e = dilation*(k - 1) + 1"
    example = "conv 64@3x3 stride=2 pad=1"
    torch_class = "nn.Conv2d"
    positional = ("filter",)
    filter: Filter = argument(
        "filter", low=1, doc="number of filters and their kernel: `64@3x3`", torch="out_channels kernel_size"
    )
    stride: tuple[int, int] = STRIDE
    pad: str | Sides = PAD
    dilation: tuple[int, int] = DILATION
    groups: int = GROUPS
    bias: bool = BIAS
    mode: str = MODE


class Depthwise(_Windowed):
    """Convolution of every channel for itself: a `conv` of C * multiplier filters in C groups.

    Weight: C*multiplier x 1 x kh x kw; bias: C*multiplier. Sifre 2014; Chollet 2017, "Xception".
    """

    summary = "convolution of every channel for itself"
    size_formula = SLIDING
    formula = f"o = {size_formula}, e = dilation*(k - 1) + 1; C*multiplier channels"
    example = "depthwise 3x3 pad=1"
    torch_class = "nn.Conv2d"
    positional = ("kernel", "multiplier")
    kernel: tuple[int, int] = argument(
        "size", low=1, doc="height and width of the kernels", torch="kernel_size"
    )
    multiplier: int = argument("count", 1, low=1, doc="filters a channel", torch="out_channels")
    stride: tuple[int, int] = STRIDE
    pad: str | Sides = PAD
    dilation: tuple[int, int] = DILATION
    bias: bool = BIAS
    mode: str = MODE

    def kernel_of(self) -> tuple[int, int]:
        return self.kernel

    def filters(self, x: Shape) -> int:
        return x.channels * self.multiplier

    def split(self, x: Shape) -> int:
        return x.channels

    def kernel_shape(self, x: Shape) -> tuple[int, ...]:
        return (self.filters(x), 1, *self.kernel)


class ConvTranspose(_Convolution):
    """Transposed convolution: every pixel puts its kernel down, `stride` apart, and overlaps add up.

    Weight: C_in x count/groups x kh x kw; bias: count. Dumoulin and Visin 2016, relationship 14.
    `weights`, one a filter, wants `groups=1`.
    """

    summary = "transposed convolution, which enlarges"
    size_formula = TRANSPOSED
    formula = f"o = {size_formula}, e = dilation*(k - 1) + 1"
    example = "convtranspose 32@2x2 stride=2"
    torch_class = "nn.ConvTranspose2d"
    positional = ("filter",)
    filter: Filter = argument(
        "filter", low=1, doc="number of filters and their kernel: `64@2x2`", torch="out_channels kernel_size"
    )
    stride: tuple[int, int] = argument(
        "size", (1, 1), low=1, doc="distance at which the pixels are laid out", torch="stride"
    )
    pad: tuple[int, int] = argument(
        "size", (0, 0), low=0, doc="rows and columns cut off each side of the output", torch="padding"
    )
    extra: tuple[int, int] = argument(
        "size",
        (0, 0),
        low=0,
        doc="rows and columns more at the bottom and right; below stride or dilation",
        torch="output_padding",
    )
    dilation: tuple[int, int] = DILATION
    groups: int = GROUPS
    bias: bool = BIAS
    filter_axis = 1

    def settle(self) -> None:
        super().settle()
        for extra, s, d in zip(self.extra, self.stride, self.dilation, strict=True):
            if extra >= max(s, d):
                message = f"`extra={extra}` must be below the stride {s}" + (
                    f" or the dilation {d}" if d > 1 else ""
                )
                raise Misfit("E0304", message, "extra", data=Bound("most", max(s, d) - 1))

    def kernel_shape(self, x: Shape) -> tuple[int, ...]:
        return (x.channels, self.filter.count // self.groups, *self.filter.kernel)

    def paces(self) -> tuple[Pace, Pace]:
        return Pace(1, self.stride[0]), Pace(1, self.stride[1])

    def output(self, x: Shape) -> Shape:
        height, width = self.need_map(x)
        self.check_channels(x)
        return Shape(self.filter.count, self._along("height", height, 0), self._along("width", width, 1))

    def _along(self, axis: str, n: int, i: int) -> int:
        k, s, d = self.filter.kernel[i], self.stride[i], self.dilation[i]
        p, extra = self.pad[i], self.extra[i]
        o = transposed_size(n, k, s, d, p, extra)
        if o < 1:
            message = f"`pad={p}` leaves no {axis}"
            raise Misfit(
                "E0401", message, "pad", f"({n} - 1)*{s} - 2*{p} + {effective(k, d)} + {extra} = {o}"
            )
        return o

    def macs(self, x: Shape) -> int:
        # Every pixel that arrives puts its kernel down once, whatever the output's size.
        count, (kh, kw) = self.filter
        height, width = x.size
        return height * width * x.channels * (count // self.groups) * kh * kw

    def reads(self, x: Shape) -> tuple[Window, Window]:
        down, across = zip(self.filter.kernel, self.stride, self.dilation, self.pad, strict=True)
        return transposed(*down), transposed(*across)

    def torch(self, x: Shape) -> Construction:
        keywords = {
            "kernel_size": pair(self.filter.kernel),
            "stride": pair(self.stride),
            "padding": pair(self.pad),
            "output_padding": pair(self.extra),
            "groups": self.groups,
            "bias": self.bias,
            "dilation": pair(self.dilation),
            "padding_mode": "zeros",
        }
        module = Construction("nn.ConvTranspose2d", (x.channels, self.filter.count), keywords)
        return self.finish(module, self.first_weights(x))
