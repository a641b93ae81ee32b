"""Convolutions. Their sizes are those of Dumoulin and Visin 2016, "A guide to convolution arithmetic"."""

from __future__ import annotations

from cnnspec.layers.base import Argument, Call, Filter, Layer, Misfit, Weight
from cnnspec.shapes import Shape, conv_size, effective, same_padding

Sides = tuple[int, int, int, int]
"""Padding at the top, bottom, left and right."""

PAD = Argument("pad", (0, 0, 0, 0), low=0, choices=("same",), doc='`1`, `1x2`, `[top, bottom, left, right]`, `"same"`')
INIT = Argument("text", None, doc='`"he"`, `"xavier"`, `"normal(0, 0.01)"`, `"uniform(-1, 1)"`; PyTorch\'s own')


class Conv(Layer):
    """Convolution (cross-correlation: the kernel is not flipped) of C_in@HxW with `count` filters.

    Weight: count x C_in/groups x kh x kw; bias: count.
    """

    name = "conv"
    summary = "convolution; the kernel is not flipped, as in every framework"
    formula = "o = (n + lo + hi - e)//stride + 1 with e = dilation*(k - 1) + 1"
    example = "conv 64@3x3 stride=2 pad=1"
    torch_class = "nn.Conv2d"
    positional = ("filter",)
    arguments = {
        "filter": Argument("filter", doc="`count@kernel`"),
        "stride": Argument("size", (1, 1), low=1, doc="step of the window"),
        "pad": PAD,
        "dilation": Argument("size", (1, 1), low=1, doc="distance between a kernel's taps"),
        "groups": Argument("int", 1, low=1, doc="channels are split into so many independent groups"),
        "bias": Argument("flag", True, doc="one number a filter is added"),
        "mode": Argument("word", "zeros", choices=("zeros", "reflect", "replicate", "circular"), doc="what the pad holds"),
        "init": INIT,
        "weights": Argument("numbers", None, doc="a fixed kernel: one for every filter and channel, or a list, one a filter"),
        "frozen": Argument("flag", False, doc="weights are buffers, never trained"),
    }

    filter: Filter
    stride: tuple[int, int]
    pad: str | Sides
    dilation: tuple[int, int]
    groups: int
    bias: bool
    mode: str
    init: str | None
    frozen: bool

    def sides(self, x: Shape) -> Sides:
        """The padding in numbers when `x` arrives."""
        if not isinstance(self.pad, str):
            return self.pad
        height, width = x.size
        (kh, kw), (sh, sw), (dh, dw) = self.filter.kernel, self.stride, self.dilation
        return (*same_padding(height, kh, sh, dh), *same_padding(width, kw, sw, dw))

    def output(self, x: Shape) -> Shape:
        self.need_map(x)
        if x.channels % self.groups or self.filter.count % self.groups:
            raise Misfit(
                "E0404",
                f"`groups={self.groups}` must divide the {x.channels} channels that arrive and the {self.filter.count} filters",
                "groups",
            )
        top, bottom, left, right = self.sides(x)
        return Shape(
            self.filter.count,
            self._along("height", x.size[0], 0, top, bottom),
            self._along("width", x.size[1], 1, left, right),
        )

    def _along(self, axis: str, n: int, i: int, lo: int, hi: int) -> int:
        k, s, d = self.filter.kernel[i], self.stride[i], self.dilation[i]
        o = conv_size(n, k, s, d, lo, hi)
        if o < 1:
            e = effective(k, d)
            raise Misfit(
                "E0401",
                f"the kernel's {axis} {e} is larger than the padded map's {n + lo + hi}",
                "filter",
                f"({n} + {lo} + {hi} - {e})//{s} + 1 has no window to start from",
            )
        return o

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        count, (kh, kw) = self.filter
        kernel = Weight("weight", (count, x.channels // self.groups, kh, kw), not self.frozen)
        return (kernel, Weight("bias", (count,), not self.frozen)) if self.bias else (kernel,)

    def macs(self, x: Shape) -> int:
        count, (kh, kw) = self.filter
        height, width = self.output(x).size
        return height * width * count * (x.channels // self.groups) * kh * kw

    def torch(self, x: Shape) -> Call:
        top, bottom, left, right = self.sides(x)
        call = Call(
            "nn.Conv2d",
            (x.channels, self.filter.count),
            {
                "kernel_size": self.filter.kernel,
                "stride": self.stride,
                "padding": (top, left),
                "dilation": self.dilation,
                "groups": self.groups,
                "bias": self.bias,
                "padding_mode": self.mode,
            },
        )
        return call
