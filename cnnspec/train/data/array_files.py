"""Arrays: scikit-learn's digits, and .npz files of images and labels."""

from __future__ import annotations

import numpy as np

from cnnspec.run import RunProblem, reading
from cnnspec.run.programs import Array
from cnnspec.train.data.images import ArrayImages, Labelled, fit_pixels
from cnnspec.values.shapes import Shape

PAIRS = (("images", "labels"), ("x", "y"), ("data", "target"))
"""Names of images and labels."""

TRAIN = ("train_images", "train_labels"), ("x_train", "y_train")
VAL = ("val_images", "val_labels"), ("test_images", "test_labels"), ("x_val", "y_val"), ("x_test", "y_test")
"""The same where training and validation are apart; the first pair that is there counts."""


def read_digits(shape: Shape) -> Labelled:
    """1,797 handwritten digits of 8x8 (Alpaydin and Kaynak 1998), pixels from 0 to 1.

    Raises ImportError without scikit-learn.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels, notes = fit_pixels("digits", (found.images / 16).astype(np.float32), shape)
    return Labelled(ArrayImages(pixels, found.target.astype(np.int64)), None, None, notes)


def read_npz(path: str, shape: Shape) -> Labelled:
    """The arrays of a .npz; pickled objects are refused. Raises RunProblem."""
    with reading(path), np.load(path, allow_pickle=False) as archive:
        names = set(archive.files)
        # A file of x_train, y_train may hold an `x`, too: parts that are named as such go first.
        train = next((pair for pair in (*TRAIN, *PAIRS) if names >= {*pair}), None)
        if train is None:
            raise RunProblem(
                f"{path}: holds {', '.join(sorted(names)) or 'nothing'}, wanted are images and labels, "
                "or train_images, train_labels, val_images and val_labels"
            )
        val = next((pair for pair in VAL if train in TRAIN and names >= {*pair}), None)
        # Each is unpacked when asked for: others that the file holds are not.
        arrays = {name: archive[name] for pair in (train, val or ()) for name in pair}
    images, notes = read_pair(path, arrays, train, shape)
    tried = read_pair(path, arrays, val, shape)[0] if val else None
    return Labelled(images, tried, None, notes)


def read_pair(
    path: str, arrays: dict[str, Array], names: tuple[str, str], shape: Shape
) -> tuple[ArrayImages, tuple[str, ...]]:
    """The images and labels of two arrays. Raises RunProblem."""
    pixels, labels = (arrays[name] for name in names)
    # As Keras keeps those of CIFAR.
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise RunProblem(f"{path}: {names[1]} are integers, one an image, not {labels.dtype} {labels.shape}")
    if len(labels) != len(pixels):
        raise RunProblem(f"{path}: has {len(pixels):,} {names[0]} and {len(labels):,} {names[1]}")
    fitting, notes = fit_pixels(path, pixels, shape)
    return ArrayImages(fitting, labels.astype(np.int64)), notes
