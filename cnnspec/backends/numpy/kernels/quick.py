"""Fast forms of the other layers: linear, norms, pools as shifted maxima and sums."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array, Part
from cnnspec.backends.numpy.kernels.folding import folded, matrix, scale_and_shift
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import MACS, Plan, finish, first, quick_plain
from cnnspec.backends.numpy.kernels.pool import (
    adaptive_windows,
    pool_frame,
    window_shares,
)
from cnnspec.backends.numpy.kernels.posts import in_runs, run_of
from cnnspec.backends.numpy.kernels.strips import Strip, strips


def quick_linear(plan: Plan, layer: Layer) -> None:
    """A product of vectors, or of all pixels, with the weight, and what follows it."""
    norms, after = plan.chain(layer, fold=True)
    weight, scale, bias = folded(plan, layer, norms)
    kernels = matrix(plan, layer, weight, scale)
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, (*x.shape[:-1], len(weight)))
    posts = plan.posts(y, bias, (norms or [layer])[-1].name, after)
    parts = plan.whole_rows(y, y.size * len(kernels) // MACS)
    plan.product(x, kernels, y, parts, posts)
    finish(plan, layer, [*norms, *after])


def quick_norm(plan: Plan, layer: Layer) -> None:
    """A batch norm that no convolution takes in: x*scale + shift, piece by piece."""
    if "running_mean" not in plan.net.keywords(layer):
        quick_plain(plan, layer)
        return
    scale, shift = (part.astype(plan.dtype) for part in scale_and_shift(plan, layer))
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, x.shape)
    scale = run_of(scale, y)
    _, after = plan.chain(layer, fold=False)
    posts = plan.posts(y, shift, layer.name, after)

    def weigh(goal: Array, part: Part) -> None:
        np.multiply(in_runs(x[part], scale), scale, out=in_runs(goal, scale))

    plan.follow(y, plan.whole_rows(y), [weigh, *posts], [layer, *after])
    finish(plan, layer, after)


def quick_max_pool2d(plan: Plan, layer: Layer) -> None:
    """The largest values along columns, then of those along rows."""
    quick_pool(plan, layer, -np.inf, np.maximum)


def quick_avg_pool2d(plan: Plan, layer: Layer) -> None:
    """The sums along columns, then of those along rows, divided by the shares."""
    quick_pool(plan, layer, 0.0, np.add)


def quick_pool(plan: Plan, layer: Layer, fill: float, join: np.ufunc) -> None:
    """A pool, one axis after the other: 2*k steps for k*k values."""
    options: dict[str, Any] = {
        "pads": (0, 0, 0, 0),
        "dilation": (1, 1),
        "ceil": False,
    }
    options |= layer.arguments
    window, stride, pads = (options[name] for name in ("window", "stride", "pads"))
    (kh, kw), (sh, sw), (dh, dw) = window, stride, options["dilation"]
    x = plan.values[layer.of[0]]
    (oh, ow), frame = pool_frame(
        first(x), window, stride, pads, (dh, dw), options["ceil"]
    )
    n, c = x.shape[0], x.shape[3]
    y = plan.take(layer.name, (n, oh, ow, c))
    row = x.itemsize * c * (sh * x.shape[2] + x.shape[2] + ow)
    found = strips(
        plan, x, plan.parts(y.shape, row), (dh * (kh - 1) + 1, sh), frame, fill
    )
    width = x.shape[2] + frame[2] + frame[3]
    sizes = [y[strip.part].size // ow * width for strip in found]
    columns = plan.take(".columns", (plan.workers, max(sizes, default=0)))
    shares = None
    if join is np.add:
        count, divisor = options.get("countpad", True), options.get("divisor")
        shares = window_shares(first(x), window, stride, pads, (oh, ow), count, divisor)
        shares = shares[:, :, None]

    def pool(strip: Strip, size: int, worker: int) -> None:
        seen, goal = strip.load(worker), y[strip.part]
        sums = columns[worker, :size].reshape(*goal.shape[:2], width, c)
        rows = sh * (goal.shape[1] - 1) + 1
        for u in range(kh):
            tap = seen[:, u * dh : u * dh + rows : sh]
            join(sums, tap, out=sums) if u else np.copyto(sums, tap)
        for v in range(kw):
            tap = sums[:, :, v * dw : v * dw + (ow - 1) * sw + 1 : sw]
            join(goal, tap, out=goal) if v else np.copyto(goal, tap)
        if shares is not None:
            np.divide(goal, shares[strip.part[1]], out=goal)

    plan.steps.append(
        [partial(pool, strip, size) for strip, size in zip(found, sizes, strict=True)]
    )
    plan.give(".columns")
    plan.give(".frame")
    plan.close([layer])


def quick_adaptive_avg_pool2d(plan: Plan, layer: Layer) -> None:
    """Means of windows: of rows first, then of columns; each reads its window alone."""
    x, (oh, ow) = plan.values[layer.of[0]], layer.arguments["size"]
    n, height, width, c = x.shape
    down, along = adaptive_windows(height, oh), adaptive_windows(width, ow)
    y = plan.take(layer.name, (n, oh, ow, c))
    row = plan.take(".row", (n, width, c))

    def step() -> None:
        for i, (top, bottom) in enumerate(down):
            np.add.reduce(x[:, top:bottom], 1, out=row)
            for j, (left, right) in enumerate(along):
                goal = y[:, i, j]
                np.add.reduce(row[:, left:right], 1, out=goal)
                np.divide(goal, (bottom - top) * (right - left), out=goal)

    plan.add(step)
    plan.give(".row")
    plan.close([layer])


def quick_channel_mean(plan: Plan, layer: Layer) -> None:
    """Sums of pixels, divided by the number of channels."""
    quick_reduce(plan, layer, np.add)


def quick_channel_max(plan: Plan, layer: Layer) -> None:
    """The largest of each pixel."""
    quick_reduce(plan, layer, np.maximum)


def quick_reduce(plan: Plan, layer: Layer, join: np.ufunc) -> None:
    """Each pixel, a row of channels, made one number."""
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, (*x.shape[:-1], 1))

    def reduce(goal: Array, part: Part) -> None:
        join.reduce(x[part], -1, out=goal, keepdims=True)
        if join is np.add:
            np.divide(goal, x.shape[-1], out=goal)

    plan.follow(y, plan.whole_rows(y), [reduce])
    plan.close([layer])
