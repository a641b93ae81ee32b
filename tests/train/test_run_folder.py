"""The files of a run are read as they were written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cnnspec.commands.train import folder_of
from cnnspec.run import RunProblem
from cnnspec.train.run_folder import (
    COLUMNS,
    LOG,
    PREDICTIONS,
    Epoch,
    Predictions,
    RunConfig,
    RunFolder,
    next_run,
)

CONFIG = RunConfig(
    "0.1.0", "n.cnn", "N", ["classes=2"], [], "digits", {"train": 4, "val": 1}, ["a", "<é>"], 0, {"lr": 0.1}
)


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "n")
    folder.begin(CONFIG, "net N {}\n")
    assert folder.config() == CONFIG
    assert (folder.path / "n.cnn").read_text() == "net N {}\n"
    rows = [Epoch(1, 2.25, 0.5, 2.0, 0.5, 0.001, 1.5), Epoch(2, 1.25, 0.75, 1.0, 0.875, 0.0, 1.5)]
    folder.write_log(rows)
    with (folder.path / LOG).open() as file:
        found = list(csv.DictReader(file))
    assert tuple(found[0]) == COLUMNS and [float(found[1][name]) for name in COLUMNS] == list(rows[1])
    made = Predictions(
        np.array([1]),
        np.array([[0.25, 0.75]], np.float32),
        np.array(["a/1.png"]),
        np.array([0]),
        np.zeros((1, 2, 2, 1), np.uint8),
    )
    folder.write_predictions(made)
    with np.load(folder.path / PREDICTIONS) as archive:
        assert all((archive[name] == value).all() for name, value in made._asdict().items())


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).config() is None
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RunProblem, match=r"config\.json: is no record of a run"):
        RunFolder(tmp_path).config()


def test_runs_are_numbered(tmp_path: Path) -> None:
    assert next_run("n", tmp_path).name == "n"
    (tmp_path / "n").mkdir()
    (tmp_path / "n-other").mkdir()
    assert next_run("n", tmp_path).name == "n-2"
    (tmp_path / "n-10").mkdir()
    assert next_run("n", tmp_path).name == "n-11", "later than all"


def test_a_name_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "n[1]").mkdir()
    (tmp_path / "n1").mkdir()
    assert next_run("n[1]", tmp_path).name == "n[1]-2"


def test_a_run_of_another_file_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """runs/n-2 may be the first run of n-2.cnn."""
    monkeypatch.chdir(tmp_path)
    RunFolder(Path("runs/n")).begin(CONFIG, "net N {}\n")
    RunFolder(Path("runs/n-2")).begin(CONFIG._replace(spec="n-2.cnn"), "net N {}\n")
    assert folder_of("n.cnn", None, "").name == "n"
    assert folder_of("n-2.cnn", None, "").name == "n-2"
    assert folder_of("n.cnn", None, None).name == "n-3"
