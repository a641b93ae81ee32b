"""Layers that move values about, in ONNX: pads, crops, shuffles, other sizes, channels, vectors."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.resize import neighbours, upsample_shares
from cnnspec.backends.onnx.body import Array, Lowering
from cnnspec.layers.pads import Sides

MODES = {"zeros": "constant", "constant": "constant", "reflect": "reflect", "replicate": "edge"}


def padded(step: Lowering, x: str, sides: Sides, mode: str, value: float = 0.0) -> str:
    """A map with rows and columns around it. "wrap" is of opset 19: before, places are gathered."""
    top, bottom, left, right = sides
    if mode == "circular" and step.opset < 19:
        height, width = step.shape.size
        rows = [i % height for i in range(-top, height + bottom)]
        columns = [i % width for i in range(-left, width + right)]
        return gathered(step, x, rows, columns)
    pads = step.integers(0, 0, top, left, 0, 0, bottom, right)
    number = [step.number(value)] if value else []
    return step.op("Pad", x, pads, *number, mode=MODES.get(mode, "wrap"))


def padded_apart(step: Lowering, sides: Sides) -> tuple[str, Sides]:
    """The map that arrives with the pads that no operator makes by itself, and those that are left to it."""
    if step.layer.mode == "zeros" or not any(sides):
        return step.x, sides
    return padded(step, step.x, sides, step.layer.mode), (0, 0, 0, 0)


def gathered(step: Lowering, x: str, rows: Sequence[int] | Array, columns: Sequence[int] | Array) -> str:
    """A map of these rows and columns of a map."""
    for axis, name, places in ((2, "rows", rows), (3, "columns", columns)):
        x = step.op("Gather", x, step.array(name, np.array(places)), axis=axis)
    return x


def weighed(step: Lowering, x: str, rows: Array, columns: Array) -> str:
    """Sums of a map's rows and columns: rows (oh, H) and columns (ow, W) are their weights."""
    # (oh, H) times (N, C, H, W), times (W, ow): a MatMul does it to each channel of each image.
    x = step.op("MatMul", step.array("rows", rows), x)
    return step.op("MatMul", x, step.array("columns", columns.T))


def pad(step: Lowering) -> None:
    layer = step.layer
    if any(layer.pad):
        padded(step, step.x, layer.pad, layer.mode, layer.value_)


def cut(step: Lowering, x: str, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int]) -> str:
    return step.op("Slice", x, step.integers(*starts), step.integers(*ends), step.integers(*axes))


def crop(step: Lowering) -> None:
    top, left, height, width = step.layer.window(step.shape)
    if step.output != step.shape:
        cut(step, step.x, (top, left), (top + height, left + width), (2, 3))


def slice_channels(step: Lowering) -> None:
    start = step.layer.value("start")
    if step.output != step.shape:
        cut(step, step.x, [int(start)], [int(start) + int(step.output.channels)], [1])


def pick(step: Lowering) -> None:
    step.op("Gather", step.x, step.array("channels", step.layer.value("channels")), axis=1)


def channel_shuffle(step: Lowering) -> None:
    """Channel j*groups + i is channel i*C/groups + j."""
    # 6 channels in 2 groups: 0, 3, 1, 4, 2, 5.
    order = np.arange(int(step.shape.channels)).reshape(int(step.layer.value("groups")), -1).T
    step.op("Gather", step.x, step.array("channels", order.reshape(-1)), axis=1)


def pixel_shuffle(step: Lowering) -> None:
    step.op("DepthToSpace", step.x, blocksize=step.layer.value("factor"), mode="CRD")


def pixel_unshuffle(step: Lowering) -> None:
    """SpaceToDepth counts pixels of a square first, channels last: (i*r + j)*C + c, not c*r*r + i*r + j."""
    r, channels = step.layer.value("factor"), int(step.shape.channels)
    (height, width), (rows, columns) = step.shape.size, step.output.size
    x = step.x
    # Rows and columns that make no whole square are left out, which SpaceToDepth does not do by itself.
    if (height, width) != (rows * r, columns * r):
        x = cut(step, x, (0, 0), (rows * r, columns * r), (2, 3))
    x = step.op("SpaceToDepth", x, blocksize=r)
    order = np.arange(r * r * channels).reshape(r * r, channels).T
    step.op("Gather", x, step.array("channels", order.reshape(-1)), axis=1)


def flatten(step: Lowering) -> None:
    if step.shape.is_map:
        pixels = step.layer.value("order") == "HWC"
        x = step.op("Transpose", step.x, perm=[0, 2, 3, 1]) if pixels else step.x
        step.op("Flatten", x, axis=1)


def unflatten(step: Lowering) -> None:
    step.op("Reshape", step.x, step.integers(0, *step.output.dimensions))


# Other sizes


def upsample(step: Lowering) -> None:
    """Resize where it finds the same places, else a gather or sums of rows and columns.

    Resize divides in float32, and by the factor o/n alone: places are the same where factors are that, and
    nearest, where they are whole or halve.
    """
    layer = step.layer
    (height, width), (rows, columns) = step.shape.size, step.output.size
    factors = layer.factor or (Fraction(rows, height), Fraction(columns, width))
    axes = [(height, rows, Fraction(factors[0])), (width, columns, Fraction(factors[1]))]
    options = {name: layer.value(name) for name in ("factor", "size", "mode", "align")}
    # Of which the kernels read the shape alone.
    x = np.empty((1, 1, height, width))
    # 1.5 times 10 rows is 15/10; times 11 it is 16 rows, and 16/11 is another factor.
    whole = all(factor == Fraction(o, n) for n, o, factor in axes)
    if layer.mode == "nearest":
        if whole and all(is_whole(factor) for _, _, factor in axes):
            resize(step, nearest_mode="floor", coordinate_transformation_mode="asymmetric")
        else:
            gathered(step, step.x, *(neighbours(x, axis, **options)[0] for axis in (2, 3)))
    # Before opset 18 a Resize to sizes wants the batch's, too, which is free: only factors can be said.
    elif whole and (step.opset >= 18 or all(is_exact(factor) for _, _, factor in axes)):
        places = "align_corners" if layer.align else "half_pixel"
        resize(step, mode="linear", coordinate_transformation_mode=places)
    else:
        weighed(step, step.x, *(upsample_shares(x, axis, **options) for axis in (2, 3)))


def resize(step: Lowering, mode: str = "nearest", **attributes: Any) -> None:
    """By factors where float32 has them, else to sizes; since opset 18 of rows and columns alone."""
    towards = step.output.size
    factors = [Fraction(o, n) for n, o in zip(step.shape.size, towards, strict=True)]
    if step.opset >= 18:
        attributes["axes"] = [2, 3]
    else:
        # Those of the batch and of the channels, which stay.
        factors = [Fraction(1), Fraction(1), *factors]
    if all(map(is_exact, factors)):
        given = ["", step.array("factors", np.array(factors, float))]
    else:
        given = ["", "", step.integers(*towards)]
    step.op("Resize", step.x, *given, mode=mode, **attributes)


def is_whole(factor: Fraction) -> bool:
    """Whether q/factor keeps its floor in float32: of a whole number it does, and of a power of 2."""
    return factor.denominator == 1 or (factor.numerator == 1 and is_exact(factor))


def is_exact(factor: Fraction) -> bool:
    """Whether float32 has the number."""
    return Fraction(float(np.float32(float(factor)))) == factor
