"""Fast convolutions: matrix products over strips of work that stay in the cache.

Im2col: Chellapilla, Puri and Simard 2006.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import CACHE, Array, Part
from cnnspec.backends.numpy.kernels.conv import standard_filters
from cnnspec.backends.numpy.kernels.folding import folded, matrix, packed
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import MACS, Plan
from cnnspec.backends.numpy.kernels.posts import Bound, bound_product, follow
from cnnspec.backends.numpy.kernels.strips import (
    Conv,
    Strip,
    batches,
    conv_size,
    laid,
    windows,
)
from cnnspec.backends.numpy.kernels.winograd import winograd, winograd_tile

TAPS = 1 << 10
"""Numbers of a tap that is repeated along a row: enough to make loops long."""


def quick_standardized_conv2d(plan: Plan, layer: Layer) -> None:
    """A convolution whose filters are standardised once."""
    options = layer.options | plan.net.keywords(layer)
    given = [options[name] for name in ("weight", "gain", "gamma", "eps")]

    def make() -> Array:
        return standard_filters(*given).astype(plan.dtype)

    filters = plan.pack((layer.owner, "standard"), make)
    quick_conv2d(plan, layer, filters)


def quick_conv2d(plan: Plan, layer: Layer, filters: Array | None = None) -> None:
    """A convolution with filters, or the layer's own, by the way that suits it.

    Its batch norm is folded in; what follows it value by value works on its output.
    """
    names = ("stride", "pads", "dilation", "groups", "mode")
    stride, pads, dilation, groups, mode = (layer.options[name] for name in names)
    fusion = plan.fuse(layer, fold=True)
    weight, scale, bias = folded(plan, fusion)
    weight = weight if filters is None else filters
    x = plan.values[layer.of[0]]
    size = conv_size(x.shape[1:3], weight.shape[2:], stride, pads, dilation)
    y = plan.take(layer.name, (x.shape[0], *size, weight.shape[0]))
    made = y, plan.posts(y, bias, fusion)
    window = stride, pads, dilation, groups, mode
    conv = Conv(plan, layer, x, weight, scale, *made, *window)
    single = weight.shape[1] == 1 and groups == x.shape[3] == weight.shape[0]
    if tile := winograd_tile(conv):
        winograd(conv, tile)
    elif single:
        depthwise(conv)
    elif weight.shape[2:] == stride == (1, 1) and not any(pads) and groups == 1:
        pointwise(conv)
    else:
        im2col(conv)
    plan.give(".frame")
    plan.finish(fusion)


def pointwise(conv: Conv) -> None:
    """A 1x1 convolution: the product of all pixels with the weight."""
    plan, y = conv.plan, conv.y
    kernels = matrix(plan, conv.layer, conv.weight[:, :, 0, 0], conv.scale)
    parts = plan.whole_rows(y, y.size * len(kernels) // MACS)
    plan.product(conv.x, kernels, y, parts, conv.posts)


def im2col(conv: Conv) -> None:
    """Windows copied into rows of a matrix, strip by strip, times the weight.

    Of groups, each has rows and a product of its own.
    """
    plan, y, posts, groups = conv.plan, conv.y, conv.posts, conv.groups
    filters, c, kh, kw = conv.weight.shape
    o, depth = filters // groups, kh * kw * c
    by_tap = conv.weight.transpose(2, 3, 1, 0)
    kernels = packed(plan, conv.layer, "taps", by_tap, conv.scale).reshape(depth, -1)
    row = y.itemsize * y.shape[2] * depth * groups
    parts = plan.parts(y.shape, row, y.size * depth // MACS)
    # A tap's row, kw*c numbers, is what one copy moves: 9 of a 3x3 on RGB are few.
    if groups == 1 and kw * c < 16:
        by_taps(conv, kernels, parts)
        return
    work = conv.taps(parts)
    # Fewer pixels than filters: to divide the pixels is to read the weight twice.
    if groups == 1 and y.size < filters**2:
        by_filters(conv, kernels, work)
        return
    by_group = kernels.reshape(depth, groups, o).transpose(1, 0, 2)
    largest = max((taps[0].size for _, taps in work), default=0)
    columns = plan.take(".columns", (plan.workers, largest))
    largest = max((y[strip.part].size for strip, _ in work), default=0)
    made = plan.take(".made", (plan.workers, largest if groups > 1 else 1))

    def calls(item: tuple[Strip, list[Array]], worker: int) -> list[Bound]:
        strip, taps = item[0], item[1][worker]
        # (n, h, w, u, v, group, c) -> (group, n, h, w, u, v, c): a matrix for each.
        split = taps.reshape(*taps.shape[:5], groups, -1)
        split = split.transpose(5, 0, 1, 2, 3, 4, 6)
        rows = columns[worker, : taps.size].reshape(split.shape)
        left = rows.reshape(groups, -1, depth)
        goal = y[strip.part].reshape(-1, groups, o).swapaxes(0, 1)
        if groups == 1:
            multiply = [bound_product(left[0], kernels, goal[0])]
        else:
            product = made[worker, : goal.size].reshape(goal.shape)
            multiply = [
                partial(np.matmul, left, by_group, product),
                partial(np.copyto, goal, product),
            ]
        return [*strip.loads[worker], partial(np.copyto, rows, split), *multiply]

    plan.add_each(work, calls, lambda item: follow(y, item[0].part, posts))
    plan.give(".columns", ".made")


def by_taps(conv: Conv, kernels: Array, parts: list[Part]) -> None:
    """Im2col where a row of a window is short: tap by tap, as a map's row is long.

    What the taps of one row of the kernel see is copied for all rows of the map, then
    whole rows of that for each row of the kernel.
    """
    plan, y, posts, (depth, filters) = conv.plan, conv.y, conv.posts, kernels.shape
    (kh, kw), (sh, sw), (dh, dw) = conv.weight.shape[2:], conv.stride, conv.dilation
    kernels = np.asfortranarray(kernels)  # the faster product of columns
    found = conv.strips(parts)
    height = max((strip.frames[0][..., 0, 0].size for strip in found), default=0)
    most = max((y[strip.part][..., 0].size for strip in found), default=0)
    lines = plan.take(".lines", (plan.workers, height * y.shape[2] * depth // kh))
    columns = plan.take(".columns", (plan.workers, most * depth))

    def calls(strip: Strip, worker: int) -> list[Bound]:
        frame, goal = strip.frames[worker], y[strip.part]
        size = frame.shape[1], y.shape[2]
        along = windows(frame, size, (1, kw), (1, sw), (1, dw))
        along = along.transpose(3, 4, 5, 0, 1, 2)
        line = lines[worker, : along.size].reshape(along.shape)
        maps = line.reshape(-1, *size, 1)
        down = windows(maps, goal.shape[1:3], (kh, 1), (sh, 1), (dh, 1))
        down = down.transpose(3, 4, 5, 0, 1, 2)
        copy = columns[worker, : down.size].reshape(down.shape)
        rows = copy.reshape(depth, -1).T
        return [
            *strip.loads[worker],
            partial(np.copyto, line, along),
            partial(np.copyto, copy, down),
            bound_product(rows, kernels, goal.reshape(-1, filters)),
        ]

    plan.add_each(found, calls, lambda strip: follow(y, strip.part, posts))
    plan.give(".lines", ".columns")


def by_filters(
    conv: Conv, kernels: Array, work: list[tuple[Strip, list[Array]]]
) -> None:
    """Im2col for few pixels and many filters: they are what a product is divided by."""
    plan, (depth, filters) = conv.plan, kernels.shape
    sizes = [taps[0].size for _, taps in work]
    groups = batches(sizes, CACHE // kernels.itemsize)
    columns = plan.take(
        ".columns", (max(sum(sizes[some]) for some in groups) // depth, depth)
    )

    def copy(item: tuple[Strip, list[Array], Array], worker: int) -> list[Bound]:
        strip, taps = item[0], item[1][worker]
        goal = item[2].reshape(taps.shape)
        return [*strip.loads[worker], partial(np.copyto, goal, taps)]

    goals, done = conv.y.reshape(-1, filters), 0
    for some in groups:
        places = laid(size // depth for size in sizes[some])
        end = places[-1].stop
        rows, goal = columns[:end], goals[done : done + end]
        items = [(*w, rows[p]) for w, p in zip(work[some], places, strict=True)]
        plan.add_each(items, copy)
        plan.add(
            *(
                [bound_product(rows, kernels[:, part], goal[:, part])]
                for part in plan.stretches(filters, end * kernels.size // MACS)
            )
        )
        plan.follow(conv.y, [strip.part for strip, _ in work[some]], conv.posts)
        done += end
    plan.give(".columns")


def depthwise(conv: Conv) -> None:
    """Every channel for itself: sums of products over the taps, without a copy of them.

    Where windows step by 1 the pixels of a row lie end to end, and so do the numbers.
    """
    plan, y, posts = conv.plan, conv.y, conv.posts
    width, c = y.shape[2:]
    by_tap = conv.weight.transpose(2, 3, 1, 0)[:, :, 0]
    kernels = packed(plan, conv.layer, "taps", by_tap, conv.scale)
    # 28 pixels of 64 channels: runs of 14, 896 numbers, the most that TAPS holds.
    fits = [n for n in range(2, width + 1) if width % n == 0 and n * c <= TAPS]
    run = max(fits, default=1) if conv.stride[1] == 1 else 1
    kernels = np.tile(kernels, run)
    row = y.itemsize * c * (width + conv.stride[0] * conv.x.shape[2])
    parts = plan.parts(y.shape, row, kernels[..., 0].size * y.nbytes)

    def calls(item: tuple[Strip, list[Array]], worker: int) -> list[Bound]:
        strip, taps = item[0], item[1][worker]
        goal = y[strip.part].reshape(*taps.shape[:3], -1)
        sums = partial(np.einsum, "nhwuvc,uvc->nhwc", taps, kernels, out=goal)
        return [*strip.loads[worker], sums]

    work = conv.taps(parts, run)
    plan.add_each(work, calls, lambda item: follow(y, item[0].part, posts))
