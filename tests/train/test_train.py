"""A run leaves what it promises, goes on as if it had never stopped, and refuses what it cannot do."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cnnspec.text.files import FileProblem
from cnnspec.train import report
from cnnspec.train.report.evidence import read_run
from cnnspec.train.run_folder import COLUMNS, CONFIG, LOG, STATE
from tests.commands.calling import run as call
from tests.train.calling import DIGITS, NUMPY, SPECS, same, session, weights
from tests.train.making import class_folders

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    done = call("train", DIGITS, data, "--epochs", 2, "--out", path)
    assert done.exit_code == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("epoch")] == [
        ["epoch", "1/2"],
        ["epoch", "2/2"],
    ]
    return path


def test_a_run_leaves_what_it_promises(whole: Path) -> None:
    config = json.loads((whole / "config.json").read_text())
    assert config["net"] == "Digits" and config["images"] == {"train": 191, "val": 49}
    assert (whole / "digits.cnn").read_text() == DIGITS.read_text()
    with (whole / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS and [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"]) < 2.4
    best = max(rows, key=lambda row: (float(row["val_accuracy"]), -float(row["val_loss"])))
    with np.load(whole / "predictions.npz") as found:
        assert np.allclose(found["scores"].sum(1), 1)
        right = found["scores"].argmax(1) == found["labels"]
        assert right.mean() == pytest.approx(float(best["val_accuracy"]))
        rows_of = np.arange(len(right)), found["labels"]
        assert -np.log(found["scores"][rows_of]).mean() == pytest.approx(float(best["val_loss"]), rel=1e-4)
        assert found["pictures"].shape == (len(found["shown"]), 8, 8, 1)
        wrong = int((~right).sum())
        assert not right[found["shown"][:wrong]].any() and right[found["shown"][wrong:]].all()


def test_a_run_keeps_the_files_that_its_specification_uses(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is shown and goes on where they are no more: one that is used by one that is used, too."""
    there, run = tmp_path / "there", tmp_path / "run"
    (there / "parts").mkdir(parents=True)
    monkeypatch.chdir(there)
    Path("n.cnn").write_text(
        'use "parts/unit.cnn"\nuse "blocks/conv_norm.cnn"\nnet N { input 1@8x8, Unit, flatten, linear 10 }\n'
    )
    Path("parts/unit.cnn").write_text('use "width.cnn"\nblock Unit { conv WIDTH@3x3, relu }\n')
    Path("parts/width.cnn").write_bytes(b"WIDTH = 2\r\n")
    assert call("train", "n.cnn", data, "--epochs", 1, "--out", run).exit_code == 0
    assert (run / "parts/width.cnn").read_bytes() == b"WIDTH = 2\r\n"
    assert not (run / "blocks").exists(), "of the library, which is always there"
    shutil.rmtree(there / "parts")
    assert read_run(run).lack == ""
    done = call("train", run / "n.cnn", data, "--epochs", 2, "--resume", run)
    assert done.exit_code == 0 and "goes on after epoch 1" in done.stdout, done.stderr


def test_the_report_tells_what_the_log_tells(whole: Path) -> None:
    with (whole / "log.csv").open() as file:
        best = max(float(row["val_accuracy"]) for row in csv.DictReader(file))
    text = (whole / "report.html").read_text("utf-8")
    assert f"{100 * best:.1f} % of the 49 validation images" in text and "conv1.weight: " in text


def test_a_run_is_whole_without_a_report(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(run: Path, limits: Any) -> None:
        raise FileProblem(f"{run}: is full")

    monkeypatch.setattr(report, "write", refuse)
    done = call("train", DIGITS, data, "--epochs", 1, "--out", tmp_path / "run")
    assert done.exit_code == 0 and f"no report: {tmp_path / 'run'}: is full" in done.stderr
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_the_best_weights_are_those_of_the_best_epoch(whole: Path, data: Path) -> None:
    done = call("eval", DIGITS, data, "--weights", whole / "best.safetensors")
    with (whole / "log.csv").open() as file:
        best = max(float(row["val_accuracy"]) for row in csv.DictReader(file))
    assert f"{best:.2%}" in done.stdout


def test_going_on_is_one_word_and_bit_equal(whole: Path, data: Path, tmp_path: Path) -> None:
    done = call("train", DIGITS, data, "--epochs", 2, "--stop-after", 1, "--out", tmp_path / "run")
    assert done.exit_code == 0 and f"--resume {tmp_path / 'run'}` goes on" in done.stderr
    assert not same(weights(tmp_path / "run"), weights(whole))
    assert call("train", DIGITS, data, "--resume", tmp_path / "run").exit_code == 0
    assert same(weights(tmp_path / "run"), weights(whole))
    assert same(weights(tmp_path / "run", "best.safetensors"), weights(whole, "best.safetensors"))
    done = call("train", DIGITS, data, "--resume", tmp_path / "run")
    assert done.exit_code == 2 and "has had its 2 epochs: --epochs asks for more" in done.stderr


def test_the_last_run_is_gone_on_with(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no run of digits" in call("train", DIGITS, data, "--resume").stderr
    for _ in range(2):
        call("train", DIGITS, data, "--epochs", 2, "--stop-after", 1)
    assert "runs/digits-2: best" in call("train", DIGITS, data, "--resume").stdout
    assert len((tmp_path / "runs/digits/log.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"optimizer": "sgd", "ema": 0.9, "augment": "crop"},
        NUMPY,
        NUMPY | {"optimizer": "sgd", "augment": "flip", "ema": 0.9},
    ],
    ids=["adamw", "sgd", "numpy", "numpy, sgd"],
)
def test_an_interrupt_within_an_epoch_loses_nothing(more: dict[str, Any], data: Path, tmp_path: Path) -> None:
    straight = session(tmp_path / "a", data, **more)
    rows = [row[:-1] for row in straight.run()]

    def interrupt() -> None:
        broken.engine.is_interrupted = broken.engine.step == 9

    broken = session(tmp_path / "b", data, interrupt, **more)
    steps = broken.engine.steps
    assert len([*broken.run()]) == 1 and broken.engine.step == 9 and 9 % steps
    later = session(tmp_path / "b", data, **more)
    later.resume()
    assert [row[:-1] for row in later.run()] == rows[1:]
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_a_full_disk_leaves_the_last_whole_state(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, log = tmp_path / "run", tmp_path / "run" / LOG

    def fill(handle: int) -> None:
        if log.exists() and len(log.read_text().splitlines()) == 3:  # the state follows the log
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill)
    done = call("train", DIGITS, data, "--epochs", 2, "--out", run)
    assert done.exit_code == 2 and f"{run / STATE}: No space left on device" in done.stderr
    assert not [path for path in run.iterdir() if path.name.startswith(".")], "what was half written is gone"
    monkeypatch.undo()
    done = call("train", DIGITS, data, "--resume", run)
    assert done.exit_code == 0 and "goes on after epoch 1" in done.stdout


def test_a_state_that_is_none_of_the_net_is_refused(whole: Path, data: Path, tmp_path: Path) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    shutil.copy(run / "last.safetensors", run / STATE)
    assert (
        f"{run / STATE}: holds tensors, and not the state"
        in call("train", DIGITS, data, "--resume", run).stderr
    )
    torch.save({"trainer": {}}, run / STATE)
    assert f"{run / STATE}: cannot be read: it is no" in call("train", DIGITS, data, "--resume", run).stderr
    (run / STATE).unlink()
    assert "holds no state to go on from" in call("train", DIGITS, data, "--resume", run).stderr


def test_a_run_that_goes_on_has_the_weight_decay_of_the_call(data: Path, tmp_path: Path) -> None:
    begun = session(tmp_path, data)
    next(begun.run())
    later = session(tmp_path, data, weight_decay=0.25)
    later.resume()
    assert [group["weight_decay"] for group in later.engine.optimizer.param_groups] == [0.25, 0.0]


def test_a_run_that_goes_on_takes_options_or_refuses_them(whole: Path, data: Path, tmp_path: Path) -> None:
    done = call("train", DIGITS, data, "--resume", whole, "--seed", 1)
    assert done.exit_code == 2 and "--seed cannot change" in done.stderr
    done = call("train", DIGITS, "digits", "--resume", whole)
    assert "is a run with the data" in done.stderr
    done = call("train", SPECS / "lenet.cnn", data, "--resume", whole)
    assert "is a run with the net Digits, not LeNet5" in done.stderr
    done = call("train", DIGITS, data, "--out", whole)
    assert "holds a run of Digits" in done.stderr
    (tmp_path / "note.txt").touch()
    assert "is not empty" in call("train", DIGITS, data, "--out", tmp_path).stderr
    assert "holds no run" in call("train", DIGITS, data, "--resume", tmp_path).stderr
    done = call("train", DIGITS, data, "--shard", "--out", tmp_path / "run")
    assert done.exit_code == 2 and "among several processes, and this is one: torchrun" in done.stderr


def test_a_run_of_another_version_goes_on_or_is_refused(whole: Path, data: Path, tmp_path: Path) -> None:
    """Options that came after it are as by default; what it has and this version has not is said."""
    run = shutil.copytree(whole, tmp_path / "run")
    config = json.loads((run / CONFIG).read_text())

    def going_on(options: dict[str, Any], *more: object) -> str:
        (run / CONFIG).write_text(json.dumps(config | {"options": options}))
        return call("train", DIGITS, data, "--resume", run, *more).stderr

    assert "has had its 2 epochs" in going_on({"epochs": 2})
    assert "--ema cannot change in a run that goes on" in going_on({"epochs": 2}, "--ema")
    assert f"{run / CONFIG}: another version's: this one has no option mixup" in going_on({"mixup": 1})
    assert f"{run / CONFIG}: batch: 'many' is not" in going_on({"batch": "many"})
    (run / CONFIG).write_text(json.dumps({name: config[name] for name in config if name != "seed"}))
    assert "is no record of a run: it lacks seed" in call("train", DIGITS, data, "--resume", run).stderr


def test_a_net_with_other_classes_is_told_the_way_out(data: Path, tmp_path: Path) -> None:
    done = call("train", DIGITS, data, "--set", "classes=5", "--out", tmp_path / "run")
    assert done.stderr.endswith("labels run up to 9, and the net tells 5 classes: --set classes=10\n")
    done = call("train", SPECS / "resnet.cnn", data, "--net", "ResNet18", "--out", tmp_path / "run")
    assert done.stderr.endswith("its images have 1 channel, the input 3: --input 1@224x224\n")
    done = call("train", SPECS / "unet.cnn", data, "--out", tmp_path / "run")
    assert "the net makes a map" in done.stderr and not (tmp_path / "run").exists()


def test_images_in_files_are_trained_on(tmp_path: Path) -> None:
    class_folders(tmp_path / "data", 12)
    spec = tmp_path / "n.cnn"
    spec.write_text(
        "net N(classes=2) { input 3@8x8, conv 4@3x3, batchnorm, relu, flatten, linear classes, softmax }"
    )
    done = call(
        "train", spec, tmp_path / "data", "--epochs", 8, "--workers", 2, "--augment", "flip", "--batch", 8,
        "--class-weights", "balanced", "--out", tmp_path / "run"
    )  # fmt: skip
    assert done.exit_code == 0 and "best: epoch" in done.stdout, done.stderr
    with np.load(tmp_path / "run/predictions.npz") as found:
        assert (found["scores"].argmax(1) == found["labels"]).all() and np.allclose(found["scores"].sum(1), 1)
        assert found["paths"][0].endswith(".png")


def test_going_on_takes_the_net_as_it_was_chosen(data: Path, tmp_path: Path) -> None:
    chosen = ("--net", "LeNet5", "--set", "classes=12", "--input", "1@20x20")
    done = call("train", SPECS / "lenet.cnn", data, *chosen, "--stop-after", 1, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    done = call("train", SPECS / "lenet.cnn", data, "--epochs", 2, "--resume", tmp_path / "run")
    assert done.exit_code == 0 and weights(tmp_path / "run")["linear3.bias"].shape == (12,), done.stderr
    done = call("train", SPECS / "lenet.cnn", data, "--set", "classes=11", "--resume", tmp_path / "run")
    assert "is a run with the parameters classes=12, not classes=11" in done.stderr


def test_going_on_finds_the_run_of_a_net_of_the_zoo(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose folder is called as the file that the net is in."""
    monkeypatch.chdir(tmp_path)
    call("train", "Digits", data, "--set", "classes=12", "--epochs", 2, "--stop-after", 1)
    done = call("train", "Digits", data, "--resume")
    assert done.exit_code == 0 and weights(tmp_path / "runs/digits")["linear2.bias"].shape == (12,), (
        done.stderr
    )
