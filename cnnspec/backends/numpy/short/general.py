"""What plain programs have for arguments that the short definitions do not take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import (
    Array,
    Pair,
    Sides,
    fold2d,
    pad2d,
    unpad2d,
    windows2d,
)
from cnnspec.backends.numpy.kernels.tensors import Start, constant, uniform


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
    """Convolution of (N, C, H, W) to (N, O, oh, ow), in groups, of whatever pads.

    y[n, o, i, j] = bias[o] + sum over c, u, v of
                    weight[o, c, u, v] * padded[n, c, i*sh + u*dh, j*sw + v*dw]

    weight is (O, C/groups, kh, kw): filter o sees the channels of its group alone.
    """
    o, c, kh, kw = weight.shape
    seen = windows2d(pad2d(x, pads, mode), (kh, kw), stride, dilation)
    n, _, oh, ow = seen.shape[:4]
    parts = seen.reshape(n, groups, c, oh, ow, kh, kw)
    kernels = weight.reshape(groups, o // groups, c, kh, kw)
    y: Array = np.einsum("ngcijuv,gocuv->ngoij", parts, kernels, optimize=True)
    y = y.reshape(n, o, oh, ow)
    return y if bias is None else y + bias[:, None, None]


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
) -> tuple[Array, Array, Array | None]:
    """The gradients of x, weight and bias; where windows overlap, those of x add up."""
    o, c, kh, kw = weight.shape
    wide = pad2d(x, pads, mode)
    seen = windows2d(wide, (kh, kw), stride, dilation)
    n, _, oh, ow = seen.shape[:4]
    parts = seen.reshape(n, groups, c, oh, ow, kh, kw)
    kernels = weight.reshape(groups, o // groups, c, kh, kw)
    dy = grad.reshape(n, groups, o // groups, oh, ow)
    dweight = np.einsum("ngcijuv,ngoij->gocuv", parts, dy, optimize=True)
    dparts = np.einsum("ngoij,gocuv->ngcijuv", dy, kernels, optimize=True)
    size = (wide.shape[2], wide.shape[3])
    dx = unpad2d(fold2d(dparts.reshape(seen.shape), size, stride, dilation), pads, mode)
    dbias = None if bias is None else grad.sum((0, 2, 3))
    return dx, dweight.reshape(weight.shape), dbias


def weighted(
    rng: np.random.Generator,
    layer: str,
    *shape: int,
    bias: int = 0,
    init: Start | None = None,
    weights: Any = None,
    biases: Any = None,
    gain: bool = False,
) -> dict[str, Array]:
    """A weight of this shape, a bias of so many numbers (0: none), a gain a filter.

    Weight and bias start as in PyTorch, ~ U(-b, b) with b = 1/sqrt(fan_in). With an
    init the weight starts as it says, the bias from 0. Numbers that are given come
    first. Gains start from 1.
    """
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    start = init or uniform(-bound, bound)
    start = start if weights is None else constant(weights)
    offset = uniform(-bound, bound) if init is None else constant(0)
    offset = offset if biases is None else constant(biases)
    tensors = {f"{layer}.weight": start(rng, shape)}
    if bias:
        tensors[f"{layer}.bias"] = offset(rng, (bias,))
    if gain:
        tensors[f"{layer}.gain"] = np.ones((shape[0], 1, 1, 1), np.float32)
    return tensors
