"""Winograd's minimal filtering, as in Lavin and Gray 2016.

"Fast algorithms for convolutional neural networks": a 3x3 convolution by tiles.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import CACHE, Array
from cnnspec.backends.numpy.kernels.folding import scaled
from cnnspec.backends.numpy.kernels.plan import MACS
from cnnspec.backends.numpy.kernels.posts import Bound, Post, follow
from cnnspec.backends.numpy.kernels.strips import (
    Conv,
    Strip,
    batches,
    laid,
    strips,
    windows,
)

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
        # 14x14 by 4: 16 tiles of 36 products for 9*196, a third.
        saves = 2 * tiles * (m + 2) ** 2 <= 9 * y.shape[0] * y.shape[1] * y.shape[2]
        shared = (conv.layer.owner, m) in conv.plan.packs
        growth = 0 if shared else weight.nbytes * ((m + 2) ** 2 - 9) // 9
        # 49 rows: with fewer a product spends its time on packing the weight.
        if tiles >= 49 and saves and growth <= conv.plan.room:
            conv.plan.room -= growth
            return m
    return 0


def winograd_weight(conv: Conv, m: int) -> Array:
    """(G x G) times the taps: (O, C, 3, 3) -> ((m + 2)^2, C, O), channel by channel."""

    def make() -> Array:
        g = np.array(WINOGRAD[m][1])
        # G g G^T, row by row a vector, is (G x G) times g as a vector.
        square = np.kron(g, g).astype(conv.plan.dtype)
        taps = conv.weight.transpose(1, 2, 3, 0)
        c, _, _, o = taps.shape
        found = np.empty((len(square), c, o), conv.plan.dtype)
        # Not all channels at once: a scaled copy of all taps would double the memory.
        for i in range(c):
            found[:, i] = square @ scaled(conv.plan, taps[i], conv.scale).reshape(9, o)
        return found

    return conv.plan.pack((conv.layer.owner, m), make)


class Tiling(NamedTuple):
    """How an output is cut into tiles of m x m, th x tw an image, and both transforms.

    It holds no plan: what a plan does not need any more goes at once.
    """

    m: int
    th: int
    tw: int
    there: Array  # B^T of rows and columns at once: their Kronecker square
    back: Array
    y: Array
    posts: list[Post]

    def load(self, item: tuple[Strip, Array, Array], worker: int) -> list[Bound]:
        """The strip's tiles as columns of d, transformed to v."""
        strip, d, v = item
        rows, m = strip.part[1], self.m
        size = rows.stop - rows.start, self.tw
        tiles = windows(strip.frames[worker], size, (m + 2, m + 2), (m, m), (1, 1))
        tiles = tiles.transpose(3, 4, 0, 1, 2, 5)
        copy = partial(np.copyto, d.reshape(tiles.shape), tiles)
        return [*strip.loads[worker], copy, partial(np.matmul, self.there, d, v)]

    def store(self, strip: Strip, products: Array, z: Array) -> list[Bound]:
        """The strip's part of the output from its products, by way of z."""
        images, rows = strip.part
        m, (_, high, _, o) = self.m, self.y.shape
        size = images.stop - images.start, rows.stop - rows.start, self.tw
        # High 14, m 4: the tiles' rows 2 and 3 are the map's rows 8 to 14, not to 16.
        part = images, slice(m * rows.start, min(m * rows.stop, high))
        back = partial(np.matmul, self.back, products, z)
        moves = scatter(z.reshape(m, m, *size, o), self.y[part])
        return [back, *moves, *follow(self.y, part, self.posts)]


def tiling(conv: Conv, m: int) -> Tiling:
    b, _, a = (np.array(part) for part in WINOGRAD[m])
    there, back = (np.kron(part, part).astype(conv.plan.dtype) for part in (b, a))
    th, tw = (-(-size // m) for size in conv.y.shape[1:3])
    return Tiling(m, th, tw, there, back, conv.y, conv.posts)


def winograd(conv: Conv, m: int) -> None:
    """A 3x3 convolution by tiles: (m + 2)^2 pixels make m x m with as many products.

    Both transforms are one product with the Kronecker square of their matrix. Three
    steps for as many tiles as the cache holds: there, the products, and back.
    """
    plan, x, k = conv.plan, conv.x, (m + 2) ** 2
    c, o = x.shape[3], conv.y.shape[3]
    kernels, tiles = winograd_weight(conv, m), tiling(conv, m)
    top, _, left, _ = conv.pads
    # The last tile sees 2 rows more than it makes, also where the map ends before:
    # 14 high, padded by 1, m = 4: 4*4 + 2 - 1 - 14 = 3 rows of zeros below.
    bottom = m * tiles.th + 2 - top - x.shape[1]
    right = m * tiles.tw + 2 - left - x.shape[2]
    row = k * conv.y.itemsize * tiles.tw * max(c, o)
    row = min(row, CACHE * tiles.tw // 100)  # products of fewer tiles than 100 are slow
    macs = k * k * c * len(x) * tiles.th * tiles.tw
    parts = plan.parts((len(x), tiles.th), row, macs // MACS)
    found = strips(plan, x, parts, (m + 2, m), (top, bottom, left, right))
    counts = [math.prod(some.stop - some.start for some in part) for part in parts]
    groups = batches(counts, max(1, CACHE // row))
    most = tiles.tw * max(sum(counts[some]) for some in groups)
    # d is read out when the products come, v when z does: each pair has one buffer.
    spread = plan.take(".spread", (k * most * max(c, o),))
    moved = plan.take(".moved", (most * max(k * c, m * m * o),))
    for some in groups:
        t = tiles.tw * sum(counts[some])
        d, v = (buffer[: k * t * c].reshape(k, -1) for buffer in (spread, moved))
        products = spread[: k * t * o].reshape(k, t, o)
        z = moved[: m * m * t * o].reshape(m * m, -1)
        width = tiles.tw
        given, made = (laid(n * width * size for n in counts[some]) for size in (c, o))
        loads = [(s, d[:, i], v[:, i]) for s, i in zip(found[some], given, strict=True)]
        plan.add_each(loads, tiles.load)
        left_side = v.reshape(k, t, c)
        plan.add(
            *(
                [partial(np.matmul, left_side[i], kernels[i], products[i])]
                for i in plan.stretches(k, t * kernels.size // MACS, 1)
            )
        )
        plan.add(
            *(
                tiles.store(s, products.reshape(k, -1)[:, i], z[:, i])
                for s, i in zip(found[some], made, strict=True)
            ),
            work=4 * products.nbytes,
        )
    plan.give(".spread", ".moved")


def scatter(tiles: Array, y: Array) -> list[Bound]:
    """Tiles (m, m, n, th, tw, O) to a map (n, H, W, O), which may cut the last ones."""
    m, (n, height, width, o) = len(tiles), y.shape
    moves: list[Bound] = []
    for (top, down, rows), (left, along, columns) in product(
        cuts(height, m), cuts(width, m)
    ):
        goal = y[:, m * top :, m * left :][:, : down * rows, : along * columns]
        source = tiles[:rows, :columns, :, top:, left:][:, :, :, :down, :along]
        goal = goal.reshape(n, down, rows, along, columns, o)
        moves.append(partial(np.copyto, goal, source.transpose(2, 3, 0, 4, 1, 5)))
    return moves


def cuts(size: int, m: int) -> list[tuple[int, int, int]]:
    """Tiles that are alike along an axis: the first one, how many, how much of each.

    cuts(14, 4) is [(0, 3, 4), (3, 1, 2)]: three whole ones, and half of a fourth.
    """
    whole, rest = divmod(size, m)
    return [(0, whole, m)] * (whole > 0) + [(whole, 1, rest)] * (rest > 0)
