"""Norms in ONNX: an operator where there is one of the same formula, else the formula written out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cnnspec.backends.onnx.body import Lowering


def constant(step: Lowering, value: float, shape: Sequence[int]) -> str:
    # "float32:1.0*64": the ones of all norms of 64 channels.
    name = f"float32:{value!r}*{'x'.join(map(str, shape))}"
    return step.body.constant(name, np.full(shape, value, np.float32))


def weight_and_bias(step: Lowering, *shape: int) -> tuple[str, str]:
    """The tensors of the layer, or ones and zeros: operators want some."""
    weight = step.tensor("weight") if step.has("weight") else constant(step, 1.0, shape)
    bias = step.tensor("bias") if step.has("bias") else constant(step, 0.0, shape)
    return weight, bias


def affine(step: Lowering, y: str) -> str:
    """weight*y + bias, as far as the layer has them."""
    if step.has("weight"):
        y = step.op("Mul", y, step.spread("weight"))
    if step.has("bias"):
        y = step.op("Add", y, step.spread("bias"))
    return y


def root_mean_square(step: Lowering, x: str, eps: float, *axes: int) -> str:
    """sqrt(mean of squares + eps): of what has the mean 0, its deviation."""
    squares = step.reduce("ReduceMean", step.op("Mul", x, x), *axes)
    return step.op("Sqrt", step.op("Add", squares, step.number(eps)))


def standardized(step: Lowering, x: str, eps: float, *axes: int) -> str:
    """x less its mean, divided by its deviation."""
    centred = step.op("Sub", x, step.reduce("ReduceMean", x, *axes))
    return step.op("Div", centred, root_mean_square(step, centred, eps, *axes))


def batch_norm(step: Lowering) -> None:
    """Of running statistics; without any the batch's own, in evaluation, too."""
    if not step.layer.track:
        affine(step, standardized(step, step.x, step.layer.eps, 0, *((2, 3) if step.shape.is_map else ())))
        return
    tensors = weight_and_bias(step, int(step.shape.channels))
    running = step.tensor("running_mean"), step.tensor("running_var")
    step.op("BatchNormalization", step.x, *tensors, *running, epsilon=step.layer.eps)


def instance_norm(step: Lowering) -> None:
    if step.layer.track:
        batch_norm(step)
    else:
        tensors = weight_and_bias(step, int(step.shape.channels))
        step.op("InstanceNormalization", step.x, *tensors, epsilon=step.layer.eps)


def group_norm(step: Lowering) -> None:
    """The operator has a weight a channel since opset 21; before it, an instance norm of groups."""
    channels, groups = int(step.shape.channels), int(step.layer.groups)
    if step.opset >= 21 and step.shape.is_map:
        tensors = weight_and_bias(step, channels)
        step.op("GroupNormalization", step.x, *tensors, num_groups=groups, epsilon=step.layer.eps)
        return
    # To an instance norm each group is a channel, (N, groups, numbers); weights a channel come behind it.
    parts = step.op("Reshape", step.x, step.integers(0, groups, -1))
    tensors = constant(step, 1.0, [groups]), constant(step, 0.0, [groups])
    y = step.op("InstanceNormalization", parts, *tensors, epsilon=step.layer.eps)
    affine(step, step.op("Reshape", y, step.integers(0, *step.shape.dimensions)))


def layer_norm(step: Lowering) -> None:
    """The operator, of opset 17, norms the last axes: the channels of pixels go there and back."""
    pixels = step.shape.is_map and step.layer.over == "channels"
    if step.opset < 17:
        y = standardized(
            step, step.x, step.layer.eps, *([1] if pixels else range(1, 1 + len(step.shape.dimensions)))
        )
        for kind, name in (("Mul", "weight"), ("Add", "bias")):
            if step.has(name):
                y = step.op(kind, y, step.spread(name) if pixels else step.tensor(name))
        return
    x = step.op("Transpose", step.x, perm=[0, 2, 3, 1]) if pixels else step.x
    shape = [int(step.shape.channels)] if pixels else step.shape.dimensions
    weight = step.tensor("weight") if step.has("weight") else constant(step, 1.0, shape)
    bias = step.optional("bias")
    y = step.op("LayerNormalization", x, weight, *bias, axis=-1 if pixels else 1, epsilon=step.layer.eps)
    if pixels:
        step.op("Transpose", y, perm=[0, 3, 1, 2])


def standard_filters(step: Lowering) -> str:
    """Filters less their means, divided by their deviations, times gain * gamma/sqrt(fan-in)."""
    layer = step.layer
    weight = step.tensor("weight")
    shape = [int(n) for n in layer.kernel_shape(step.shape)]
    # A filter is to the norm what an image is elsewhere: (filters, C, kh, kw), normed from axis 1 on.
    if step.opset < 17:
        y = standardized(step, weight, layer.eps, 1, 2, 3)
    else:
        y = step.op("LayerNormalization", weight, constant(step, 1.0, shape[1:]), axis=1, epsilon=layer.eps)
    if not layer.gain:
        return y
    factor = step.number(layer.gamma / math.sqrt(math.prod(shape[1:])))
    return step.op("Mul", y, step.op("Mul", step.tensor("gain"), factor))


def local_response_norm(step: Lowering) -> None:
    """Of an even size the operator sees another channel after, PyTorch one before: then written out."""
    size, channels = step.layer.value("size"), int(step.shape.channels)
    alpha, beta, k = (step.layer.value(name) for name in ("alpha", "beta", "k"))
    if size % 2:
        step.op("LRN", step.x, alpha=alpha, beta=beta, bias=k, size=size)
        return
    height, width = step.shape.size
    squares = step.op("Mul", step.x, step.x)
    columns = step.op("Reshape", squares, step.integers(0, 1, channels, height * width))
    # Of size 4 two channels before and one behind.
    pads = [size // 2, 0, (size - 1) // 2, 0]
    means = step.op("AveragePool", columns, kernel_shape=[size, 1], pads=pads, count_include_pad=1)
    means = step.op("Reshape", means, step.integers(0, *step.shape.dimensions))
    powers = step.op("Add", step.op("Mul", means, step.number(alpha)), step.number(k))
    step.op("Div", step.x, step.op("Pow", powers, step.number(beta)))


def rms_norm(step: Lowering) -> None:
    affine(step, step.op("Div", step.x, root_mean_square(step, step.x, step.layer.value("eps"), 1)))


def l2_norm(step: Lowering) -> None:
    length = step.reduce("ReduceL2", step.x, 1)
    step.op("Div", step.x, step.op("Max", length, step.number(step.layer.value("eps"))))


def global_response_norm(step: Lowering) -> None:
    """x + weight*x*n + bias = x + bias + x*(n*weight): the weight meets numbers a channel."""
    length = step.reduce("ReduceL2", step.x, 2, 3)
    mean = step.op("Add", step.reduce("ReduceMean", length, 1), step.number(step.layer.value("eps")))
    share = step.op("Mul", step.op("Div", length, mean), step.spread("weight"))
    added = step.op("Add", step.op("Mul", step.x, share), step.spread("bias"))
    step.op("Add", step.x, added)


def filter_response_norm(step: Lowering) -> None:
    root = root_mean_square(step, step.x, step.layer.value("eps"), 2, 3)
    y = affine(step, step.op("Div", step.x, root))
    if step.has("tau"):
        step.op("Max", y, step.spread("tau"))


def evo_norm_b0(step: Lowering) -> None:
    """Of the running variance."""
    eps = step.number(step.layer.eps)
    batch = step.op("Sqrt", step.op("Add", step.spread("running_var"), eps))
    centred = step.op("Sub", step.x, step.reduce("ReduceMean", step.x, 2, 3))
    image = root_mean_square(step, centred, step.layer.eps, 2, 3)
    bent = step.op("Add", step.op("Mul", step.x, step.spread("v")), image)
    affine(step, step.op("Div", step.x, step.op("Max", bent, batch)))


def evo_norm_s0(step: Lowering) -> None:
    """Groups are rows of numbers, (N, groups, numbers), while they are divided by their deviations."""
    rows = step.integers(0, int(step.layer.groups), -1)
    parts = step.op("Reshape", step.x, rows)
    centred = step.op("Sub", parts, step.reduce("ReduceMean", parts, 2))
    divisor = root_mean_square(step, centred, step.layer.eps, 2)
    if step.layer.act:
        share = step.op("Sigmoid", step.op("Mul", step.x, step.spread("v")))
        parts = step.op("Reshape", step.op("Mul", step.x, share), rows)
    y = step.op("Reshape", step.op("Div", parts, divisor), step.integers(0, *step.shape.dimensions))
    affine(step, y)
