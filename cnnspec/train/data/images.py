"""Images and labels, in memory or in files, at the size of the net's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from cnnspec.graph.tree import Input
from cnnspec.run import RunProblem
from cnnspec.run.image_input import planes, read_image, resize
from cnnspec.run.programs import Array
from cnnspec.values.shapes import Shape


class ArrayImages:
    """Images in memory, (N, C, H, W), uint8 pixels from 0 to 255 or float32, and labels, int64 (N,)."""

    def __init__(self, pixels: Array, labels: Array) -> None:
        self.pixels, self.labels = pixels, labels
        self.paths: tuple[str, ...] | None = None

    def stack(self, indices: Sequence[int]) -> Array:
        """(N, C, H, W)."""
        found: Array = self.pixels[[*indices]]
        return found

    def read(self, index: int) -> Array:
        """(C, H, W)."""
        found: Array = self.pixels[index]
        return found

    def pick(self, indices: Sequence[int] | Array) -> ArrayImages:
        return ArrayImages(self.pixels[indices], self.labels[indices])


class FileImages:
    """Images in files, PNG or JPEG, read as `run` reads them each time that they are wanted."""

    def __init__(self, paths: tuple[str, ...], labels: Array, given: Input) -> None:
        self.paths, self.labels, self.given = paths, labels, given

    def read(self, index: int) -> Array:
        """(C, H, W), uint8. Raises RunProblem where the file is broken."""
        return planes(read_image(self.paths[index], self.given))

    def stack(self, indices: Sequence[int]) -> Array:
        """(N, C, H, W), uint8. Raises RunProblem where a file is broken."""
        return np.stack([self.read(index) for index in indices])

    def pick(self, indices: Sequence[int] | Array) -> FileImages:
        return FileImages(tuple(self.paths[i] for i in indices), self.labels[indices], self.given)


Images = ArrayImages | FileImages


class Data(NamedTuple):
    """What a net learns from and what it is tried on.

    `classes`: their names, where labels are indices of names; None where the data has bare numbers. `notes`
    are sentences about what was done to the data.
    """

    train: Images
    val: Images
    classes: tuple[str, ...] | None
    notes: tuple[str, ...]


class Labelled(NamedTuple):
    """What a reader finds: images that may be divided already, else `val` is None."""

    train: Images
    val: Images | None
    classes: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def fit_pixels(name: str, pixels: Array, shape: Shape) -> tuple[Array, tuple[str, ...]]:
    """Pixels (N, H, W), (N, C, H, W) or (N, H, W, C) as (N, C, H, W) of a shape; and what was done to them.

    Raises RunProblem where they are no images, or have other channels.
    """
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float32)
    elif pixels.dtype != np.uint8:
        raise RunProblem(f"{name}: images are uint8, from 0 to 255, or floats, not {pixels.dtype}")
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    if pixels.ndim != 4:
        raise RunProblem(
            f"{name}: images are (N, H, W), (N, C, H, W) or (N, H, W, C), not of {pixels.ndim} axes"
        )
    if not pixels.size:
        raise RunProblem(f"{name}: holds no images")
    if not np.isfinite(pixels).all():
        raise RunProblem(f"{name}: its images hold what is no finite number")
    # (N, H, W, C): told by where the channels are that the input has.
    if pixels.shape[1] != shape.channels and pixels.shape[3] == shape.channels:
        pixels = pixels.transpose(0, 3, 1, 2)
    if pixels.shape[1] != shape.channels:
        # Only to say what was found: (N, 32, 32, 3) is taken for 3@32x32, where the input has one channel.
        last = pixels.shape[1] > pixels.shape[3]
        size, channels = (pixels.shape[1:3], pixels.shape[3]) if last else (pixels.shape[2:], pixels.shape[1])
        raise OtherChannels(name, Shape(channels, *size), shape)
    if pixels.shape[2:] == shape.size:
        return np.ascontiguousarray(pixels), ()
    height, width = shape.size
    # Plane by plane: Pillow knows no images of 5 channels, and none of floats with more than one.
    flat = pixels.reshape(-1, *pixels.shape[2:])
    sized = [np.asarray(resize(Image.fromarray(plane), height, width, None)) for plane in flat]
    note = f"images of {pixels.shape[2]}x{pixels.shape[3]} are resized to {height}x{width}"
    return np.stack(sized).reshape(*pixels.shape[:2], height, width), (note,)


class OtherChannels(RunProblem):
    """Images with other channels than the input."""

    def __init__(self, name: str, found: Shape, wanted: Shape) -> None:
        channels = f"{found.channels} channel{'s' * (found.channels > 1)}"
        super().__init__(f"{name}: its images have {channels}, the input {wanted.channels}")
        self.shape = found
