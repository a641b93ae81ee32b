"""Convolutions. Their sizes are those of Dumoulin and Visin 2016, "A guide to convolution arithmetic"."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Argument, Call, Misfit, Weight, pair
from cnnspec.layers.pads import MODES, Sides, check_mode, torch_sides
from cnnspec.layers.standardized import STANDARDIZED, Standardized
from cnnspec.layers.values import BIASES, FROZEN, INIT, WEIGHTS, Valued, kernel_values
from cnnspec.layers.windows import Pace, Window, sliding, transposed
from cnnspec.values.comparisons import Bound
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape, conv_size, effective, same_padding, transposed_size, unread

STRIDE = Argument("size", (1, 1), low=1, doc="step of the window")
PAD = Argument(
    "pad",
    (0, 0, 0, 0),
    low=0,
    choices=("same",),
    doc='`1`, `1x2` (height, width), `[top, bottom, left, right]`, or `"same"`: o = ceil(n/stride), '
    "the odd one on the far side (published networks with a stride mean `pad=k//2`)",
)
DILATION = Argument("size", (1, 1), low=1, doc="distance between a kernel's taps")
GROUPS = Argument("count", 1, low=1, doc="channels are split into so many independent groups")
BIAS = Argument("flag", True, doc="a number is added to each filter's map")
MODE = Argument("word", "zeros", choices=("zeros", *MODES), doc="what the pad holds")
CLAIM = Argument("count", None, low=1, doc="the channels that arrive: inferred, and checked where written")
NUMBERS = {"init": INIT, "weights": WEIGHTS, "biases": BIASES, "frozen": FROZEN, "in": CLAIM}


class _Convolution(Valued):
    """What all convolutions share. Subclasses say how many filters and groups there are."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    filter_axis = 0  # the axis of the weight that counts filters

    def kernel_of(self) -> tuple[int, int]:
        raise NotImplementedError

    def filters(self, x: Shape) -> int:
        raise NotImplementedError

    def split(self, x: Shape) -> int:
        """The number of groups."""
        raise NotImplementedError

    def kernel_shape(self, x: Shape) -> tuple[int, ...]:
        """The weight's shape."""
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
        if self._weights is not None:
            kernel_values(self._weights, self.kernel_shape(x), self.filter_axis, groups)

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        weight = Weight("weight", self.kernel_shape(x), not self.frozen)
        return (weight, Weight("bias", (self.filters(x),), not self.frozen)) if self.bias else (weight,)

    def complete(self, module: Call, x: Shape) -> Call:
        values = kernel_values(self._weights, self.kernel_shape(x), self.filter_axis, self.split(x))
        return self.finish(module, values)


class _Windowed(_Convolution, Standardized):
    """A convolution whose window walks over the padded map."""

    pad: str | Sides
    mode: str
    activation: str | None = None  # applied to what it makes; for a rewrite to set

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

    def is_even(self, x: Shape) -> bool:
        """Whether opposite sides are padded alike: PyTorch's own module takes no other pad."""
        top, bottom, left, right = self.sides(x)
        return (top, left) == (bottom, right)

    def paces(self) -> tuple[Pace, Pace]:
        return Pace(self.stride[0], 1), Pace(self.stride[1], 1)

    def output(self, x: Shape) -> Shape:
        height, width = self.need_map(x)
        self.check_channels(x)
        self.check_deviation(self.kernel_shape(x))
        top, bottom, left, right = self.sides(x)
        if self.mode != "zeros":
            check_mode(self.mode, x, (top, bottom, left, right))
        return Shape(
            self.filters(x),
            self._along("height", height, 0, top, bottom),
            self._along("width", width, 1, left, right),
        )

    def _along(self, axis: str, n: int, i: int, lo: int, hi: int) -> int:
        k, s, d = self.kernel_of()[i], self.stride[i], self.dilation[i]
        o = conv_size(n, k, s, d, lo, hi)
        if o < 1:
            e = effective(k, d)
            spread = f", {k} with dilation {d}," if d > 1 else ""
            room = f"the {'padded ' if lo + hi else ''}map's {n + lo + hi}"
            message = f"the kernel's {axis} {e}{spread} is larger than {room}"
            map_ = f"{n} + {lo} + {hi}" if lo + hi else f"{n}"
            kernel = f"{d}*({k} - 1) + 1 = {e}" if d > 1 else f"{k}"
            raise Misfit("E0401", message, self.positional[0], f"map {map_} < kernel {kernel}")
        return o

    def macs(self, x: Shape) -> int:
        out = self.output(x)
        kh, kw = self.kernel_of()
        height, width = out.size
        return height * width * out.channels * (x.channels // self.split(x)) * kh * kw

    def reads(self, x: Shape) -> tuple[Window, Window]:
        top, _, left, _ = self.sides(x)
        down, across = zip(self.kernel_of(), self.stride, self.dilation, (top, left), strict=True)
        return sliding(*down), sliding(*across)

    def unread(self, x: Shape) -> tuple[int, int]:
        if self.stride == (1, 1):
            return 0, 0
        (height, width), (top, bottom, left, right) = x.size, self.sides(x)
        rows = self._along("height", height, 0, top, bottom)
        columns = self._along("width", width, 1, left, right)
        down, across = zip(self.kernel_of(), self.stride, self.dilation, (top, left), strict=True)
        return unread(height, rows, *down), unread(width, columns, *across)

    def torch(self, x: Shape) -> Call:
        sides = top, _, left, _ = self.sides(x)
        even = self.is_even(x)
        padding: Any = pair((top, left)) if even else torch_sides(sides)
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
        if self.activation is not None:
            keywords["activation"] = self.activation
        name = "nn.Conv2d" if even else "PaddedConv2d"
        if self.standardize:
            name = "StandardizedConv2d"
            keywords |= {"gain": self.gain, "gamma": self.gamma, "eps": self.eps}
        return self.complete(Call(name, (x.channels, self.filters(x)), keywords), x)


class Conv(_Windowed):
    """Convolution (cross-correlation: the kernel is not flipped) of C_in@HxW with `count` filters.

    Weight: count x C_in/groups x kh x kw; bias: count. Dumoulin and Visin 2016, relationship 6.
    Standardised (Qiao et al. 2019), a filter is (w - mean)/sqrt(variance + eps) when it is used; with
    `gain=yes` (Brock et al. 2021) times gain * gamma/sqrt(fan-in). Gain: count x 1 x 1 x 1.
    """

    name = "conv"
    summary = "convolution; the kernel is not flipped, as in every framework"
    formula = "o = (n + lo + hi - e)//stride + 1, e = dilation*(k - 1) + 1"
    example = "conv 64@3x3 stride=2 pad=1"
    torch_class = "nn.Conv2d"
    torch_arguments = {
        "out_channels": "filter",
        "kernel_size": "filter",
        "stride": "stride",
        "padding": "pad",
        "dilation": "dilation",
        "groups": "groups",
        "bias": "bias",
        "padding_mode": "mode",
    }
    positional = ("filter",)
    arguments = {
        "filter": Argument("filter", low=1, doc="number of filters and their kernel: `64@3x3`"),
        "stride": STRIDE,
        "pad": PAD,
        "dilation": DILATION,
        "groups": GROUPS,
        "bias": BIAS,
        "mode": MODE,
        **NUMBERS,
        **STANDARDIZED,
    }

    filter: Filter
    groups: int

    def kernel_of(self) -> tuple[int, int]:
        return self.filter.kernel

    def filters(self, x: Shape) -> int:
        return self.filter.count

    def split(self, x: Shape) -> int:
        return self.groups


class Depthwise(_Windowed):
    """Convolution of every channel for itself: a `conv` of C * multiplier filters in C groups.

    Weight: C*multiplier x 1 x kh x kw; bias: C*multiplier. Sifre 2014; Chollet 2017, "Xception".
    """

    name = "depthwise"
    summary = "convolution of every channel for itself"
    formula = "o = (n + lo + hi - e)//stride + 1, e = dilation*(k - 1) + 1; C*multiplier channels"
    example = "depthwise 3x3 pad=1"
    torch_class = "nn.Conv2d"
    torch_arguments = {
        "out_channels": "multiplier",
        "kernel_size": "kernel",
        "stride": "stride",
        "padding": "pad",
        "dilation": "dilation",
        "bias": "bias",
        "padding_mode": "mode",
    }
    positional = ("kernel", "multiplier")
    arguments = {
        "kernel": Argument("size", low=1, doc="height and width of the kernels"),
        "multiplier": Argument("count", 1, low=1, doc="filters a channel"),
        "stride": STRIDE,
        "pad": PAD,
        "dilation": DILATION,
        "bias": BIAS,
        "mode": MODE,
        **NUMBERS,
        **STANDARDIZED,
    }

    kernel: tuple[int, int]
    multiplier: int

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

    name = "convtranspose"
    summary = "transposed convolution, which enlarges"
    formula = "o = (n - 1)*stride - 2*pad + e + extra, e = dilation*(k - 1) + 1"
    example = "convtranspose 32@2x2 stride=2"
    torch_class = "nn.ConvTranspose2d"
    torch_arguments = {
        "out_channels": "filter",
        "kernel_size": "filter",
        "stride": "stride",
        "padding": "pad",
        "output_padding": "extra",
        "groups": "groups",
        "bias": "bias",
        "dilation": "dilation",
    }
    positional = ("filter",)
    arguments = {
        "filter": Argument("filter", low=1, doc="number of filters and their kernel: `64@2x2`"),
        "stride": Argument("size", (1, 1), low=1, doc="distance at which the pixels are laid out"),
        "pad": Argument("size", (0, 0), low=0, doc="rows and columns cut off each side of the output"),
        "extra": Argument(
            "size",
            (0, 0),
            low=0,
            doc="rows and columns more at the bottom and right; below stride or dilation",
        ),
        "dilation": DILATION,
        "groups": GROUPS,
        "bias": BIAS,
        **NUMBERS,
    }
    filter_axis = 1

    filter: Filter
    pad: tuple[int, int]
    extra: tuple[int, int]
    groups: int

    def settle(self) -> None:
        super().settle()
        for extra, s, d in zip(self.extra, self.stride, self.dilation, strict=True):
            if extra >= max(s, d):
                message = f"`extra={extra}` must be below the stride {s}" + (
                    f" or the dilation {d}" if d > 1 else ""
                )
                raise Misfit("E0304", message, "extra", data=Bound("most", max(s, d) - 1))

    def kernel_of(self) -> tuple[int, int]:
        return self.filter.kernel

    def filters(self, x: Shape) -> int:
        return self.filter.count

    def split(self, x: Shape) -> int:
        return self.groups

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
        count, (kh, kw) = self.filter
        height, width = x.size
        return height * width * x.channels * (count // self.groups) * kh * kw

    def reads(self, x: Shape) -> tuple[Window, Window]:
        down, across = zip(self.filter.kernel, self.stride, self.dilation, self.pad, strict=True)
        return transposed(*down), transposed(*across)

    def torch(self, x: Shape) -> Call:
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
        return self.complete(Call("nn.ConvTranspose2d", (x.channels, self.filter.count), keywords), x)
