"""Work in strips that stay in the cache, each with the frame of input that it sees."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnspec.backends.numpy.kernels.arrays import Array, Pair, Part, Sides, origins
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import Plan
from cnnspec.backends.numpy.kernels.posts import Bound, Post

SIDES = 1 << 12
"""Numbers of a frame that are written in the time of the calls for its sides."""


class Strip(NamedTuple):
    """A part of an output, and the frame: the rows of input it sees, pads included.

    Every worker has a frame of its own, if there are pads, and calls that fill it.
    Strips of the same shape have the same frames.
    """

    part: Part
    frames: list[Array]  # (n, rows, left + W + right, C)
    loads: list[list[Bound]]


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
    # Rows 2 to 4 of an output by 3 rows, step 2, see 2*2 to (4 - 1)*2 + 3: 4 to 9.
    bounds = [(rows.start * step, (rows.stop - 1) * step + extent) for _, rows in parts]
    if not any(pads):
        return [
            Strip(part, [x[part[0], first:last]] * plan.workers, [[]] * plan.workers)
            for part, (first, last) in zip(parts, bounds, strict=True)
        ]
    width, c = left + x.shape[2] + right, x.shape[3]
    shapes = [
        (images.stop - images.start, last - first, width, c)
        for (images, _), (first, last) in zip(parts, bounds, strict=True)
    ]
    buffers = plan.take(
        ".frame", (plan.workers, max(map(math.prod, shapes), default=0))
    )
    rows = origins(x.shape[1], top, bottom, mode)
    columns = origins(x.shape[2], left, right, mode)
    every = {
        shape: [buffer[: math.prod(shape)].reshape(shape) for buffer in buffers]
        for shape in shapes
    }
    sides = {
        shape: [side_moves(frame, columns, left, fill) for frame in frames]
        for shape, frames in every.items()
    }
    found = []
    for part, shape, (first, last) in zip(parts, shapes, bounds, strict=True):
        seen, frames = x[part[0]], every[shape]
        loads = [
            row_moves(seen, frame, rows[first:last], left, fill) + after
            for frame, after in zip(frames, sides[shape], strict=True)
        ]
        found.append(Strip(part, frames, loads))
    return found


def batches(sizes: list[int], most: int) -> list[slice]:
    """Neighbours whose sizes add up to `most` at most, or that are too large alone."""
    found: list[slice] = []
    # More than fits: the first size opens a batch.
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


def row_moves(
    x: Array, frame: Array, rows: list[int], left: int, fill: float
) -> list[Bound]:
    """The copies of x into a frame, whose rows are those of x that `rows` name.

    All of a small frame is filled before: that is faster than a call for each side.
    """
    is_small = frame.size <= SIDES
    moves: list[Bound] = [partial(frame.fill, fill)] if is_small else []
    inside = frame[:, :, left : left + x.shape[2]]
    for start, stop, origin in runs(rows):
        if origin >= 0:
            source = x[:, origin : origin + stop - start]
            moves.append(partial(np.copyto, inside[:, start:stop], source))
        elif not is_small:
            moves.append(partial(np.copyto, inside[:, start:stop], fill))
    return moves


def side_moves(frame: Array, columns: list[int], left: int, fill: float) -> list[Bound]:
    """The copies within a frame to the columns of its pads, or the fill of them."""
    moves: list[Bound] = []
    for start, stop, origin in runs(columns):
        goal, first = frame[:, :, start:stop], left + origin
        if origin >= 0 and start != left:
            source = frame[:, :, first : first + stop - start]
            moves.append(partial(np.copyto, goal, source))
        elif origin < 0 and frame.size > SIDES:
            moves.append(partial(np.copyto, goal, fill))
    return moves


def runs(origins: list[int]) -> list[tuple[int, int, int]]:
    """Stretches of rows that follow each other, or repeat none: start, stop, origin."""
    found: list[tuple[int, int, int]] = []
    for i, origin in enumerate(origins):
        # -2 is no origin, so the first one begins a stretch.
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

    def strips(self, parts: list[Part]) -> list[Strip]:
        """Strips for parts of the output."""
        extent = self.dilation[0] * (self.weight.shape[2] - 1) + 1
        window = extent, self.stride[0]
        return strips(self.plan, self.x, parts, window, self.pads, mode=self.mode)

    def taps(self, parts: list[Part], run: int = 1) -> list[tuple[Strip, list[Array]]]:
        """Strips for parts of the output, and their windows in each worker's frame."""
        kh, kw = self.weight.shape[2:]
        found, made = self.strips(parts), dict[int, Array]()
        for strip in found:
            size = strip.part[1].stop - strip.part[1].start, self.y.shape[2]
            for frame in strip.frames:
                if id(frame) not in made:
                    made[id(frame)] = windows(
                        frame, size, (kh, kw), self.stride, self.dilation, run
                    )
        return [(strip, [made[id(frame)] for frame in strip.frames]) for strip in found]
