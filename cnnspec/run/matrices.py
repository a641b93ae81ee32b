"""A matrix of numbers in a text file becomes what a net's input takes, as it stands."""

from __future__ import annotations

import re

import numpy as np

from cnnspec.graph.tree import Input
from cnnspec.run import OtherShape, RunProblem, read_text
from cnnspec.run.programs import Array
from cnnspec.values.shapes import Shape

BYTES = 1 << 22
"""Of a file, at most: a million numbers of three digits."""

BETWEEN = re.compile(r"\s*[,;]\s*|\s+")


def is_matrix(path: str) -> bool:
    """Whether a file is one of numbers, by its name."""
    return path.lower().endswith(".csv")


def read_matrix(path: str, given: Input) -> Array:
    """(1, C, H, W), or (1, C) where the input is a vector, float32: the numbers of a file. Raises UsageError.

    A line of the file is a row; a blank line stands between channels. The input's `mean` and `std` prepare
    pixels, not numbers, so none is changed.
    """
    shape = given.value.shape
    assert shape is not None
    channels = parse(path, read_text(path, BYTES))
    with np.errstate(over="ignore"):
        made = np.array(channels, np.float32)
    if not np.isfinite(made).all():
        raise RunProblem(f"{path}: a number is too large for float32")
    # A vector may stand in one row, in one column or in several rows.
    if not shape.is_map and made.size == shape.channels:
        return made.reshape(1, -1)
    if made.shape != tuple(shape.dimensions):
        found = Shape(*made.shape)
        words = f"{path}: holds {found}, the net's input is {shape}"
        raise OtherShape(words, str(found)) if shape.is_map else RunProblem(words)
    return made[None]


def parse(path: str, text: str) -> list[list[list[float]]]:
    """The rows of each channel, all of one size. Raises RunProblem, with the line."""
    channels: list[list[list[float]]] = [[]]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            channels.append([])
            continue
        row = [number_of(f"{path}:{number}", word) for word in BETWEEN.split(line.strip().rstrip(",;"))]
        first = next((rows[0] for rows in channels if rows), row)
        if len(row) != len(first):
            raise RunProblem(f"{path}:{number}: the row has {len(row):,} numbers, the first {len(first):,}")
        channels[-1].append(row)
    channels = [rows for rows in channels if rows]
    if not channels:
        raise RunProblem(f"{path}: holds no numbers")
    for place, rows in enumerate(channels[1:], 2):
        if len(rows) != len(channels[0]):
            raise RunProblem(
                f"{path}: channel {place} has {len(rows):,} rows, the first {len(channels[0]):,}; "
                "a blank line begins a channel"
            )
    return channels


def number_of(place: str, word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise RunProblem(f"{place}: {word[:40]!r} is no number") from None
    if not np.isfinite(number):
        raise RunProblem(f"{place}: {word[:40]!r} is no finite number")
    return number
