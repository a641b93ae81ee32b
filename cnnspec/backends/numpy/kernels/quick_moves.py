"""Fast forms of joins, and of layers that move numbers about: pads, shuffles."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array, Part, first, origins
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import Plan
from cnnspec.backends.numpy.kernels.posts import JOINS, Bound, post_join
from cnnspec.backends.numpy.kernels.strips import row_moves, side_moves


def quick_join(plan: Plan, layer: Layer) -> None:
    """Values joined, each with each: in the place of one that nobody else needs.

    Gates (N, 1, 1, C) weigh whole channels, (N, H, W, 1) pixels.
    """
    shape = np.broadcast_shapes(*(plan.values[name].shape for name in layer.of))
    free = [
        name
        for name in layer.of
        if plan.alone(layer, name) and plan.values[name].shape == shape
    ]
    names = list(layer.of)
    if len(names) > 2:  # no difference, which has an order; it starts where it is to be
        names.sort(key=lambda name: name not in free[:1])
    values = [plan.values[name] for name in names]
    y = plan.move(free[0], layer.name) if free else plan.take(layer.name, shape)
    fusion = plan.fuse(layer, fold=False)
    join = post_join(JOINS[layer.kernel.__name__], values)
    posts = [join, *plan.posts(y, None, fusion)]
    plan.follow(y, plan.whole_rows(y), posts, [layer, *fusion.after])
    plan.finish(fusion)


def quick_concat(plan: Plan, layer: Layer) -> None:
    """The channels of all values, end to end."""
    values = [plan.values[name] for name in layer.of]
    channels = sum(value.shape[-1] for value in values)
    y = plan.take(layer.name, (*values[0].shape[:-1], channels))

    def join(goal: Array, part: Part) -> list[Bound]:
        return [partial(np.concatenate, [value[part] for value in values], -1, goal)]

    plan.follow(y, plan.whole_rows(y), [join])
    plan.close([layer])


def quick_flatten(plan: Plan, layer: Layer) -> None:
    """Maps as vectors, row-major over C, H, W as everywhere."""
    x = first(plan.values[layer.of[0]])
    copy_view(plan, layer, x, (x.shape[0], math.prod(x.shape[1:])))


def quick_pad2d(plan: Plan, layer: Layer) -> None:
    """A map with pads around it."""
    x, options = plan.values[layer.of[0]], layer.options
    top, bottom, left, right = options["pads"]
    n, height, width, c = x.shape
    y = plan.take(layer.name, (n, top + height + bottom, left + width + right, c))
    mode, fill = options["mode"], options["value"]
    rows = origins(height, top, bottom, mode)
    columns = origins(width, left, right, mode)
    plan.add(row_moves(x, y, rows, left, fill) + side_moves(y, columns, left, fill))
    plan.close([layer])


def quick_channel_shuffle(plan: Plan, layer: Layer) -> None:
    """Channels in rows, read column by column."""
    x, groups = plan.values[layer.of[0]], layer.arguments["groups"]
    rows = x.reshape(*x.shape[:3], groups, -1).swapaxes(3, 4)
    copy_view(plan, layer, rows, x.shape)


def quick_pixel_shuffle(plan: Plan, layer: Layer) -> None:
    """Every r*r channels become one."""
    x, r = plan.values[layer.of[0]], layer.arguments["factor"]
    n, height, width, c = x.shape
    parts = x.reshape(n, height, width, -1, r, r).transpose(0, 1, 4, 2, 5, 3)
    copy_view(plan, layer, parts, (n, r * height, r * width, c // (r * r)))


def quick_pixel_unshuffle(plan: Plan, layer: Layer) -> None:
    """Every r x r square becomes channels."""
    x, r = plan.values[layer.of[0]], layer.arguments["factor"]
    n, height, width, c = x.shape
    h, w = height // r, width // r
    whole = x[:, : h * r, : w * r].reshape(n, h, r, w, r, c)
    copy_view(plan, layer, whole.transpose(0, 1, 3, 5, 2, 4), (n, h, w, c * r * r))


def copy_view(plan: Plan, layer: Layer, view: Array, shape: tuple[int, ...]) -> None:
    """A view of what arrives, copied in its order."""
    y = plan.take(layer.name, shape)
    plan.add([partial(np.copyto, y.reshape(view.shape), view)])
    plan.close([layer])
