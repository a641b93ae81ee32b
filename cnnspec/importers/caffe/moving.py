"""Rows of Caffe's layers that take values apart, put them together, or lay them out anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from cnnspec.importers.caffe.net import LayerReading
from cnnspec.importers.model import Value
from cnnspec.importers.reading.fields import Fields
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import channels, merge, resize


def concat(reading: LayerReading) -> Value:
    fields = reading.fields("concat_param")
    values = reading.values()
    expect_channels(fields, values, "axis", "concat_dim")
    return reading.add(merge.Concat(), *values)


def expect_channels(fields: Fields, values: Sequence[Value], *names: str) -> None:
    """Raises Refuse where an axis is not that of the channels."""
    last = str(-3 if values[0].shape.is_map else -1)
    for name in names:
        fields.expect(name, "1", last)


def cut(reading: LayerReading) -> list[Value]:
    """Slice: every top has the channels up to the next point; equal parts where no points are given."""
    fields = reading.fields("slice_param")
    value = reading.value
    expect_channels(fields, [value], "axis", "slice_dim")
    whole, count = value.shape.channels, len(reading.part.tops)
    points = [field.integer() for field in fields.all("slice_point")]
    if not points and count and whole % count == 0:
        points = [whole // count * place for place in range(1, count)]
    if len(points) != count - 1:
        raise Refuse("E1001", f"{len(points)} points and {count} tops, of {whole} channels", fields.line)
    # Points 4 and 10 of 16 channels: 0 to 4, 4 to 10, 10 to 16.
    ends = [0, *points, whole]
    return [reading.add(channels.Slice(start=start, stop=stop), value) for start, stop in pairwise(ends)]


def split(reading: LayerReading) -> list[Value]:
    return [reading.value] * len(reading.part.tops)


def flatten(reading: LayerReading) -> Value:
    fields = reading.fields("flatten_param")
    fields.expect("axis", "1")
    # Axis 0 is the batch's, so that the last one of C@HxW is 3.
    fields.expect("end_axis", "-1", str(len(reading.shape.dimensions)))
    return reading.net.flat(reading.value)


def reshape(reading: LayerReading) -> Value:
    """Where it makes a vector of a map or a map of a vector. 0 keeps a size, -1 is what is left."""
    fields = reading.fields("reshape_param")
    fields.expect("axis", "0")
    fields.expect("num_axes", "-1")
    dims = [field.integer() for field in fields.part("shape").all("dim")]
    old, whole = reading.shape.dimensions, reading.shape.features
    # dims[0] is the batch's. [0, 4, -1, 1] of 12 features -> [4, 3, 1]
    sizes = [old[i] if dim == 0 and i < len(old) else dim for i, dim in enumerate(dims[1:])]
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known > 0 and whole % known == 0:
        sizes[sizes.index(-1)] = whole // known
    if dims[:1] in ([0], [-1]) and min(sizes, default=0) > 0:
        if sizes == old:
            return reading.value
        if sizes == [whole]:
            return reading.net.flat(reading.value)
        if len(sizes) == 3:
            return reading.net.reshaped(reading.value, *sizes)
    raise Refuse("E1005", f"`Reshape` to {dims}", fields.line)


def crop(reading: LayerReading) -> Value:
    """The first value as high and as wide as the second, from an offset on."""
    fields = reading.fields("crop_param")
    fields.expect("axis", "2", "-2")
    value, like = reading.values(2)
    offsets = [field.integer() for field in fields.all("offset")] or [0]
    if not (value.shape.is_map and like.shape.is_map) or len(offsets) > 2:
        raise Refuse("E1005", "`Crop` of what is no map", fields.line)
    # One offset is that of both axes.
    top, left = offsets[0], offsets[-1]
    (height, width), (rows, columns) = value.shape.size, like.shape.size
    below, right = height - top - rows, width - left - columns
    return reading.add(resize.Crop(sides=[top, below, left, right]), value)


def shuffle(reading: LayerReading) -> Value:
    groups = reading.fields("shuffle_channel_param").integer("group", 1)
    return reading.add(resize.ChannelShuffle(groups=groups), reading.value)


def silence(reading: LayerReading) -> list[Value]:
    return []
