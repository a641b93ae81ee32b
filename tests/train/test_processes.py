"""Several processes learn what one does: gloo, on the CPU."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from cnnspec.train.run_folder import RunFolder
from tests.safety.running import ROOT
from tests.train.calling import some_digits

pytestmark = pytest.mark.slow

NET = """net N {
    input 1@8x8 mean=0.305 std=0.376
    conv 8@3x3 pad=1 %s, relu, maxpool 2x2, flatten, linear 10
}
"""
BLOCKS = """block Unit(c) { conv c@3x3 pad=1 bias=no, batchnorm, relu }
net N {
    input 1@8x8 mean=0.305 std=0.376
    Unit 8, maxpool 2x2, Unit 5, flatten, linear 10
}
"""


def train(folder: Path, count: int, out: str, *options: str) -> subprocess.CompletedProcess[str]:
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"] if count > 1 else []
    command = [sys.executable, *launch, "-m", "cnnspec", "train", "n.cnn", "d.npz", *options]
    command += ["--out", out] if out else []
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=240)


SABOTAGE = """
import os, signal
from cnnspec.commands.cli import main
from cnnspec.run import RunProblem
from cnnspec.train.batches import TensorImages
from cnnspec.train.torch_engine import TorchEngine

plain_read, plain_evaluate = TensorImages.__getitem__, TorchEngine.evaluate

def read(self, key):
    if os.environ["BREAKS"] == "read" and os.environ["RANK"] == "1" and key[0] == 1:
        raise RunProblem("a/1.png: is broken")
    return plain_read(self, key)

def evaluate(self):
    if os.environ["BREAKS"] == "evaluate" and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGINT)
    return plain_evaluate(self)

TensorImages.__getitem__, TorchEngine.evaluate = read, evaluate
main()
"""


@pytest.mark.parametrize(
    ("breaks", "words", "epochs"),
    [("read", "process 1: cnnspec: a/1.png: is broken", 1), ("evaluate", "cnnspec: stopped; ", 1)],
)
def test_what_befalls_one_process_ends_all(breaks: str, words: str, epochs: int, tmp_path: Path) -> None:
    """The second process alone cannot read, or is interrupted as the nets are tried."""
    (tmp_path / "n.cnn").write_text(NET % "")
    (tmp_path / "main.py").write_text(SABOTAGE)
    some_digits(tmp_path / "d.npz", 100)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "main.py"]
    command += ["train", "n.cnn", "d.npz", "--epochs", "3", "--out", "run"]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "BREAKS": breaks}
    ran = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0 and words in ran.stderr, ran.stderr
    assert ran.stderr.count("cnnspec: ") == 1 and "closed by peer" not in ran.stderr
    assert len(log(tmp_path / "run")) == epochs and RunFolder(tmp_path / "run").read_state()


def log(folder: Path) -> list[list[float]]:
    with (folder / "log.csv").open() as file:
        return [[float(value) for value in row[:-1]] for row in [*csv.reader(file)][1:]]


def gap(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[key] - other[key]).max()) for key in one)


# A bias before a norm has no gradient but rounding, of which AdamW makes steps as large as any.
@pytest.mark.parametrize("norm", ["", "bias=no, batchnorm"], ids=["plain", "batchnorm"])
def test_one_two_and_three_processes_learn_the_same(norm: str, tmp_path: Path) -> None:
    """In batches of 31 and 32 images, of which three processes have 11, 10 and 10 or 11."""
    (tmp_path / "n.cnn").write_text(NET % norm)
    some_digits(tmp_path / "d.npz", 237)
    for count in (1, 2, 3):
        ran = train(tmp_path, count, str(count), "--epochs", "1", "--lr", "0.002")
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.count("epoch 1/1") == 1, "the first process speaks alone"
    one = load_file(tmp_path / "1" / "last.safetensors")
    for count in ("2", "3"):
        assert gap(one, load_file(tmp_path / count / "last.safetensors")) < 1e-4
        assert np.allclose(log(tmp_path / "1"), log(tmp_path / count), atol=1e-4)
        with (
            np.load(tmp_path / count / "predictions.npz") as found,
            np.load(tmp_path / "1/predictions.npz") as ours,
        ):
            assert np.allclose(found["scores"], ours["scores"], atol=1e-4), (
                "each image counts once, in its place"
            )


def test_a_divided_net_learns_the_same_and_goes_on_in_any_number_of_processes(tmp_path: Path) -> None:
    """Of 5 channels and 10 classes, two and three processes hold parts of unlike sizes."""
    (tmp_path / "n.cnn").write_text(BLOCKS)
    some_digits(tmp_path / "d.npz", 237)
    choices = ("--epochs", "2", "--lr", "0.002", "--ema")
    assert train(tmp_path, 1, "1", *choices).returncode == 0
    one = {name: load_file(tmp_path / "1" / name) for name in ("best.safetensors", "last.safetensors")}
    ran = train(tmp_path, 2, "2", *choices, "--shard", "--stop-after", "1")
    assert ran.returncode == 0, ran.stderr
    shutil.copytree(tmp_path / "2", tmp_path / "3")
    for count, run, more in ((1, "2", ["--no-shard"]), (3, "3", [])):
        ran = train(tmp_path, count, "", "--resume", run, *more)
        assert ran.returncode == 0, ran.stderr
        for name, weights in one.items():
            assert gap(weights, load_file(tmp_path / run / name)) < 1e-4
        assert np.allclose(log(tmp_path / "1"), log(tmp_path / run), atol=1e-4)


def test_a_divided_net_descends_by_sgd_and_keeps_what_is_frozen(tmp_path: Path) -> None:
    (tmp_path / "n.cnn").write_text(BLOCKS)
    some_digits(tmp_path / "d.npz", 100)
    choices = ("--epochs", "1", "--optimizer", "sgd", "--freeze", "unit1.")
    for count, more in ((1, ()), (2, ("--shard",))):
        ran = train(tmp_path, count, str(count), *choices, *more)
        assert ran.returncode == 0, ran.stderr
    one, two = (load_file(tmp_path / out / "last.safetensors") for out in "12")
    assert any(key.startswith("unit1.") for key in one) and gap(one, two) < 1e-4
