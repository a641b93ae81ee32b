"""The layers of the language that an arrangement is, where there are any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from itertools import product

from cnnspec.importers.reading.arrangement import (
    Atom,
    Axes,
    Uneven,
    axes_of,
    flattened,
    joined,
    permute,
    reshape,
    sizes_of,
)
from cnnspec.importers.reading.as_maps import Reshape
from cnnspec.layers.base import Layer, Misfit
from cnnspec.layers.channels import Pick
from cnnspec.layers.linear import Flatten, Unflatten
from cnnspec.layers.resize import ChannelShuffle, PixelShuffle, PixelUnshuffle
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape


def layers_of(shape: Shape, axes: Axes, batch: int) -> tuple[Layer, ...]:
    """The layers that lay a value of this shape out as the axes say, the batch first; () without any."""
    natural = axes_of(shape, batch)
    if not axes or axes[0] != natural[0]:
        return ()
    if axes == flattened(natural):
        return (Flatten(),)
    if shape.is_map and axes == flattened(permute(natural, (0, 2, 3, 1))):
        return (Flatten(order="HWC"),)
    # `y.view(n, c, 1, 1)` of a vector.
    if not shape.is_map and axes == (*natural, (), ()):
        return (Reshape(),)
    # The numbers in the same order, as of `x.view(n, 3, 16, 16)` of 12@8x8.
    if len(axes) == 4 and flattened(axes) == flattened(natural):
        count, height, width = sizes_of(axes)[1:]
        unflatten = Unflatten(shape=Filter(count, (height, width)))
        return (Flatten(), unflatten) if shape.is_map else (unflatten,)
    if not shape.is_map or len(axes) != 4:
        return ()
    found = (layers for layers in shuffles(shape, axes) if laid_out(natural, layers) == axes)
    return next(found, ()) or picks(shape, axes)


def shuffles(shape: Shape, axes: Axes) -> Iterator[tuple[Layer, ...]]:
    """The shuffles of channels and of pixels that make maps of the axes' size.

    TensorFlow's space to depth has the pixels of a square outermost, and its inverse reads them so.
    """
    height, high = shape.size[0], sizes_of(axes)[2]
    # Candidates by the height alone: `layers_of` lays each out and compares all axes.
    if high == height:
        for groups in (n for n in range(2, shape.channels) if shape.channels % n == 0):
            yield (ChannelShuffle(groups=groups),)
    elif high < height:
        unshuffle = PixelUnshuffle(factor=height // high)
        yield (unshuffle,)
        yield unshuffle, ChannelShuffle(groups=shape.channels)
    else:
        shuffle = PixelShuffle(factor=high // height)
        yield (shuffle,)
        yield ChannelShuffle(groups=shuffle.factor**2), shuffle


LONGEST_PICK = 32
"""So many channels are picked by a list."""


def picks(shape: Shape, axes: Axes) -> tuple[Layer, ...]:
    """Channels, or pixels of squares as channels, in an order that is no shuffle: a list, if short."""
    _, count, high, wide = sizes_of(axes)
    factor = shape.size[0] // high
    others = joined([Atom("H", factor, high)]), joined([Atom("W", factor, wide)])
    if axes[2:] != others or count != shape.channels * factor**2 or count > LONGEST_PICK:
        return ()
    # Behind a pixelunshuffle channel c*factor**2 + y*factor + x is pixel (y, x) of channel c.
    steps = {"C": factor**2, "H": factor, "W": 1}
    # 3 channels, squares of 2, columns outermost: (W:1:2) (H:1:2) (C:1:3) is [0, 1] x [0, 2] x [0, 4, 8],
    # the list 0 4 8 2 6 10 1 5 9 3 7 11 of what `pixelunshuffle` makes.
    digits = ([digit * atom.stride * steps[atom.axis] for digit in range(atom.size)] for atom in axes[1])
    pick = Pick(channels=[sum(each) for each in product(*digits)])
    return (PixelUnshuffle(factor=factor), pick) if factor > 1 else (pick,)


def laid_out(axes: Axes, layers: tuple[Layer, ...]) -> Axes:
    """The axes after some shuffles; none where they do not fit."""
    with suppress(Uneven, Misfit):
        return reduce(shuffled, layers, axes)
    return ()


def shuffled(axes: Axes, layer: Layer) -> Axes:
    """The axes after a shuffle: they are parted, and put together in another order. Raises Uneven, Misfit."""
    n, *shape = sizes_of(axes)
    count, height, width = shape
    if isinstance(layer, PixelShuffle):
        # (n, c, y, x, h, w) -> (n, c, h, y, w, x): row h*side + y is of channel c*side**2 + y*side + x.
        side = layer.factor
        parted, order = [count // side**2, side, side, height, width], [0, 1, 4, 2, 5, 3]
    elif isinstance(layer, PixelUnshuffle):
        # (n, c, h, y, w, x) -> (n, c, y, x, h, w), the inverse.
        side = layer.factor
        parted, order = [count, height // side, side, width // side, side], [0, 1, 3, 5, 2, 4]
    else:
        # 6 channels in 2 groups are (C:1:3 C:3:2) then: channels 0 3 1 4 2 5.
        groups = layer.value("groups")
        parted, order = [groups, count // groups, height, width], [0, 2, 1, 3, 4]
    made = layer.output(Shape(*shape)).dimensions
    return reshape(permute(reshape(axes, [n, *parted]), order), [n, *made])
