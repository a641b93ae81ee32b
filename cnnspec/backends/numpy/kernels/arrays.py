"""What all kernels share: the type of arrays, padding, windows that walk over maps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[int, int]
"""Height and width."""

Sides = tuple[int, int, int, int]
"""Rows above and below, columns to the left and to the right."""

Part = tuple[slice, ...]
"""Where a piece of an array lies."""

CACHE = 1 << 21
"""Bytes of a piece of work: what a core's cache holds."""


def last(x: Array) -> Array:
    """(N, C, H, W) seen as (N, H, W, C); vectors stay."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def first(x: Array) -> Array:
    """(N, H, W, C) seen as (N, C, H, W); vectors stay."""
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


def pad2d(x: Array, pads: Sides, mode: str = "zeros", value: float = 0.0) -> Array:
    """Rows and columns around maps: (N, C, H, W) -> (N, C, top+H+bottom, left+W+right).

    pads is (top, bottom, left, right); mode says what they hold: "zeros" the value,
    "reflect" the map mirrored at its edge, "replicate" its edge, "circular" its far
    side.
    """
    top, bottom, left, right = pads
    if not any(pads):
        return x
    sides = ((0, 0), (0, 0), (top, bottom), (left, right))
    if mode == "zeros":
        return np.pad(x, sides, constant_values=value)
    rows = origins(x.shape[2], top, bottom, mode)
    columns = origins(x.shape[3], left, right, mode)
    padded: Array = x.take(rows, 2).take(columns, 3)
    return padded


def origins(n: int, lo: int, hi: int, mode: str) -> list[int]:
    """For each row (column) of a padded map that of the n it repeats, -1 for none.

    Raises ValueError where the n are too few for the pads, as PyTorch does.
    """
    if mode == "zeros":
        return [-1] * lo + list(range(n)) + [-1] * hi
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    pad = max(lo, hi)
    least = {"reflect": pad + 1, "replicate": 1, "circular": pad}[mode]
    if pad and n < least:
        raise ValueError(f"a {mode} pad of {pad} is of {least} at least, not of {n}")
    found = np.pad(np.arange(n), (lo, hi), mode=names[mode])  # type: ignore[call-overload]
    return [int(origin) for origin in found]


def unpad2d(padded: Array, pads: Sides, mode: str = "zeros") -> Array:
    """The transpose of pad2d: each pad's gradient goes where its value came from."""
    top, bottom, left, right = pads
    height = padded.shape[2] - top - bottom
    width = padded.shape[3] - left - right
    if mode == "zeros":
        return padded[:, :, top : top + height, left : left + width]
    rows = fold_sides(padded.swapaxes(2, 3), top, height, bottom, mode)
    return fold_sides(rows.swapaxes(2, 3), left, width, right, mode)


def fold_sides(padded: Array, lo: int, n: int, hi: int, mode: str) -> Array:
    """Add the pads of the last axis to the n values that they are copies of."""
    origin = origins(n, lo, hi, mode)
    total = padded[..., lo : lo + n].copy()
    for i in [*range(lo), *range(lo + n, lo + n + hi)]:
        total[..., origin[i]] += padded[..., i]
    return total


def pad2d_backward(grad: Array, x: Array, pads: Sides, mode: str = "zeros") -> Array:
    """The gradient of x, its pads folded back."""
    return unpad2d(grad, pads, mode)


def by_channel(numbers: Array, x: Array) -> Array:
    """C numbers, or one in all, shaped so that they stand along axis 1 of x."""
    return numbers.reshape(-1, *(1,) * (x.ndim - 2))


def by_group(x: Array, groups: int) -> Array:
    """The values of every group of an image's channels: (N, groups, C/groups*H*W)."""
    return x.reshape(len(x), groups, math.prod(x.shape[1:]) // groups)


def sum_by_channel(grad: Array, numbers: Array) -> Array:
    """The transpose of by_channel: what numbers, one a channel or one in all, get."""
    axes = tuple(i for i in range(grad.ndim) if i != 1 or numbers.size == 1)
    total: Array = grad.sum(axes)
    return total.reshape(numbers.shape)


def windows2d(x: Array, kernel: Pair, stride: Pair, dilation: Pair) -> Array:
    """Every window of maps, without a copy: (N, C, H, W) -> (N, C, oh, ow, kh, kw).

    windows[n, c, i, j, u, v] = x[n, c, i*sh + u*dh, j*sw + v*dw]
    """
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    extent = (dh * (kh - 1) + 1, dw * (kw - 1) + 1)
    windows: Array = sliding_window_view(x, extent, (2, 3))
    return windows[:, :, ::sh, ::sw, ::dh, ::dw]


def fold2d(windows: Array, size: Pair, stride: Pair, dilation: Pair) -> Array:
    """The transpose of windows2d: windows are put back and add up where they overlap.

    x[n, c, i*sh + u*dh, j*sw + v*dw] += windows[n, c, i, j, u, v]; size is (H, W) of x.
    """
    n, c, oh, ow, kh, kw = windows.shape
    x = np.zeros((n, c, *size), windows.dtype)
    for u, v in np.ndindex(kh, kw):
        tap2d(x, (u, v), (oh, ow), stride, dilation)[...] += windows[..., u, v]
    return x


def tap2d(x: Array, tap: Pair, size: Pair, stride: Pair, dilation: Pair) -> Array:
    """What tap (u, v) of all windows sees, as a view.

    tap[n, c, i, j] = x[n, c, i*sh + u*dh, j*sw + v*dw]
    """
    (oh, ow), (sh, sw) = size, stride
    top, left = tap[0] * dilation[0], tap[1] * dilation[1]
    rows = slice(top, top + (oh - 1) * sh + 1, sh)
    columns = slice(left, left + (ow - 1) * sw + 1, sw)
    return x[:, :, rows, columns]


def pieces(shape: tuple[int, ...], row_bytes: int, least: int = 1) -> Iterator[Part]:
    """Parts of an output whose work fits into the cache: images, or rows of one.

    Of one image there are as many for each of `least` workers, if it has so many rows.
    """
    images, height = shape[:2]
    rows = max(1, min(CACHE // max(row_bytes, 1), -(-images * height // least)))
    if rows >= height:
        step = rows // height
        for n in range(0, images, step):
            yield slice(n, min(n + step, images)), slice(0, height)
        return
    count = -(-height // rows)
    count = min(height, count + -count % least)  # one of two would do 3 of 5
    ends = [height * i // count for i in range(count + 1)]
    for n in range(images):
        for band in map(slice, ends, ends[1:]):
            yield slice(n, n + 1), band
