"""The folder of a run, runs/NAME: what training leaves there, each file whole or not at all.

config.json        RunConfig as JSON
NAME.cnn           the specification as it was, under its own name; so the files that it uses, from its folder
log.csv            a row for each Epoch
best.safetensors   the weights of the epoch that was best in validation, under the keys of the specification
last.safetensors   those of the last epoch
predictions.npz    Predictions of the best epoch
state.safetensors  what going on needs: the engine's tensors, and notes as the bytes of JSON
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnspec.run import RunProblem, reading, refuse_non_file
from cnnspec.run.programs import Array
from cnnspec.run.weight_files import contents, read_all
from cnnspec.text.files import STDIN, read_bytes
from cnnspec.text.output import make_folder, write

CONFIG, LOG, PREDICTIONS, STATE = "config.json", "log.csv", "predictions.npz", "state.safetensors"
NOTES = "notes"


class Epoch(NamedTuple):
    """An epoch in figures; epochs count from 1, accuracies are from 0 to 1, `lr` is that of the last step."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float
    seconds: float


COLUMNS = Epoch._fields


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """The epoch that was best in validation, the first of equals."""
    return max(epochs, key=lambda epoch: (epoch.val_accuracy, -epoch.val_loss))


class RunConfig(NamedTuple):
    """A run: the call that made it.

    `spec`: the file's name, a copy of which lies in the folder. `parameters` and `inputs` are texts as the
    command line takes them, `classes=7`, `3@32x32`. `images`: how many there are, by `train` and `val`.
    """

    cnnspec: str
    spec: str
    net: str
    parameters: list[str]
    inputs: list[str]
    data: str
    images: dict[str, int]
    classes: list[str]
    seed: int
    options: dict[str, Any]


class Predictions(NamedTuple):
    """What the net makes of the images for validation.

    `shown` are places in `labels` of images that are worth a look, and `pictures` those images as the net
    sees them: the surest mistakes first, then for each class its surest right one. `paths` are "" where
    images have no files of their own.
    """

    labels: Array  # int64 (N,)
    scores: Array  # float32 (N, classes), probabilities
    paths: Array  # text (N,)
    shown: Array  # int64 (M,)
    pictures: Array  # uint8 (M, H, W, C), C is the input's channels


class RunFolder:
    """Reads and writes the files of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: str | bytes) -> None:
        """Raises FileProblem."""
        write(str(self.path / name), content, force=True)

    def begin(self, config: RunConfig, spec: str, used: Mapping[str, bytes] = {}) -> None:
        """Make the folder of a new run; `used` are the files that `spec` uses. Raises FileProblem."""
        make_folder(str(self.path))
        for name, content in used.items():
            make_folder(str((self.path / name).parent))
            self.write(name, content)
        self.write(config.spec, spec)
        self.write(CONFIG, json.dumps(config._asdict(), indent=2, ensure_ascii=False) + "\n")

    def config(self) -> RunConfig | None:
        """None where the folder holds no run. Raises RunProblem where it cannot be read."""
        path = self.path / CONFIG
        if not path.exists():
            return None
        refuse_non_file(path)
        try:
            found = json.loads(path.read_text("utf-8"))
            if lacking := [name for name in RunConfig._fields if name not in found]:
                raise ValueError(f"it lacks {', '.join(lacking)}")
            return RunConfig(**found)
        except (OSError, ValueError, TypeError) as problem:
            raise RunProblem(f"{path}: is no record of a run: {problem}") from None

    def write_log(self, rows: list[Epoch]) -> None:
        """All epochs so far. Raises FileProblem."""
        lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]
        self.write(LOG, "".join(f"{line}\n" for line in lines))

    def read_log(self) -> list[Epoch]:
        """All epochs, one at least. Raises RunProblem."""
        path = self.path / LOG
        refuse_non_file(path)
        try:
            with path.open(encoding="utf-8", newline="") as file:
                head, *lines = csv.reader(file)
            if tuple(head) != COLUMNS:
                raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
            rows = [Epoch(int(epoch), *map(float, figures)) for epoch, *figures in lines]
        except (OSError, ValueError, TypeError) as problem:
            raise RunProblem(f"{path}: is no log of a run: {problem}") from None
        if not rows:
            raise RunProblem(f"{path}: tells of no epoch yet")
        return rows

    def write_weights(self, name: str, state: dict[str, Array]) -> None:
        """`best.safetensors` or `last.safetensors`. Raises FileProblem."""
        self.write(name, contents(name, state))

    def write_state(self, tensors: dict[str, Array], notes: dict[str, Any]) -> None:
        """Tensors and notes in one file, so that they are of one step. Raises FileProblem."""
        # As a tensor: strings have room in the header alone, which is bounded, and rows add up.
        text = np.frombuffer(json.dumps(notes).encode(), np.uint8)
        self.write(STATE, contents(STATE, tensors | {NOTES: text}))

    def read_state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Raises RunProblem where it is not there or cannot be read."""
        if not (self.path / STATE).exists():
            raise RunProblem(f"{self.path}: holds no state to go on from")
        tensors = read_all(str(self.path / STATE))
        if NOTES not in tensors:
            raise RunProblem(f"{self.path / STATE}: holds tensors, and not the state of a run")
        return tensors, json.loads(tensors.pop(NOTES).tobytes())

    def write_predictions(self, found: Predictions) -> None:
        """Raises FileProblem."""
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **found._asdict())
        self.write(PREDICTIONS, file.getvalue())

    def read_predictions(self, classes: int) -> Predictions:
        """Those of a run with so many classes. Raises RunProblem."""
        path = self.path / PREDICTIONS
        with reading(path):
            with np.load(path, allow_pickle=False) as file:
                found = Predictions(*(file[name] for name in Predictions._fields))
            count = len(found.labels)
            fits = (
                found.scores.shape == (count, classes)
                and found.paths.shape == (count,)
                and found.pictures.ndim == 4
                and len(found.shown) == len(found.pictures)
                and all(0 <= place < count for place in found.shown)
                and all(0 <= label < classes for label in found.labels)
            )
        if not fits or not count:
            raise RunProblem(f"{path}: does not fit the {classes:,} classes of the run")
        return found


def read_all_used(spec: str, looked_for: Iterable[str]) -> dict[str, bytes]:
    """The files that a specification at a path uses, by their paths from its folder; the library stays away.

    `looked_for`: the paths where they may be. Raises FileProblem.
    """
    if spec == STDIN:  # which has no folder, and uses the library alone
        return {}
    paths = [path for path in map(Path, sorted(looked_for)) if path.is_file()]
    return {str(path.relative_to(Path(spec).parent)): read_bytes(str(path)) for path in paths}


def runs_of(name: str, folder: Path = Path("runs")) -> list[Path]:
    """The folders runs/NAME, runs/NAME-2, … that there are, in this order."""
    numbered = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if found := re.fullmatch(re.escape(name) + r"(?:-(\d+))?", path.name):
            numbered[int(found[1] or 1)] = path
    return [path for _, path in sorted(numbered.items())]


def next_run(name: str, folder: Path = Path("runs")) -> Path:
    """The first of runs/NAME, runs/NAME-2, … after those that there are."""
    there = runs_of(name, folder)
    if not there:
        return folder / name
    # The first has no number, and counts as 1.
    return folder / f"{name}-{int(there[-1].name.removeprefix(name).lstrip('-') or 1) + 1}"
