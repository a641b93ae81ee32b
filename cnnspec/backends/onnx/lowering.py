"""What each layer is in ONNX: one row a layer, which makes its operators; none where nothing happens."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce

import numpy as np

from cnnspec.analysis.unroll import Node
from cnnspec.backends.onnx import convolutions, moves, norms, pools
from cnnspec.backends.onnx.body import Body, Lowering
from cnnspec.layers.base import Unsupported


def lower(body: Body, node: Node) -> None:
    """Add a layer's operators to a body. Raises Unsupported where ONNX has no form of it."""
    if node.layer.name not in LOWERINGS:
        raise Unsupported(node.layer.name)
    step = Lowering(body, node)
    LOWERINGS[node.layer.name](step)
    # A layer that does nothing in evaluation is the value that it reads.
    if step.ops:
        body.finish(step.ops, step.name, node.path, node.output)
    else:
        body.values[node.path] = step.x


def plain(kind: str, **attributes: int | str) -> Callable[[Lowering], None]:
    """An operator of all that arrives; attributes are numbers, or names of the layer's arguments."""

    def lowered(step: Lowering) -> None:
        given = {
            name: step.layer.value(each) if isinstance(each, str) else each
            for name, each in attributes.items()
        }
        step.op(kind, *step.inputs, **given)

    return lowered


def nothing(step: Lowering) -> None:
    pass


def clip(step: Lowering, low: float, high: float) -> None:
    step.op("Clip", step.x, step.number(low), step.number(high))


def hard_tanh(step: Lowering) -> None:
    clip(step, step.layer.value("low"), step.layer.value("high"))


def squared_relu(step: Lowering) -> str:
    above = step.op("Relu", step.x)
    return step.op("Mul", above, above)


def star_relu(step: Lowering) -> None:
    step.op("Add", step.op("Mul", squared_relu(step), step.tensor("scale")), step.tensor("bias"))


def prelu(step: Lowering) -> None:
    channels = step.layer.value("per") == "channel"
    step.op("PRelu", step.x, step.spread("weight") if channels else step.tensor("weight"))


def gelu(step: Lowering) -> None:
    """An operator since opset 20, before it written out."""
    approximate = step.layer.value("approximate")
    if step.opset >= 20:
        step.op("Gelu", step.x, approximate=approximate)
        return
    if approximate == "tanh":
        cube = step.op("Mul", step.op("Mul", step.x, step.x), step.x)
        inner = step.op("Add", step.x, step.op("Mul", cube, step.number(0.044715)))
        twice = step.op("Tanh", step.op("Mul", inner, step.number(math.sqrt(2 / math.pi))))
    else:
        twice = step.op("Erf", step.op("Div", step.x, step.number(math.sqrt(2))))
    twice = step.op("Add", twice, step.number(1.0))
    step.op("Mul", step.op("Mul", step.x, twice), step.number(0.5))


def silu(step: Lowering) -> None:
    step.op("Mul", step.x, step.op("Sigmoid", step.x))


def mish(step: Lowering) -> None:
    """An operator since opset 18."""
    if step.opset >= 18:
        step.op("Mish", step.x)
    else:
        step.op("Mul", step.x, step.op("Tanh", step.op("Softplus", step.x)))


def hard_sigmoid(step: Lowering) -> str:
    return step.op("HardSigmoid", step.x, alpha=1 / 6, beta=0.5)


def hard_swish(step: Lowering) -> None:
    """An operator since opset 14."""
    if step.opset >= 14:
        step.op("HardSwish", step.x)
    else:
        step.op("Mul", step.x, hard_sigmoid(step))


def softplus(step: Lowering) -> None:
    """Where the line takes over is left out where float32 shows nothing of it: exp(-20) = 2e-9."""
    layer = step.layer
    x = step.x
    if layer.value("beta") != 1:
        x = step.op("Mul", x, step.number(layer.value("beta")))
    y = step.op("Softplus", x)
    if layer.value("beta") != 1:
        y = step.op("Div", y, step.number(layer.value("beta")))
    if layer.value("threshold") < 20:
        # As in PyTorch it is beta*x that is held against the threshold, and x that is handed on.
        step.op("Where", step.op("Greater", x, step.number(layer.value("threshold"))), step.x, y)


def softmax(step: Lowering) -> None:
    paths = step.layer.value("paths")
    if paths is None:
        step.op("Softmax", step.x, axis=1)
        return
    parts = step.op("Reshape", step.x, step.integers(0, int(paths), -1))
    step.op("Reshape", step.op("Softmax", parts, axis=1), step.integers(0, *step.shape.dimensions))


def numbers(kind: str) -> Callable[[Lowering], None]:
    """A layer of a number a channel, or one in all: trained, or fixed."""

    def lowered(step: Lowering) -> None:
        if not step.layer.trained:
            step.op(kind, step.x, step.number(step.layer.init))
            return
        weight = step.tensor("")
        step.op(kind, step.x, step.by_channel(weight) if step.layer.spread(step.shape) else weight)

    return lowered


def normalize(step: Lowering) -> None:
    # One in all, (1, 1, 1), or one a channel, (C, 1, 1): either meets (N, C, H, W).
    mean, std = (np.array(step.layer.value(name)).reshape(-1, 1, 1) for name in ("mean", "std"))
    centred = step.op("Sub", step.x, step.array("mean", mean.astype(float)))
    step.op("Div", centred, step.array("std", std.astype(float)))


def add(step: Lowering) -> None:
    # An Add has two inputs, as has a Mul below; of products there is no Sum.
    step.op("Add" if len(step.inputs) == 2 else "Sum", *step.inputs)


def mul(step: Lowering) -> None:
    reduce(partial(step.op, "Mul"), step.inputs)


LOWERINGS: dict[str, Callable[[Lowering], object]] = {
    "conv": convolutions.conv,
    "depthwise": convolutions.conv,
    "convtranspose": convolutions.conv_transpose,
    "maxpool": pools.max_pool,
    "maxunpool": pools.max_unpool,
    "avgpool": pools.avg_pool,
    "blurpool": pools.blur_pool,
    "globalavgpool": pools.adaptive("Average"),
    "globalmaxpool": pools.adaptive("Max"),
    "adaptiveavgpool": pools.adaptive("Average"),
    "adaptivemaxpool": pools.adaptive("Max"),
    "channelmean": pools.over_channels("ReduceMean"),
    "channelmax": pools.over_channels("ReduceMax"),
    "batchnorm": norms.batch_norm,
    "layernorm": norms.layer_norm,
    "groupnorm": norms.group_norm,
    "instancenorm": norms.instance_norm,
    "rmsnorm": norms.rms_norm,
    "l2norm": norms.l2_norm,
    "grn": norms.global_response_norm,
    "frn": norms.filter_response_norm,
    "evonorms0": norms.evo_norm_s0,
    "evonormb0": norms.evo_norm_b0,
    "lrn": norms.local_response_norm,
    "relu": plain("Relu"),
    "relu6": partial(clip, low=0.0, high=6.0),
    "hardtanh": hard_tanh,
    "squaredrelu": squared_relu,
    "starrelu": star_relu,
    "leakyrelu": plain("LeakyRelu", alpha="slope"),
    "prelu": prelu,
    "elu": plain("Elu", alpha="alpha"),
    "selu": plain("Selu"),
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "sigmoid": plain("Sigmoid"),
    "tanh": plain("Tanh"),
    "hardswish": hard_swish,
    "hardsigmoid": hard_sigmoid,
    "softplus": softplus,
    "softmax": softmax,
    "logsoftmax": plain("LogSoftmax", axis=1),
    "abs": plain("Abs"),
    "identity": nothing,
    "dropout": nothing,
    "stochasticdepth": nothing,
    "flatten": moves.flatten,
    "unflatten": moves.unflatten,
    "linear": convolutions.linear,
    "upsample": moves.upsample,
    "pixelshuffle": moves.pixel_shuffle,
    "pixelunshuffle": moves.pixel_unshuffle,
    "channelshuffle": moves.channel_shuffle,
    "pad": moves.pad,
    "crop": moves.crop,
    "slice": moves.slice_channels,
    "pick": moves.pick,
    "scale": numbers("Mul"),
    "shift": numbers("Add"),
    "normalize": normalize,
    "channelconv": convolutions.channel_conv,
    "add": add,
    "sub": plain("Sub"),
    "mul": mul,
    "maximum": plain("Max"),
    "minimum": plain("Min"),
    "concat": plain("Concat", axis=1),
}
"""The order is that of the reference."""
