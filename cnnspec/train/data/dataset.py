"""Data by its name: what kind it is, read, divided into training and validation, held against the net."""

from __future__ import annotations

from pathlib import Path, PurePath

import numpy as np

from cnnspec.graph.tree import Input
from cnnspec.run import RunProblem
from cnnspec.run.image_input import check_preparation
from cnnspec.run.programs import Array
from cnnspec.run.weight_files import PICKLES
from cnnspec.train.data.array_files import read_digits, read_npz
from cnnspec.train.data.image_files import read_folder, read_table
from cnnspec.train.data.images import Data, Labelled
from cnnspec.train.data.published import read_cifar, read_mnist

SHARE = 0.2
"""Of the images of a class, those kept for validation where the data is not divided."""


def read_data(name: str, given: Input, seed: int, skip_broken: bool = False) -> Data:
    """The images at a path, or `digits`. Raises RunProblem, ImportError where a package is missing."""
    found = read_labelled(name, given, skip_broken)
    train, val, notes = found.train, found.val, found.notes
    for images in (train, val):
        if images is not None and (images.labels < 0).any():
            at = int(images.labels.argmin())
            raise RunProblem(f"{name}: label {images.labels[at]} of image {at}: labels begin at 0")
    if val is None:
        kept, tried = divide(train.labels, seed)
        train, val = train.pick(kept), train.pick(tried)
        notes = (*notes, f"a fifth of each class is kept for validation, drawn by seed {seed}")
    for part, images in (("learn from", train), ("validate on", val)):
        if not len(images.labels):
            raise RunProblem(f"{name}: no images are left to {part}")
    if len(np.unique(train.labels)) < 2:
        raise RunProblem(
            f"{name}: all images to learn from are of one class, and nothing is to be told apart"
        )
    return Data(train, val, found.classes, notes)


def read_labelled(name: str, given: Input, skip_broken: bool) -> Labelled:
    """What is at a path, by its kind. Raises RunProblem."""
    shape, path = given.value.shape, Path(name)
    assert shape is not None
    # What lies here under that name goes first.
    if name == "digits" and not path.exists():
        return read_digits(shape)
    if not path.exists():
        raise RunProblem(f"{name}: no such file or folder")
    if path.is_dir():
        published = read_mnist(path, shape) or read_cifar(path, shape)
        return published or read_folder(path, check_files(given), skip_broken)
    suffix = PurePath(name).suffix.lower()
    if suffix == ".npz":
        return read_npz(name, shape)
    if suffix == ".csv":
        return read_table(path, check_files(given), skip_broken)
    if suffix in PICKLES:
        raise RunProblem(f"{name}: a pickle runs code as it loads; save the arrays in an .npz file")
    raise RunProblem(f"{name}: data is a folder, a .csv of paths and labels, an .npz, or `digits`")


def check_input(inputs: tuple[Input, ...]) -> Input:
    """The one input, a map. Raises RunProblem."""
    if len(inputs) != 1:
        names = ", ".join(f"`{given.name}`" for given in inputs)
        raise RunProblem(f"the net has {len(inputs)} inputs, {names}: images go to one")
    (given,) = inputs
    shape = given.value.shape
    if shape is None or not shape.is_map:
        raise RunProblem(f"the net's input is {shape}, and no image is a vector")
    check_preparation(given, shape.channels)
    return given


def check_files(given: Input) -> Input:
    """An input that files of images fit. Raises RunProblem."""
    shape = given.value.shape
    if shape is None or shape.channels not in (1, 3):
        raise RunProblem(f"an image file is 1@HxW (grey) or 3@HxW (RGB), the net's input is {shape}")
    return given


def divide(labels: Array, seed: int) -> tuple[Array, Array]:
    """Indices of images to learn from and of others, a fifth of each class, at least one of two."""
    kept, tried = [], []
    for label in np.unique(labels):
        order = np.random.default_rng([seed, int(label)]).permutation(np.flatnonzero(labels == label))
        # A class of one image keeps it to learn from.
        count = max(round(SHARE * len(order)), int(len(order) > 1))
        tried.append(order[:count])
        kept.append(order[count:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(tried))


class OtherClasses(RunProblem):
    """Data with another number of classes than the net tells apart."""

    def __init__(self, message: str, classes: int) -> None:
        super().__init__(message)
        self.classes = classes


def check_classes(name: str, data: Data, count: int) -> tuple[str, ...]:
    """The names of the net's classes. Raises OtherClasses."""
    most = max(int(images.labels.max()) for images in (data.train, data.val))
    if data.classes is None:
        if most >= count:
            raise OtherClasses(
                f"{name}: labels run up to {most}, and the net tells {count} classes", most + 1
            )
        return tuple(map(str, range(count)))
    if len(data.classes) != count:
        raise OtherClasses(
            f"{name}: has {len(data.classes)} classes, and the net tells {count}", len(data.classes)
        )
    return data.classes
