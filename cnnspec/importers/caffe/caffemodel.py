"""The blobs of a .caffemodel: a walk over protocol buffers' records, which copies no numbers.

A file is records: a key, which has the field's number and how its value is laid out, and the value. Of the
hundreds of messages and fields that Caffe has, five and ten matter here, so this is shorter than to describe
them to protobuf, needs no package, reads files over protobuf's 2 GB, and each record is checked to lie in the
one around it.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from cnnspec.importers.reading.arrays import Array

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

OLD_LAYER, LAYER = 2, 100
"""Fields of a net: its layers, in the syntax V1 and in V2."""

NAMES = {OLD_LAYER: 4, LAYER: 1}
BLOBS = {OLD_LAYER: 6, LAYER: 7}
OLD_SIZES, DATA, SHAPE, DOUBLES = (1, 2, 3, 4), 5, 7, 8
"""Fields of a blob. Its sizes are in fields of their own in V1, else in the field 1 of its shape."""

MAX_LAYERS = 100_000
MAX_AXES = 32


class BrokenCaffemodel(Exception):
    """The file is no .caffemodel, or not all of it."""


class ByteRange(NamedTuple):
    """A message, a string or packed numbers: where in the file it lies."""

    data: Any  # a mapped file: slices of it are bytes
    start: int
    stop: int


class BlobData(NamedTuple):
    """A blob as it lies in the file."""

    sizes: tuple[int, ...]
    data: tuple[ByteRange, ...]
    dtype: str

    def numbers(self) -> Array:
        """Its numbers, float32 in the shape that it says.

        Raises BrokenCaffemodel where they are more or fewer.
        """
        try:
            # Packed, one part has all numbers; written one by one, each part has one.
            parts = [np.frombuffer(part.data[part.start : part.stop], self.dtype) for part in self.data]
            found: Array = np.concatenate(parts or [np.zeros(0)]).astype(np.float32)
            return found.reshape(self.sizes)
        except ValueError:
            raise BrokenCaffemodel(
                f"a blob of {' x '.join(map(str, self.sizes))} has other numbers"
            ) from None


def read(path: Path) -> dict[str, list[BlobData]]:
    """The blobs of each layer, by its name. Raises BrokenCaffemodel, OSError."""
    with path.open("rb") as file:
        # mmap would refuse an empty file with a ValueError.
        if not path.stat().st_size:
            raise BrokenCaffemodel("the file is empty")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    found: dict[str, list[BlobData]] = {}
    for number, part in parts_of(ByteRange(data, 0, len(data))):
        if number in NAMES:
            name, blobs = layer(part, NAMES[number], BLOBS[number])
            if blobs:
                found[name] = blobs
            if len(found) > MAX_LAYERS:
                raise BrokenCaffemodel(f"it has more than {MAX_LAYERS:,} layers")
    return found


def layer(part: ByteRange, name: int, blobs: int) -> tuple[str, list[BlobData]]:
    """The name and the blobs of a layer."""
    label, found = "", []
    for number, inner in parts_of(part):
        if number == name:
            label = inner.data[inner.start : inner.stop].decode(errors="replace")
        elif number == blobs:
            found.append(blob(inner))
    return label, found


def blob(part: ByteRange) -> BlobData:
    sizes: list[int] = []
    old: dict[int, int] = {}
    numbers: dict[int, list[ByteRange]] = {DATA: [], DOUBLES: []}
    for number, value in records(part):
        if isinstance(value, int):
            if number in OLD_SIZES:
                old[number] = value
        elif number == SHAPE:
            for field, size in records(value):
                if field == 1:
                    sizes += [size] if isinstance(size, int) else varints(size)
        elif number in numbers:
            numbers[number].append(value)
    found = tuple(sizes) or tuple(old.get(number, 1) for number in OLD_SIZES if old)
    if len(found) > MAX_AXES:
        raise BrokenCaffemodel("a blob has too many axes")
    is_double = bool(numbers[DOUBLES])
    return BlobData(found, tuple(numbers[DOUBLES if is_double else DATA]), "<f8" if is_double else "<f4")


def parts_of(part: ByteRange) -> Iterator[tuple[int, ByteRange]]:
    """The records of a message that are messages or strings, by their fields' numbers."""
    for number, value in records(part):
        if isinstance(value, ByteRange):
            yield number, value


def records(part: ByteRange) -> Iterator[tuple[int, int | ByteRange]]:
    """The records of a message: numbers as they are, all else as its place. Raises BrokenCaffemodel."""
    data, place, stop = part
    while place < stop:
        key, place = varint(data, place, stop)
        # A key is the number of the field times 8, plus how its value is laid out.
        kind = key & 7
        if kind == VARINT:
            value, place = varint(data, place, stop)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, place = varint(data, place, stop)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise BrokenCaffemodel(f"byte {place} begins no record")
        if size > stop - place:
            raise BrokenCaffemodel(f"a record at byte {place} ends behind what it is part of")
        yield key >> 3, ByteRange(data, place, place + size)
        place += size


def varint(data: Any, place: int, stop: int) -> tuple[int, int]:
    """An integer in groups of seven bits, the lowest first, and the place behind it.

    Raises BrokenCaffemodel.
    """
    value = 0
    # 64 bits at most, in ten groups: -1 is nine bytes of 255, and a last one of 1.
    for shift in range(0, 70, 7):
        if place >= stop:
            raise BrokenCaffemodel(f"the file ends in a record, at byte {place}")
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise BrokenCaffemodel(f"byte {place} begins no record")


def varints(part: ByteRange) -> list[int]:
    """Packed integers."""
    found: list[int] = []
    place = part.start
    # One size more than there may be is enough for `blob` to refuse them, however many a file says.
    while place < part.stop and len(found) <= MAX_AXES:
        value, place = varint(part.data, place, part.stop)
        found.append(value)
    return found
