"""Darknet's sections, a row each. Defaults are Darknet's own, and where the two differ AlexeyAB's fork's.

An option that only training or speed asks for is skipped by name; every other one is used, or refused.
"""

from __future__ import annotations

from collections.abc import Callable

from cnnspec.importers.darknet.net import SectionReading, numbers_of
from cnnspec.importers.model import Value
from cnnspec.importers.refusals import Refuse, did_you_mean
from cnnspec.layers import activation, channels, conv, dropout, linear, merge, norm, pool, resize
from cnnspec.layers.base import Layer
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import pool_size

Row = Callable[[SectionReading], Value]

EPS = 1e-5
"""Under the root, as in AlexeyAB's Darknet and in what either computes on a GPU; see weights.py."""


ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "elu": activation.ELU,
    "gelu": lambda: activation.GELU(approximate="tanh"),
    "hardtan": activation.HardTanh,
    "leaky": lambda: activation.LeakyReLU(slope=0.1),
    "logistic": activation.Sigmoid,
    "mish": activation.Mish,
    "relie": activation.LeakyReLU,
    "relu": activation.ReLU,
    "relu6": activation.ReLU6,
    "selu": activation.SELU,
    "swish": activation.SiLU,
    "tanh": activation.Tanh,
}
"""Each of ours; a `ramp` is put together of ours."""


def convolutional(reading: SectionReading) -> Value:
    """`pad=1` means half the kernel; a dilated kernel has as much more as it is wider."""
    fields = reading.fields
    fields.expect_off("binary", "xnor", "flipped", "antialiasing", "deform", "sway", "rotate", "stretch")
    size, padding = fields.integer("size", 1), fields.integer("padding", 0)
    if fields.flag("pad", False):
        padding = size // 2
    stride = fields.integer("stride", 1)
    strides = (fields.integer("stride_y", stride), fields.integer("stride_x", stride))
    # One pixel has nothing to dilate: 3 is 1 there, as in Darknet; 0 stays, and the layer refuses it.
    dilation = fields.integer("dilation", 1) if size > 1 else fields.integer("dilation", 1) and 1
    groups, normalized = fields.integer("groups", 1), fields.flag("batch_normalize", False)
    layer = conv.Conv(
        filter=Filter(fields.integer("filters", 1), (size, size)),
        stride=strides,
        pad=padding * dilation,
        dilation=dilation,
        groups=groups,
        bias=not normalized,
    )
    made = weighed(reading, layer, reading.value, normalized)
    # Darknet sizes a dilated convolution as one that is not, which holds where the pad is half the kernel.
    axes = zip(reading.shape.size, strides, strict=True)
    if made.shape.size != tuple((n + 2 * padding - size) // s + 1 for n, s in axes):
        raise Refuse("E1004", f"`dilation={dilation}` of a kernel whose pad is not half of it")
    return activate(reading, made, "logistic")


def connected(reading: SectionReading) -> Value:
    fields = reading.fields
    normalized = fields.flag("batch_normalize", False)
    layer = linear.Linear(units=fields.integer("output", 1), bias=not normalized)
    return activate(reading, weighed(reading, layer, reading.net.flat(reading.value), normalized), "logistic")


def weighed(reading: SectionReading, layer: Layer, value: Value, normalized: bool) -> Value:
    """A layer with a weight, and a bias or a batch norm behind it.

    In the file are the biases, then, of a convolution, the norm's numbers, then the weight, then, of a
    connected section, the norm's. Raises Refuse.
    """
    net = reading.net
    shared = shared_labels(reading)
    label, behind = shared or (net.label(layer.name), "")
    made = reading.add(layer, value, label=label)
    own = net.own(layer, value, label)
    weight = own["weight"]._replace(may_turn=reading.kind == "connected")
    if normalized:
        batch_norm = norm.BatchNorm(eps=EPS)
        behind = behind or net.label(batch_norm.name)
        found = net.own(batch_norm, made, behind)
        made = reading.add(batch_norm, made, label=behind)
        scale = found["weight"]._replace(variance=found["running_var"].key)
        numbers = [scale, found["running_mean"], found["running_var"]]
        is_convolution = reading.kind == "convolutional"
        parts = [found["bias"], *([*numbers, weight] if is_convolution else [weight, *numbers])]
    else:
        parts = [own["bias"], weight]
    if shared is None:
        net.slots += parts
    # The number of this section: there is a value of each one before it.
    net.owners_of[len(net.values)] = label, behind
    return made


def activate(reading: SectionReading, value: Value, default: str) -> Value:
    """The value behind the section's activation; one that has no layer is refused, and left out."""
    name = reading.fields.text("activation", default)
    if name == "linear":
        return value
    if name == "ramp":  # max(0, x) + x/10
        tenth = reading.add(channels.Scale(init=0.1, trained=False), value)
        return reading.add(merge.Add(), reading.add(activation.ReLU(), value), tenth)
    if name not in ACTIVATIONS:
        field = reading.fields.one("activation")
        line = field.line if field else 0
        message = f"the activation `{name[:40]}` has no layer{did_you_mean(name, ACTIVATIONS)}"
        reading.net.refuse(Refuse("E1003", message, line))
        return value
    return reading.add(ACTIVATIONS[name](), value)


def shared_labels(reading: SectionReading) -> tuple[str, str] | None:
    """The labels of the tensors that a section shares, if it does so. Raises Refuse."""
    field = reading.fields.one("share_index")
    if field is None:
        return None
    place = reading.place(field.integer(), field)
    if place not in reading.net.owners_of:
        raise Refuse("E1001", f"section {place} has no weights to share", field.line)
    return reading.net.owners_of[place]


def maxpool(reading: SectionReading) -> Value:
    """Half the padding is before the map, and the last windows hang over as far as the rest of it.

    `size=2 stride=1` keeps the size so. The language pads at most half a window: where Darknet pads more,
    the map's last row stands in for what never counts.
    """
    fields = reading.fields
    stride = fields.integer("stride", 1)
    strides = (fields.integer("stride_y", stride), fields.integer("stride_x", stride))
    size = fields.integer("size", stride)
    padding = fields.integer("padding", size - 1)
    fields.expect_off("maxpool_depth", "antialiasing")
    if min(size, *strides) < 1 or padding < 0:
        raise Refuse("E1001", f"a pool of size {size}, stride {stride} and padding {padding}")
    shape, low = reading.shape, padding // 2
    axes = [*zip(shape.size if shape.is_map else (1, 1), strides, strict=True)]
    # size=2 stride=1 on 13 rows: (13 + 1 - 2)//1 + 1 = 13, all of the pad of 1 being behind the map.
    wanted = [(n + padding - size) // s + 1 for n, s in axes]
    for ceil in (False, True):
        if wanted == [pool_size(n, size, s, p=low, ceil=ceil) for n, s in axes]:
            layer = pool.MaxPool(window=size, stride=strides, pad=low, ceil=ceil)
            return reading.add(layer, reading.value)
    more = padding - 2 * low
    if low + more <= size // 2:
        sides = [low, low + more, low, low + more]
        return reading.add(pool.MaxPool(window=size, stride=strides, pad=sides), reading.value)
    padded = reading.add(resize.Pad(pad=[0, more, 0, more], mode="replicate"), reading.value)
    return reading.add(pool.MaxPool(window=size, stride=strides, pad=low), padded)


def plain(kind: type[Layer]) -> Row:
    """A section without options of its own."""
    return lambda reading: reading.add(kind(), reading.value)


def upsample(reading: SectionReading) -> Value:
    reading.fields.expect("scale", "1", "1.0", "1.")
    stride = reading.fields.integer("stride", 2)
    if stride < 1:
        raise Refuse("E1004", f"`upsample` with `stride={stride}`")
    return reading.add(resize.Upsample(factor=stride), reading.value)


def route(reading: SectionReading) -> Value:
    """Earlier values, or the same group of the channels of each, one behind the other."""
    fields = reading.fields
    fields.skip("stream")
    field = fields.needed("layers")
    groups, group = fields.integer("groups", 1), fields.integer("group_id", 0)
    values = [reading.earlier(number, field) for number in numbers_of(field)]
    if groups != 1:
        values = [part_of(reading, value, groups, group) for value in values]
    return values[0] if len(values) == 1 else reading.add(merge.Concat(), *values)


def part_of(reading: SectionReading, value: Value, groups: int, group: int) -> Value:
    """A group of the channels. Raises Refuse."""
    count = value.shape.channels
    if groups < 1 or count % groups or not 0 <= group < groups:
        raise Refuse("E1001", f"there is no group {group} of {groups} of {count} channels")
    width = count // groups
    return reading.add(channels.Slice(start=group * width, stop=(group + 1) * width), value)


def shortcut(reading: SectionReading) -> Value:
    """The value and an earlier one. Of unequal ones the channels are added that both have, and of a larger
    map every so many-th pixel."""
    fields = reading.fields
    for name in ("weights_type", "weights_normalization", "weights_normalizion"):
        fields.expect(name, "none")
    for name in ("alpha", "beta"):
        fields.expect(name, "1", "1.0", "1.")
    field = fields.needed("from")
    made = reading.value
    for number in numbers_of(field):
        made = added(reading, made, reading.earlier(number, field))
    return activate(reading, made, "linear")


def added(reading: SectionReading, value: Value, other: Value) -> Value:
    """Raises Refuse."""
    if value.shape.is_map and other.shape.is_map and value.shape.size != other.shape.size:
        # 26x26 to 13x13: {(2, 0)}; where rows and columns differ in it, the set has two members.
        (stride, rest), *unlike = {*map(divmod, other.shape.size, value.shape.size)}
        if rest or unlike:
            raise Refuse("E1004", f"`shortcut` of {value.shape} and {other.shape}")
        # Every so many-th pixel is a pool of one pixel.
        other = reading.add(pool.MaxPool(window=1, stride=stride), other)
    common = min(value.shape.channels, other.shape.channels)
    if other.shape.channels > common:
        other = reading.add(channels.Slice(start=0, stop=common), other)
    if value.shape.channels == common:
        return reading.add(merge.Add(), value, other)
    first = reading.add(merge.Add(), reading.add(channels.Slice(start=0, stop=common), value), other)
    return reading.add(merge.Concat(), first, reading.add(channels.Slice(start=common), value))


def sam(reading: SectionReading) -> Value:
    """The value times an earlier one."""
    field = reading.fields.needed("from")
    other = reading.earlier(field.integer(), field)
    return activate(reading, reading.add(merge.Mul(), other, reading.value), "linear")


def scale_channels(reading: SectionReading) -> Value:
    """An earlier value, its channels weighed by this one."""
    reading.fields.expect_off("scale_wh")
    if reading.shape.is_map and reading.shape.size != (1, 1):
        raise Refuse("E1001", f"`scale_channels` weighs by C@1x1, not by {reading.shape}")
    return sam(reading)


def dropped(reading: SectionReading) -> Value:
    fields = reading.fields
    fields.expect_off("dropblock", "dropblock_size_rel", "dropblock_size_abs")
    return reading.add(dropout.Dropout(p=fields.number("probability", 0.5)), reading.value)


def softmax(reading: SectionReading) -> Value:
    """Over all values of the image."""
    fields = reading.fields
    fields.skip("noloss")
    fields.expect("groups", "1")
    fields.expect_off("spatial")
    value = reading.value
    if value.shape.is_map and value.shape.size != (1, 1):
        value = reading.net.flat(value)
    temperature = fields.number("temperature", 1.0)
    if temperature <= 0:
        raise Refuse("E1001", f"`temperature={temperature:g}`")
    if temperature != 1:
        value = reading.add(channels.Scale(init=1 / temperature, trained=False), value)
    return reading.add(activation.Softmax(), value)


def cost(reading: SectionReading) -> Value:
    """A loss: it changes nothing."""
    reading.fields.skip("type", "scale", "ratio", "noobj", "thresh")
    return reading.value


def crop(reading: SectionReading) -> Value:
    """The middle, and, unless `noadjust`, values from 0 to 1 brought to -1 to 1. All else is for training."""
    fields = reading.fields
    fields.skip("flip", "angle", "saturation", "exposure", "shift")
    size = (fields.integer("crop_height", 1), fields.integer("crop_width", 1))
    made = reading.add(resize.Crop(size=size), reading.value)
    if fields.flag("noadjust", False):
        return made
    # 2*x - 1 = (x - 0.5)/0.5
    return reading.add(channels.Normalize(mean=0.5, std=0.5), made)


def reorg(reading: SectionReading) -> Value:
    """Squares of pixels become channels, but of a map of fewer, larger channels, as Darknet reads this one.

    The numbers of C@HxW stand in memory as those of C/s^2@sHxsW; its squares make C@HxW, whose numbers
    stand as those of C*s^2@H/sxW/s.
    """
    fields = reading.fields
    fields.expect_off("reverse", "flatten")
    stride, extra = fields.integer("stride", 1), fields.integer("extra", 0)
    value = reading.value
    if extra:
        return extended(reading, value, extra)
    if stride == 1:
        return value
    count, (height, width) = reading.shape.channels, reading.shape.size
    if stride < 1 or count % stride**2 or height % stride or width % stride:
        raise Refuse("E1004", f"`reorg` of {reading.shape} with `stride={stride}`")
    value = reading.net.reshaped(value, count // stride**2, height * stride, width * stride)
    value = squares(reading, value, stride)
    return reading.net.reshaped(value, count * stride**2, height // stride, width // stride)


def extended(reading: SectionReading, value: Value, extra: int) -> Value:
    """All values in a row, and so many zeros behind them."""
    if extra < 0:
        raise Refuse("E1001", f"`extra={extra}`")
    row = reading.net.reshaped(value, 1, 1, value.shape.features)
    return reading.net.flat(reading.add(resize.Pad(pad=[0, 0, 0, extra]), row))


def squares(reading: SectionReading, value: Value, stride: int) -> Value:
    """Squares of pixels as channels, first the first pixel of all."""
    # Pixel (i, j) of channel c: first c*s^2 + i*s + j, then shuffled (i*s + j)*C + c.
    made = reading.add(resize.PixelUnshuffle(factor=stride), value)
    return reading.add(resize.ChannelShuffle(groups=value.shape.channels), made)


def reorg3d(reading: SectionReading) -> Value:
    """Squares of pixels as channels."""
    reading.fields.expect_off("reverse")
    stride = reading.fields.integer("stride", 1)
    if stride < 1 or any(n % stride for n in reading.shape.size):
        raise Refuse("E1004", f"`reorg3d` of {reading.shape} with `stride={stride}`")
    return squares(reading, reading.value, stride)


def active(reading: SectionReading) -> Value:
    return activate(reading, reading.value, "linear")


ROWS: dict[str, Row] = {
    "activation": active,
    "avgpool": plain(pool.GlobalAvgPool),
    "connected": connected,
    "convolutional": convolutional,
    "cost": cost,
    "crop": crop,
    "dropout": dropped,
    "logistic": plain(activation.Sigmoid),
    "maxpool": maxpool,
    "reorg": reorg,
    "reorg3d": reorg3d,
    "route": route,
    "sam": sam,
    "scale_channels": scale_channels,
    "shortcut": shortcut,
    "softmax": softmax,
    "upsample": upsample,
}
"""By Darknet's name. A section without a row is refused."""
