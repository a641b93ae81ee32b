"""Images in files: a folder with a folder for each class, and a table of paths and labels."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from cnnspec.graph.tree import Input
from cnnspec.run import RunProblem, reading, refuse_non_file
from cnnspec.run.image_input import FORMATS, open_image
from cnnspec.train.data.images import FileImages, Labelled

SUFFIXES = (".png", ".jpg", ".jpeg")
VAL = ("val", "valid", "validation", "test")
COLUMNS = ("path", "label", "split")


class BrokenImages(RunProblem):
    """Image files that cannot be read; training may go on without them."""


def read_folder(folder: Path, given: Input, skip_broken: bool) -> Labelled:
    """A folder of class folders, or one with `train` and `val` folders of them. Raises RunProblem."""
    if not (folder / "train").is_dir():
        found = scan(folder)
        return labelled(found, None, sorted(found), given, skip_broken)
    train = scan(folder / "train")
    name = next((name for name in VAL if (folder / name).is_dir()), None)
    if name is None:
        return labelled(train, None, sorted(train), given, skip_broken)
    val = scan(folder / name)
    if val.keys() != train.keys():
        only = (("train", sorted(train.keys() - val.keys())), (name, sorted(val.keys() - train.keys())))
        words = "; ".join(f"{', '.join(names)} only in {where}" for where, names in only if names)
        raise RunProblem(f"{folder}: the classes of train and {name} differ: {words}")
    return labelled(train, val, sorted(train), given, skip_broken)


def scan(folder: Path) -> dict[str, list[str]]:
    """The image files of each class folder, sorted. Raises RunProblem where there are none."""
    found: dict[str, list[str]] = {}
    for where in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"):
        files = (path for path in where.rglob("*") if path.suffix.lower() in SUFFIXES)
        # macOS keeps a `._cat.png` beside cat.png on foreign disks, which is no image.
        found[where.name] = sorted(str(path) for path in files if path.name[0] != ".")
    if not found:
        raise RunProblem(f"{folder}: holds no folders; each class has one, with its PNG or JPEG images")
    empty = [name for name, files in found.items() if not files]
    if empty:
        raise RunProblem(f"{folder}: no PNG or JPEG images in {', '.join(empty[:5])}")
    return found


def read_table(path: Path, given: Input, skip_broken: bool) -> Labelled:
    """A table `path,label` or `path,label,split`, with a header or without; paths are beside the table's.

    Raises RunProblem.
    """
    # Spreadsheets put a byte order mark first, which would be part of the first path.
    with reading(path), path.open(encoding="utf-8-sig", newline="") as file:
        rows = [(number, [cell.strip() for cell in row]) for number, row in enumerate(csv.reader(file), 1)]
    rows = [(number, row) for number, row in rows if any(row)]
    head = [cell.lower() for cell in rows[0][1]] if rows else []
    # A header may have the columns in any order, and more of them.
    if "path" in head and "label" in head:
        order = [head.index(name) for name in COLUMNS if name in head]
        rows = [(number, [row[at] for at in order if at < len(row)]) for number, row in rows[1:]]
    train: dict[str, list[str]] = {}
    val: dict[str, list[str]] = {}
    for number, row in rows:
        if not 2 <= len(row) <= 3 or not all(row) or (len(row) == 3 and row[2] not in ("train", *VAL)):
            raise RunProblem(
                f"{path}:{number}: a line is path,label or path,label,split, the split train or val"
            )
        part = val if row[2:] and row[2] != "train" else train
        part.setdefault(row[1], []).append(str(path.parent / row[0]))
    if not train:
        raise RunProblem(f"{path}: names no images to learn from")
    if only := sorted(val.keys() - train.keys()):
        raise RunProblem(f"{path}: no image to learn from is {', '.join(only)}")
    return labelled(train, val or None, in_order(train), given, skip_broken)


def in_order(names: Iterable[str]) -> list[str]:
    """Names sorted, numbers as numbers."""
    return sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))


def labelled(
    train: dict[str, list[str]],
    val: dict[str, list[str]] | None,
    classes: list[str],
    given: Input,
    skip_broken: bool,
) -> Labelled:
    """Files by class as images; the label of a class is its place in `classes`."""
    broken: list[str] = []
    parts = []
    for files in (train, {} if val is None else val):
        pairs = [(path, label) for label, name in enumerate(classes) for path in files.get(name, [])]
        whole = [(path, label) for path, label in pairs if is_whole(path, skip_broken, broken)]
        labels = np.array([label for _, label in whole], np.int64)
        parts.append(FileImages(tuple(path for path, _ in whole), labels, given))
    if broken and not skip_broken:
        raise BrokenImages(broken[0] + (f", and {len(broken) - 1} more" if len(broken) > 1 else ""))
    notes = (f"{len(broken)} broken images are left out, the first: {broken[0]}",) if broken else ()
    return Labelled(parts[0], None if val is None else parts[1], tuple(classes), notes)


def is_whole(path: str, wholly: bool, broken: list[str]) -> bool:
    """Whether an image can be read: its head, or `wholly` its pixels. What is wrong goes to `broken`."""
    try:
        # Reading each once more is the price of skipping: one that is cut off has a good head.
        if wholly:
            open_image(path)
        else:
            refuse_non_file(path)
            with Image.open(path, formats=FORMATS):
                pass
    except FileNotFoundError:
        broken.append(f"{path}: no such file")
    except RunProblem as problem:
        broken.append(str(problem))
    except Exception:  # on broken bytes Pillow raises almost anything
        broken.append(f"{path}: is no PNG or JPEG image")
    else:
        return True
    return False
