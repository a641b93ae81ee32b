"""Work in strips that stay in the cache, each with the frame of input that it sees."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnspec.backends.numpy.kernels.arrays import Array, Pair, Part, Sides, origins
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import Plan
from cnnspec.backends.numpy.kernels.posts import Post


class Strip(NamedTuple):
    """A part of an output, and the frame: the rows of input it sees, pads included.

    Every worker has a frame of its own, if there are pads. `moves` are the copies, of
    arrays or of one number, that fill each of them.
    """

    part: Part
    frames: list[Array]  # (n, rows, left + W + right, C)
    moves: list[list[tuple[Array, Array | float]]]

    def load(self, worker: int) -> Array:
        """A worker's frame, filled."""
        for goal, source in self.moves[worker]:
            np.copyto(goal, source)
        return self.frames[worker]


def strips(
    plan: Plan,
    x: Array,
    parts: list[Part],
    window: Pair,
    pads: Sides,
    fill: float = 0.0,
    mode: str = "zeros",
) -> list[Strip]:
    """A strip for each part. `window`: the rows that one output sees, and their step.

    A worker's frames share a buffer, a row of ".frame"; without pads they are views of
    x, (N, H, W, C).
    """
    (extent, step), (top, bottom, left, right) = window, pads
    bounds = [(rows.start * step, (rows.stop - 1) * step + extent) for _, rows in parts]
    if not any(pads):
        return [
            Strip(part, [x[part[0], first:last]] * plan.workers, [[]] * plan.workers)
            for part, (first, last) in zip(parts, bounds, strict=True)
        ]
    shapes = [
        (images.stop - images.start, last - first, left + x.shape[2] + right)
        for (images, _), (first, last) in zip(parts, bounds, strict=True)
    ]
    sizes = [math.prod(shape) * x.shape[3] for shape in shapes]
    buffers = plan.take(".frame", (plan.workers, max(sizes, default=0)))
    rows = origins(x.shape[1], top, bottom, mode)
    columns = runs(origins(x.shape[2], left, right, mode))
    found = []
    for i, (first, last) in enumerate(bounds):
        frames = [row[: sizes[i]].reshape(*shapes[i], x.shape[3]) for row in buffers]
        seen, origin = x[parts[i][0]], rows[first:last]
        moves = [
            frame_moves(seen, frame, origin, columns, left, fill) for frame in frames
        ]
        found.append(Strip(parts[i], frames, moves))
    return found


def batches(sizes: list[int], most: int) -> list[slice]:
    """Neighbours whose sizes add up to `most` at most, or that are too large alone."""
    found: list[slice] = []
    total = most + 1
    for i, size in enumerate(sizes):
        total += size
        if total > most:
            found.append(slice(i, i + 1))
            total = size
        else:
            found[-1] = slice(found[-1].start, i + 1)
    return found


def laid(sizes: Iterable[int]) -> list[slice]:
    """Where each lies, one behind the other: laid([2, 3]) is [0:2, 2:5]."""
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(*pair) for pair in pairwise(ends)]


def frame_moves(
    x: Array,
    frame: Array,
    rows: list[int],
    columns: list[tuple[int, int, int]],
    left: int,
    fill: float,
) -> list[tuple[Array, Array | float]]:
    """The copies that fill a frame with rows of x, then the columns of its pads.

    `rows` name the rows of x that the frame's repeat, `columns` are runs of such.
    """
    moves: list[tuple[Array, Array | float]] = []
    inside = frame[:, :, left : left + x.shape[2]]
    for start, stop, origin in runs(rows):
        source = x[:, origin : origin + stop - start] if origin >= 0 else fill
        moves.append((inside[:, start:stop], source))
    for start, stop, origin in columns:
        source = inside[:, :, origin : origin + stop - start] if origin >= 0 else fill
        if start != left:
            moves.append((frame[:, :, start:stop], source))
    return moves


def runs(origins: list[int]) -> list[tuple[int, int, int]]:
    """Stretches of rows that follow each other, or repeat none: start, stop, origin."""
    found: list[tuple[int, int, int]] = []
    for i, origin in enumerate(origins):
        start, _, before = found[-1] if found else (0, 0, -2)
        if origin == (before + i - start if before >= 0 else before):
            found[-1] = (start, i + 1, before)
        else:
            found.append((i, i + 1, origin))
    return found


def conv_size(
    size: Pair, kernel: Pair, stride: Pair, pads: Sides, dilation: Pair
) -> Pair:
    """o = (n + lo + hi - dilation*(k - 1) - 1)//stride + 1 for height and width."""
    sides = (pads[0] + pads[1], pads[2] + pads[3])
    height, width = (
        (n + both - d * (k - 1) - 1) // s + 1
        for n, both, k, s, d in zip(size, sides, kernel, stride, dilation, strict=True)
    )
    return height, width


def windows(
    x: Array, size: Pair, kernel: Pair, stride: Pair, dilation: Pair, run: int = 1
) -> Array:
    """Every window as a view: (N, H, W, C) -> (N, oh, ow/run, kh, kw, run*C).

    What a tap of `run` windows sees lies end to end, if they step by 1 along a row.
    """
    n, h, w, c = x.strides
    shape = (x.shape[0], size[0], size[1] // run, *kernel, run * x.shape[3])
    (sh, sw), (dh, dw) = stride, dilation
    strides = (n, h * sh, w * sw * run, h * dh, w * dw, c)
    return as_strided(x, shape, strides, writeable=False)


class Conv(NamedTuple):
    """A convolution to be planned: what arrives, what leaves, and its arguments."""

    plan: Plan
    layer: Layer
    x: Array  # (N, H, W, C)
    weight: Array  # (O, C/groups, kh, kw)
    scale: Array | None  # of the filters
    y: Array  # (N, oh, ow, O)
    posts: list[Post]
    stride: Pair
    pads: Sides
    dilation: Pair
    groups: int
    mode: str

    def taps(self, parts: list[Part], run: int = 1) -> list[tuple[Strip, list[Array]]]:
        """Strips for parts of the output, and their windows in each worker's frame."""
        kh, kw = self.weight.shape[2:]
        extent = self.dilation[0] * (kh - 1) + 1
        found = strips(
            self.plan,
            self.x,
            parts,
            (extent, self.stride[0]),
            self.pads,
            mode=self.mode,
        )
        sizes = [(rows.stop - rows.start, self.y.shape[2]) for _, rows in parts]
        return [
            (
                strip,
                [
                    windows(frame, size, (kh, kw), self.stride, self.dilation, run)
                    for frame in strip.frames
                ],
            )
            for strip, size in zip(found, sizes, strict=True)
        ]
