"""Caffe's layers, a row each: its parameters become arguments of ours.

Defaults and sizes are those of BVLC's Caffe; what a fork adds is taken where it has one meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cnnspec.importers.caffe import moving
from cnnspec.importers.caffe.moving import expect_channels
from cnnspec.importers.caffe.net import LayerReading
from cnnspec.importers.model import Value
from cnnspec.importers.reading.fields import Fields
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import activation, channels, conv, dropout, linear, merge, norm, pool
from cnnspec.layers.base import Layer
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import pool_size

Row = Callable[[LayerReading], Value | list[Value]]
"""Makes what a layer's top holds, or what each of several tops do."""
Size = tuple[int, int]

CHANNELS = ("1", "-3")
"""The axis of channels, from either end."""


def sides(fields: Fields, both: str, stem: str, default: int | None) -> Size:
    """Height and width: `both` once, or for either, or `stem`_h and `stem`_w. Raises Refuse."""
    given = [field.integer() for field in fields.all(both)]
    apart = [f"{stem}_h", f"{stem}_w"]
    if any(map(fields.has, apart)):
        # A pad_h alone leaves pad_w at 0; a kernel_h alone is no kernel.
        height, width = (fields.integer(name, default or 0) for name in apart)
        if given or (default is None and not all(map(fields.has, apart))):
            raise Refuse("E1001", f"`{both}` and `{stem}_h`, `{stem}_w` do not go together", fields.line)
        return height, width
    if not given and default is None:
        fields.needed(both)
    if len(given) > 2:
        raise Refuse("E1005", f"`{both}` of {len(given)} axes", fields.line)
    # [3] -> (3, 3), [3, 5] -> (3, 5)
    height, *rest = given or [default or 0]
    return height, (rest or [height])[0]


def weighed(reading: LayerReading, layer: Layer, value: Value, bias: bool, how: str = "") -> Value:
    """A layer whose blobs are a weight and, perhaps, a bias."""
    blobs = {"weight": reading.blob(0, how)} | ({"bias": reading.blob(1)} if bias else {})
    return reading.add(layer, value, **blobs)


def convolution(reading: LayerReading, is_depthwise: bool = False, is_transposed: bool = False) -> Value:
    fields = reading.fields("convolution_param")
    fields.expect("axis", *CHANNELS)
    bias = fields.flag("bias_term", True)
    filters = Filter(fields.needed("num_output").integer(), sides(fields, "kernel_size", "kernel", None))
    stride, pad = sides(fields, "stride", "stride", 1), sides(fields, "pad", "pad", 0)
    dilation = sides(fields, "dilation", "dilation", 1)
    groups = fields.integer("group", 0 if is_depthwise else 1)
    if is_depthwise:
        if groups not in (0, reading.shape.channels):
            raise Refuse("E1004", f"`group: {groups}` of {reading.shape.channels} channels", fields.line)
        groups = reading.shape.channels
    kind = conv.ConvTranspose if is_transposed else conv.Conv
    layer = kind(filter=filters, stride=stride, pad=pad, dilation=dilation, groups=groups, bias=bias)
    return weighed(reading, layer, reading.value, bias)


def inner_product(reading: LayerReading) -> Value:
    fields = reading.fields("inner_product_param")
    fields.expect("axis", "1")
    bias = fields.flag("bias_term", True)
    how = "transposed" if fields.flag("transpose", False) else ""
    layer = linear.Linear(units=fields.needed("num_output").integer(), bias=bias)
    return weighed(reading, layer, reading.net.flat(reading.value), bias, how)


def pooling(reading: LayerReading) -> Value:
    fields = reading.fields("pooling_param")
    # Protobuf's text may have an enum's number in place of its name.
    kind = {"0": "MAX", "1": "AVE"}.get(fields.text("pool", "MAX"), fields.text("pool", "MAX"))
    if kind not in ("MAX", "AVE"):
        reading.lacks(f"`Pooling` of `pool: {kind}`", fields)
    if fields.flag("global_pooling", False):
        if sides(fields, "pad", "pad", 0) != (0, 0) or sides(fields, "stride", "stride", 1) != (1, 1):
            raise Refuse("E1001", "`global_pooling` with a pad or a stride", fields.line)
        whole = pool.GlobalMaxPool() if kind == "MAX" else pool.GlobalAvgPool()
        return reading.add(whole, reading.value)
    return pooled(reading, fields, pool.MaxPool if kind == "MAX" else pool.AvgPool)


def pooled(reading: LayerReading, fields: Fields, kind: type[pool.MaxPool] | type[pool.AvgPool]) -> Value:
    """Caffe pools with ceil. A window that starts behind map and pad goes only where there is a pad."""
    window, stride = sides(fields, "kernel_size", "kernel", None), sides(fields, "stride", "stride", 1)
    pad = sides(fields, "pad", "pad", 0)
    if min(*window, *stride) < 1 or min(pad) < 0:
        raise Refuse("E1001", "a pool's window and stride are above 0", fields.line)
    ceil = fields.flag("ceil_mode", True) and fields.text("round_mode", "CEIL") in ("CEIL", "0")
    fields.expect("round_mode", "CEIL", "0", "FLOOR", "1")
    # A vector has no size; the pool itself refuses it.
    size = reading.shape.size if reading.shape.is_map else (1, 1)
    axes = [*zip(size, window, stride, pad, strict=True)]
    down = [pool_size(n, k, s, p=p) for n, k, s, p in axes]
    wanted = [caffe_size(*axis, any(pad)) for axis in axes] if ceil else down
    # Where both roundings come to as many windows, `ceil` has nothing to say.
    layer = kind(window=window, stride=stride, pad=pad, ceil=wanted != down)
    made = reading.add(layer, reading.value)
    if list(made.shape.size) != wanted:
        raise Refuse("E1004", "a window of the pool lies behind the map as a whole", fields.line)
    return made


def caffe_size(n: int, k: int, s: int, p: int, is_padded: bool) -> int:
    """How many windows of a pool Caffe takes along an axis."""
    # 112 pixels, windows of 3, 2 apart: -((3 - 112)//2) + 1 = 56, the last hanging over the edge.
    o = -((k - n - 2 * p) // s) + 1
    return o - 1 if is_padded and (o - 1) * s >= n + p else o


def relu(reading: LayerReading) -> Value:
    slope = reading.fields("relu_param").number("negative_slope", 0.0)
    return reading.add(activation.LeakyReLU(slope=slope) if slope else activation.ReLU(), reading.value)


def prelu(reading: LayerReading) -> Value:
    per = "layer" if reading.fields("prelu_param").flag("channel_shared", False) else "channel"
    return weighed(reading, activation.PReLU(per=per), reading.value, bias=False)


def elu(reading: LayerReading) -> Value:
    alpha = reading.fields("elu_param").number("alpha", 1.0)
    return reading.add(activation.ELU(alpha=alpha), reading.value)


def plain(kind: type[Layer], parameters: str = "") -> Row:
    """A layer whose parameters, if it has any, are about how it is computed."""

    def row(reading: LayerReading) -> Value:
        if parameters:
            reading.fields(parameters)  # are used by this
        return reading.add(kind(), reading.value)

    return row


def power(reading: LayerReading) -> Value:
    """(shift + scale*x)^power, where it is a factor alone."""
    fields = reading.fields("power_param")
    for name, neutral in (("power", 1.0), ("shift", 0.0)):
        if fields.number(name, neutral) != neutral:
            reading.lacks(f"`Power` with `{name}: {fields.text(name)}`", fields)
    return scaled(reading, reading.value, fields.number("scale", 1.0))


def scaled(reading: LayerReading, value: Value, factor: float) -> Value:
    """A value times a number."""
    return value if factor == 1 else reading.add(channels.Scale(init=factor, trained=False), value)


def swish(reading: LayerReading) -> Value:
    reading.fields("swish_param").expect("beta", "1", "1.0")
    return reading.add(activation.SiLU(), reading.value)


def clip(reading: LayerReading) -> Value:
    fields = reading.fields("clip_param")
    if not fields.has("min") or not fields.has("max"):
        raise Refuse("E1001", "`Clip` wants `min` and `max`", fields.line)
    low, high = fields.number("min", 0.0), fields.number("max", 0.0)
    layer = activation.ReLU6() if (low, high) == (0, 6) else activation.HardTanh(low=low, high=high)
    return reading.add(layer, reading.value)


def lrn(reading: LayerReading) -> Value:
    fields = reading.fields("lrn_param")
    if fields.text("norm_region", "ACROSS_CHANNELS") not in ("ACROSS_CHANNELS", "0"):
        reading.lacks("`LRN` within channels", fields)
    size = fields.integer("local_size", 5)
    if size % 2 == 0:
        raise Refuse("E1001", f"`local_size: {size}` has to be odd", fields.line)
    values = {
        ours: fields.number(ours, default) for ours, default in (("alpha", 1), ("beta", 0.75), ("k", 1))
    }
    return reading.add(norm.LocalResponseNorm(size=size, **values), reading.value)


def batch_norm(reading: LayerReading) -> Value:
    """With the Scale behind it, if there is one. Its statistics are sums, and a third blob divides them."""
    fields = reading.fields("batch_norm_param")
    fields.expect("use_global_stats", "true", "1")
    blobs = {"running_mean": reading.blob(0, "average"), "running_var": reading.blob(1, "average")}
    bias = False
    if reading.scale is not None:
        behind = LayerReading(reading.net, reading.scale, reading.inputs)
        bias = scale_fields(behind)
        blobs |= {"weight": behind.blob(0)} | ({"bias": behind.blob(1)} if bias else {})
    # Without a Scale `bias` says nothing, and stays as it is unless told.
    layer = norm.BatchNorm(
        eps=fields.number("eps", 1e-5), affine=reading.scale is not None, bias=bias or reading.scale is None
    )
    return reading.add(layer, reading.value, **blobs)


def scale_fields(reading: LayerReading) -> bool:
    """Whether a Scale of every channel has a bias. Raises Refuse where it is one along other axes."""
    fields = reading.fields("scale_param")
    fields.expect("axis", *CHANNELS)
    fields.expect("num_axes", "1")
    return fields.flag("bias_term", False)


def scale(reading: LayerReading) -> Value:
    """Every channel times a number of its own, or, of two values, the first times the second, a gate."""
    if len(reading.inputs) == 2:
        return gated(reading)
    if scale_fields(reading):  # times a number, plus a number: a convolution of one pixel
        return weighed(reading, conv.Depthwise(kernel=1), reading.value, bias=True)
    return reading.add(channels.Scale(), reading.value, own=reading.blob(0))


def gated(reading: LayerReading) -> Value:
    fields = reading.fields("scale_param")
    fields.expect("axis", "0")
    fields.expect("bias_term", "false", "0")
    value, gate = reading.values(2)
    return reading.add(merge.Mul(), value, as_gate(reading, gate))


def as_gate(reading: LayerReading, gate: Value) -> Value:
    """A vector of C features as C@1x1."""
    return gate if gate.shape.is_map else reading.net.reshaped(gate, gate.shape.channels, 1, 1)


def axpy(reading: LayerReading) -> Value:
    """a*x + y with a gate a: squeeze-and-excitation in a residual."""
    gate, value, rest = reading.values(3)
    product = reading.add(merge.Mul(), value, as_gate(reading, gate))
    return reading.add(merge.Add(), product, rest)


def eltwise(reading: LayerReading) -> Value:
    fields = reading.fields("eltwise_param")
    operation = fields.text("operation", "SUM")
    values = reading.values()
    factors = [field.number() for field in fields.all("coeff")] or [1.0] * len(values)
    if len({value.shape for value in values}) > 1 or len(factors) != len(values):
        raise Refuse("E1001", "`Eltwise` wants equal shapes, and as many factors as values", fields.line)
    if operation in ("SUM", "1"):
        # A difference is a layer of its own, without a scale by -1.
        if factors == [1, -1]:
            return reading.add(merge.Sub(), *values)
        parts = [scaled(reading, *pair) for pair in zip(values, factors, strict=True)]
        return reading.add(merge.Add(), *parts)
    if fields.has("coeff") or operation not in ("PROD", "0"):
        reading.lacks(f"`Eltwise` of `operation: {operation}`", fields)
    return reading.add(merge.Mul(), *values)


def dropped(reading: LayerReading) -> Value:
    fields = reading.fields("dropout_param")
    fields.expect("scale_train", "true", "1")
    return reading.add(dropout.Dropout(p=fields.number("dropout_ratio", 0.5)), reading.value)


def softmax(reading: LayerReading) -> Value:
    expect_channels(reading.fields("softmax_param"), [reading.value], "axis")
    return reading.add(activation.Softmax(), reading.value)


ROWS: dict[str, Row] = {
    "AbsVal": plain(activation.Abs),
    "Axpy": axpy,
    # log(1 + exp(x)), the binomial normal log likelihood.
    "BNLL": plain(activation.Softplus),
    "BatchNorm": batch_norm,
    "Clip": clip,
    "Concat": moving.concat,
    "Convolution": convolution,
    "ConvolutionDepthwise": partial(convolution, is_depthwise=True),
    "Crop": moving.crop,
    "Deconvolution": partial(convolution, is_transposed=True),
    "DepthwiseConvolution": partial(convolution, is_depthwise=True),
    "Dropout": dropped,
    "ELU": elu,
    "Eltwise": eltwise,
    "Flatten": moving.flatten,
    "InnerProduct": inner_product,
    "LRN": lrn,
    "PReLU": prelu,
    "Pooling": pooling,
    "Power": power,
    "ReLU": relu,
    "ReLU6": plain(activation.ReLU6, "relu_param"),
    "Reshape": moving.reshape,
    "Scale": scale,
    "ShuffleChannel": moving.shuffle,
    "Sigmoid": plain(activation.Sigmoid, "sigmoid_param"),
    "Silence": moving.silence,
    "Slice": moving.cut,
    "Softmax": softmax,
    "Split": moving.split,
    "Swish": swish,
    "TanH": plain(activation.Tanh, "tanh_param"),
}
"""By Caffe's name. A type without a row is refused."""
