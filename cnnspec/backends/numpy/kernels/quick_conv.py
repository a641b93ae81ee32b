"""Fast convolutions: matrix products over pieces of work that stay in the cache.

Im2col: Chellapilla, Puri and Simard 2006. Small kernels: Winograd's minimal filtering
as in Lavin and Gray 2016, "Fast algorithms for convolutional neural networks".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnspec.backends.numpy.kernels.arrays import Array, Pair, Sides
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import (
    Part,
    Plan,
    Post,
    finish,
    quick_plain,
)

CACHE = 1 << 21
"""Bytes of a piece of work: what a core's cache holds."""


def quick_conv2d(plan: Plan, layer: Layer) -> None:
    """A convolution, its batch norm folded in, with what follows it value by value."""
    options: dict[str, Any] = {"stride": (1, 1), "pads": (0, 0, 0, 0)}
    options |= {"dilation": (1, 1), "groups": 1}
    options |= layer.arguments
    if options.pop("mode", "zeros") != "zeros":
        quick_plain(plan, layer)
        return
    norms, after = plan.chain(layer, fold=True)
    weight, bias = folded(plan, layer, norms)
    x, pads, groups = plan.values[layer.of[0]], options["pads"], options["groups"]
    kernel, stride, dilation = weight.shape[2:], options["stride"], options["dilation"]
    oh, ow = conv_size(x.shape[1:3], kernel, stride, pads, dilation)
    y = plan.take(layer.name, (x.shape[0], oh, ow, weight.shape[0]))
    posts = plan.posts(y, bias, (norms or [layer])[-1].name, after)
    if groups == 1 and worth_winograd(weight, y, stride, dilation):
        winograd(plan, x, weight, y, posts, pads)
    else:
        x = framed(plan, x, pads, 0.0)
        taps = windows(x, (oh, ow), kernel, stride, dilation)
        if weight.shape[1] == 1 and groups == x.shape[3] == weight.shape[0]:
            depthwise(plan, taps, weight, y, posts)
        elif groups > 1:
            grouped(plan, taps, weight, y, posts, groups)
        elif kernel == stride == (1, 1):
            pointwise(plan, x, weight, y, posts)
        else:
            im2col(plan, taps, weight, y, posts)
    plan.give(".frame")
    finish(plan, layer, [*norms, *after])


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


def folded(plan: Plan, layer: Layer, norms: list[Layer]) -> tuple[Array, Array | None]:
    """The weight and the bias of a layer with its batch norm in them.

    (w*x + b - mean)*scale + shift = (w*scale)*x + (b - mean)*scale + shift
    """
    tensors = plan.net.keywords(layer)
    weight, bias = tensors["weight"].astype(plan.dtype, copy=False), tensors.get("bias")
    for norm in norms:
        scale, shift = scale_and_shift(plan, norm)
        by_filter = scale.astype(plan.dtype).reshape(-1, *(1,) * (weight.ndim - 1))
        weight = weight * by_filter
        bias = shift if bias is None else bias * scale + shift
    return weight, None if bias is None else bias.astype(plan.dtype)


def scale_and_shift(plan: Plan, norm: Layer) -> tuple[Array, Array]:
    """Batch norm in evaluation is x*scale + shift, with these numbers a channel."""
    tensors = plan.net.keywords(norm)
    variance = tensors["running_var"].astype(np.float64)
    scale = 1 / np.sqrt(variance + tensors.get("eps", 1e-5))
    scale = scale * tensors["weight"] if "weight" in tensors else scale
    shift = -tensors["running_mean"] * scale
    return scale, shift + tensors["bias"] if "bias" in tensors else shift


def framed(plan: Plan, x: Array, pads: tuple[int, ...], fill: float) -> Array:
    """The map with pads around it, copied there before the layer runs."""
    if not any(pads):
        return x
    n, height, width, c = x.shape
    top, bottom, left, right = pads
    size = (n, top + height + bottom, left + width + right, c)
    frame = plan.take(".frame", size)
    rows, columns = slice(top, top + height), slice(left, left + width)
    sides = [frame[:, :top], frame[:, top + height :]]
    sides += [frame[:, rows, :left], frame[:, rows, left + width :]]
    sides = [side for side in sides if side.size]
    inside = frame[:, rows, columns]

    def step() -> None:
        for side in sides:
            side.fill(fill)
        np.copyto(inside, x)

    plan.steps.append(step)
    return frame


def windows(x: Array, size: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Array:
    """Every window as a view: (N, H, W, C) -> (N, oh, ow, kh, kw, C)."""
    n, h, w, c = x.strides
    shape = (x.shape[0], *size, *kernel, x.shape[3])
    (sh, sw), (dh, dw) = stride, dilation
    return as_strided(x, shape, (n, h * sh, w * sw, h * dh, w * dw, c), writeable=False)


def pieces(y: Array, row_bytes: int) -> Iterator[Part]:
    """Parts of an output whose work fits into the cache: images, or rows of one."""
    images, height = y.shape[:2]
    rows = max(1, CACHE // max(row_bytes, 1))
    if rows >= height:
        step = rows // height
        for n in range(0, images, step):
            yield slice(n, min(n + step, images)), slice(0, height)
        return
    count = -(-height // rows)
    rows = -(-height // count)
    for n in range(images):
        for i in range(0, height, rows):
            yield slice(n, n + 1), slice(i, min(i + rows, height))


def pointwise(plan: Plan, x: Array, weight: Array, y: Array, posts: list[Post]) -> None:
    """A 1x1 convolution: one product of all pixels with the weight."""
    kernels = np.ascontiguousarray(weight[:, :, 0, 0].T)
    parts = list(pieces(y, 4 * y.itemsize * y.shape[2] * y.shape[3]))

    def step() -> None:
        np.matmul(x.reshape(-1, x.shape[3]), kernels, out=y.reshape(-1, y.shape[3]))
        for part in parts:
            for post in posts:
                post(y[part], part)

    plan.steps.append(step)


def im2col(plan: Plan, taps: Array, weight: Array, y: Array, posts: list[Post]) -> None:
    """Windows copied into rows of a matrix, piece by piece, times the weight.

    Where a row of a window is short the copy goes tap by tap: then a map's row is long.
    """
    kernels = np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, y.shape[3]))
    depth = len(kernels)
    parts = list(pieces(y, y.itemsize * y.shape[2] * depth))
    columns = plan.take(".columns", (max(taps[part].size for part in parts),))
    tap_by_tap = taps.shape[4] * taps.shape[5] < 8

    def step() -> None:
        for part in parts:
            source, goal = taps[part], y[part]
            if tap_by_tap:
                source = source.transpose(3, 4, 5, 0, 1, 2)
            copy = columns[: source.size].reshape(source.shape)
            np.copyto(copy, source)
            rows = copy.reshape(depth, -1).T if tap_by_tap else copy.reshape(-1, depth)
            np.matmul(rows, kernels, out=goal.reshape(-1, y.shape[3]))
            for post in posts:
                post(goal, part)

    plan.steps.append(step)
    plan.give(".columns")


def grouped(
    plan: Plan, taps: Array, weight: Array, y: Array, posts: list[Post], groups: int
) -> None:
    """As im2col, every group of channels for itself."""
    _, _, ow, kh, kw, c = taps.shape
    o = weight.shape[0] // groups
    kernels = weight.reshape(groups, o, c // groups, kh, kw).transpose(0, 3, 4, 2, 1)
    kernels = np.ascontiguousarray(kernels.reshape(groups, -1, o))
    depth = kernels.shape[1]
    parts = list(pieces(y, y.itemsize * ow * depth * groups))
    largest = max(taps[part].size for part in parts)
    columns = plan.take(".columns", (largest,))
    made = plan.take(".made", (max(y[part].size for part in parts),))

    def step() -> None:
        for part in parts:
            source, goal = taps[part], y[part]
            split = source.reshape(*source.shape[:5], groups, -1).transpose(
                5, 0, 1, 2, 3, 4, 6
            )
            rows = columns[: source.size].reshape(split.shape)
            np.copyto(rows, split)
            product = made[: goal.size].reshape(groups, -1, o)
            np.matmul(rows.reshape(groups, -1, depth), kernels, out=product)
            np.copyto(goal.reshape(-1, groups, o), product.transpose(1, 0, 2))
            for post in posts:
                post(goal, part)

    plan.steps.append(step)
    plan.give(".columns")
    plan.give(".made")


def depthwise(
    plan: Plan, taps: Array, weight: Array, y: Array, posts: list[Post]
) -> None:
    """Every channel for itself: the map, shifted, times each tap's number, added up.

    Where windows step by 1 the pixels of a row lie end to end, and so do the numbers.
    """
    kernels = np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))
    in_rows = taps.strides[2] == taps.strides[5] * taps.shape[5]
    if in_rows:
        kernels = np.tile(kernels, (1, 1, y.shape[2]))
    parts = list(pieces(y, 4 * y.itemsize * y.shape[2] * y.shape[3]))
    product = plan.take(".product", (max(y[part].size for part in parts),))

    def step() -> None:
        for part in parts:
            goal = y[part].reshape(*y[part].shape[:2], -1) if in_rows else y[part]
            term = product[: goal.size].reshape(goal.shape)
            for u in range(kernels.shape[0]):
                for v in range(kernels.shape[1]):
                    seen = taps[part][:, :, :, u, v].reshape(goal.shape)
                    np.multiply(seen, kernels[u, v], out=term if u or v else goal)
                    if u or v:
                        np.add(goal, term, out=goal)
            for post in posts:
                post(y[part], part)

    plan.steps.append(step)
    plan.give(".product")


def worth_winograd(weight: Array, y: Array, stride: Pair, dilation: Pair) -> bool:
    """Whether saved products outweigh transforms: many channels, maps not too small."""
    fits = weight.shape[2:] == (3, 3) and stride == dilation == (1, 1)
    return fits and min(weight.shape[:2]) >= 32 and y.shape[1] * y.shape[2] >= 150


def winograd_matrices() -> tuple[Array, Array, Array]:
    """B^T, G and A^T of F(4, 3) (Lavin and Gray 2016, section 4.3).

    y = A^T [(G g) * (B^T d)]: 4 outputs of a 3-tap filter g by 6 products, not 12.
    """
    b = [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    g = [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
    a = [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
    return np.array(b, float), np.array(g), np.array(a, float)


def winograd(
    plan: Plan, x: Array, weight: Array, y: Array, posts: list[Post], pads: Sides
) -> None:
    """A 3x3 convolution by tiles: 6x6 pixels make 4x4 by 36 products, not 144.

    Both transforms are one product with the Kronecker square of their matrix.
    """
    b, g, a = winograd_matrices()
    _, oh, ow, o = y.shape
    c, th, tw = x.shape[3], -(-oh // 4), -(-ow // 4)
    taps = weight.transpose(2, 3, 1, 0).reshape(9, c * o)
    kernels = (np.kron(g, g).astype(plan.dtype) @ taps).reshape(36, c, o)
    there, back = np.kron(b, b).astype(plan.dtype), np.kron(a, a).astype(plan.dtype)
    top, _, left, _ = pads
    bottom, right = 4 * th + 2 - top - x.shape[1], 4 * tw + 2 - left - x.shape[2]
    whole = framed(plan, x, (top, bottom, left, right), 0.0)
    tiles = windows(whole, (th, tw), (6, 6), (4, 4), (1, 1)).transpose(3, 4, 0, 1, 2, 5)
    parts = list(pieces(whole[:, :th], 36 * y.itemsize * tw * max(c, o) // 2))
    count = max(tiles[:, :, part[0], part[1]].size // (36 * c) for part in parts)
    spread = plan.take(".spread", (36 * count * max(c, o),))
    moved = plan.take(".moved", (36 * count * max(c, o),))

    def step() -> None:
        for images, rows in parts:
            source = tiles[:, :, images, rows]
            t = source.size // (36 * c)
            d = spread[: 36 * t * c].reshape(36, t * c)
            np.copyto(d.reshape(source.shape), source)
            v = np.matmul(there, d, out=moved[: d.size].reshape(d.shape))
            m = spread[: 36 * t * o].reshape(36, t, o)
            np.matmul(v.reshape(36, t, c), kernels, out=m)
            z = moved[: 16 * t * o].reshape(16, t * o)
            np.matmul(back, m.reshape(36, t * o), out=z)
            part = images, slice(4 * rows.start, min(4 * rows.stop, oh))
            scatter(z.reshape(4, 4, *source.shape[2:5], o), y[part])
            for post in posts:
                post(y[part], part)

    plan.steps.append(step)
    plan.give(".spread")
    plan.give(".moved")


def scatter(tiles: Array, y: Array) -> None:
    """Tiles (4, 4, n, th, tw, O) to a map (n, H, W, O), which may cut the last ones."""
    for i in range(4):
        for j in range(4):
            goal = y[:, i::4, j::4]
            np.copyto(goal, tiles[i, j, :, : goal.shape[1], : goal.shape[2]])
