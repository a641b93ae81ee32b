"""The published files of MNIST (idx) and of CIFAR (the binary version), where they lie."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np

from cnnspec.run import RunProblem, reading
from cnnspec.run.programs import Array
from cnnspec.train.data.images import ArrayImages, Labelled, fit_pixels
from cnnspec.values.shapes import Shape

IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
PARTS = ("train", "t10k")
SIDE = 32  # of CIFAR's images, with 3 channels

CIFAR = {  # the labels' bytes before the pixels, the files, the names of the last label
    "data_batch_1.bin": (
        1,
        [f"data_batch_{i}.bin" for i in range(1, 6)],
        "test_batch.bin",
        "batches.meta.txt",
    ),
    "train.bin": (2, ["train.bin"], "test.bin", "fine_label_names.txt"),
}


def find_idx(folder: Path, part: str, kind: str) -> Path | None:
    """A file of MNIST, `train-images-idx3-ubyte`: with a dot in some copies, packed or not."""
    # torchvision puts them into MNIST/raw below the folder that it is given.
    for where in (folder, folder / "MNIST" / "raw", folder / "raw"):
        for name in (f"{part}-{kind}-idx", f"{part}-{kind}.idx"):
            if found := sorted(where.glob(f"{name}?-ubyte")) + sorted(where.glob(f"{name}?-ubyte.gz")):
                return found[0]
    return None


def read_mnist(folder: Path, shape: Shape) -> Labelled | None:
    """The images of a folder in MNIST's form; None where there are none. Raises RunProblem."""
    if find_idx(folder, "train", "images") is None:
        return None
    parts, notes = [], tuple[str, ...]()
    for part in PARTS:
        files = [find_idx(folder, part, kind) for kind in ("images", "labels")]
        if None in files:
            raise RunProblem(
                f"{folder}: lacks {part}-{'images' if files[0] is None else 'labels'}-idx*-ubyte"
            )
        pixels, labels = (read_idx(file) for file in files if file is not None)
        if len(pixels) != len(labels):
            raise RunProblem(f"{files[0]}: has {len(pixels):,} images, and {len(labels):,} labels")
        fitting, notes = fit_pixels(str(files[0]), pixels, shape)
        parts.append(ArrayImages(fitting, labels.astype(np.int64)))
    return Labelled(parts[0], parts[1], None, notes)


def read_idx(path: Path) -> Array:
    """An array in MNIST's format: 0 0 type axes, sizes of four bytes, the numbers. Raises RunProblem."""
    with reading(path):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise RunProblem(f"{path}: is no idx file")
    # A head that says more axes than there are bytes ends with the file, and then its length is wrong.
    sizes = np.frombuffer(content, ">u4", min(content[3], (len(content) - 4) // 4), 4)
    dtype = np.dtype(IDX_TYPES[content[2]])
    start = 4 + 4 * len(sizes)
    if len(content) - start != math.prod(map(int, sizes)) * dtype.itemsize:
        raise RunProblem(f"{path}: is not of the length that its head tells, {' x '.join(map(str, sizes))}")
    return np.frombuffer(content, dtype, offset=start).reshape([int(size) for size in sizes])


def read_cifar(folder: Path, shape: Shape) -> Labelled | None:
    """The images of a folder in CIFAR's binary form; None where there are none. Raises RunProblem."""
    for where in (folder, folder / "cifar-10-batches-bin", folder / "cifar-100-binary"):
        for first, (labels, train, test, names) in CIFAR.items():
            if (where / first).exists():
                parts = []
                for files in (train, [test]):
                    pixels, found = cifar_records([where / name for name in files], labels)
                    fitting, notes = fit_pixels(str(where / files[0]), pixels, shape)
                    parts.append(ArrayImages(fitting, found))
                classes = (where / names).read_text("utf-8").split() if (where / names).exists() else None
                return Labelled(parts[0], parts[1], tuple(classes) if classes else None, notes)
    pickled = [folder / name for name in ("data_batch_1", "cifar-10-batches-py", "cifar-100-python")]
    if any(path.exists() for path in pickled):
        raise RunProblem(
            f"{folder}: the Python version of CIFAR is a pickle, which runs code as it loads; "
            "take the binary version"
        )
    return None


def cifar_records(files: list[Path], labels: int) -> tuple[Array, Array]:
    """Records of so many labels, of which the last counts, and 3 x 32 x 32 pixels. Raises RunProblem."""
    length = labels + 3 * SIDE * SIDE
    parts = []
    for path in files:
        with reading(path):
            content = path.read_bytes()
        if not content or len(content) % length:
            raise RunProblem(f"{path}: is no whole number of records of {length:,} bytes")
        parts.append(np.frombuffer(content, np.uint8).reshape(-1, length))
    records = np.concatenate(parts)
    return records[:, labels:].reshape(-1, 3, SIDE, SIDE), records[:, labels - 1].astype(np.int64)
