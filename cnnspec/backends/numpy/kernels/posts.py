"""What follows a layer on its output, part by part, while that part is in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array, Part

Post = Callable[[Array, Part], Any]
"""What works on a part of an output while it is in the cache."""

RUN = 1024
"""Numbers of a run of pixels that loops go over at once: long ones are faster."""


def post_add(other: Array) -> Post:
    """y += other, part by part."""
    return lambda y, part: np.add(y, other[part], out=y)


def post_join(join: np.ufunc, one: Array, two: Array) -> Post:
    """y = one joined with two, part by part; gates weigh whole maps."""

    def seen(x: Array, part: Part) -> Array:
        return x[part] if x.ndim == 2 or x.shape[1] > 1 else x[part[:1]]

    return lambda y, part: join(seen(one, part), seen(two, part), out=y)


def post_add_run(run: Array) -> Post:
    """y += run, for every run of pixels."""

    def post(y: Array, part: Part) -> None:
        pixels = in_runs(y, run)
        np.add(pixels, run, out=pixels)

    return post


def post_in_place(work: Callable[[Array], Any]) -> Post:
    """A function that changes an array in its place, part by part."""
    return lambda y, _: work(y)


def run_of(numbers: Array, y: Array) -> Array:
    """C numbers along the last axis, repeated for a run of y's pixels."""
    if y.ndim == 2:
        return numbers
    width, c = y.shape[2:]
    counts = [n for n in range(1, width + 1) if width % n == 0 and n * c <= RUN]
    return np.tile(numbers, max(counts, default=1))


def in_runs(y: Array, run: Array) -> Array:
    """Maps seen as runs of pixels as long as the one given; vectors stay."""
    return y if y.ndim == 2 else y.reshape(*y.shape[:2], -1, run.shape[-1])
