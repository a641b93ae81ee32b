"""Convolutions and pools over windows, one line of NumPy each."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.arrays import Array


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
