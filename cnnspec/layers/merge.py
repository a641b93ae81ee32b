"""Joins: several values become one. Nothing is broadcast silently."""

from __future__ import annotations

from cnnspec.layers.base import Join, Misfit
from cnnspec.values.shapes import Shape


def _disagree(name: str, wanted: str, first: Shape, other: Shape) -> Misfit:
    return Misfit("E0402", f"`{name}` wants {wanted}, but {first} and {other} arrive")


class _Elementwise(Join):
    """Joins of values that must be of one shape."""

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        for shape in paths:
            if shape != paths[0]:
                raise _disagree(self.name, "equal shapes", paths[0], shape)
        return paths[0]


class Add(_Elementwise):
    """The sum of all paths, value by value. He et al. 2016, "Deep residual learning"."""

    summary = "the sum of the paths"
    formula = "the shape that all paths have"
    example = "add { | identity | conv 64@3x3 pad=1 }"
    symbol = "+"

    in_place: tuple[int, ...] = ()  # paths to whose value PyTorch may add the others, …
    activation: str | None = None  # … and what is applied to the sum; both for rewrites to set


class Sub(_Elementwise):
    """The first path less the second, value by value."""

    summary = "the first path less the second"
    formula = "the shape that both paths have"
    example = "sub { | identity | avgpool 3x3 stride=1 pad=1 }"
    symbol = "-"

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        if len(paths) > 2:
            raise Misfit("E0402", f"`sub` takes two paths, not {len(paths)}")
        return super().join(paths)


class Mul(_Elementwise):
    """The product of all paths, value by value; a gate has 1 in place of C, H or W, and weighs all along it.

    C@1x1 weighs channels, as in Hu, Shen and Sun 2018, "Squeeze-and-excitation networks"; 1@HxW pixels, as in
    Woo et al. 2018, "CBAM"; C@Hx1 and C@1xW rows and columns of each channel, as in Hou, Zhou and Feng 2021,
    "Coordinate attention for efficient mobile network design". Gates by themselves make a map, too.
    """

    summary = "the product of the paths; a gate C@1x1 weighs channels, 1@HxW pixels, C@Hx1 rows"
    formula = "C@HxW of maps of C or 1 channels, H or 1 rows, W or 1 columns; vectors of one length"
    example = "mul { | identity | globalavgpool, sigmoid }"
    symbol = "*"
    repeats = True

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        if not all(shape.is_map for shape in paths):
            return super().join(paths)
        axes = [*zip(*paths, strict=True)]
        for sizes in (*axes[1:], axes[0]):
            largest = sizes.index(max(sizes))
            for i, size in enumerate(sizes):
                if size not in (1, sizes[largest]):
                    wanted = "equal shapes or gates such as C@1x1, 1@HxW or C@Hx1"
                    raise _disagree(self.name, wanted, *(paths[each] for each in sorted((largest, i))))
        return Shape(*map(max, axes))


class Maximum(_Elementwise):
    """The largest of all paths, value by value.

    Of two halves of the channels: max-feature-map of Wu et al. 2018, "A light CNN for deep face
    representation". The gradient goes to the largest path, half and half where two are equal.
    """

    summary = "the largest of the paths, value by value"
    formula = "the shape that all paths have"
    example = "maximum { | slice 0 32 | slice 32 64 }"
    function = "torch.maximum"


class Minimum(_Elementwise):
    """The smallest of all paths, value by value. The gradient is as that of `maximum`."""

    summary = "the smallest of the paths, value by value"
    formula = "the shape that all paths have"
    example = "minimum { | slice 0 32 | slice 32 64 }"
    function = "torch.minimum"


class Concat(Join):
    """The channels of all paths, one after the other: A@HxW and B@HxW to (A + B)@HxW. Vectors end to end."""

    summary = "the channels of all paths, one after the other"
    formula = "sum of the channels, at the height and width that all paths have"
    example = "concat { | conv 16@1x1 | conv 32@3x3 pad=1 }"

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        first, *others = paths
        channels = first.channels
        for shape in others:
            if shape[1:] != first[1:]:
                raise _disagree(self.name, "equal heights and widths", first, shape)
            channels = channels + shape.channels
        return first.with_channels(channels)
