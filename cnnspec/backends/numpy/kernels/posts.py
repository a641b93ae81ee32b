"""Calls bound to their arrays, and what follows a layer while the cache holds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array, Part

Bound = Callable[[], Any]
"""A call of a function on given arrays: all that a plan does when it runs."""

Post = Callable[[Array, Part], list[Bound]]
"""What changes a part of an output, given that part and where it lies."""

RUN = 1 << 13
"""Numbers of a run. Where runs are half as long, NumPy adds at half the speed."""


JOINS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "avg_pool2d": np.add,
    "max_pool2d": np.maximum,
    "channel_mean": np.add,
    "channel_max": np.maximum,
}
"""By kernel: what it joins values with, of paths, of a window or of a pixel."""


def follow(y: Array, part: Part, posts: list[Post]) -> list[Bound]:
    """The calls of all posts on a part of an output."""
    return [call for post in posts for call in post(y[part], part)]


def bound_product(left: Array, right: Array, y: Array) -> Bound:
    """y = left times right, all matrices; of NumPy's two calls that which is quicker.

    Dot takes 0.4 µs less than matmul, where y lies end to end.
    """
    call: Any = np.dot if y.flags.c_contiguous else np.matmul
    return partial(call, left, right, y)


def post_add(other: Array) -> Post:
    """y += other, part by part."""
    return lambda y, part: [partial(np.add, y, other[part], y)]


def post_join(join: np.ufunc, values: list[Array]) -> Post:
    """y = all values joined, part by part; gates weigh whole maps."""

    def seen(x: Array, part: Part) -> Array:
        return x[part] if x.ndim == 2 or x.shape[1] > 1 else x[part[:1]]

    return lambda y, part: join_all(join, [seen(x, part) for x in values], y)


def post_run(work: np.ufunc, x: Array | None, run: Array) -> Post:
    """y = x, or y itself, worked on with a run that is repeated."""

    def post(y: Array, part: Part) -> list[Bound]:
        sources = in_runs(y if x is None else x[part], run)
        goals = in_runs(y, run)
        return [
            partial(work, source, run[: source.shape[-1]], out=goal)
            for source, goal in zip(sources, goals, strict=True)
        ]

    return post


def post_in_place(work: Callable[[Array], Any]) -> Post:
    """A function that changes an array in its place, part by part."""
    return lambda y, _: [partial(work, y)]


def join_all(join: np.ufunc, values: Sequence[Array], y: Array) -> list[Bound]:
    """y = all values joined, the first two at once."""
    if len(values) == 1:
        return [partial(np.copyto, y, values[0])]
    first = partial(join, values[0], values[1], out=y)
    return [first, *(partial(join, y, value, out=y) for value in values[2:])]


def run_of(numbers: Array, y: Array) -> Array:
    """C numbers along the last axis, repeated for a run of y's pixels.

    Of y as a whole, or of a small part of it: runs are memory that a plan keeps.
    """
    # 802,816 numbers: runs of 6,272, their 128th part; 10,000: of 1,024, an eighth.
    size = y.size if y.size <= RUN else min(RUN, max(RUN // 8, y.size // 128))
    return np.tile(numbers, max(1, size // len(numbers)))


def in_runs(x: Array, run: Array) -> list[Array]:
    """All numbers of x, which lie end to end: runs, and what is left of one."""
    flat = x.reshape(-1)
    whole = flat.size - flat.size % run.size
    # One run: without the axis of length 1, which costs NumPy's loops some time.
    if whole <= run.size:
        parts = [flat[:whole], flat[whole:]]
    else:
        parts = [flat[:whole].reshape(-1, run.size), flat[whole:]]
    return [part for part in parts if part.size]
