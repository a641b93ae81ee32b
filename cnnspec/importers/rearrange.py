"""The layer of the language that an arrangement is, where there is one."""

from __future__ import annotations

from cnnspec.importers.arrangement import (
    Axes,
    axes_of,
    flattened,
    permute,
    shuffled_factor,
    shuffled_groups,
    sizes_of,
)
from cnnspec.importers.as_maps import Reshape
from cnnspec.layers.base import Layer
from cnnspec.layers.linear import Flatten, Unflatten
from cnnspec.layers.resize import ChannelShuffle, PixelShuffle
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape


def layer_of(shape: Shape, axes: Axes, batch: int) -> Layer | None:
    """The layer that lays a value of this shape out as the axes say, the batch first; None: there is none."""
    natural = axes_of(shape, batch)
    if not axes or axes[0] != natural[0]:
        return None
    if axes == flattened(natural):
        return Flatten()
    if shape.is_map and axes == flattened(permute(natural, (0, 2, 3, 1))):
        return Flatten(order="HWC")
    if not shape.is_map and axes == (*natural, (), ()):
        return Reshape()
    if not shape.is_map and len(axes) == 4 and flattened(axes) == natural:
        count, height, width = sizes_of(axes)[1:]
        return Unflatten(shape=Filter(count, (height, width)))
    if groups := shuffled_groups(axes, shape, batch):
        return ChannelShuffle(groups=groups)
    if factor := shuffled_factor(axes, shape, batch):
        return PixelShuffle(factor=factor)
    return None
