"""Fast forms of the other layers: linear, norms, pools as shifted maxima and sums."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array, Pair, Part
from cnnspec.backends.numpy.kernels.folding import folded, matrix, scale_and_shift
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import MACS, Fusion, Plan, quick_plain
from cnnspec.backends.numpy.kernels.pool import (
    adaptive_windows,
    pool_frame,
    window_shares,
)
from cnnspec.backends.numpy.kernels.posts import (
    JOINS,
    Bound,
    bound_product,
    join_all,
    post_run,
    run_of,
)
from cnnspec.backends.numpy.kernels.strips import Strip, strips

FAR = 1e15
"""By so much at most -shift/scale may exceed 1: float32 ends at 3e38."""

FEW = 16
"""Channels, up to which a product adds pixels faster than sums of so short rows do."""


def quick_linear(plan: Plan, layer: Layer) -> None:
    """A product of vectors, or of all pixels, with the weight, and what follows it."""
    fusion = plan.fuse(layer, fold=True)
    weight, scale, bias = folded(plan, fusion)
    kernels = matrix(plan, layer, weight, scale)
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, (*x.shape[:-1], len(weight)))
    posts = plan.posts(y, bias, fusion)
    parts = plan.whole_rows(y, y.size * len(kernels) // MACS)
    plan.product(x, kernels, y, parts, posts)
    plan.finish(fusion)


def quick_norm(plan: Plan, layer: Layer) -> None:
    """A batch norm that no convolution takes in: x*scale + shift, piece by piece."""
    if "running_mean" not in plan.net.keywords(layer):
        quick_plain(plan, layer)
        return
    scale, shift = (part.astype(plan.dtype) for part in scale_and_shift(plan, layer))
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, x.shape)
    fusion = plan.fuse(layer, fold=False)
    if defers(plan, fusion) and (np.abs(shift) < FAR * scale).all():
        # relu(x*scale + shift) = scale*max(x, -shift/scale) + shift, if scale > 0
        posts = [post_run(np.maximum, x, run_of(-shift / scale, y))]
        plan.deferred[fusion.after[0].name] = scale, shift
    else:
        weigh = post_run(np.multiply, x, run_of(scale, y))
        posts = [weigh, *plan.posts(y, shift, fusion)]
    plan.follow(y, plan.whole_rows(y), posts, [layer, *fusion.after])
    plan.finish(fusion)


def defers(plan: Plan, fusion: Fusion) -> bool:
    """Whether the weight of the layer behind a norm's ReLU can scale and shift for it.

    It sees no pads, which would be zeros behind the ReLU, is of no other layer, and is
    copied anyway, for a norm of its own.
    """
    names = [layer.kernel.__name__ for layer in fusion.after]
    if names != ["relu"] or fusion.after[0].name in plan.net.outputs:
        return False
    takers = plan.takers.get(fusion.after[0].name, [])
    if len(takers) != 1 or takers[0].name not in plan.net.folds:
        return False
    kernel, options = takers[0].kernel.__name__, takers[0].options
    owners = [layer.owner for layer in plan.layers]
    return (
        kernel in ("conv2d", "linear")
        and not any(options.get("pads", ()))
        and options.get("groups", 1) == 1
        and owners.count(takers[0].owner) == 1
    )


def quick_pool(plan: Plan, layer: Layer) -> None:
    """A pool, first along columns, then along rows: 2*k steps for k*k values."""
    options, join = layer.options, JOINS[layer.kernel.__name__]
    fill = 0.0 if join is np.add else -np.inf
    window, stride, pads = (options[name] for name in ("window", "stride", "pads"))
    (kh, kw), (sh, sw), (dh, dw) = window, stride, options.get("dilation", (1, 1))
    x = plan.values[layer.of[0]]
    size = x.shape[1:3]
    (oh, ow), frame = pool_frame(size, window, stride, pads, (dh, dw), options["ceil"])
    n, c = x.shape[0], x.shape[3]
    y = plan.take(layer.name, (n, oh, ow, c))
    row = x.itemsize * c * (sh * x.shape[2] + x.shape[2] + ow)
    found = strips(
        plan, x, plan.parts(y.shape, row), (dh * (kh - 1) + 1, sh), frame, fill
    )
    width = x.shape[2] + frame[2] + frame[3]
    sizes = [y[strip.part].size // ow * width for strip in found]
    columns = plan.take(".columns", (plan.workers, max(sizes, default=0)))
    shares = mean_shares(layer, size, (oh, ow), x.dtype) if join is np.add else None
    tiled = width == ow * kw and sw == kw and c <= FEW
    means: Array | None = None  # times a window's pixels in a row
    if shares is not None and shares.ndim == 0 and tiled:
        means = np.tile(np.eye(c, dtype=x.dtype), (kw, 1)) / shares

    def pool(strip: Strip, worker: int) -> list[Bound]:
        seen, goal = strip.frames[worker], y[strip.part]
        sums = columns[worker, : goal.size // ow * width]
        sums = sums.reshape(*goal.shape[:2], width, c)
        rows, across = sh * (goal.shape[1] - 1) + 1, sw * (ow - 1) + 1
        down = [seen[:, u : u + rows : sh] for u in range(0, dh * kh, dh)]
        calls = [*strip.loads[worker], *join_all(join, down, sums)]
        if means is not None:
            windows = sums.reshape(-1, kw * c)
            return [*calls, bound_product(windows, means, goal.reshape(-1, c))]
        along = [sums[:, :, v : v + across : sw] for v in range(0, dw * kw, dw)]
        calls += join_all(join, along, goal)
        if shares is not None:
            share = shares if shares.ndim == 0 else shares[strip.part[1]]
            calls.append(partial(np.divide, goal, share, goal))
        return calls

    plan.add_each(found, pool)
    plan.give(".columns", ".frame")
    plan.close([layer])


def mean_shares(layer: Layer, size: Pair, made: Pair, dtype: np.dtype[Any]) -> Any:
    """What sums are divided by: one number if all share it, else (oh, ow, 1)."""
    names = ("window", "stride", "pads", "countpad", "divisor")
    window, stride, pads, count, divisor = (layer.options[name] for name in names)
    shares = window_shares(size, window, stride, pads, made, count, divisor)
    shares = shares.astype(dtype)
    one = shares[0, 0]
    return one if (shares == one).all() else shares[:, :, None]


def quick_adaptive_avg_pool2d(plan: Plan, layer: Layer) -> None:
    """Means of windows: of rows first, then of columns; each reads its window alone."""
    x, (oh, ow) = plan.values[layer.of[0]], layer.arguments["size"]
    n, height, width, c = x.shape
    down, along = adaptive_windows(height, oh), adaptive_windows(width, ow)
    y = plan.take(layer.name, (n, oh, ow, c))
    row = plan.take(".row", (n, width, c))

    calls: list[Bound] = []
    for i, (top, bottom) in enumerate(down):
        calls.append(partial(np.add.reduce, x[:, top:bottom], 1, out=row))
        for j, (left, right) in enumerate(along):
            goal, share = y[:, i, j], (bottom - top) * (right - left)
            calls.append(partial(np.add.reduce, row[:, left:right], 1, out=goal))
            calls.append(partial(np.divide, goal, share, goal))
    plan.add(calls)
    plan.give(".row")
    plan.close([layer])


def quick_reduce(plan: Plan, layer: Layer) -> None:
    """Each pixel, a row of channels, made one number: its mean or its largest."""
    join = JOINS[layer.kernel.__name__]
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, (*x.shape[:-1], 1))

    def reduce(goal: Array, part: Part) -> list[Bound]:
        keywords: dict[str, Any] = {"axis": -1, "out": goal, "keepdims": True}
        calls: list[Bound] = [partial(join.reduce, x[part], **keywords)]
        if join is np.add:
            calls.append(partial(np.divide, goal, x.shape[-1], goal))
        return calls

    plan.follow(y, plan.whole_rows(y), [reduce])
    plan.close([layer])
