"""Fast forms of layers that enlarge maps: transposed convolution, upsampling."""

from __future__ import annotations

from functools import partial

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import first, pieces
from cnnspec.backends.numpy.kernels.conv import full_size
from cnnspec.backends.numpy.kernels.folding import folded, packed
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import MACS, Plan, quick_plain
from cnnspec.backends.numpy.kernels.resize import neighbours


def quick_conv_transpose2d(plan: Plan, layer: Layer) -> None:
    """Every tap's product with all pixels, added up where the tap puts it."""
    options = layer.options
    if options["groups"] > 1:
        quick_plain(plan, layer)
        return
    fusion = plan.fuse(layer, fold=True)
    weight, scale, bias = folded(plan, fusion)
    kernels = packed(plan, layer, "taps", weight.transpose(2, 3, 0, 1), scale)
    kh, kw, c, o = kernels.shape
    stride, pad, dilation = options["stride"], options["pad"], options["dilation"]
    x = plan.values[layer.of[0]]
    full = full_size(x.shape[1:3], (kh, kw), stride, options["extra"], dilation)
    y = plan.take(layer.name, (len(x), full[0] - 2 * pad[0], full[1] - 2 * pad[1], o))
    posts = plan.posts(y, bias, fusion)
    parts = list(pieces(x.shape, 2 * x.itemsize * x.shape[2] * (c + o)))
    largest = max((x[part].size // c for part in parts), default=0)
    stretches = plan.stretches(o, largest * kernels.size // (c * MACS))
    widest = max(some.stop - some.start for some in stretches)
    product = plan.take(".product", (plan.workers, largest * widest))
    work = []
    for images, rows in parts:
        for u, v in np.ndindex(kh, kw):
            down = landing(rows, u * dilation[0] - pad[0], stride[0], y.shape[1])
            along = landing(
                slice(0, x.shape[2]), v * dilation[1] - pad[1], stride[1], y.shape[2]
            )
            goal = y[images, down[1], along[1]]
            work.append((x[images, rows], kernels[u, v], down[0], along[0], goal))

    def task(some: slice, worker: int) -> None:
        y[..., some].fill(0)
        for pixels, kernel, rows, columns, goal in work:
            count, width = pixels.size // c, some.stop - some.start
            made = product[worker, : count * width].reshape(count, width)
            np.matmul(pixels.reshape(-1, c), kernel[:, some], out=made)
            seen = made.reshape(*pixels.shape[:3], width)[:, rows, columns]
            np.add(goal[..., some], seen, out=goal[..., some])

    plan.add_each(stretches, lambda some, worker: [partial(task, some, worker)])
    plan.follow(y, plan.whole_rows(y), posts)
    plan.give(".product")
    plan.finish(fusion)


def landing(rows: slice, offset: int, stride: int, size: int) -> tuple[slice, slice]:
    """Of rows i those for which i*stride + offset is one of `size` rows, and these."""
    first = max(rows.start, -(offset // stride))
    stop = max(first, min(rows.stop, (size - 1 - offset) // stride + 1))
    start = first * stride + offset
    seen = slice(first - rows.start, stop - rows.start)
    return seen, slice(
        start, max(start, start + (stop - first - 1) * stride + 1), stride
    )


def quick_upsample(plan: Plan, layer: Layer) -> None:
    """Row by row: two rows of the map weighed, then each pixel's two neighbours."""
    x, (_, *names) = plan.values[layer.of[0]], layer.takes
    options = {name: layer.options[name] for name in names}
    above, below, down = neighbours(first(x), 2, **options)
    left, right, along = neighbours(first(x), 3, **options)
    n, _, width, c = x.shape
    y = plan.take(layer.name, (n, len(above), len(left), c))
    near_rows, other_rows = (
        plan.take(name, (plan.workers, n, width, c)) for name in (".row", ".other")
    )
    far_rows = plan.take(".far", (plan.workers, n, len(left), c))

    def task(some: slice, worker: int) -> None:
        row, other, far = near_rows[worker], other_rows[worker], far_rows[worker]
        for i in range(some.start, some.stop):
            high, low = above[i], below[i]
            if down is None:
                np.take(x[:, high], left, 1, out=y[:, i], mode="clip")
                continue
            np.multiply(x[:, high], 1 - down[i], out=row)
            np.multiply(x[:, low], down[i], out=other)
            np.add(row, other, out=row)
            np.take(row, left, 1, out=y[:, i], mode="clip")
            np.take(row, right, 1, out=far, mode="clip")
            np.multiply(y[:, i], 1 - along[:, None], out=y[:, i])
            np.multiply(far, along[:, None], out=far)
            np.add(y[:, i], far, out=y[:, i])

    rows = plan.parts((1, len(above)), 2 * y.nbytes // max(1, len(above)))
    plan.add_each(rows, lambda part, worker: [partial(task, part[1], worker)])
    plan.give(".row", ".other", ".far")
    plan.close([layer])
