"""Winograd's minimal filtering, as in Lavin and Gray 2016.

"Fast algorithms for convolutional neural networks": a 3x3 convolution by tiles.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import CACHE, Array
from cnnspec.backends.numpy.kernels.folding import scaled
from cnnspec.backends.numpy.kernels.strips import Conv, Strip, batches, strips, windows

WINOGRAD: dict[int, tuple[list[list[float]], list[list[float]], list[list[float]]]] = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [
            [1, 1, 1, 1, 1, 0],
            [0, 1, -1, 2, -2, 0],
            [0, 1, 1, 4, 4, 0],
            [0, 1, -1, 8, -8, 1],
        ],
    ),
}
"""B^T, G and A^T of F(2, 3) and F(4, 3): m outputs of a 3-tap filter by m + 2 products.

y = A^T [(G g) * (B^T d)] for a filter g and m + 2 inputs d (section 4).
"""


def winograd_tile(conv: Conv) -> int:
    """The side of the tiles that pay: 4, 2, or 0 for none.

    They need many channels, many tiles, and half the products of the taps at most. The
    weights grow by (m + 2)^2/9, for which the plan has so much room.
    """
    weight, y = conv.weight, conv.y
    plain = conv.stride == conv.dilation == (1, 1) and conv.mode == "zeros"
    fits = plain and weight.shape[2:] == (3, 3) and conv.groups == 1
    if not fits or min(weight.shape[:2]) < 32:
        return 0
    for m in (4, 2):
        tiles = y.shape[0] * -(-y.shape[1] // m) * -(-y.shape[2] // m)
        saves = 2 * tiles * (m + 2) ** 2 <= 9 * y.shape[0] * y.shape[1] * y.shape[2]
        shared = (conv.layer.owner, m) in conv.plan.packs
        growth = 0 if shared else weight.nbytes * ((m + 2) ** 2 - 9) // 9
        if tiles >= 49 and saves and growth <= conv.plan.room:
            conv.plan.room -= growth
            return m
    return 0


def winograd_weight(conv: Conv, m: int) -> Array:
    """(G x G) times the taps: (O, C, 3, 3) -> ((m + 2)^2, C, O), channel by channel."""

    def make() -> Array:
        g = np.array(WINOGRAD[m][1])
        square = np.kron(g, g).astype(conv.plan.dtype)
        taps = conv.weight.transpose(1, 2, 3, 0)
        c, _, _, o = taps.shape
        found = np.empty((len(square), c, o), conv.plan.dtype)
        for i in range(c):
            found[:, i] = square @ scaled(conv.plan, taps[i], conv.scale).reshape(9, o)
        return found

    return conv.plan.pack((conv.layer.owner, m), make)


def winograd(conv: Conv, m: int) -> None:
    """A 3x3 convolution by tiles: (m + 2)^2 pixels make m x m with as many products.

    Both transforms are one product with the Kronecker square of their matrix.
    """
    plan, x, y, k = conv.plan, conv.x, conv.y, (m + 2) ** 2
    posts = conv.posts  # steps hold no plan: what is not needed any more goes at once
    b, _, a = (np.array(part) for part in WINOGRAD[m])
    there, back = np.kron(b, b).astype(plan.dtype), np.kron(a, a).astype(plan.dtype)
    kernels = winograd_weight(conv, m)
    (_, oh, ow, o), c = y.shape, x.shape[3]
    th, tw = -(-oh // m), -(-ow // m)
    top, _, left, _ = conv.pads
    bottom, right = m * th + 2 - top - x.shape[1], m * tw + 2 - left - x.shape[2]
    row = k * y.itemsize * tw * max(c, o)
    row = min(row, CACHE * tw // 100)  # products of fewer tiles than 100 are slow
    parts = plan.parts((len(x), th), row)
    found = strips(plan, x, parts, (m + 2, m), (top, bottom, left, right))
    counts = [(n.stop - n.start) * (rows.stop - rows.start) * tw for n, rows in parts]
    groups = batches(counts, max(1, CACHE // row) * tw)
    most = max(sum(counts[some]) for some in groups)
    spread = plan.take(".spread", (k * most * max(c, o),))
    moved = plan.take(".moved", (most * max(k * c, m * m * o),))

    def go(strip: Strip, d: Array, v: Array, worker: int) -> None:
        rows = strip.part[1]
        size = rows.stop - rows.start, tw
        frame = strip.load(worker)
        tiles = windows(frame, size, (m + 2, m + 2), (m, m), (1, 1))
        tiles = tiles.transpose(3, 4, 0, 1, 2, 5)
        np.copyto(d.reshape(tiles.shape), tiles)
        np.matmul(there, d, out=v)

    def come(strip: Strip, products: Array, z: Array) -> None:
        np.matmul(back, products, out=z)
        images, rows = strip.part
        size = images.stop - images.start, rows.stop - rows.start, tw
        part = images, slice(m * rows.start, min(m * rows.stop, oh))
        scatter(z.reshape(m, m, *size, o), y[part])
        for post in posts:
            post(y[part], part)

    for some in groups:
        t = sum(counts[some])
        d, v = (part[: k * t * c].reshape(k, -1) for part in (spread, moved))
        products = spread[: k * t * o].reshape(k, t, o)
        z = moved[: m * m * t * o].reshape(m * m, -1)
        ends = [0]
        for count in counts[some]:
            ends.append(ends[-1] + count)
        spans = list(zip(found[some], ends[:-1], ends[1:], strict=True))
        plan.steps.append(
            [
                partial(go, strip, d[:, i * c : j * c], v[:, i * c : j * c])
                for strip, i, j in spans
            ]
        )
        plan.add(
            *(
                partial(
                    np.matmul,
                    v.reshape(k, t, c)[part],
                    kernels[part],
                    out=products[part],
                )
                for part in plan.stretches(k, kernels.nbytes, 1)
            )
        )
        seen = products.reshape(k, -1)
        plan.add(
            *(
                partial(come, strip, seen[:, i * o : j * o], z[:, i * o : j * o])
                for strip, i, j in spans
            )
        )
    plan.give(".spread")
    plan.give(".moved")


def scatter(tiles: Array, y: Array) -> None:
    """Tiles (m, m, n, th, tw, O) to a map (n, H, W, O), which may cut the last ones."""
    m = len(tiles)
    for i in range(m):
        for j in range(m):
            goal = y[:, i::m, j::m]
            np.copyto(goal, tiles[i, j, :, : goal.shape[1], : goal.shape[2]])
