"""Memory for buffers that come and go: who lives at different times shares it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array

LINE = 16
"""Numbers of a cache line: where buffers start."""


class Life(NamedTuple):
    """A buffer's size, and its first and last moment."""

    size: int
    born: int
    gone: int


class Arena:
    """Hands out buffers: in a rehearsal shadows, without memory, then parts of a block.

    Both times the same buffers have to be taken and given back in the same order.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.shadow = np.zeros(1, dtype)
        self.block: Array | None = None
        self.lives: list[Life] = []
        self.places: list[int] = []
        self.now = self.taken = 0

    def take(self, size: int) -> tuple[int, Array]:
        """A buffer of so many numbers, and its own number."""
        number = self.taken
        self.taken += 1
        if self.block is not None:
            start = self.places[number]
            return number, self.block[start : start + size]
        self.now += 1
        self.lives.append(Life(-(-size // LINE) * LINE, self.now, 1 << 62))
        return number, np.broadcast_to(self.shadow, (size,))

    def give(self, number: int) -> None:
        """The buffer of this number may be used again."""
        if self.block is None:
            self.now += 1
            self.lives[number] = self.lives[number]._replace(gone=self.now)

    def perform(self) -> None:
        """From now on buffers are memory."""
        self.places = places(self.lives)
        lives = zip(self.places, self.lives, strict=True)
        size = max((start + life.size for start, life in lives), default=0)
        self.block = np.zeros(size, self.shadow.dtype)
        self.taken = 0


def places(lives: list[Life]) -> list[int]:
    """Where each buffer starts: the largest first, each at the lowest place that fits.

    Greedy by size: Pisarchyk and Lee 2020, "Efficient memory management for deep neural
    net inference".
    """
    placed: list[tuple[int, int]] = []  # start, number; in order
    found = [0] * len(lives)
    for number in sorted(range(len(lives)), key=lambda i: -lives[i].size):
        size, born, gone = lives[number]
        start = 0
        for other_start, other in placed:
            if lives[other].gone < born or gone < lives[other].born:
                continue
            if start + size <= other_start:
                break
            start = max(start, other_start + lives[other].size)
        found[number] = start
        placed.append((start, number))
        placed.sort()
    return found
