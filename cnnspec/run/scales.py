"""Numbers as pixels: greys from the least to the largest, or two colours that meet in white at 0.

Maps with numbers of both signs have the second scale, blue below 0 and vermilion above: equally dark at
the same distance, and told apart by the colour-blind (Okabe and Ito 2008).
"""

from __future__ import annotations

import math

import numpy as np

from cnnspec.draw.theme import HUES, THEMES
from cnnspec.run.programs import Array

PAPER = 236
"""The grey that sheets lie on."""

BELOW, ABOVE = (
    np.array([*bytes.fromhex(colour[1:])], np.float64) for colour in (HUES["linear"], THEMES["light"].skip)
)

STEPS = 127  # from 0 to either end
SHARES = np.abs(np.arange(-STEPS, STEPS + 1) / STEPS)[:, None]  # 1, 126/127, …, 0, …, 1
# Row 127, which is 0, has a share of 0 of its end: white, whichever end that is.
ENDS = np.repeat([BELOW, ABOVE], [STEPS, STEPS + 1], axis=0)
COLOURS = np.concatenate([255 + SHARES * (ENDS - 255), np.zeros((1, 3))]).round().astype(np.uint8)
"""From -1 to 1, and what is no number."""


def is_signed(value: Array) -> bool:
    """Whether there are numbers on both sides of 0."""
    return bool((value < 0).any() and (value > 0).any())


def pixels(maps: Array, signed: bool) -> Array:
    """(C, H, W) as bytes, each map in its own range: (C, H, W) greys or, if signed, (C, H, W, 3) colours."""
    return diverging(maps) if signed else greys(maps)


def greys(maps: Array) -> Array:
    """(C, H, W) in bytes, each map from its least, black, to its largest, white; no number is black."""
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    known = np.isfinite(flat)
    low = np.where(known, flat, np.inf).min(axis=1, keepdims=True)
    high = np.where(known, flat, -np.inf).max(axis=1, keepdims=True)
    # A map of one number is black: (x - x) / 1.
    span = np.where(high > low, high - low, 1)
    scaled = np.where(known, (flat - low) / span, 0)
    return (scaled * 255).round().astype(np.uint8).reshape(maps.shape)


def diverging(maps: Array) -> Array:
    """(C, H, W) as colours (C, H, W, 3): 0 is white, the largest magnitude of each map its full colour.

    No number is black.
    """
    # -1, 0 and 1 are the colours 0, 127 and 254; what is no number is the last one.
    places = np.where(np.isfinite(maps), (shares(maps) * STEPS).round() + STEPS, 2 * STEPS + 1)
    made: Array = COLOURS[places.astype(np.intp)]
    return made


def tints(kernels: Array) -> Array:
    """Kernels (F, 3, H, W) as RGB (F, H, W, 3): middle grey is 0, each filter in its own range."""
    return (127.5 + 127.5 * shares(kernels)).round().astype(np.uint8).transpose(0, 2, 3, 1)


def shares(maps: Array) -> Array:
    """Each map over its largest magnitude, from -1 to 1; no number is 0."""
    known = np.where(np.isfinite(maps), maps, 0).astype(np.float64)
    most = np.abs(known).max(axis=tuple(range(1, maps.ndim)), keepdims=True)
    made: Array = known / np.where(most > 0, most, 1)
    return made


def pictures_of(value: Array, most: int, signed: bool) -> Array:
    """Pixels of the first channels; a vector, or channels of one pixel, as one picture of rows.

    Its rows are about as many as its columns.
    """
    if value.ndim == 3 and value[0].size > 1:
        return pixels(value[:most], signed)
    # 10 numbers: 4 columns in 3 rows, and the last 2 of 12 cells are paper.
    columns = math.ceil(math.sqrt(value.size))
    made = pixels(value.reshape(1, -1), signed)[0]
    picture = np.full((math.ceil(value.size / columns) * columns, *made.shape[1:]), PAPER, np.uint8)
    picture[: value.size] = made
    return picture.reshape(1, -1, columns, *made.shape[1:])
