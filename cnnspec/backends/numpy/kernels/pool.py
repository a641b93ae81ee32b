"""Pooling: a window walks over every channel for itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.arrays import (
    Array,
    Pair,
    Part,
    Sides,
    pad2d,
    tap2d,
    unpad2d,
)


@facts(quick="quick_pool")
def max_pool2d(
    x: Array,
    window: Pair,
    stride: Pair,
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    ceil: bool = False,
) -> Array:
    """The largest value of each window: (N, C, H, W) -> (N, C, oh, ow); pads are -inf.

    y[n, c, i, j] = max over u, v of padded[n, c, i*sh + u*dh, j*sw + v*dw]
    """
    size, frame = pool_frame(x.shape[2:], window, stride, pads, dilation, ceil)
    padded = pad2d(x, frame, value=-np.inf)
    y: Array = tap2d(padded, (0, 0), size, stride, dilation).copy()
    for place in np.ndindex(window):
        np.maximum(y, tap2d(padded, place, size, stride, dilation), out=y)
    return y


def max_pool2d_backward(
    grad: Array,
    x: Array,
    y: Array,
    window: Pair,
    stride: Pair,
    pads: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    ceil: bool = False,
) -> Array:
    """The gradient of x: each window's goes to its first largest value, row by row."""
    size, frame = pool_frame(x.shape[2:], window, stride, pads, dilation, ceil)
    padded = pad2d(x, frame, value=-np.inf)
    spread = np.zeros_like(padded, dtype=grad.dtype)
    for place, hit in first_largest(padded, y, window, stride, dilation):
        tap2d(spread, place, size, stride, dilation)[...] += grad * hit
    return unpad2d(spread, frame)


def first_largest(
    padded: Array, y: Array, window: Pair, stride: Pair, dilation: Pair
) -> Iterator[tuple[Pair, Array]]:
    """For each place in a window: in which windows the first value equal to y is."""
    size = y.shape[2], y.shape[3]
    free = np.ones(y.shape, bool)  # windows where it is still to be met
    for place in np.ndindex(window):
        hit = free & (tap2d(padded, place, size, stride, dilation) == y)
        free &= ~hit
        yield place, hit


def max_unpool2d(x: Array, source: Array, window: Pair) -> Array:
    """The values of x, (N, C, h, w), where a max pool of the source finds its largest.

    y is as large as the source, (N, C, H, W), and 0 elsewhere.
    """
    y, size = np.zeros(source.shape, x.dtype), (x.shape[2], x.shape[3])
    most = max_pool2d(source, window, window)
    for place, hit in first_largest(source, most, window, window, (1, 1)):
        tap2d(y, place, size, window, (1, 1))[...] = np.where(hit, x, 0)
    return y


def max_unpool2d_backward(
    grad: Array, x: Array, source: Array, window: Pair
) -> tuple[Array, Array]:
    """The gradient of x: that of each value's place; the source tells no more."""
    dx, size = np.zeros(x.shape, grad.dtype), (x.shape[2], x.shape[3])
    most = max_pool2d(source, window, window)
    for place, hit in first_largest(source, most, window, window, (1, 1)):
        dx += tap2d(grad, place, size, window, (1, 1)) * hit
    return dx, np.zeros_like(source)


@facts(quick="quick_pool")
def avg_pool2d(
    x: Array,
    window: Pair,
    stride: Pair,
    pads: Sides = (0, 0, 0, 0),
    ceil: bool = False,
    countpad: bool = True,
    divisor: int | None = None,
) -> Array:
    """The mean of each window, (N, C, H, W) -> (N, C, oh, ow); the pad holds 0.

    y[n, c, i, j] = sum over u, v of padded[n, c, i*sh + u, j*sw + v] / share

    The share is the divisor if there is one, else how many values of the padded map
    (countpad), or of the map itself, the window covers.
    """
    size, frame = pool_frame(x.shape[2:], window, stride, pads, (1, 1), ceil)
    padded = pad2d(x, frame)
    total = np.zeros((*x.shape[:2], *size), x.dtype)
    for place in np.ndindex(window):
        total += tap2d(padded, place, size, stride, (1, 1))
    shares = window_shares(x.shape[2:], window, stride, pads, size, countpad, divisor)
    y: Array = total / shares.astype(x.dtype)
    return y


def avg_pool2d_backward(
    grad: Array,
    x: Array,
    window: Pair,
    stride: Pair,
    pads: Sides = (0, 0, 0, 0),
    ceil: bool = False,
    countpad: bool = True,
    divisor: int | None = None,
) -> Array:
    """The gradient of x: each window's is spread evenly over the window."""
    size, frame = pool_frame(x.shape[2:], window, stride, pads, (1, 1), ceil)
    shares = window_shares(x.shape[2:], window, stride, pads, size, countpad, divisor)
    share = grad / shares.astype(x.dtype)
    spread = np.zeros_like(pad2d(x, frame), dtype=grad.dtype)
    for place in np.ndindex(window):
        tap2d(spread, place, size, stride, (1, 1))[...] += share
    return unpad2d(spread, frame)


def pool_frame(
    size: Pair, window: Pair, stride: Pair, pads: Sides, dilation: Pair, ceil: bool
) -> tuple[Pair, Sides]:
    """The size of a map's output, and the pads that all windows need.

    With e = dilation*(window - 1) + 1: o = (n + lo + hi - e)//stride + 1. With ceil
    it is (n + lo + hi - e + stride - 1)//stride + 1, but a last
    window that would start behind the map and its low pad is left out.
    """
    made: list[int] = []
    frame: list[int] = []
    sides = (pads[:2], pads[2:])
    axes = zip(size, window, stride, sides, dilation, strict=True)
    for n, k, s, (lo, hi), d in axes:
        extent = d * (k - 1) + 1
        o = (n + lo + hi - extent + (s - 1 if ceil else 0)) // s + 1
        if ceil and (o - 1) * s >= n + lo:
            o -= 1
        made.append(o)
        frame += [lo, max(hi, (o - 1) * s + extent - n - lo)]
    return (made[0], made[1]), (frame[0], frame[1], frame[2], frame[3])


def window_shares(
    size: Pair,
    window: Pair,
    stride: Pair,
    pads: Sides,
    made: Pair,
    countpad: bool,
    divisor: int | None,
) -> Array:
    """What avg_pool2d divides the sum of each window of a map by: (oh, ow)."""
    if divisor is not None:
        return np.full(made, divisor)
    counts = []
    sides = (pads[:2], pads[2:])
    axes = zip(size, window, stride, sides, made, strict=True)
    for n, k, s, (lo, hi), o in axes:
        first = np.arange(o) * s - lo
        last = np.minimum(first + k, n + hi)
        if not countpad:
            first, last = np.maximum(first, 0), np.minimum(last, n)
        counts.append(last - first)
    return np.outer(counts[0], counts[1])


def adaptive_windows(n: int, o: int) -> list[tuple[int, int]]:
    """Window j of o on an axis of n values runs from j*n//o up to ceil((j + 1)*n/o)."""
    return [(j * n // o, -(-(j + 1) * n // o)) for j in range(o)]


def adaptive_tiles(x: Array, size: Pair) -> Iterator[tuple[int, int, Part]]:
    """Every window of an adaptive pool: its row and column, and where it lies in x."""
    for i, rows in enumerate(adaptive_windows(x.shape[2], size[0])):
        for j, columns in enumerate(adaptive_windows(x.shape[3], size[1])):
            yield i, j, (slice(None), slice(None), slice(*rows), slice(*columns))


def adaptive_avg_pool2d(x: Array, size: Pair) -> Array:
    """The means of oh x ow windows that tile a map: (N, C, H, W) -> (N, C, oh, ow)."""
    y = np.empty((*x.shape[:2], *size), x.dtype)
    for i, j, part in adaptive_tiles(x, size):
        y[:, :, i, j] = x[part].mean((2, 3))
    return y


def adaptive_avg_pool2d_backward(grad: Array, x: Array, size: Pair) -> Array:
    """The gradient of x: each window's is spread evenly over the window."""
    dx = np.zeros(x.shape, grad.dtype)
    for i, j, part in adaptive_tiles(x, size):
        count = math.prod(x[part].shape[2:])
        dx[part] += (grad[:, :, i, j] / count)[:, :, None, None]
    return dx


def adaptive_max_pool2d(x: Array, size: Pair) -> Array:
    """The maxima of adaptive_avg_pool2d's windows: (N, C, H, W) -> (N, C, oh, ow)."""
    y = np.empty((*x.shape[:2], *size), x.dtype)
    for i, j, part in adaptive_tiles(x, size):
        y[:, :, i, j] = x[part].max((2, 3))
    return y


def adaptive_max_pool2d_backward(grad: Array, x: Array, size: Pair) -> Array:
    """The gradient of x: each window's goes to its first largest value, row by row."""
    n, c = x.shape[:2]
    dx = np.zeros(x.shape, grad.dtype)
    images, channels = np.indices((n, c))
    for i, j, part in adaptive_tiles(x, size):
        height, width = x[part].shape[2:]
        largest = x[part].reshape(n, c, height * width).argmax(2)
        rows, columns = np.divmod(largest, width)
        dx[part][images, channels, rows, columns] += grad[:, :, i, j]
    return dx


@facts(quick="quick_reduce")
def channel_mean(x: Array) -> Array:
    """The mean over channels (features): axis 1 of length 1. Woo et al. 2018."""
    y: Array = x.mean(1, keepdims=True)
    return y


def channel_mean_backward(grad: Array, x: Array) -> Array:
    """grad/C, for every channel."""
    return np.broadcast_to(grad / x.shape[1], x.shape)


@facts(quick="quick_reduce")
def channel_max(x: Array) -> Array:
    """The largest over channels (features): axis 1 of length 1. Woo et al. 2018."""
    y: Array = x.max(1, keepdims=True)
    return y


def channel_max_backward(grad: Array, x: Array, y: Array) -> Array:
    """grad for the largest channel; where several are equal, shared among them."""
    hit = x == y
    dx: Array = grad * hit / hit.sum(1, keepdims=True, dtype=grad.dtype)
    return dx


def blur_pool(
    x: Array, window: Pair, stride: Pair, pad: Pair, mode: str = "reflect"
) -> Array:
    """Means of windows weighed by binomial coefficients. Zhang 2019.

    Along each axis tap t of k weighs (k - 1 over t)/2^(k - 1).
    """
    padded = pad2d(x, (pad[0], pad[0], pad[1], pad[1]), mode)
    rows = blur(padded.swapaxes(2, 3), window[0], stride[0])
    return blur(rows.swapaxes(2, 3), window[1], stride[1])


def blur(x: Array, k: int, stride: int) -> Array:
    """Means of k values along the last axis, weighed by binomial coefficients."""
    o = (x.shape[-1] - k) // stride + 1
    y = np.zeros((*x.shape[:-1], o), x.dtype)
    for t in range(k):
        y += binomial(k, t) * x[..., t : t + (o - 1) * stride + 1 : stride]
    return y


def binomial(k: int, t: int) -> float:
    """(k - 1 over t)/2^(k - 1)."""
    return math.comb(k - 1, t) / 2.0 ** (k - 1)


def blur_pool_backward(
    grad: Array, x: Array, window: Pair, stride: Pair, pad: Pair, mode: str = "reflect"
) -> Array:
    """The gradient of x: each window's share goes back to where it came from."""
    sides = (pad[0], pad[0], pad[1], pad[1])
    height, width = x.shape[2] + 2 * pad[0], x.shape[3] + 2 * pad[1]
    rows = unblur(grad, width, window[1], stride[1])
    padded = unblur(rows.swapaxes(2, 3), height, window[0], stride[0])
    return unpad2d(padded.swapaxes(2, 3), sides, mode)


def unblur(grad: Array, n: int, k: int, stride: int) -> Array:
    """The transpose of blur, for n values along the last axis."""
    dx = np.zeros((*grad.shape[:-1], n), grad.dtype)
    for t in range(k):
        end = t + (grad.shape[-1] - 1) * stride + 1
        dx[..., t:end:stride] += binomial(k, t) * grad
    return dx
