"""Pooling."""

from __future__ import annotations

from cnnspec.layers.base import Argument, Call, Join, Layer, Misfit, pair
from cnnspec.layers.pads import MODES, Sides, check_mode, torch_sides
from cnnspec.layers.windows import STILL, Pace, Window, resized, sliding, tiled, whole_window
from cnnspec.values.comparisons import Bound
from cnnspec.values.shapes import Shape, effective, pool_size, unread

WINDOW = Argument("size", low=1, doc="height and width of the window")
STRIDE = Argument("size", None, low=1, doc="step of the window; if not given, the window")
PAD = Argument(
    "pad",
    (0, 0, 0, 0),
    low=0,
    doc="`1`, `1x2` (height, width), or `[top, bottom, left, right]`; each at most half the window",
)
CEIL = Argument(
    "flag",
    False,
    doc="a last window may hang over the edge, if it starts inside the map or the pad before it",
)


class _Pool(Layer):
    """A window that walks over every channel for itself."""

    window: tuple[int, int]
    stride: tuple[int, int]
    pad: Sides
    ceil: bool
    dilation: tuple[int, int] = (1, 1)

    def settle(self) -> None:
        if self.stride is None:
            self.stride = self.window
        for k, p in zip(self.window, (max(self.sides()[:2]), max(self.sides()[2:])), strict=True):
            if p > k // 2:
                message = f"`pad={p}` is more than half the window's {k}"
                raise Misfit("E0304", message, "pad", f"{p} > {k}//2", data=Bound("most", k // 2))

    def sides(self) -> Sides:
        return self.pad

    def paces(self) -> tuple[Pace, Pace]:
        return Pace(self.stride[0], 1), Pace(self.stride[1], 1)

    def output(self, x: Shape) -> Shape:
        height, width = self.need_map(x)
        return x.with_size(self._along("height", height, 0), self._along("width", width, 1))

    def _along(self, axis: str, n: int, i: int) -> int:
        k, s, d, (lo, hi) = self.window[i], self.stride[i], self.dilation[i], self.sides()[2 * i : 2 * i + 2]
        o = pool_size(n, k, s, d, lo, self.ceil, hi)
        if o < 1:
            e, room = effective(k, d), n + lo + hi
            message = f"the window's {axis} {e} is larger than the {'padded ' if lo + hi else ''}map's {room}"
            padded = f"{n} + {lo} + {hi}" if lo + hi else f"{n}"
            raise Misfit("E0401", message, "window", f"{padded} < {d}*({k} - 1) + 1 = {e}")
        return o

    def reads(self, x: Shape) -> tuple[Window, Window]:
        down, across = zip(self.window, self.stride, self.dilation, self.sides()[::2], strict=True)
        return sliding(*down), sliding(*across)

    def unread(self, x: Shape) -> tuple[int, int]:
        if self.stride == (1, 1):
            return 0, 0
        (height, width), (rows, columns) = x.size, self.output(x).size
        down, across = zip(self.window, self.stride, self.dilation, self.sides()[::2], strict=True)
        return unread(height, rows, *down), unread(width, columns, *across)

    def torch(self, x: Shape) -> Call:
        """PyTorch's own module pads opposite sides alike."""
        keywords = self.torch_keywords()
        top, bottom, left, right = self.pad
        if (top, left) == (bottom, right):
            return Call(self.torch_class, (), keywords | {"padding": pair((top, left))})
        return Call(f"Padded{self.torch_class[3:]}", (), keywords | {"padding": torch_sides(self.pad)})


class MaxPool(_Pool):
    """The largest value of each window; the pad is below every number. C@HxW to C@oxo."""

    name = "maxpool"
    summary = "the largest value of each window; the pad holds -inf"
    formula = "o = (n + lo + hi - e + (stride - 1 if ceil))//stride + 1, e = dilation*(window - 1) + 1"
    example = "maxpool 3x3 stride=2 pad=1"
    torch_class = "nn.MaxPool2d"
    torch_arguments = {
        "kernel_size": "window",
        "stride": "stride",
        "padding": "pad",
        "dilation": "dilation",
        "ceil_mode": "ceil",
    }
    positional = ("window",)
    arguments = {
        "window": WINDOW,
        "stride": STRIDE,
        "pad": PAD,
        "dilation": Argument("size", (1, 1), low=1, doc="distance between a window's taps"),
        "ceil": CEIL,
    }


class MaxUnpool(Join):
    """The first path's values where a max pool of the second finds the largest of each window, 0 elsewhere.

    Of equal values the first, row by row. Badrinarayanan, Kendall and Cipolla 2017, "SegNet"; the places are
    the switches of Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks".
    """

    name = "maxunpool"
    summary = "values at the places of the largest of the second path's windows, 0 elsewhere"
    formula = "C@HxW of the second path; the first is as large as maxpool makes that, by the same window"
    example = "maxunpool 2x2 { | maxpool 2x2, tanh | identity }"
    torch_class = "nn.MaxUnpool2d"
    torch_arguments = {"kernel_size": "window"}
    function = "max_unpool"
    sized_by = 1
    positional = ("window",)
    arguments = {"window": WINDOW}

    window: tuple[int, int]

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        if len(paths) > 2:
            extra = tuple(range(2, len(paths)))
            raise Misfit("E0402", f"`maxunpool` takes two paths, not {len(paths)}", paths=extra)
        values, source = paths
        pooled = MaxPool(window=self.window).output(source)
        if values != pooled:
            message = f"`maxunpool` of a map {source} wants values {pooled}, but {values} arrive"
            raise Misfit("E0402", message, paths=(0, 1))
        return source

    def path_reads(self, count: int) -> list[tuple[Window, Window]]:
        """A pixel reads the value of its window, and all of the window."""
        rows, columns = self.window
        return [(resized(1, rows), resized(1, columns)), (whole_window(rows), whole_window(columns))]


class AvgPool(_Pool):
    """The mean of each window: its sum over the values it covers, the pad counted or not. C@HxW to C@oxo."""

    name = "avgpool"
    summary = "the mean of each window"
    formula = "o = (n + lo + hi - window + (stride - 1 if ceil))//stride + 1"
    example = "avgpool 2x2"
    torch_class = "nn.AvgPool2d"
    torch_arguments = {
        "kernel_size": "window",
        "stride": "stride",
        "padding": "pad",
        "ceil_mode": "ceil",
        "count_include_pad": "countpad",
        "divisor_override": "divisor",
    }
    positional = ("window",)
    arguments = {
        "window": WINDOW,
        "stride": STRIDE,
        "pad": PAD,
        "ceil": CEIL,
        "countpad": Argument("flag", True, doc="the pad's zeros count in the mean"),
        "divisor": Argument(
            "int", None, doc="what sums are divided by, in place of the number of values; not 0"
        ),
    }

    divisor: int | None

    def settle(self) -> None:
        super().settle()
        if self.divisor == 0:
            raise Misfit("E0304", "`divisor` must not be 0", "divisor")


class BlurPool(_Pool):
    """Means of windows weighed by the binomial coefficients of k - 1, along either axis, over 2^(k - 1).

    Zhang 2019, "Making convolutional networks shift-invariant again", section 3.3: behind a layer of stride
    1 it takes the place of a stride.
    """

    name = "blurpool"
    summary = "means of windows weighed by binomial coefficients"
    formula = "o = (n + 2*pad - window)//stride + 1"
    example = "blurpool 3"
    positional = ("window",)
    arguments = {
        "window": WINDOW,
        "stride": STRIDE._replace(default=(2, 2), doc="step of the window"),
        "pad": Argument(
            "size",
            None,
            low=0,
            doc="rows and columns on each side; at most half the window; if not given, that",
        ),
        "mode": Argument("word", "reflect", choices=("zeros", *MODES), doc="what the pad holds"),
    }
    ceil = False

    pad: tuple[int, int]  # type: ignore[assignment]  # both sides alike: nobody has needed others
    mode: str

    def settle(self) -> None:
        if self.pad is None:
            self.pad = (self.window[0] // 2, self.window[1] // 2)
        super().settle()

    def sides(self) -> Sides:
        down, across = self.pad
        return down, down, across, across

    def output(self, x: Shape) -> Shape:
        self.need_map(x)
        if self.mode != "zeros":
            check_mode(self.mode, x, self.sides())
        return super().output(x)

    def torch(self, x: Shape) -> Call:
        sizes = {"kernel_size": self.window, "stride": self.stride, "padding": self.pad}
        keywords = {name: pair(value) for name, value in sizes.items()} | {"padding_mode": self.mode}
        return Call("BlurPool", (x.channels,), keywords)


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

    def torch(self, x: Shape) -> Call:
        return Call(self.torch_class, (pair(self.size),))


SIZE = Argument("size", low=1, doc="height and width of the output, which may exceed the input's")


class AdaptiveAvgPool(_Adaptive):
    """Means over o x o windows that tile the map: window j of an axis is j*n//o up to ceil((j+1)*n/o)."""

    name = "adaptiveavgpool"
    summary = "means over as many windows as the output has pixels"
    formula = "o = size; window j of an axis runs from j*n//o to ceil((j + 1)*n/o)"
    example = "adaptiveavgpool 6x6"
    torch_class = "nn.AdaptiveAvgPool2d"
    torch_arguments = {"output_size": "size"}
    positional = ("size",)
    arguments = {"size": SIZE}


class AdaptiveMaxPool(_Adaptive):
    """Maxima over o x o windows that tile the map, the windows of `adaptiveavgpool`."""

    name = "adaptivemaxpool"
    summary = "maxima over as many windows as the output has pixels"
    formula = "o = size; the windows are those of adaptiveavgpool"
    example = "adaptivemaxpool 6x6"
    torch_class = "nn.AdaptiveMaxPool2d"
    torch_arguments = {"output_size": "size"}
    positional = ("size",)
    arguments = {"size": SIZE}


class GlobalAvgPool(_Adaptive):
    """The mean of every channel: C@HxW to C@1x1. Lin, Chen and Yan 2014, "Network in network"."""

    name = "globalavgpool"
    summary = "the mean of every channel"
    formula = "C@1x1"
    example = "globalavgpool"
    torch_class = "nn.AdaptiveAvgPool2d"


class GlobalMaxPool(_Adaptive):
    """The largest value of every channel: C@HxW to C@1x1."""

    name = "globalmaxpool"
    summary = "the largest value of every channel"
    formula = "C@1x1"
    example = "globalmaxpool"
    torch_class = "nn.AdaptiveMaxPool2d"


class _OverChannels(Layer):
    """One value of all channels of a pixel, or of all features."""

    def output(self, x: Shape) -> Shape:
        return x.with_channels(1)


class ChannelMean(_OverChannels):
    """The mean of every pixel's channels: C@HxW to 1@HxW. Woo et al. 2018, "CBAM", section 3."""

    name = "channelmean"
    summary = "the mean of every pixel's channels"
    formula = "1@HxW"
    example = "channelmean"

    def torch(self, x: Shape) -> Call:
        return Call("ChannelMean")


class ChannelMax(_OverChannels):
    """The largest of every pixel's channels: C@HxW to 1@HxW. Woo et al. 2018, "CBAM", section 3."""

    name = "channelmax"
    summary = "the largest value of every pixel's channels"
    formula = "1@HxW"
    example = "channelmax"

    def torch(self, x: Shape) -> Call:
        return Call("ChannelMax")
