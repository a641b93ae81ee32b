"""Convolutions and linear layers in ONNX."""

from __future__ import annotations

from cnnspec.backends.onnx.body import Lowering
from cnnspec.backends.onnx.moves import padded
from cnnspec.backends.onnx.norms import standard_filters
from cnnspec.layers.pads import Sides


def both_ends(sides: Sides) -> list[int]:
    """Pads in ONNX's order: those of all axes at their beginnings, then those at their ends."""
    top, bottom, left, right = sides
    return [top, left, bottom, right]


def conv(step: Lowering) -> None:
    layer = step.layer
    sides = layer.sides(step.shape)
    x = step.x
    if layer.mode != "zeros" and any(sides):
        x, sides = padded(step, x, sides, layer.mode), (0, 0, 0, 0)
    weight = standard_filters(step) if layer.standardize else step.tensor("weight")
    bias = step.optional("bias")
    step.op(
        "Conv",
        x,
        weight,
        *bias,
        kernel_shape=list(layer.kernel_of()),
        strides=list(layer.stride),
        pads=both_ends(sides),
        dilations=list(layer.dilation),
        group=int(layer.split(step.shape)),
    )


def conv_transpose(step: Lowering) -> None:
    layer = step.layer
    down, across = layer.pad
    step.op(
        "ConvTranspose",
        step.x,
        step.tensor("weight"),
        *step.optional("bias"),
        kernel_shape=list(layer.kernel_of()),
        strides=list(layer.stride),
        pads=[down, across, down, across],
        output_padding=list(layer.extra),
        dilations=list(layer.dilation),
        group=int(layer.groups),
    )


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
