"""The fast path: a net in evaluation as steps over buffers made once for a size.

Maps lie as N x H x W x C, so that a pixel's channels are a row of a matrix. Batch norms
are folded into convolutions, what follows a convolution value by value works on its
output while that is in the cache, and a buffer is used again when its value is not
needed any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cnnspec.backends.numpy.kernels.arena import LINE, Arena
from cnnspec.backends.numpy.kernels.arrays import Array, Part, first, last, pieces
from cnnspec.backends.numpy.kernels.net import BaseNet, Layer
from cnnspec.backends.numpy.kernels.posts import (
    Bound,
    Post,
    bound_product,
    follow,
    post_add,
    post_in_place,
    post_run,
    run_of,
)
from cnnspec.backends.numpy.kernels.threads import crew

ROOM = 3 << 20
"""Bytes that packed weights may hold beyond what the net's own tensors do."""

SMALL = 1 << 22
"""Bytes of work that are not worth waking another thread for: 200 µs at 20 GB/s."""

MACS = 2
"""Multiply-adds of a product that take as long as a byte moved: 40 a nanosecond."""

BLOCK = 1 << 14
"""Numbers that a kernel works on at once, where it makes new arrays under way."""


class Tile(NamedTuple):
    """Calls one after the other, of each worker its own: on its scratch memory."""

    calls: Sequence[Sequence[Bound]]

    def __call__(self, worker: int) -> None:
        for call in self.calls[worker]:
            call()


class Fusion(NamedTuple):
    """A layer, batch norms that its weight takes in, and what works on its output."""

    layer: Layer
    norms: list[Layer]
    after: list[Layer]
    posts: list[Post]  # what each of the layers after it does


class Plan:
    """The steps of a net for images of some size; call it with such images.

    A step is tiles for so many `workers`, which may go at the same time: each writes
    where no other reads or writes. All views are made and all calls bound beforehand.
    One run at a time: the buffers are its own.
    `values` are the buffers of the layers placed so far, `homes` the memory that they
    lie in, `left` the number of layers that are still to take them; `packs` the weights
    laid out anew, `room` the bytes by which more of them may outgrow their tensors;
    `deferred` what a value has yet to be multiplied with, and what to be added, by
    channels.
    """

    def __init__(self, net: BaseNet, images: dict[str, Array]) -> None:
        self.net = net
        self.kind = [(x.shape, x.dtype) for x in images.values()]
        with crew() as all_workers:
            self.workers = all_workers.workers
        found = [*images.values(), *net.params.values()]
        self.dtype = np.result_type(*(x.dtype for x in found if x.dtype.kind == "f"))
        self.layers = [layer for layer in net.layers if not layer.train]
        self.takers: dict[str, list[Layer]] = {}
        for layer in self.layers:
            for name in layer.of:
                self.takers.setdefault(name, []).append(layer)
        self.arena = Arena(self.dtype)
        self.packs: dict[tuple[str, Any], Array] = {}
        self.room = ROOM + sum(
            net.params[layer.key("weight")].nbytes
            for layer in self.layers
            if layer.kernel.__name__ == "linear" and layer.tensors
        )
        # Twice the same steps: a buffer's place depends on what lives later, too.
        self.place(images)
        self.arena.perform()
        self.place(images)

    def place(self, images: dict[str, Array]) -> None:
        """Make the steps: a first time to learn what buffers they need, and when."""
        self.steps: list[list[Tile]] = []
        self.followed: tuple[int, Array | None, list[Post], list[Array]]
        self.followed = 0, None, [], []
        self.values: dict[str, Array] = {}
        self.homes: dict[str, int] = {}
        self.deferred: dict[str, tuple[Array, Array]] = {}
        self.placed: set[str] = set()
        self.left = {name: len(takers) for name, takers in self.takers.items()}
        for name in self.net.outputs:
            self.left[name] = self.left.get(name, 0) + 1
        self.inputs = {
            name: first(self.take(name, last(x).shape)) for name, x in images.items()
        }
        with np.errstate(all="ignore"):  # buffers hold anything as yet
            for layer in self.layers:
                if layer.name not in self.placed:
                    self.net.quick.get(layer.kernel, quick_plain)(self, layer)
        self.outputs = {name: first(self.values[name]) for name in self.net.outputs}
        # Nothing to share: LeNet's run would take a fifth longer with the crew.
        self.is_small = all(len(tiles) == 1 for tiles in self.steps)
        alone = [tile.calls[0] for tiles in self.steps for tile in tiles]
        self.calls = [call for calls in alone for call in calls if self.is_small]

    def __call__(self, images: dict[str, Array]) -> dict[str, Array]:
        """The outputs, as new arrays."""
        for name, x in images.items():
            np.copyto(self.inputs[name], x)
        if self.is_small:
            for call in self.calls:
                call()
        else:
            with crew() as workers:
                for tiles in self.steps:
                    workers.run(tiles, self.workers)
        return {name: y.copy() for name, y in self.outputs.items()}

    def pack(self, key: tuple[str, Any], make: Callable[[], Array]) -> Array:
        """A weight laid out anew: plans for other threads that run the net share it."""
        if key not in self.packs:
            shared = self.net.packs
            found = shared.get((key, self.dtype))
            if found is None:
                found = shared.setdefault((key, self.dtype), make())
            self.packs[key] = found
        return self.packs[key]

    def add(self, *tiles: Sequence[Bound], work: int = SMALL) -> None:
        """A step of tiles that need no scratch memory; for one thread, if small."""
        if self.shares(work) == 1:
            tiles = ([call for calls in tiles for call in calls],)
        self.steps.append([Tile([calls] * self.workers) for calls in tiles])

    def add_each(
        self,
        items: Iterable[Any],
        calls: Callable[[Any, int], list[Bound]],
        after: Callable[[Any], list[Bound]] = lambda _: [],
    ) -> None:
        """A step of a tile for each item: its calls for a worker of this number.

        `after` them come those that need no scratch memory: the same for all workers.
        """
        self.steps.append([])
        for item in items if self.arena.block is not None else ():
            last = after(item)
            each = [[*calls(item, worker), *last] for worker in range(self.workers)]
            self.steps[-1].append(Tile(each))

    def shares(self, work: int) -> int:
        """In how many parts to divide work, in bytes moved, or what takes as long.

        No more than there are workers: a product in parts reads its weights for each.
        """
        return self.workers if work >= SMALL else 1

    def parts(
        self, shape: tuple[int, ...], row_bytes: int, work: int = 0
    ) -> list[Part]:
        """Parts of an output, so many that every worker finds some to do.

        A part's rows fit into the cache together with those of the other workers: their
        scratch memory is no more than that of one alone. `work`: what else there is to
        do, besides moving those bytes.
        """
        shares = self.shares(shape[0] * shape[1] * row_bytes + work)
        return list(pieces(shape, row_bytes * shares, shares))

    def whole_rows(self, y: Array, work: int = 0) -> list[Part]:
        """Parts of maps, or of vectors, that a core's cache holds several times.

        They are as large as one worker alone would take: threads lose time between
        calls, where they wait for Python's lock.
        """
        shape = y.shape if y.ndim == 4 else (1, *y.shape)
        row = 4 * y.itemsize * math.prod(shape[2:])
        shares = self.shares(shape[0] * shape[1] * row + work)
        found = list(pieces(shape, row, shares))
        return found if y.ndim == 4 else [(rows,) for _, rows in found]

    def stretches(self, count: int, work: int, unit: int = LINE) -> list[slice]:
        """Parts of an axis for all workers, in units."""
        least = self.shares(work)
        step = -(-count // least)
        step += -step % unit
        return [slice(i, min(i + step, count)) for i in range(0, count, step)]

    def product(
        self, x: Array, kernels: Array, y: Array, parts: list[Part], posts: list[Post]
    ) -> None:
        """Steps for y = x times kernels, pixel by pixel, and what follows it.

        A product is divided along its longer side: each part of it reads the weights,
        or the pixels, once more.
        """
        depth, width = kernels.shape
        pixels = x.size // depth
        columns_at = self.stretches(width, pixels * kernels.size // MACS)
        # A part of the pixels reads all weights, a part of the weights all pixels: the
        # longer side is the one to divide.
        if pixels >= width or len(columns_at) == 1:
            before = self.take_back(x, y)

            def rows(part: Part) -> list[Bound]:
                left, made = x[part].reshape(-1, depth), y[part].reshape(-1, width)
                product = bound_product(left, kernels, made)
                return [*follow(x, part, before), product, *follow(y, part, posts)]

            self.add(*map(rows, parts))
            return
        left, made = x.reshape(-1, depth), y.reshape(-1, width)
        self.add(
            *(
                [bound_product(left, kernels[:, some], made[:, some])]
                for some in columns_at
            )
        )
        self.follow(y, parts, posts)

    def follow(
        self,
        y: Array,
        parts: list[Part],
        posts: list[Post],
        layers: Sequence[Layer] = (),
    ) -> None:
        """A step for what happens to an output, part by part: all of `layers`.

        If they are given, a product that is the next step may do it.
        """
        if posts:
            self.add(*(follow(y, part, posts) for part in parts), work=4 * y.nbytes)
            if layers:
                names = {name for layer in layers for name in layer.of}
                reads = [self.values[name] for name in names & self.values.keys()]
                self.followed = len(self.steps), y, posts, reads

    def take_back(self, x: Array, y: Array) -> list[Post]:
        """What the step before does to x, part by part, if no more: the step goes.

        The next one does it first, to the part that it reads: it is in the cache then.
        It cannot where it writes its output y over what that step reads.
        """
        steps, made, posts, reads = self.followed
        if steps != len(self.steps) or made is not x:
            return []
        if any(np.may_share_memory(y, read) for read in reads):
            return []
        self.steps.pop()
        return posts

    def take(self, name: str, shape: tuple[int, ...]) -> Array:
        """A buffer for a value. Raises ValueError where a map has no size."""
        if min(shape) < 1:
            raise ValueError(f"{name} would be of shape {shape}")
        self.homes[name], buffer = self.arena.take(math.prod(shape))
        self.values[name] = buffer.reshape(shape)
        return self.values[name]

    def give(self, *names: str) -> None:
        """Buffers may be used again."""
        for name in names:
            if name in self.homes:
                self.arena.give(self.homes.pop(name))

    def alone(self, layer: Layer, source: str) -> bool:
        """Whether only this layer needs a value, and so may write in its place."""
        return self.left[source] == 1 and source in layer.of

    def move(self, source: str, name: str) -> Array:
        """The buffer of a source is now that of this name."""
        self.homes[name] = self.homes.pop(source)
        self.values[name] = self.values[source]
        return self.values[name]

    def finish(self, fusion: Fusion) -> None:
        """The layers of a fusion are placed: the last names the output."""
        layer, *others = fusion.layer, *fusion.norms, *fusion.after
        if others:
            self.move(layer.name, others[-1].name)
        self.close([layer, *others])

    def close(self, layers: list[Layer]) -> None:
        """The layers are placed: what only they needed may be used again."""
        for layer in layers:
            self.placed.add(layer.name)
            for source in layer.of:
                self.left[source] -= 1
                if not self.left[source]:
                    self.give(source)

    def fuse(self, layer: Layer, fold: bool) -> Fusion:
        """A layer and those that can work on its output; with `fold` its norm, too."""
        fusion = Fusion(layer, [], [], [])
        name = layer.name
        while len(self.takers.get(name, ())) == 1 and name not in self.net.outputs:
            (taker,) = self.takers[name]
            if fold and self.net.folds.get(layer.name) == taker.name:
                fusion.norms.append(taker)
            elif post := self.post(taker, name):
                fusion.after.append(taker)
                fusion.posts.append(post)
            else:
                break
            name = taker.name
        return fusion

    def post(self, layer: Layer, source: str) -> Post | None:
        """What a layer does to a source in its place, part by part, if it can."""
        if work := by_pixel(self, layer):
            return post_in_place(work)
        others = [other for other in layer.of if other != source]
        if layer.kernel.__name__ == "add" and len(others) == 1:
            (other,) = others
            return post_add(self.values[other]) if other in self.values else None
        return None

    def posts(self, y: Array, bias: Array | None, fusion: Fusion) -> list[Post]:
        """What happens to a part of an output: the bias, then the layers after it."""
        if bias is None:
            return fusion.posts
        return [post_run(np.add, None, run_of(bias, y)), *fusion.posts]


def by_pixel(plan: Plan, layer: Layer) -> Callable[[Array], Any] | None:
    """The function that changes whole pixels in their place as a layer does, if any."""
    kernel = layer.kernel
    if plan.net.quick.get(kernel) is not quick_in_place:
        return None
    if kernel in plan.net.in_place:
        return plan.net.in_place[kernel]
    if layer.arguments.get("over") == "all":
        return None
    keywords = {
        name: value.reshape(-1) if isinstance(value, np.ndarray) else value
        for name, value in plan.net.keywords(layer).items()
    }

    def work(y: Array) -> None:
        pixels = y.reshape(-1, y.shape[-1])
        rows = max(1, BLOCK // y.shape[-1])
        for i in range(0, len(pixels), rows):
            block = pixels[i : i + rows]
            np.copyto(block, kernel(block, **keywords), casting="same_kind")

    return work


def quick_plain(plan: Plan, layer: Layer) -> None:
    """Any kernel, by way of its plain form."""
    sources = [plan.values[name] for name in layer.of]
    keywords = plan.net.keywords(layer)

    def compute() -> Array:
        found: Array = layer.kernel(*map(first, sources), **keywords)
        return last(found)

    y = plan.take(layer.name, compute().shape)
    plan.add([lambda: np.copyto(y, compute(), casting="same_kind")])
    plan.close([layer])


def quick_in_place(plan: Plan, layer: Layer) -> None:
    """A function of each pixel, in its place where nobody else needs it."""
    (source,) = layer.of
    work, x = by_pixel(plan, layer), plan.values[source]
    if work is None:
        quick_plain(plan, layer)
        return
    if plan.alone(layer, source):
        y = plan.move(source, layer.name)
    else:
        y = plan.take(layer.name, x.shape)
        plan.add([partial(np.copyto, y, x)])
    plan.follow(y, plan.whole_rows(y), [post_in_place(work)])
    plan.close([layer])
