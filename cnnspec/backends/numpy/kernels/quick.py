"""Fast forms of the other layers: linear, norms, pools as shifted maxima and sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import Plan, finish, in_a_row, quick_plain
from cnnspec.backends.numpy.kernels.pool import pool_frame, window_shares
from cnnspec.backends.numpy.kernels.quick_conv import (
    folded,
    framed,
    pieces,
    scale_and_shift,
)


def quick_linear(plan: Plan, layer: Layer) -> None:
    """A product with the weight, with what follows it value by value."""
    norms, after = plan.chain(layer, fold=True)
    weight, bias = folded(plan, layer, norms)
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, (x.shape[0], weight.shape[0]))
    posts = plan.posts(y, bias, (norms or [layer])[-1].name, after)

    def step() -> None:
        np.matmul(x, weight.T, out=y)
        for post in posts:
            post(y, (slice(None),))

    plan.steps.append(step)
    finish(plan, layer, [*norms, *after])


def quick_norm(plan: Plan, layer: Layer) -> None:
    """A batch norm that no convolution takes in: x*scale + shift, piece by piece."""
    if "running_mean" not in plan.net.keywords(layer):
        quick_plain(plan, layer)
        return
    scale, shift = (part.astype(plan.dtype) for part in scale_and_shift(plan, layer))
    x = plan.values[layer.of[0]]
    y = plan.take(layer.name, x.shape)
    scale = in_a_row(scale, y)
    _, after = plan.chain(layer, fold=False)
    posts = plan.posts(y, shift, layer.name, after)
    row = 2 * y.itemsize * y[0, 0].size
    parts = list(pieces(y, row)) if y.ndim == 4 else [(slice(None), slice(None))]

    def step() -> None:
        for part in parts:
            np.multiply(x[part], scale, out=y[part])
            for post in posts:
                post(y[part], part)

    plan.steps.append(step)
    finish(plan, layer, after)


def quick_max_pool2d(plan: Plan, layer: Layer) -> None:
    """The largest values along columns, then of those along rows."""
    quick_pool(plan, layer, -np.inf, np.maximum)


def quick_avg_pool2d(plan: Plan, layer: Layer) -> None:
    """The sums along columns, then of those along rows, divided by the shares."""
    quick_pool(plan, layer, 0.0, np.add)


def quick_pool(plan: Plan, layer: Layer, fill: float, join: np.ufunc) -> None:
    """A pool, one axis after the other: 2*k steps for k*k values."""
    options: dict[str, Any] = {"pad": (0, 0), "dilation": (1, 1), "ceil": False}
    options |= layer.arguments
    window, (sh, sw), (dh, dw) = (
        options["window"],
        options["stride"],
        options["dilation"],
    )
    source = plan.values[layer.of[0]]
    plain = source.transpose(0, 3, 1, 2)
    frame = (
        window,
        options["stride"],
        options["pad"],
        options["dilation"],
        options["ceil"],
    )
    (oh, ow), pads = pool_frame(plain, *frame)
    x = framed(plan, source, pads, fill)
    n, c = x.shape[0], x.shape[3]
    columns = plan.take(".columns", (n, oh, x.shape[2], c))
    y = plan.take(layer.name, (n, oh, ow, c))
    shares = None
    if join is np.add:
        settings = options.get("countpad", True), options.get("divisor")
        shares = window_shares(plain, *frame[:3], (oh, ow), *settings)[:, :, None]

    def step() -> None:
        for u in range(window[0]):
            seen = x[:, u * dh : u * dh + (oh - 1) * sh + 1 : sh]
            join(columns, seen, out=columns) if u else np.copyto(columns, seen)
        for v in range(window[1]):
            seen = columns[:, :, v * dw : v * dw + (ow - 1) * sw + 1 : sw]
            join(y, seen, out=y) if v else np.copyto(y, seen)
        if shares is not None:
            np.divide(y, shares, out=y)

    plan.steps.append(step)
    plan.give(".columns")
    plan.give(".frame")
    plan.close([layer])


def quick_adaptive_avg_pool2d(plan: Plan, layer: Layer) -> None:
    """A mean over the whole map is a product with equal shares."""
    x = plan.values[layer.of[0]]
    if layer.arguments["size"] != (1, 1):
        quick_plain(plan, layer)
        return
    n, height, width, c = x.shape
    y = plan.take(layer.name, (n, 1, 1, c))
    shares = np.full((1, height * width), 1 / (height * width), plan.dtype)
    pixels, means = x.reshape(n, -1, c), y.reshape(n, 1, c)
    plan.steps.append(lambda: np.matmul(shares, pixels, out=means))
    plan.close([layer])
