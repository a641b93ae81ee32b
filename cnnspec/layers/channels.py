"""Layers that take channels as they are: a part of them, or each times a number."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Construction, Layer, Misfit, Weight, argument
from cnnspec.layers.starting_values import nesting
from cnnspec.values.comparisons import Bound
from cnnspec.values.shapes import Shape


class Slice(Layer):
    """The channels start to stop - 1, of a vector its features; as x[start:stop] in Python."""

    summary = "the channels from `start` up to, but not including, `stop`"
    formula = "(stop - start)@HxW"
    example = "slice 0 16"
    positional = ("start", "stop")
    start: int = argument("count", low=0, doc="first channel, from 0")
    stop: int | None = argument(
        "count", None, low=1, doc="the channel behind the last; if not given, the end"
    )

    def _stop(self, x: Shape) -> int:
        return x.channels if self.stop is None else self.stop

    def output(self, x: Shape) -> Shape:
        stop = self._stop(x)
        if stop > x.channels:
            raise Misfit("E0412", f"`stop={stop}` lies behind the {x.channels} channels that arrive", "stop")
        if self.start >= stop:
            raise Misfit("E0412", f"no channel lies from {self.start} up to {stop}", "start")
        return x.with_channels(stop - self.start)

    def torch(self, x: Shape) -> Construction:
        return Construction("Slice", (self.start, self._stop(x)))


class Pick(Layer):
    """The channels of a list, in its order; one may come twice. So is LeNet-5's C3 wired (1998)."""

    summary = "the channels of a list, in its order"
    formula = "(length of the list)@HxW"
    example = "pick [0, 1, 5]"
    positional = ("channels",)
    channels: list[int] = argument("list", low=0, doc="numbers of channels, from 0")

    def output(self, x: Shape) -> Shape:
        last = max(self.channels)
        if last >= x.channels:
            message = f"channel {last} is picked, but {x.channels} arrive, 0 to {x.channels - 1}"
            raise Misfit("E0412", message, "channels")
        return x.with_channels(len(self.channels))

    def torch(self, x: Shape) -> Construction:
        return Construction("Pick", (self.channels,))


class _Numbers(Layer):
    """A trained number a channel, or one in all; or a fixed one, which has no key.

    The tensor bears the step's own name. Its shape follows `dims`: C x 1 x 1 (C for a vector) if not given,
    C for 1, 1 x C x 1 x 1 for 4; of one number it is so many ones, and none if not given.
    """

    positional = ("init",)
    init: float = argument("float", 1.0, doc="what the numbers start from, or the fixed number")
    per: str = argument(
        "word", "channel", choices=("channel", "layer"), doc="one number a channel, or one in all"
    )
    trained: bool = argument("flag", True, doc="`trained=no`: `init` itself")
    dims: int | None = argument("int", None, low=0, high=4, doc="how many axes the tensor has")
    fixed_class = ""  # of the emitted program, for the fixed number

    def settle(self) -> None:
        if self.dims is not None and not self.trained:
            raise Misfit("E0304", "`dims` is for a trained tensor, but `trained=no`", "dims")

    def _shape(self, x: Shape) -> tuple[int, ...]:
        """The tensor's shape. Raises Misfit where none with `dims` axes fits x."""
        axes = 4 if x.is_map else 2
        if self.per == "layer":
            ones = (1,) * (self.dims or 0)
            shapes = {len(ones): ones} if len(ones) <= axes else {}
        else:
            behind = (1,) * (axes - 2)
            # By their number of axes, for 8@4x4: {1: (8,), 3: (8, 1, 1), 4: (1, 8, 1, 1)}.
            shapes = {1: (x.channels,), axes - 1: (x.channels, *behind), axes: (1, x.channels, *behind)}
        dims = self.dims if self.dims is not None else min(axes - 1, max(shapes))
        if dims not in shapes:
            what = "a map" if x.is_map else "a vector"
            raise Misfit("E0304", f"no tensor of {dims} axes {self.name}s {what} per {self.per}", "dims")
        return shapes[dims]

    def output(self, x: Shape) -> Shape:
        self._shape(x)
        return x

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return (Weight("", self._shape(x)),) if self.trained else ()

    def spread(self, x: Shape) -> tuple[int, ...]:
        """What the tensor is to be reshaped to, so that it fits the channels of x; nothing: it does."""
        # C numbers along one axis would lie along the map's width.
        return (-1, 1, 1) if self.per == "channel" and self.dims == 1 and x.is_map else ()

    def torch(self, x: Shape) -> Construction:
        if not self.trained:
            return Construction(self.fixed_class, (self.init,))
        return Construction("nn.Parameter", (Construction("torch.full", (self._shape(x), self.init)),))


class Scale(_Numbers):
    """Every channel times a trained number: the layer scale of Touvron et al. 2021, "Going deeper".

    With `per="layer"` one number is trained in all, as in SkipInit (De and Smith 2020); with `trained=no`
    it is fixed, as where residuals are scaled down (Szegedy et al. 2017, section 3.3).
    """

    summary = "every channel times a trained number, or all of them times one, trained or fixed"
    example = "scale 1e-6"
    symbol = "*"
    fixed_class = "Multiply"


class Shift(_Numbers):
    """Every channel plus a trained number, as behind a scale: ax + b of Touvron et al. 2022, "ResMLP".

    With `per="layer"` one number is trained in all; with `trained=no` it is fixed.
    """

    summary = "every channel plus a trained number, or all of them plus one, trained or fixed"
    symbol = "+"
    fixed_class = "Plus"
    init: float = _Numbers.arguments["init"]._replace(default=0.0)  # type: ignore[assignment]


class Normalize(Layer):
    """(x - mean)/std with fixed numbers, one in all or one a channel. They have no keys in the state_dict."""

    summary = "(x - mean)/std with fixed numbers, as images are prepared"
    example = "normalize mean=[0.485, 0.456, 0.406] std=[0.229, 0.224, 0.225]"
    example_input = "3@224x224"
    positional = ("mean", "std")
    mean: Any = argument("numbers", doc="a number, or a list, one a channel")
    std: Any = argument("numbers", doc="a number above 0, or a list, one a channel")

    def settle(self) -> None:
        for name in ("mean", "std"):
            shape = nesting(getattr(self, name))
            if shape is None or len(shape) > 1:
                raise Misfit("E0303", f"`{name}` wants a number or a list of numbers", name)
        if min(_each(self.std)) <= 0:
            raise Misfit("E0304", "`std` must be above 0", "std", data=Bound("above", 0))

    def output(self, x: Shape) -> Shape:
        self.need_map(x)
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if isinstance(numbers, list) and len(numbers) != x.channels:
                message = f"`{name}` has {len(numbers)} numbers, but {x.channels} channels arrive"
                raise Misfit("E0304", message, name, f"{len(numbers)} != {x.channels}")
        return x

    def torch(self, x: Shape) -> Construction:
        return Construction("Normalize", (), {"mean": _each(self.mean), "std": _each(self.std)})


class ChannelConv(Layer):
    """A one-dimensional convolution along the channels of every pixel, or along features, of one filter.

    Wang et al. 2020, "ECA-Net", section 3.2, on C@1x1. The ends are padded by kernel//2.
    Weight: 1 x 1 x kernel; bias: 1.
    """

    summary = "a convolution along channels or features, of one filter"
    example = "channelconv 3 bias=no"
    positional = ("kernel",)
    kernel: int = argument("int", low=1, doc="neighbouring channels that count; an odd number")
    bias: bool = argument("flag", True, doc="a number is added")
    mode: str = argument("word", "zeros", choices=("zeros", "circular"), doc="what the pad holds")

    def settle(self) -> None:
        if self.kernel % 2 == 0:
            raise Misfit("E0304", f"`kernel` must be odd, not {self.kernel}", "kernel")

    def output(self, x: Shape) -> Shape:
        pad = self.kernel // 2
        if self.mode == "circular" and pad > x.channels:
            message = f"a circular pad of {pad} is more than the {x.channels} channels that arrive"
            raise Misfit("E0411", message, "kernel", f"{self.kernel}//2 > {x.channels}")
        return x

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        weight = Weight("weight", (1, 1, self.kernel))
        return (weight, Weight("bias", (1,))) if self.bias else (weight,)

    def macs(self, x: Shape) -> int:
        return x.features * self.kernel

    def torch(self, x: Shape) -> Construction:
        return Construction("ChannelConv", (self.kernel,), {"bias": self.bias, "padding_mode": self.mode})


def _each(numbers: Any) -> list[float]:
    return [float(n) for n in numbers] if isinstance(numbers, list) else [float(numbers)]
