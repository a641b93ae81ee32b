"""Changes of images at random, (C, H, W)."""

from __future__ import annotations

import numpy as np

from cnnspec.run.programs import Array


def change(image: Array, kind: str, chance: np.random.Generator) -> Array:
    """`flip`: mirrored or not; any other kind: also moved, as He et al. 2016 do on CIFAR."""
    image = flip(image, chance)
    return image if kind == "flip" else shift(image, chance)


def flip(image: Array, chance: np.random.Generator) -> Array:
    """Mirrored in half of the cases."""
    return image[:, :, ::-1] if chance.random() < 0.5 else image


def shift(image: Array, chance: np.random.Generator) -> Array:
    """Moved by up to an eighth of each side; the edge repeats where nothing is left."""
    height, width = image.shape[1:]
    # Rounded up: 4 of 28 pixels.
    down, across = -(-height // 8), -(-width // 8)
    wide = np.pad(image, ((0, 0), (down, down), (across, across)), mode="edge")
    top, left = chance.integers(2 * down + 1), chance.integers(2 * across + 1)
    moved: Array = wide[:, top : top + height, left : left + width]
    return moved
