"""Vectors: flatten and linear; dropout, which works on anything."""

from __future__ import annotations

import math

import numpy as np

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.arrays import Array


def flatten(x: Array) -> Array:
    """(N, C, H, W) -> (N, C*H*W), row-major: channels, then rows, then columns."""
    return x.reshape(len(x), math.prod(x.shape[1:]))


def flatten_backward(grad: Array, x: Array) -> Array:
    """grad in x's shape."""
    return grad.reshape(x.shape)


def flatten_pixels(x: Array) -> Array:
    """(N, C, H, W) -> (N, H*W*C): rows, then columns, then channels."""
    return flatten(x.transpose(0, 2, 3, 1))


def flatten_pixels_backward(grad: Array, x: Array) -> Array:
    """grad in x's shape."""
    n, c, height, width = x.shape
    return grad.reshape(n, height, width, c).transpose(0, 3, 1, 2)


def unflatten(x: Array, shape: tuple[int, int, int]) -> Array:
    """(N, C*H*W) -> (N, C, H, W), row-major."""
    return x.reshape(len(x), *shape)


def unflatten_backward(grad: Array, x: Array) -> Array:
    """grad in x's shape."""
    return grad.reshape(x.shape)


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """y = x weight^T + bias: (N, I) -> (N, O), weight is (O, I)."""
    y: Array = x @ weight.T
    return y if bias is None else y + bias


def linear_backward(
    grad: Array, x: Array, weight: Array, bias: Array | None = None, need_x: bool = True
) -> tuple[Array | None, Array, Array | None]:
    """The gradients of x, weight and bias: grad weight, grad^T x, the sum of grad."""
    dx = grad @ weight if need_x else None
    return dx, grad.T @ x, None if bias is None else grad.sum(0)


@facts(quick="quick_linear")
def pointwise_linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """linear on the channels of every pixel: (N, I, H, W) -> (N, O, H, W)."""
    n, c, height, width = x.shape
    y: Array = weight @ x.reshape(n, c, height * width)
    y = y.reshape(n, len(weight), height, width)
    return y if bias is None else y + bias[:, None, None]


def pointwise_linear_backward(
    grad: Array, x: Array, weight: Array, bias: Array | None = None
) -> tuple[Array, Array, Array | None]:
    """The gradients of x, weight and bias."""
    n, c, height, width = x.shape
    dy = grad.reshape(n, len(weight), height * width)
    dweight = (dy @ x.reshape(n, c, height * width).swapaxes(1, 2)).sum(0)
    dx = (weight.T @ dy).reshape(x.shape)
    return dx, dweight, None if bias is None else grad.sum((0, 2, 3))


@facts(quick="quick_in_place")
def dropout(
    x: Array, p: float = 0.5, mode: str = "units", seed: int | None = None
) -> Array:
    """x * noise in training; x where no seed is given, which is evaluation.

    The noise is 0 with probability p, else 1/(1 - p): for each of the "units"
    (Srivastava et al. 2014), of the "channels" of an image (Tompson et al. 2015), for
    each "row" (image) or the whole "batch" (stochastic depth, Huang et al. 2016).
    """
    return x if seed is None else x * dropout_noise(x, p, mode, seed)


def dropout_in_place(y: Array) -> None:
    """y: evaluation drops nothing."""


def dropout_backward(
    grad: Array, x: Array, p: float = 0.5, mode: str = "units", seed: int | None = None
) -> Array:
    """grad * noise, the same noise drawn again from the same seed."""
    return grad if seed is None else grad * dropout_noise(x, p, mode, seed)


def dropout_noise(x: Array, p: float, mode: str, seed: int) -> Array:
    """Zeros and 1/(1 - p) in a shape that broadcasts to x's."""
    axes = {"batch": 0, "row": 1, "channels": 2, "units": x.ndim}[mode]
    shape = x.shape[:axes] + (1,) * (x.ndim - axes)
    kept = np.random.default_rng(seed).random(shape) >= p
    return kept.astype(x.dtype) / (1 - p) if p < 1 else np.zeros(shape, x.dtype)
