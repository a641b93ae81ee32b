"""Convolutions and pools over windows, one line of NumPy each."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.arrays import (
    Array,
    Pair,
    Sides,
    fold2d,
    pad2d,
    unpad2d,
    windows2d,
)
from cnnspec.backends.numpy.kernels.conv import (
    standard_filters,
    standard_filters_backward,
)


def conv2d(
    x: Array, weight: Array, bias: Array | None = None, stride: int = 1, pad: int = 0
) -> Array:
    """Convolution: (N, C, H, W) by weight (O, C, kh, kw) to (N, O, oh, ow).

    y[n,o,i,j] = bias[o] + sum_cuv weight[o,c,u,v] * padded[n,c,i*stride+u,j*stride+v]
    """
    seen = windows_of(x, weight.shape[2:], stride, pad)
    y = np.tensordot(seen, weight, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return y if bias is None else y + bias[:, None, None]


def conv2d_backward(
    grad: Array, x: Array, weight: Array, stride: int = 1, pad: int = 0
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias; where windows overlap, those of x add up."""
    seen = windows_of(x, weight.shape[2:], stride, pad)
    dweight = np.tensordot(grad, seen, ((0, 2, 3), (0, 2, 3)))
    dseen = np.tensordot(grad, weight, (1, 0)).transpose(0, 3, 1, 2, 4, 5)
    return put_back(dseen, x, stride, pad), dweight, grad.sum((0, 2, 3))


def max_pool2d(x: Array, window: int, stride: int, pad: int = 0) -> Array:
    """The largest value of each window: (N, C, H, W) to (N, C, oh, ow)."""
    y: Array = windows_of(minus_infinity(x, pad), (window, window), stride).max((4, 5))
    return y


def max_pool2d_backward(
    grad: Array, x: Array, window: int, stride: int, pad: int = 0
) -> Array:
    """The gradient of x: each window's goes to its first largest value, row by row."""
    seen = windows_of(minus_infinity(x, pad), (window, window), stride)
    largest = seen.reshape(*grad.shape, window * window).argmax(4)[..., None]
    hit = np.arange(window * window) == largest
    return put_back((hit * grad[..., None]).reshape(seen.shape), x, stride, pad)


def minus_infinity(x: Array, pad: int) -> Array:
    """Maps with a pad of -inf."""
    sides = ((0, 0), (0, 0), (pad, pad), (pad, pad))
    return np.pad(x, sides, constant_values=-np.inf)


def avg_pool2d(x: Array, window: int, stride: int) -> Array:
    """The mean of each window: (N, C, H, W) to (N, C, oh, ow)."""
    y: Array = windows_of(x, (window, window), stride).mean((4, 5))
    return y


def avg_pool2d_backward(grad: Array, x: Array, window: int, stride: int) -> Array:
    """The gradient of x: each window's is shared evenly by its values."""
    share = grad[..., None, None] / window**2
    return put_back(share.repeat(window, 4).repeat(window, 5), x, stride)


@facts(assumed={"size": (1, 1)})
def adaptive_avg_pool2d(x: Array) -> Array:
    """The mean of each map: (N, C, H, W) to (N, C, 1, 1)."""
    y: Array = x.mean((2, 3), keepdims=True)
    return y


def adaptive_avg_pool2d_backward(grad: Array, x: Array) -> Array:
    """The gradient of x, shared evenly by all values of a map."""
    return np.broadcast_to(grad / (x.shape[2] * x.shape[3]), x.shape)


def linear_backward(grad: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias: grad weight, grad^T x, the sum of grad."""
    return grad @ weight, grad.T @ x, grad.sum(0)


def tanh_backward(grad: Array, y: Array) -> Array:
    """grad * (1 - y^2)."""
    dx: Array = grad * (1 - y * y)
    return dx


def windows_of(x: Array, kernel: tuple[int, ...], stride: int, pad: int = 0) -> Array:
    """Every window, behind a pad of zeros: (N, C, H, W) to (N, C, oh, ow, kh, kw)."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    return sliding_window_view(x, kernel, (2, 3))[:, :, ::stride, ::stride]


def put_back(seen: Array, x: Array, stride: int, pad: int = 0) -> Array:
    """The transpose of windows_of, in x's shape: values in several windows add up."""
    n, c, height, width = x.shape
    oh, ow, kh, kw = seen.shape[2:]
    padded = np.zeros((n, c, height + 2 * pad, width + 2 * pad), seen.dtype)
    for u, v in np.ndindex(kh, kw):
        rows = slice(u, u + stride * (oh - 1) + 1, stride)
        columns = slice(v, v + stride * (ow - 1) + 1, stride)
        padded[:, :, rows, columns] += seen[..., u, v]
    return padded[:, :, pad : pad + height, pad : pad + width]


def general_conv2d(
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


def general_conv2d_backward(
    grad: Array,
    x: Array,
    weight: Array,
    stride: Pair = (1, 1),
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    mode: str = "zeros",
) -> tuple[Array, Array, Array]:
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
    return (
        dx,
        dweight.reshape(weight.shape),
        grad.sum((0, 2, 3)),
    )


def general_standardized_conv2d(
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
    return general_conv2d(x, kernels, bias, stride, pads, dilation, groups, mode)


def general_standardized_conv2d_backward(
    grad: Array,
    x: Array,
    weight: Array,
    gain: Array | None = None,
    gamma: float = 1.0,
    eps: float = 1e-6,
    stride: Pair = (1, 1),
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    mode: str = "zeros",
) -> tuple[Array, Array, Array, Array | None]:
    """The gradients of x, weight, bias and gain."""
    kernels = standard_filters(weight, gain, gamma, eps)
    options = (stride, pads, dilation, groups, mode)
    dx, dkernels, dbias = general_conv2d_backward(grad, x, kernels, *options)
    dweight, dgain = standard_filters_backward(dkernels, weight, gain, gamma, eps)
    return dx, dweight, dbias, dgain
