"""Kernels that move pixels about: upsampling, shuffles, cropping."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array, Pair


def upsample(
    x: Array,
    factor: tuple[float, float] | None = None,
    size: Pair | None = None,
    mode: str = "nearest",
    align: bool = False,
) -> Array:
    """Maps at another size, floor(n*factor) or size: (N, C, H, W) -> (N, C, oh, ow).

    "nearest" repeats the pixel floor(q/factor); "bilinear" weighs the two pixels on
    either side of (q + 0.5)/factor - 0.5 by their nearness, on both axes. With align
    the corners' centres coincide: q*(n - 1)/(o - 1). With a size the factor is o/n.
    """
    for axis in (2, 3):
        low, high, share = neighbours(x, axis, factor, size, mode, align)
        along = (-1, 1) if axis == 2 else (-1,)
        near = np.take(x, low, axis)
        if share is not None:
            share = share.reshape(along)
            near = near * (1 - share) + np.take(x, high, axis) * share
        x = near
    return x


def upsample_backward(
    grad: Array,
    x: Array,
    factor: tuple[float, float] | None = None,
    size: Pair | None = None,
    mode: str = "nearest",
    align: bool = False,
) -> Array:
    """The gradient of x: each output goes to the pixels it came from, by their shares.

    Along an axis upsampling is a matrix M of o x n: dx = M_rows^T grad M_columns.
    """
    rows, columns = (
        upsample_shares(x, axis, factor, size, mode, align) for axis in (2, 3)
    )
    dx: Array = rows.T @ grad @ columns
    return dx


def upsample_shares(
    x: Array,
    axis: int,
    factor: tuple[float, float] | None,
    size: Pair | None,
    mode: str,
    align: bool,
) -> Array:
    """The matrix (o, n) of upsampling along an axis: each output's shares of pixels."""
    low, high, share = neighbours(x, axis, factor, size, mode, align)
    shares = np.zeros((len(low), x.shape[axis]), x.dtype)
    q = np.arange(len(low))
    shares[q, low] = 1 if share is None else 1 - share
    if share is not None:
        shares[q, high] += share
    return shares


def neighbours(
    x: Array,
    axis: int,
    factor: tuple[float, float] | None,
    size: Pair | None,
    mode: str,
    align: bool,
) -> tuple[Array, Array, Any]:
    """For each output along an axis: the pixels on either side, and the second's share.

    The share is None where only one pixel counts. Shares have x's type, as in PyTorch.
    """
    n = x.shape[axis]
    o = size[axis - 2] if size else math.floor(n * factor[axis - 2]) if factor else n
    if mode == "nearest":
        at = np.arange(o)
        at = np.floor(at / factor[axis - 2]).astype(int) if factor else at * n // o
        low = np.minimum(at, n - 1)
        return low, low, None
    step = 1 / factor[axis - 2] if factor else n / o
    q = np.arange(o, dtype=x.dtype)
    if align:
        position = q * x.dtype.type((n - 1) / (o - 1) if o > 1 else 0)
    else:
        position = np.maximum((q + 0.5) * x.dtype.type(step) - 0.5, 0)
    low = np.minimum(np.floor(position).astype(int), n - 1)
    return (
        low,
        np.minimum(low + 1, n - 1),
        np.clip(position - low, 0, 1).astype(x.dtype),
    )


def pixel_shuffle(x: Array, factor: int) -> Array:
    """Every r*r channels become one: (N, C, H, W) -> (N, C/r^2, r*H, r*W).

    y[n, c, r*i + u, r*j + v] = x[n, (c*r + u)*r + v, i, j]. Shi et al. 2016.
    """
    n, c, height, width = x.shape
    r = factor
    parts = x.reshape(n, c // (r * r), r, r, height, width)
    moved = parts.transpose(0, 1, 4, 2, 5, 3)
    return moved.reshape(n, c // (r * r), r * height, r * width)


def pixel_shuffle_backward(grad: Array, x: Array, factor: int) -> Array:
    """grad with every pixel back in its channel."""
    n, c, height, width = x.shape
    r = factor
    parts = grad.reshape(n, c // (r * r), height, r, width, r)
    return parts.transpose(0, 1, 3, 5, 2, 4).reshape(x.shape)


def pixel_unshuffle(x: Array, factor: int) -> Array:
    """Every r x r square becomes channels: (N, C, H, W) -> (N, C*r^2, H//r, W//r).

    y[n, (c*r + u)*r + v, i, j] = x[n, c, r*i + u, r*j + v]. Shi et al. 2016, inverted.
    """
    n, c, height, width = x.shape
    h, w = height // factor, width // factor
    whole = x[:, :, : h * factor, : w * factor]
    parts = whole.reshape(n, c, h, factor, w, factor).transpose(0, 1, 3, 5, 2, 4)
    return parts.reshape(n, c * factor * factor, h, w)


def pixel_unshuffle_backward(grad: Array, x: Array, factor: int) -> Array:
    """grad with every channel back at its pixel, 0 where no square was filled."""
    dx = np.zeros(x.shape, grad.dtype)
    dx[:, :, : grad.shape[2] * factor, : grad.shape[3] * factor] = pixel_shuffle(
        grad, factor
    )
    return dx


def channel_shuffle(x: Array, groups: int) -> Array:
    """Channels in rows, read column by column. Zhang et al. 2018, "ShuffleNet"."""
    n, c, height, width = x.shape
    rows = x.reshape(n, groups, c // groups, height, width)
    return rows.swapaxes(1, 2).reshape(x.shape)


def channel_shuffle_backward(grad: Array, x: Array, groups: int) -> Array:
    """grad with every channel back in its place."""
    return channel_shuffle(grad, x.shape[1] // groups)


def crop(x: Array, top: int, left: int, height: int, width: int) -> Array:
    """A part of the maps: (N, C, H, W) -> (N, C, height, width)."""
    return x[:, :, top : top + height, left : left + width]


def crop_backward(
    grad: Array, x: Array, top: int, left: int, height: int, width: int
) -> Array:
    """grad with zeros around it."""
    dx = np.zeros(x.shape, grad.dtype)
    dx[:, :, top : top + height, left : left + width] = grad
    return dx
