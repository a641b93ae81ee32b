"""Data is read from where it lies, divided in the same way each time, or refused in one sentence."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnspec.run import RunProblem
from cnnspec.train.data.dataset import check_classes, check_input, divide, read_data
from cnnspec.train.data.images import FileImages
from cnnspec.train.data.published import read_idx
from tests.train.making import class_folders, given, idx, network

GREY, RGB = given("1@8x8"), given("3@8x8")
PIXELS = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


def save(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def refusal(name: Path | str, entry: Any = GREY, **options: Any) -> str:
    with pytest.raises(RunProblem) as raised:
        read_data(str(name), entry, 0, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value).replace(str(name), "DATA")


def test_digits_are_divided_by_class() -> None:
    data = read_data("digits", GREY, 0)
    assert len(data.train.labels) + len(data.val.labels) == 1797 and data.classes is None
    shares = Counter(data.val.labels.tolist())
    whole = Counter(data.train.labels.tolist()) + shares
    assert all(abs(shares[label] - whole[label] / 5) <= 0.5 for label in range(10))
    assert "seed 0" in data.notes[-1]


def test_division_follows_the_seed_and_loses_nothing() -> None:
    labels = np.array([0] * 7 + [1] * 2 + [2])
    kept, tried = divide(labels, 3)
    assert sorted([*kept, *tried]) == list(range(10))
    assert Counter(labels[tried].tolist()) == {0: 1, 1: 1}, "a lone image is learnt from"
    assert all((a == b).all() for a, b in zip(divide(labels, 3), (kept, tried), strict=True))
    assert any((divide(labels, seed)[1] != tried).any() for seed in range(4, 8))


@pytest.mark.parametrize(
    ("names", "layout"),
    [(("images", "labels"), (6, 8, 8)), (("x", "y"), (6, 1, 8, 8)), (("data", "target"), (6, 8, 8, 1))],
)
def test_arrays_by_their_names_and_layouts(
    names: tuple[str, str], layout: tuple[int, ...], tmp_path: Path
) -> None:
    path = save(tmp_path / "d.npz", **{names[0]: PIXELS.reshape(layout), names[1]: LABELS})
    data = read_data(path, GREY, 0)
    found = np.concatenate(
        [[part.read(i) for i in range(len(part.labels))] for part in (data.train, data.val)]
    )
    assert found.dtype == np.uint8
    assert {image.tobytes() for image in found} == {image.tobytes() for image in PIXELS}


def test_arrays_that_are_divided_stay_so(tmp_path: Path) -> None:
    path = save(
        tmp_path / "d.npz", x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:2], y_test=LABELS[:2, None]
    )
    data = read_data(path, GREY, 0)
    assert (data.train.read(5) == PIXELS[5]).all() and len(data.train.labels) == 6
    assert data.val.labels.tolist() == [0, 1] and not data.notes


def test_other_sizes_are_resized_and_told(tmp_path: Path) -> None:
    flat = np.stack([np.full((5, 7), value, np.float32) for value in (0.25, 0.5, 0.75, 1)])
    data = read_data(save(tmp_path / "d.npz", images=flat, labels=[0, 0, 1, 1]), GREY, 0)
    assert data.train.read(0).shape == (1, 8, 8) and len(set(data.train.read(0).ravel().tolist())) == 1
    assert data.notes[0] == "images of 5x7 are resized to 8x8"


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": PIXELS}, "DATA: holds images, wanted are images and labels"),
        ({"images": PIXELS, "labels": LABELS[:4]}, "DATA: has 6 images and 4 labels"),
        ({"images": PIXELS, "labels": LABELS / 2}, "DATA: labels are integers"),
        ({"images": PIXELS.astype(np.int64), "labels": LABELS}, "DATA: images are uint8"),
        ({"images": PIXELS[0], "labels": LABELS}, "DATA: has 8 images and 6 labels"),
        ({"images": np.full((6, 8, 8), np.nan), "labels": LABELS}, "DATA: its images hold what is no finite"),
        ({"images": np.zeros((6, 3, 8, 8), np.uint8), "labels": LABELS}, "DATA: its images have 3 channels"),
        ({"images": PIXELS, "labels": LABELS.astype(int) - 1}, "DATA: label -1 of image 0"),
        ({"images": PIXELS, "labels": np.zeros(6, int)}, "DATA: all images to learn from are of one class"),
        ({"images": PIXELS, "labels": np.array([None] * 6)}, "DATA: cannot be read: Object arrays"),
    ],
)
def test_wrong_arrays_are_refused(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert refusal(save(tmp_path / "d.npz", **arrays)).startswith(words)


def test_folders_of_classes(tmp_path: Path) -> None:
    data = read_data(str(class_folders(tmp_path)), RGB, 0)
    assert data.classes == ("a", "b") and isinstance(data.train, FileImages)
    assert Counter(data.val.labels.tolist()) == {0: 1, 1: 1} and len(data.train.labels) == 8
    assert data.train.read(0).shape == (3, 8, 8) and data.train.read(0).dtype == np.uint8
    assert data.train.read(0).mean() < 100 < data.train.read(7).mean(), "labels go with their images"


@pytest.mark.parametrize("val", ["val", "valid", "test"])
def test_folders_that_are_divided(val: str, tmp_path: Path) -> None:
    class_folders(tmp_path / "train", 3), class_folders(tmp_path / val, 2)
    data = read_data(str(tmp_path), RGB, 0)
    assert (len(data.train.labels), len(data.val.labels), data.notes) == (6, 4, ())
    class_folders(tmp_path / val, 1, "c")
    assert refusal(tmp_path, RGB) == f"DATA: the classes of train and {val} differ: c only in {val}"


def test_wrong_folders_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, RGB).startswith("DATA: holds no folders")
    class_folders(tmp_path)
    (tmp_path / "c").mkdir()
    assert refusal(tmp_path, RGB) == "DATA: no PNG or JPEG images in c"
    assert "the net's input is 2@8x8" in refusal(tmp_path, given("2@8x8"))


def test_broken_images_are_named_or_left_out(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "a" / "0.png").write_bytes(b"no image")
    assert refusal(tmp_path, RGB) == "DATA/a/0.png: is no PNG or JPEG image"
    whole = (tmp_path / "b" / "1.png").read_bytes()
    (tmp_path / "b" / "1.png").write_bytes(whole[: len(whole) // 2])  # its head is whole
    data = read_data(str(tmp_path), RGB, 0, skip_broken=True)
    assert len(data.train.labels) + len(data.val.labels) == 8
    assert data.notes[0].startswith("2 broken images are left out, the first: ")


def test_a_pipe_is_no_data(tmp_path: Path) -> None:
    """Nobody writes to it: whoever opened it would wait for ever."""
    class_folders(tmp_path)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert refusal(tmp_path, RGB) == "DATA/a/pipe.png: is not a file"
    for name in ("t.csv", "d.npz", "train-labels-idx1-ubyte"):
        os.mkfifo(tmp_path / name)
    assert refusal(tmp_path / "t.csv") == refusal(tmp_path / "d.npz") == "DATA: is not a file"
    with pytest.raises(RunProblem, match="is not a file"):
        read_idx(tmp_path / "train-labels-idx1-ubyte")


def test_tables_of_paths_and_labels(tmp_path: Path) -> None:
    class_folders(tmp_path)
    rows = [f"a/{i}.png,10" for i in range(4)] + [f"b/{i}.png,9" for i in range(4)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(rows))
    data = read_data(str(table), RGB, 0)
    assert data.classes == ("9", "10"), "numbers in their order"
    divided = ["split,label,path", *(f"{'val' if 'a/3' in r else 'train'},{r[8:]},{r[:7]}" for r in rows)]
    table.write_text("\n".join(divided))
    data = read_data(str(table), RGB, 0)
    assert data.val.labels.tolist() == [1] and data.val.paths == (str(tmp_path / "a/3.png"),)
    table.write_text("a/0.png,x\na/1.png\n")
    assert refusal(table, RGB).startswith("DATA:2: a line is path,label")
    table.write_text("a/0.png,x\na/nought.png,y\n")
    assert refusal(table, RGB) == f"{tmp_path / 'a/nought.png'}: no such file"


@pytest.mark.parametrize("pack", [False, True])
def test_files_of_mnist(pack: bool, tmp_path: Path) -> None:
    for part, count in (("train", 6), ("t10k", 2)):
        for kind, array in (("images-idx3", PIXELS[:count]), ("labels-idx1", LABELS[:count])):
            name, content = f"{part}-{kind}-ubyte", idx(array)
            (tmp_path / (f"{name}.gz" if pack else name)).write_bytes(
                gzip.compress(content) if pack else content
            )
    data = read_data(str(tmp_path), GREY, 0)
    assert (data.train.read(3)[0] == PIXELS[3]).all() and data.train.labels.tolist() == LABELS.tolist()
    assert len(data.val.labels) == 2
    first = next(tmp_path.glob("train-images*"))
    first.write_bytes(idx(PIXELS)[:-1])
    assert "is not of the length that its head tells, 6 x 8 x 8" in refusal(tmp_path) or pack
    next(tmp_path.glob("t10k-labels*")).unlink()
    assert refusal(tmp_path).startswith("DATA")


def test_files_of_cifar(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        records = chance.integers(0, 10, (4, 3073), dtype=np.uint8)
        (tmp_path / name).write_bytes(records.tobytes())
    (tmp_path / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n\n")
    data = read_data(str(tmp_path), given("3@32x32"), 0)
    assert (data.val.read(3).ravel() == records[3, 1:]).all() and data.val.labels[3] == records[3, 0]
    assert len(data.train.labels) == 20 and data.classes == tuple("abcdefghij")


def test_pickles_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"")
    assert "the Python version of CIFAR is a pickle" in refusal(tmp_path)
    (tmp_path / "data.pkl").write_bytes(b"")
    assert "a pickle runs code as it loads" in refusal(tmp_path / "data.pkl")
    assert refusal(tmp_path / "nought") == "DATA: no such file or folder"
    (tmp_path / "data.txt").write_bytes(b"")
    assert refusal(tmp_path / "data.txt").startswith("DATA: data is a folder, a .csv")


def test_classes_are_the_nets(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", images=PIXELS, labels=LABELS)
    data = read_data(path, GREY, 0)
    assert check_classes(path, data, 4) == ("0", "1", "2", "3")
    with pytest.raises(RunProblem, match="labels run up to 2, and the net tells 2 classes"):
        check_classes(path, data, 2)
    with pytest.raises(RunProblem, match="has 3 classes, and the net tells 4"):
        check_classes(path, data._replace(classes=("a", "b", "c")), 4)


def test_the_net_takes_one_map() -> None:
    two = network(
        "net N { left: input 1@4x4, right: input 1@4x4, add { | from left | from right }, flatten }"
    )
    with pytest.raises(RunProblem, match="2 inputs, `left`, `right`"):
        check_input(two.inputs)
    with pytest.raises(RunProblem, match="no image is a vector"):
        check_input(network("net N { input 4, linear 2 }").inputs)
