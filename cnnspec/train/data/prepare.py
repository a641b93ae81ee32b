"""Batches as arrays, prepared as the input says; and images as pictures for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnspec.graph.tree import Input
from cnnspec.run.programs import Array
from cnnspec.train.data.images import Images


def prepare(images: Images, indices: Sequence[int], given: Input) -> Array:
    """(N, C, H, W), float32: pixels from 0 to 1, less the input's mean, over its deviation."""
    return scaled(np.stack([images.read(index) for index in indices]), given)


def scaled(pixels: Array, given: Input) -> Array:
    """Pixels (N, C, H, W), uint8 or floats, as `prepare` makes them."""
    shares = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else 1)
    mean, std = (np.array(n, np.float32).reshape(1, -1, 1, 1) for n in preparation(given))
    made: Array = (shares - mean) / std
    return made


def preparation(given: Input) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and the deviation of each channel of an input, 0 and 1 where it has none."""
    shape = given.value.shape
    assert shape is not None
    mean, std = given.mean or (0.0,), given.std or (1.0,)
    return mean * (shape.channels // len(mean)), std * (shape.channels // len(std))


def picture(image: Array) -> Array:
    """(H, W, C), uint8, of an image (C, H, W); floats beyond 0 to 1 are scaled to fit."""
    if image.dtype != np.uint8:
        low, high = min(0.0, float(image.min())), max(1.0, float(image.max()))
        image = ((image - low) / (high - low) * 255).round().astype(np.uint8)
    return image.transpose(1, 2, 0)
