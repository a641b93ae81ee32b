"""Joins: several values become one. Nothing is broadcast silently."""

from __future__ import annotations

from cnnspec.layers.base import Join, Misfit
from cnnspec.values.shapes import Shape


def _disagree(name: str, wanted: str, paths: tuple[Shape, ...], first: int, other: int) -> Misfit:
    message = f"`{name}` wants {wanted}, but {paths[first]} and {paths[other]} arrive"
    return Misfit("E0402", message, paths=(first, other))


class _Elementwise(Join):
    """Joins of values that must be of one shape."""

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        for i, shape in enumerate(paths):
            if shape != paths[0]:
                raise _disagree(self.name, "equal shapes", paths, 0, i)
        return paths[0]


class Add(_Elementwise):
    """The sum of all paths, value by value. He et al. 2016, "Deep residual learning"."""

    name = "add"
    summary = "the sum of the paths"
    formula = "the shape that all paths have"
    example = "add { | identity | conv 64@3x3 pad=1 }"
    symbol = "+"

    in_place: tuple[int, ...] = ()  # paths to whose value PyTorch may add the others, …
    activation: str | None = None  # … and what is applied to the sum; both for rewrites to set


class Sub(_Elementwise):
    """The first path less the second, value by value."""

    name = "sub"
    summary = "the first path less the second"
    formula = "the shape that both paths have"
    example = "sub { | identity | avgpool 3x3 stride=1 pad=1 }"
    symbol = "-"

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        if len(paths) > 2:
            raise Misfit(
                "E0402", f"`sub` takes two paths, not {len(paths)}", paths=tuple(range(2, len(paths)))
            )
        return super().join(paths)


class Mul(Join):
    """The product of all paths, value by value; a gate C@1x1 weighs channels, a gate 1@HxW pixels.

    Hu, Shen and Sun 2018, "Squeeze-and-excitation networks"; pixels as in Woo et al. 2018, "CBAM". One of
    each makes a map: every channel's number times every pixel's.
    """

    name = "mul"
    summary = "the product of the paths; a gate C@1x1 weighs whole channels, a gate 1@HxW pixels"
    formula = "C@HxW of paths that are C@HxW, C@1x1, 1@HxW or 1@1x1; vectors of one length"
    example = "mul { | identity | globalavgpool, sigmoid }"
    symbol = "*"

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        wide = max(range(len(paths)), key=lambda i: (is_wide(paths[i]), paths[i].channels > 1))
        deep = max(range(len(paths)), key=lambda i: (paths[i].channels > 1, i == wide))
        whole = paths[wide]
        if whole.is_map and whole.channels == 1:
            whole = whole.with_channels(paths[deep].channels)
        for i, shape in enumerate(paths):
            if shape != whole and not is_gate(shape, whole):
                wanted = "equal shapes or a gate C@1x1 or 1@HxW"
                raise _disagree(self.name, wanted, paths, min(wide, i), max(wide, i))
        return whole


def is_wide(shape: Shape) -> bool:
    return shape.is_map and shape.size != (1, 1)


def is_gate(shape: Shape, whole: Shape) -> bool:
    """Whether it weighs the channels of a map, its pixels, or all of it."""
    if not shape.is_map or not whole.is_map:
        return False
    return shape.channels in (1, whole.channels) and shape.size in ((1, 1), whole.size)


class Concat(Join):
    """The channels of all paths, one after the other: A@HxW and B@HxW to (A + B)@HxW. Vectors end to end."""

    name = "concat"
    summary = "the channels of all paths, one after the other"
    formula = "sum of the channels, at the height and width that all paths have"
    example = "concat { | conv 16@1x1 | conv 32@3x3 pad=1 }"

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        first, *others = paths
        channels = first.channels
        for i, shape in enumerate(others, 1):
            if shape[1:] != first[1:]:
                raise _disagree(self.name, "equal heights and widths", paths, 0, i)
            channels = channels + shape.channels
        return first.with_channels(channels)
