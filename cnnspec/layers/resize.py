"""Layers that move pixels about: upsampling, pixel shuffle, padding, cropping."""

from __future__ import annotations

import math

from cnnspec.layers.base import Construction, Layer, Misfit, argument, pair
from cnnspec.layers.pads import MODES, Sides, check_mode, torch_sides
from cnnspec.layers.size_formulas import CROPPED, PADDED, STRETCHED
from cnnspec.layers.windows import ALONG, LONGEST, STILL, Pace, Window, resized, shifted, sliding, stretched
from cnnspec.values.shapes import Shape


class Upsample(Layer):
    """The map at another size: every pixel repeated, or interpolated linearly along both axes.

    Nearest: output pixel q is pixel floor(q/factor). Bilinear: its centre is at (q + 0.5)/factor - 0.5; with
    `align=yes` the corners' centres coincide instead. With `size` the factor is size/n.
    """

    summary = "the map at another size, by the nearest pixel or by bilinear interpolation"
    size_formula = STRETCHED
    formula = f"o = {size_formula}, or o = size"
    example = "upsample 2"
    torch_class = "nn.Upsample"
    positional = ("factor",)
    factor: tuple[float, float] | None = argument(
        "factor",
        None,
        low=0,
        high=2**31 - 1,
        doc="number, or one an axis, such as `[2, 1.5]`",
        torch="scale_factor",
    )
    size: tuple[int, int] | None = argument(
        "size", None, low=1, doc="height and width of the output, in place of a factor", torch="size"
    )
    mode: str = argument(
        "word", "nearest", choices=("nearest", "bilinear"), doc="where the values come from", torch="mode"
    )
    align: bool = argument(
        "flag", False, doc="bilinear: the corners' centres stay where they are", torch="align_corners"
    )

    def settle(self) -> None:
        if (self.factor is None) == (self.size is None):
            raise Misfit("E0304", "`upsample` wants either a factor or a `size`", "size")
        if self.align and self.mode != "bilinear":
            raise Misfit("E0304", '`align=yes` needs `mode="bilinear"`', "align")

    def paces(self) -> tuple[Pace | None, Pace | None]:
        if self.factor is None:
            return STILL, STILL
        return stretched(self.factor[0]), stretched(self.factor[1])

    def output(self, x: Shape) -> Shape:
        height, width = self.need_map(x)
        if self.size is not None:
            return x.with_size(*self.size)
        assert self.factor is not None  # settle
        vertical, horizontal = self.factor
        return x.with_size(self._along("height", height, vertical), self._along("width", width, horizontal))

    @staticmethod
    def _along(axis: str, n: int, factor: float) -> int:
        o = math.floor(n * factor)
        if o < 1:
            message = f"`factor={factor:g}` leaves nothing of the {axis} {n}"
            raise Misfit("E0401", message, "factor", f"floor({n}*{factor:g}) = {o}")
        return o

    def reads(self, x: Shape) -> tuple[Window, Window]:
        out = self.output(x)
        factors = self.factor or (None, None)
        down, across = zip(self.need_map(x), out.size, factors, strict=True)
        return self._reads(*down), self._reads(*across)

    def _reads(self, n: int, o: int, factor: float | None) -> Window:
        if self.align:
            # From corner to corner o - 1 steps of the output are n - 1 of the map.
            return resized(n - 1, max(o - 1, 1), linear=True)
        if factor is not None:
            from fractions import Fraction

            # The float 1.1 is 2476979795053773/2**51, and 11/10 is meant: else no window would repeat.
            o, n = Fraction(factor).limit_denominator(LONGEST).as_integer_ratio()
        linear = self.mode == "bilinear"
        return resized(n, o, linear, linear)

    def torch(self, x: Shape) -> Construction:
        size = {"scale_factor": pair(self.factor)} if self.size is None else {"size": pair(self.size)}
        if not self._is_kept_by_torch():
            return Construction("Upsample", (), {**size, "mode": self.mode})
        if self.mode == "nearest":
            return Construction("nn.Upsample", (), {**size, "mode": "nearest"})
        return Construction("nn.Upsample", (), {**size, "mode": "bilinear", "align_corners": self.align})

    def _is_kept_by_torch(self) -> bool:
        """Whether nn.Upsample keeps to the formula for maps of all sizes.

        Where the output is as large as the map, as 4*1.1 is, it copies; nearest, it repeats every pixel where
        the output is twice as large. Nearest, it rounds q/factor to float32 before it takes the floor: of 26
        pixels made 22, the eleventh is to be 11*26/22 = 13 and becomes 12.
        """
        if self.mode == "bilinear":
            # Below 1.5 a map may keep its size, as 2*1.4 does; 2*1.5 = 3, and a
            # single pixel is copied anyway.
            return self.align or not any(1 < factor < 1.5 for factor in self.factor or ())
        return all(_is_exact(factor) for factor in self.factor or (0,))


def _is_exact(factor: float) -> bool:
    """Whether q/factor in float32 has the right floor: 2, 3 and 1/2 do; 2.3 does not, nor 41."""
    whole = factor if factor >= 1 else 1 / factor if factor else 0
    return 0 < whole <= 40 and whole == int(whole)


class PixelShuffle(Layer):
    """Every r*r channels become one channel, r times as high and as wide. Shi et al. 2016.

    Channel c*r*r + i*r + j is pixel (i, j) of each r x r square of channel c.
    """

    summary = "every r*r channels become an r times larger channel"
    formula = "C/r^2@(r*H)x(r*W)"
    example = "pixelshuffle 2"
    torch_class = "nn.PixelShuffle"
    positional = ("factor",)
    factor: int = argument("int", low=1, doc="r: how many times larger", torch="upscale_factor")

    def paces(self) -> tuple[Pace, Pace]:
        return Pace(1, self.factor), Pace(1, self.factor)

    def output(self, x: Shape) -> Shape:
        height, width = self.need_map(x)
        r = self.factor
        if x.channels % (r * r):
            message = f"`pixelshuffle {r}` needs {r * r} channels for one, which do not divide {x.channels}"
            raise Misfit("E0404", message, "factor", f"{x.channels} % {r}^2 = {x.channels % (r * r)}")
        return Shape(x.channels // (r * r), r * height, r * width)

    def reads(self, x: Shape) -> tuple[Window, Window]:
        window = resized(1, self.factor)
        return window, window


class PixelUnshuffle(Layer):
    """Every r x r square of pixels becomes r*r channels, the inverse of `pixelshuffle`: space to depth.

    Pixel (i, j) of the squares of channel c is channel c*r*r + i*r + j; behind it `channelshuffle C` makes it
    (i*r + j)*C + c, as TensorFlow and TResNet (Ridnik et al. 2021, section 2.1) count. Rows and columns that
    fill no square are left out.
    """

    summary = "every r x r square of pixels becomes r*r channels"
    formula = "C*r^2@(H//r)x(W//r)"
    example = "pixelunshuffle 2"
    torch_class = "nn.PixelUnshuffle"
    positional = ("factor",)
    factor: int = argument("int", low=1, doc="r: how many times smaller", torch="downscale_factor")

    def paces(self) -> tuple[Pace, Pace]:
        return Pace(self.factor, 1), Pace(self.factor, 1)

    def output(self, x: Shape) -> Shape:
        height, width = self.need_map(x)
        r = self.factor
        return Shape(x.channels * r * r, self._along("height", height), self._along("width", width))

    def _along(self, axis: str, n: int) -> int:
        r = self.factor
        if n < r:
            message = f"`pixelunshuffle {r}` takes squares of {r}x{r}, and the map's {axis} is {n}"
            raise Misfit("E0401", message, "factor", f"{n}//{r} = 0")
        return n // r

    def reads(self, x: Shape) -> tuple[Window, Window]:
        window = sliding(self.factor, self.factor)
        return window, window

    def unread(self, x: Shape) -> tuple[int, int]:
        height, width = x.size
        return height % self.factor, width % self.factor

    def torch(self, x: Shape) -> Construction:
        return Construction("PixelUnshuffle", (self.factor,))


class ChannelShuffle(Layer):
    """Channels in `groups` rows, read column by column: channel i*C/groups + j goes to j*groups + i.

    Zhang et al. 2018, "ShuffleNet".
    """

    summary = "channels in rows, read column by column"
    example = "channelshuffle 2"
    torch_class = "nn.ChannelShuffle"
    positional = ("groups",)
    groups: int = argument("count", low=1, doc="number of rows; divides the channels", torch="groups")
    maps_only, divides = True, "groups"

    def torch(self, x: Shape) -> Construction:
        return Construction("nn.ChannelShuffle", (self.groups,))


class Pad(Layer):
    """Rows and columns around the map: a constant, the map mirrored, its edge repeated, or its far side."""

    summary = "rows and columns around the map"
    size_formula = PADDED
    formula = f"o = {size_formula}"
    example = "pad [0, 1, 0, 1]"
    torch_class = "nn.ConstantPad2d"
    positional = ("pad",)
    pad: Sides = argument(
        "pad", low=0, doc="`1`, `1x2` (height, width) or `[top, bottom, left, right]`", torch="padding"
    )
    mode: str = argument(
        "word",
        "constant",
        choices=("constant", *MODES),
        doc="what the pad holds: a number, the map mirrored, its edge, its far side",
    )
    value_: float = argument("float", 0.0, doc="the number, where constant", torch="value")

    def settle(self) -> None:
        if self.mode != "constant" and self.value_:
            raise Misfit("E0304", f'a `value` is for `mode="constant"`, not "{self.mode}"', "value")

    def output(self, x: Shape) -> Shape:
        height, width = self.need_map(x)
        check_mode(self.mode, x, self.pad)
        top, bottom, left, right = self.pad
        return x.with_size(height + top + bottom, width + left + right)

    def reads(self, x: Shape) -> tuple[Window, Window]:
        return shifted(-self.pad[0]), shifted(-self.pad[2])

    def torch(self, x: Shape) -> Construction:
        sides = torch_sides(self.pad)
        if self.mode == "constant":
            return Construction("nn.ConstantPad2d", (sides,), {"value": self.value_})
        names = {"reflect": "ReflectionPad2d", "replicate": "ReplicationPad2d", "circular": "CircularPad2d"}
        return Construction(f"nn.{names[self.mode]}", (sides,))


class Crop(Layer):
    """The middle of the map, or the map less some rows and columns. U-Net (Ronneberger et al. 2015) crops so.

    To a size: (H - h)//2 rows go at the top, the others at the bottom, and so the columns.
    """

    summary = "the middle of the map, or the map without some rows and columns"
    size_formula = CROPPED
    formula = f"o = size, or o = {size_formula}"
    example = "crop 28x28"
    positional = ("size",)
    size: tuple[int, int] | None = argument(
        "size", None, low=1, doc="height and width of the part in the middle"
    )
    sides: Sides | None = argument(
        "pad", None, low=0, doc="what is cut off: `1`, `1x2` or `[top, bottom, left, right]`"
    )

    def settle(self) -> None:
        if (self.size is None) == (self.sides is None):
            raise Misfit("E0304", "`crop` wants either a size or `sides`", "sides")

    def window(self, x: Shape) -> tuple[int, int, int, int]:
        """First row, first column, height and width of what is left."""
        height, width = self.need_map(x)
        if self.size is not None:
            h, w = self.size
            if h > height or w > width:
                raise Misfit("E0412", f"`crop {h}x{w}` is larger than the map {x}", "size")
            return (height - h) // 2, (width - w) // 2, h, w
        assert self.sides is not None  # settle
        top, bottom, left, right = self.sides
        h, w = height - top - bottom, width - left - right
        if h < 1 or w < 1:
            sums = f"{height} - {top} - {bottom} = {h}, {width} - {left} - {right} = {w}"
            raise Misfit("E0412", f"`crop` leaves nothing of the map {x}", "sides", sums)
        return top, left, h, w

    def paces(self) -> tuple[Pace, Pace]:
        return (ALONG, ALONG) if self.size is None else (STILL, STILL)

    def output(self, x: Shape) -> Shape:
        return x.with_size(*self.window(x)[2:])

    def reads(self, x: Shape) -> tuple[Window, Window]:
        top, left, _, _ = self.window(x)
        return shifted(top), shifted(left)

    def torch(self, x: Shape) -> Construction:
        top, left, height, width = self.window(x)
        return Construction("Crop", (), {"top": top, "left": left, "height": height, "width": width})
