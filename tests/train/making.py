"""Data to train on: folders, tables, arrays, the published files in small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cnnspec.api import check_text
from cnnspec.graph.tree import Input, Network


def network(text: str) -> Network:
    found = check_text(text)
    assert found.ok, found.diagnostics
    return found.networks[0]


def given(shape: str) -> Input:
    """An input of this shape."""
    return network(f"net N {{ input {shape}, flatten, linear 2 }}").inputs[0]


def class_folders(folder: Path, count: int = 5, classes: str = "ab", size: int = 8) -> Path:
    """A folder for each class with so many images, brighter from class to class."""
    chance = np.random.default_rng(0)
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = chance.integers(0, 60, (size, size, 3)) + 180 * label // max(1, len(classes) - 1)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


def idx(array: Any) -> bytes:
    """Bytes in MNIST's format."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
