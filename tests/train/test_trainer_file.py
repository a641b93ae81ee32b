"""The trainer that is written is the loop that `train` runs."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cnnspec.api import check_text
from cnnspec.train.trainer_file import trainer_file
from tests.commands.calling import run as call
from tests.train.calling import SPECS
from tests.train.making import class_folders

pytestmark = pytest.mark.slow

PLAIN = """net {name}(classes=2) {{
    input 3@8x8 mean=0.4
    conv 4@3x3, relu, dropout, flatten, linear classes{end}
}}
"""
HEADED = """net Headed {
    input 3@8x8
    body: { conv 4@3x3, relu }
    aux: { flatten, linear 2 }
    from body, flatten
    fc: linear 2
    output fc
    output aux train=yes
}
"""


def written(folder: Path, text: str) -> Path:
    """The trainer of a specification, beside the net."""
    (folder / "small.cnn").write_text(text)
    for arguments in (["-o", folder / "small.py"], ["--trainer", "-o", folder / "train_small.py"]):
        done = call("build", folder / "small.cnn", *arguments)
        assert done.exit_code == 0, done.stderr
    return folder / "train_small.py"


def data(folder: Path) -> Path:
    for part, count in (("train", 20), ("val", 5)):
        class_folders(folder / part, count)
    return folder


@pytest.mark.parametrize(
    "text",
    [PLAIN.format(name="Small", end=""), PLAIN.format(name="Trainer", end=", softmax"), HEADED],
    ids=["plain", "softmax, and named as the loop", "auxiliary"],
)
def test_the_trainer_learns_what_train_does(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, images = written(tmp_path, text), data(tmp_path / "data")
    done = call("train", tmp_path / "small.cnn", images, "--workers", 0, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(trainer), str(images), str(tmp_path / "state.pt")])
    monkeypatch.delitem(sys.modules, "small", raising=False)
    runpy.run_path(str(trainer), run_name="__main__")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    ours = load_file(tmp_path / "run" / "last.safetensors")
    assert ours.keys() == state["net"].keys()
    assert all(torch.equal(ours[key], state["net"][key]) for key in ours)


def test_two_processes_of_the_trainer_learn_what_one_does(tmp_path: Path) -> None:
    """In batches of 17 images, of which one process has 9 and the other 8."""
    written(tmp_path, PLAIN.format(name="Small", end="").replace("dropout, ", ""))
    class_folders(tmp_path / "data/train", 17)
    class_folders(tmp_path / "data/val", 5)
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = []
    for launch in ([], ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]):
        out = f"{len(launch)}.pt"
        command = [sys.executable, *launch, "train_small.py", "data", out]
        ran = subprocess.run(
            command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=240
        )
        assert ran.returncode == 0 and ran.stdout.count("10: ") == 1, ran.stderr
        found.append(torch.load(tmp_path / out, weights_only=True))
    one, two = (state["net"] for state in found)
    assert found[0]["step"] == found[1]["step"] == 20 and one.keys() == two.keys()
    assert all(torch.allclose(one[key], two[key], rtol=0, atol=1e-4) for key in one)


@pytest.mark.parametrize("spec", [SPECS / "lenet.cnn", None], ids=["lenet", "auxiliary"])
def test_the_trainer_is_short_and_clean(spec: Path | None, tmp_path: Path) -> None:
    trainer = written(tmp_path, HEADED if spec is None else spec.read_text())
    assert len(trainer.read_text().splitlines()) < (205 if spec else 245)
    for command in (["ruff", "check", "--isolated"], ["ruff", "format", "--check", "--isolated"]):
        ran = subprocess.run(
            [sys.executable, "-m", *command, trainer.name], cwd=tmp_path, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout


@pytest.mark.skipif("CNNSPEC_LONG" not in os.environ, reason="mypy reads all of PyTorch")
def test_the_trainer_has_strict_types(tmp_path: Path) -> None:
    trainer = written(tmp_path, (SPECS / "lenet.cnn").read_text())
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", trainer.name]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_what_a_trainer_needs_is_told(tmp_path: Path) -> None:
    spec = tmp_path / "7-up.cnn"
    spec.write_text(PLAIN.format(name="Small", end=""))
    done = call("build", spec, "--trainer", "-o", tmp_path / "t.py")
    assert done.exit_code == 0 and f"-o {tmp_path / '_7_up.py'}` writes that" in done.stderr
    assert "from _7_up import Small" in (tmp_path / "t.py").read_text()
    assert call("build", spec, "--trainer", "--explicit").exit_code == 2


def test_the_text_is_the_same_under_any_path() -> None:
    network = check_text(PLAIN.format(name="Small", end="")).networks[0]
    assert trainer_file(network, "a/small.cnn") == trainer_file(network, "small.cnn")
