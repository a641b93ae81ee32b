"""Convolutions and linear layers in ONNX."""

from __future__ import annotations

from cnnspec.backends.onnx.body import Lowering
from cnnspec.backends.onnx.moves import padded_apart
from cnnspec.backends.onnx.norms import standard_filters


def conv(step: Lowering) -> None:
    layer = step.layer
    x, sides = padded_apart(step, layer.sides(step.shape))
    weight = standard_filters(step) if layer.standardize else step.tensor("weight")
    window = step.window(sides) | {"dilations": list(layer.dilation)}
    step.op("Conv", x, weight, *step.optional("bias"), **window, group=int(layer.split(step.shape)))


def conv_transpose(step: Lowering) -> None:
    layer = step.layer
    down, across = layer.pad
    window = step.window((down, down, across, across)) | {"dilations": list(layer.dilation)}
    tensors = step.tensor("weight"), *step.optional("bias")
    extra = list(layer.extra)
    step.op("ConvTranspose", step.x, *tensors, **window, output_padding=extra, group=int(layer.groups))


def channel_conv(step: Lowering) -> None:
    """The channels become an axis that is walked along, behind one channel: (N, 1, C, pixels)."""
    layer = step.layer
    channels, pad = int(step.shape.channels), layer.kernel // 2
    pixels = [int(step.shape.features) // channels] if step.shape.is_map else []
    x = step.op("Reshape", step.x, step.integers(0, 1, channels, *pixels))
    weight = step.tensor("weight")
    if pixels:
        # With pixels it is a convolution of two axes, whose kernel is one pixel wide.
        weight = step.op("Reshape", weight, step.integers(1, 1, layer.kernel, 1))
    if layer.mode == "circular":
        # Five channels and a pad of 1: 4, 0, 1, 2, 3, 4, 0.
        around = [i % channels for i in range(-pad, channels + pad)]
        x, pad = step.op("Gather", x, step.array("around", around), axis=2), 0
    along = [pad, 0] if pixels else [pad]
    bias = step.optional("bias")
    kernel = [layer.kernel, 1] if pixels else [layer.kernel]
    y = step.op("Conv", x, weight, *bias, kernel_shape=kernel, pads=along * 2)
    step.op("Reshape", y, step.integers(0, *step.output.dimensions))


def linear(step: Lowering) -> None:
    """On a map it is a convolution of 1x1, whose weight has two axes more."""
    weight = step.tensor("weight")
    bias = step.optional("bias")
    if not step.layer.pointwise:
        step.op("Gemm", step.x, weight, *bias, transB=1)
        return
    weight = step.op("Reshape", weight, step.integers(int(step.layer.units), int(step.shape.channels), 1, 1))
    step.op("Conv", step.x, weight, *bias, kernel_shape=[1, 1])
