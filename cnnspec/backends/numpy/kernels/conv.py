"""Convolutions as matrix products over windows, and their transposes.

Chellapilla, Puri and Simard 2006, "High performance convolutional neural networks for
document processing"; sizes as in Dumoulin and Visin 2016, "A guide to convolution
arithmetic for deep learning".
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import (
    Array,
    Pair,
    Part,
    Sides,
    fold2d,
    pad2d,
    pieces,
    tap2d,
    unpad2d,
    windows2d,
)
from cnnspec.backends.numpy.kernels.norm import standardize, standardize_backward
from cnnspec.backends.numpy.kernels.threads import share

SHARES = 4
"""Parts of a batch that go back through a convolution, each with a sum of its own."""


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    mode: str = "zeros",
) -> Array:
    """Convolution (the kernel is not flipped) of (N, C, H, W) to (N, O, oh, ow).

    y[n, o, i, j] = bias[o] + sum over c, u, v of
                    weight[o, c, u, v] * padded[n, c, i*sh + u*dh, j*sw + v*dw]

    weight is (O, C/groups, kh, kw): filter o sees the channels of its group alone.
    Windows are laid out as the columns of a matrix, so many at a time as the cache
    holds, and a product does the work.
    """
    o, _, kh, kw = weight.shape
    windows = windows2d(pad2d(x, pads, mode), (kh, kw), stride, dilation)
    n, c, oh, ow = windows.shape[:4]
    kernels = weight.reshape(groups, o // groups, -1)
    y = np.empty((n, o, oh, ow), np.result_type(x, weight))

    def task(part: Part, _: int) -> None:
        images, rows = part
        goal = y[images, :, rows]
        columns = columns2d(windows[images, :, rows], groups)
        goal[...] = (kernels @ columns).reshape(goal.shape)

    row = ow * c * kh * kw * x.itemsize
    share([partial(task, part) for part in pieces((n, oh), row)])
    if bias is not None:
        y += bias[:, None, None]
    return y


def conv2d_backward(
    grad: Array,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    mode: str = "zeros",
    need_x: bool = True,
) -> tuple[Array | None, Array, Array | None]:
    """The gradients of x, weight and bias.

    With y = W C for the kernels W and the columns C, dW = sum over n of dy C^T and
    dC = W^T dy, which is added up where windows overlap. The bias gets the sum of dy.
    """
    o, _, kh, kw = weight.shape
    padded = pad2d(x, pads, mode)
    windows = windows2d(padded, (kh, kw), stride, dilation)
    n, c, oh, ow = windows.shape[:4]
    kernels = weight.reshape(groups, o // groups, -1)
    spread = np.zeros_like(padded)

    def task(some: slice, dweight: Array, _: int) -> None:
        count = some.stop - some.start
        for images, rows in pieces((count, oh), ow * c * kh * kw * x.itemsize):
            seen = windows[some][images, :, rows]
            dy = grad[some][images, :, rows]
            dy = dy.reshape(len(seen), groups, o // groups, -1)
            dweight += (dy @ columns2d(seen, groups).swapaxes(2, 3)).sum(0)
            if need_x:
                dcolumns = kernels.swapaxes(1, 2) @ dy
                dcolumns = dcolumns.reshape(len(seen), c, kh, kw, -1, ow)
                top = rows.start * stride[0]
                bottom = (rows.stop - 1) * stride[0] + dilation[0] * (kh - 1) + 1
                part = spread[some][images, :, top:bottom]
                taps_last = dcolumns.transpose(0, 1, 4, 5, 2, 3)
                # Rows of neighbouring pieces overlap: +=, for the last one left a sum.
                part += fold2d(taps_last, part.shape[2:], stride, dilation)

    step = max(1, -(-n // SHARES))
    shares = [slice(i, min(i + step, n)) for i in range(0, n, step)]
    parts = [np.zeros_like(kernels) for _ in shares]
    share([partial(task, *pair) for pair in zip(shares, parts, strict=True)])
    dweight = sum(parts, np.zeros_like(kernels))  # in one order: always the same
    dx = unpad2d(spread, pads, mode) if need_x else None
    dbias = None if bias is None else grad.sum((0, 2, 3))
    return dx, dweight.reshape(weight.shape), dbias


def columns2d(windows: Array, groups: int) -> Array:
    """Windows (N, C, oh, ow, kh, kw) to columns (N, groups, C/groups*kh*kw, oh*ow)."""
    n, c, oh, ow, kh, kw = windows.shape
    taps_first = windows.transpose(0, 1, 4, 5, 2, 3)
    return taps_first.reshape(n, groups, c // groups * kh * kw, oh * ow)


def standardized_conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    gain: Array | None = None,
    gamma: float = 1.0,
    eps: float = 1e-6,
    stride: Pair = (1, 1),
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    mode: str = "zeros",
) -> Array:
    """A convolution with standard_filters of the weight. Qiao et al. 2019."""
    kernels = standard_filters(weight, gain, gamma, eps)
    return conv2d(x, kernels, bias, stride, pads, dilation, groups, mode)


def standardized_conv2d_backward(
    grad: Array,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    gain: Array | None = None,
    gamma: float = 1.0,
    eps: float = 1e-6,
    stride: Pair = (1, 1),
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    mode: str = "zeros",
) -> tuple[Array | None, Array, Array | None, Array | None]:
    """The gradients of x, weight, bias and gain."""
    kernels = standard_filters(weight, gain, gamma, eps)
    dx, dkernels, dbias = conv2d_backward(
        grad, x, kernels, bias, stride, pads, dilation, groups, mode
    )
    dweight, dgain = standard_filters_backward(dkernels, weight, gain, gamma, eps)
    return dx, dweight, dbias, dgain


def standard_filters(
    weight: Array, gain: Array | None, gamma: float, eps: float
) -> Array:
    """Every filter less its mean, divided by its deviation.

    With a gain, (O, 1, 1, 1), times gain * gamma/sqrt(fan_in). Brock et al. 2021.
    """
    standard = standardize(weight, (1, 2, 3), eps)
    if gain is None:
        return standard
    return standard * (gain * (gamma / math.sqrt(weight[0].size)))


def standard_filters_backward(
    grad: Array, weight: Array, gain: Array | None, gamma: float, eps: float
) -> tuple[Array, Array | None]:
    """The gradients of weight and gain."""
    standard = standardize(weight, (1, 2, 3), eps)
    dgain = None
    if gain is not None:
        factor = gamma / math.sqrt(weight[0].size)
        dgain = factor * (grad * standard).sum((1, 2, 3), keepdims=True)
        grad = grad * (gain * factor)
    return standardize_backward(grad, standard, weight, (1, 2, 3), eps), dgain


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    pad: Pair = (0, 0),
    extra: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Transposed convolution of (N, C, H, W) to (N, O, oh, ow): conv2d's gradient of x.

    Every pixel puts its kernel down, stride apart, and overlaps add up:
    full[n, o, i*sh + u*dh, j*sw + v*dw] += x[n, c, i, j] * weight[c, o, u, v];
    pad rows and columns are cut off all sides, less extra at the bottom and the right:
    o = (n - 1)*stride - 2*pad + dilation*(k - 1) + 1 + extra.
    weight is (C, O/groups, kh, kw).
    """
    n, c, height, width = x.shape
    kh, kw = weight.shape[2:]
    pixels = x.reshape(n, groups, c // groups, height * width)
    size = full_size((height, width), (kh, kw), stride, extra, dilation)
    full = np.zeros((n, groups * weight.shape[1], *size), np.result_type(x, weight))
    for u, v in np.ndindex(kh, kw):
        kernel = weight[:, :, u, v].reshape(groups, c // groups, -1).swapaxes(1, 2)
        placed = (kernel @ pixels).reshape(n, full.shape[1], height, width)
        tap2d(full, (u, v), (height, width), stride, dilation)[...] += placed
    y = unpad2d(full, (pad[0], pad[0], pad[1], pad[1]))
    if bias is not None:
        y += bias[:, None, None]
    return y


def conv_transpose2d_backward(
    grad: Array,
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    pad: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> tuple[Array, Array, Array | None]:
    """The gradients of x, weight and bias: x gets a convolution of grad."""
    n, c, height, width = x.shape
    full = pad2d(grad, (pad[0], pad[0], pad[1], pad[1]))
    windows = windows2d(full, weight.shape[2:], stride, dilation)
    columns = columns2d(windows[:, :, :height, :width], groups)
    kernels = weight.reshape(groups, c // groups, -1)
    pixels = x.reshape(n, groups, c // groups, height * width)
    dx = (kernels @ columns).reshape(x.shape)
    dweight = (pixels @ columns.swapaxes(2, 3)).sum(0).reshape(weight.shape)
    return dx, dweight, None if bias is None else grad.sum((0, 2, 3))


def full_size(
    size: Pair, kernel: Pair, stride: Pair, extra: Pair, dilation: Pair
) -> Pair:
    """The size of a transposed convolution's output before its pad is cut off."""
    height, width = (
        (n - 1) * s + d * (k - 1) + 1 + more
        for n, k, s, more, d in zip(size, kernel, stride, extra, dilation, strict=True)
    )
    return height, width
