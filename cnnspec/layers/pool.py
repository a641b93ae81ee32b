"""Pooling."""

from __future__ import annotations

from cnnspec.layers.base import Construction, Join, Layer, Misfit, argument, pair
from cnnspec.layers.pads import MODES, Sides, Sliding
from cnnspec.layers.size_formulas import AVERAGING, BLURRING, POOLING
from cnnspec.layers.windows import STILL, Pace, Window, resized, tiled, whole_window
from cnnspec.values.comparisons import Bound
from cnnspec.values.shapes import Shape, pool_size

WINDOW = argument("size", low=1, doc="height and width of the window", torch="kernel_size")
STRIDE = argument("size", None, low=1, doc="step of the window; if not given, the window", torch="stride")
PAD = argument(
    "pad",
    (0, 0, 0, 0),
    low=0,
    doc="`1`, `1x2` (height, width), or `[top, bottom, left, right]`; each at most half the window",
    torch="padding",
)
CEIL = argument(
    "flag",
    False,
    doc="a last window may hang over the edge, if it starts inside the map or the pad before it",
    torch="ceil_mode",
)


class _Pool(Sliding):
    """A window that walks over every channel for itself."""

    window: tuple[int, int]
    pad: Sides
    ceil: bool
    dilation = (1, 1)

    def settle(self) -> None:
        if self.stride is None:
            self.stride = self.window
        top, bottom, left, right = self.pad_of()
        for k, p in zip(self.window, (max(top, bottom), max(left, right)), strict=True):
            # PyTorch's pools refuse more.
            if p > k // 2:
                message = f"`pad={p}` is more than half the window's {k}"
                raise Misfit("E0304", message, "pad", f"{p} > {k}//2", data=Bound("most", k // 2))

    def kernel_of(self) -> tuple[int, int]:
        return self.window

    def pad_of(self) -> Sides:
        return self.pad

    def sides(self, x: Shape) -> Sides:
        return self.pad_of()

    def output(self, x: Shape) -> Shape:
        self.need_map(x)
        return x.with_size(*self.size_of(x))

    def _along(self, n: int, k: int, s: int, d: int, lo: int, hi: int) -> int:
        return pool_size(n, k, s, d, lo, self.ceil, hi)

    def torch(self, x: Shape) -> Construction:
        """PyTorch's own module pads opposite sides alike."""
        name = self.torch_class if self.is_even(x) else f"Padded{self.torch_class[3:]}"
        return Construction(name, (), self.torch_keywords() | {"padding": self.torch_padding(x)})


class MaxPool(_Pool):
    """The largest value of each window; the pad is below every number. C@HxW to C@oxo."""

    summary = "the largest value of each window; the pad holds -inf"
    size_formula = POOLING
    formula = f"o = {size_formula}, e = dilation*(window - 1) + 1"
    example = "maxpool 3x3 stride=2 pad=1"
    torch_class = "nn.MaxPool2d"
    positional = ("window",)
    window: tuple[int, int] = WINDOW
    stride: tuple[int, int] = STRIDE
    pad: Sides = PAD
    dilation: tuple[int, int] = argument(
        "size", (1, 1), low=1, doc="distance between a window's taps", torch="dilation"
    )
    ceil: bool = CEIL


class MaxUnpool(Join):
    """The first path's values where a max pool of the second finds the largest of each window, 0 elsewhere.

    Of equal values the first, row by row. Badrinarayanan, Kendall and Cipolla 2017, "SegNet"; the places are
    the switches of Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks".
    """

    summary = "values at the places of the largest of the second path's windows, 0 elsewhere"
    formula = "C@HxW of the second path; the first is as large as maxpool makes that, by the same window"
    example = "maxunpool 2x2 { | maxpool 2x2, tanh | identity }"
    torch_class = "nn.MaxUnpool2d"
    function = "max_unpool"
    sized_by = 1
    positional = ("window",)
    window: tuple[int, int] = WINDOW

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        if len(paths) > 2:
            raise Misfit("E0402", f"`maxunpool` takes two paths, not {len(paths)}")
        values, source = paths
        pooled = MaxPool(window=self.window).output(source)
        if values != pooled:
            raise Misfit("E0402", f"`maxunpool` of a map {source} wants values {pooled}, but {values} arrive")
        return source

    def path_reads(self, count: int) -> list[tuple[Window, Window]]:
        """A pixel reads the value of its window, and all of the window."""
        rows, columns = self.window
        return [(resized(1, rows), resized(1, columns)), (whole_window(rows), whole_window(columns))]


class AvgPool(_Pool):
    """The mean of each window: its sum over the values it covers, the pad counted or not. C@HxW to C@oxo."""

    summary = "the mean of each window"
    size_formula = AVERAGING
    formula = f"o = {size_formula}"
    example = "avgpool 2x2"
    torch_class = "nn.AvgPool2d"
    positional = ("window",)
    window: tuple[int, int] = WINDOW
    stride: tuple[int, int] = STRIDE
    pad: Sides = PAD
    ceil: bool = CEIL
    countpad: bool = argument(
        "flag", True, doc="the pad's zeros count in the mean", torch="count_include_pad"
    )
    divisor: int | None = argument(
        "int",
        None,
        doc="what sums are divided by, in place of the number of values; not 0",
        torch="divisor_override",
    )

    def settle(self) -> None:
        super().settle()
        if self.divisor == 0:
            raise Misfit("E0304", "`divisor` must not be 0", "divisor")


class BlurPool(_Pool):
    """Means of windows weighed by the binomial coefficients of k - 1, along either axis, over 2^(k - 1).

    Zhang 2019, "Making convolutional networks shift-invariant again", section 3.3: behind a layer of stride
    1 it takes the place of a stride.
    """

    summary = "means of windows weighed by binomial coefficients"
    size_formula = BLURRING
    formula = f"o = {size_formula}"
    example = "blurpool 3"
    positional = ("window",)
    window: tuple[int, int] = WINDOW
    stride: tuple[int, int] = STRIDE._replace(default=(2, 2), doc="step of the window")
    pad: tuple[int, int] = argument(  # type: ignore[assignment]  # sides alike: nobody has needed others
        "size", None, low=0, doc="rows and columns on each side; at most half the window; if not given, that"
    )
    mode: str = argument("word", "reflect", choices=("zeros", *MODES), doc="what the pad holds")
    ceil = False

    def settle(self) -> None:
        if self.pad is None:
            self.pad = (self.window[0] // 2, self.window[1] // 2)
        super().settle()

    def pad_of(self) -> Sides:
        down, across = self.pad
        return down, down, across, across

    def torch(self, x: Shape) -> Construction:
        sizes = {"kernel_size": self.window, "stride": self.stride, "padding": self.pad}
        keywords = {name: pair(value) for name, value in sizes.items()} | {"padding_mode": self.mode}
        return Construction("BlurPool", (x.channels,), keywords)


class _Adaptive(Layer):
    """A map of any size to a given one."""

    size: tuple[int, int] = (1, 1)

    def paces(self) -> tuple[Pace, Pace]:
        return STILL, STILL

    def output(self, x: Shape) -> Shape:
        self.need_map(x)
        return x.with_size(*self.size)

    def reads(self, x: Shape) -> tuple[Window, Window] | None:
        if self.size == (1, 1):
            return None
        down, across = zip(self.need_map(x), self.size, strict=True)
        return tiled(*down), tiled(*across)

    def torch(self, x: Shape) -> Construction:
        return Construction(self.torch_class, (pair(self.size),))


SIZE = argument(
    "size", low=1, doc="height and width of the output, which may exceed the input's", torch="output_size"
)


class AdaptiveAvgPool(_Adaptive):
    """Means over o x o windows that tile the map: window j of an axis is j*n//o up to ceil((j+1)*n/o)."""

    summary = "means over as many windows as the output has pixels"
    formula = "o = size; window j of an axis runs from j*n//o to ceil((j + 1)*n/o)"
    example = "adaptiveavgpool 6x6"
    torch_class = "nn.AdaptiveAvgPool2d"
    positional = ("size",)
    size: tuple[int, int] = SIZE


class AdaptiveMaxPool(_Adaptive):
    """Maxima over o x o windows that tile the map, the windows of `adaptiveavgpool`."""

    summary = "maxima over as many windows as the output has pixels"
    formula = "o = size; the windows are those of adaptiveavgpool"
    example = "adaptivemaxpool 6x6"
    torch_class = "nn.AdaptiveMaxPool2d"
    positional = ("size",)
    size: tuple[int, int] = SIZE


class GlobalAvgPool(_Adaptive):
    """The mean of every channel: C@HxW to C@1x1. Lin, Chen and Yan 2014, "Network in network"."""

    summary = "the mean of every channel"
    formula = "C@1x1"
    torch_class = "nn.AdaptiveAvgPool2d"


class GlobalMaxPool(_Adaptive):
    """The largest value of every channel: C@HxW to C@1x1."""

    summary = "the largest value of every channel"
    formula = "C@1x1"
    torch_class = "nn.AdaptiveMaxPool2d"


class _AcrossChannels(Layer):
    """One value of all channels of a pixel, or of all features."""

    def output(self, x: Shape) -> Shape:
        return x.with_channels(1)


class ChannelMean(_AcrossChannels):
    """The mean of every pixel's channels: C@HxW to 1@HxW. Woo et al. 2018, "CBAM", section 3."""

    summary = "the mean of every pixel's channels"
    formula = "1@HxW"
    helper = "ChannelMean"


class ChannelMax(_AcrossChannels):
    """The largest of every pixel's channels: C@HxW to 1@HxW. Woo et al. 2018, "CBAM", section 3."""

    summary = "the largest value of every pixel's channels"
    formula = "1@HxW"
    helper = "ChannelMax"
