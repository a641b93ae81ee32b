"""The numbers in a .weights: a header, then every layer's, one behind the other, without names or sizes.

Two Darknets write such files and divide by unlike deviations. AlexeyAB's, whose files bear the version
0.2.5, takes sqrt(variance + 1e-5), which is what a specification says. Joseph Redmon's, versions 0.1.0 and
0.2.0, takes sqrt(variance) + 1e-6, and no variance makes the two equal where it is near 0. The factor of the
batch norm can: it becomes factor * sqrt(variance + 1e-5)/(sqrt(variance) + 1e-6), computed in float64, so
that what the norm makes is off by float32's rounding and no more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnspec.importers.darknet.net import WeightSlot
from cnnspec.importers.darknet.rows import EPS
from cnnspec.importers.refusals import refused

if TYPE_CHECKING:
    from cnnspec.importers.reading.arrays import Array

OUTSIDE = 1e-6
"""What Redmon's Darknet adds to the root."""

FORK = 5
"""The revision of AlexeyAB's files."""


class Header(NamedTuple):
    """What stands before the numbers. `turned`: weights of connected sections have their columns first."""

    size: int
    revision: int
    turned: bool


def read(path: Path, slots: Sequence[WeightSlot], is_part: bool) -> dict[str, Array]:
    """The tensors of a file, by their keys. Raises Refused, OSError.

    `is_part`: the file may go on, because they are of a part of its network.
    """
    count = sum(math.prod(slot.shape) for slot in slots)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            # The longer of both headers.
            header = header_of(file.read(20))
            there = (size - header.size) // 4
            is_more = size != header.size + 4 * count
            if there < count or (is_more and not is_part):
                raise ValueError(f"has {there:,} numbers, and the net {count:,}")
            file.seek(header.size)
            numbers = np.fromfile(file, "<f4", count)
    except ValueError as problem:
        raise refused(f"{path}: {problem}", "E1006") from None
    return redmon(cut(numbers, slots, header.turned), slots, header.revision)


def header_of(data: bytes) -> Header:
    """Raises ValueError where there is none."""
    if len(data) < 16:
        raise ValueError("is no .weights file")
    major, minor, revision = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (0, 4, 8))
    # Files before 0.2 count the images in 4 bytes; a version above 1000 says that matrices lie turned.
    is_wide = major * 10 + minor >= 2 and max(major, minor) < 1000  # of the count of images seen
    return Header(20 if is_wide else 16, revision, max(major, minor) > 1000)


def cut(numbers: Array, slots: Sequence[WeightSlot], turned: bool) -> dict[str, Array]:
    """The numbers as tensors, in their order."""
    found: dict[str, Array] = {}
    start = 0
    for slot in slots:
        stop = start + math.prod(slot.shape)
        part = numbers[start:stop]
        is_turned = turned and slot.may_turn
        found[slot.key] = part.reshape(slot.shape[::-1]).T if is_turned else part.reshape(slot.shape)
        start = stop
    return found


def redmon(found: dict[str, Array], slots: Sequence[WeightSlot], revision: int) -> dict[str, Array]:
    """The factors of batch norms as they are to be, where the file is of Redmon's Darknet."""
    for slot in slots if revision < FORK else ():
        if slot.variance:
            variance = found[slot.variance].astype(np.float64)
            ratio = np.sqrt(variance + EPS) / (np.sqrt(variance) + OUTSIDE)
            found[slot.key] = (found[slot.key] * ratio).astype(np.float32)
    return found
