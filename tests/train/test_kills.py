"""Killed at any moment, a run leaves its last whole checkpoint, and goes on to the same end."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from cnnspec.train.run_folder import STATE, RunFolder
from tests.safety.running import ROOT
from tests.train.calling import DIGITS, some_digits

pytestmark = pytest.mark.slow

KILLS = 50 if "CNNSPEC_LONG" in os.environ else 2
EPOCHS = 400  # more than it gets to


def command(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    call = [sys.executable, "-m", "cnnspec", "train", str(DIGITS), "d.npz", *arguments]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        call, cwd=folder, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def checkpoint(folder: Path) -> tuple[int, float]:
    """The steps of the state and when it was written; all else that is there can be read, too."""
    for path in folder.glob("*.safetensors"):
        assert load_file(path)
    for path in folder.glob("*.npz"):
        with np.load(path) as archive:
            assert all(archive[name].size for name in ("labels", "scores"))
    _, notes = RunFolder(folder).read_state()
    return int(notes["numbers"]["at"][0]), (folder / STATE).stat().st_mtime


def test_no_kill_loses_a_checkpoint(tmp_path: Path) -> None:
    some_digits(tmp_path / "d.npz", 120)
    chance, state = random.Random(0), tmp_path / "run" / STATE
    steps, written = 0, 0.0
    for number in range(KILLS):
        how = ["--resume", "run"] if number else ["--epochs", str(EPOCHS), "--out", "run"]
        going = command(tmp_path, *how)
        while not state.exists() or state.stat().st_mtime == written:
            assert going.poll() is None, going.communicate()
            time.sleep(0.01)
        time.sleep(chance.random() / 4)  # some epochs, most of whose time is writing
        going.kill()
        going.wait()
        later, written = checkpoint(tmp_path / "run")
        assert later > steps, "it went on from where it was"
        steps = later
    rows = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(epoch + 1) for epoch in range(len(rows) - 1)]
    assert abs(len(rows) - 1 - steps / 3) <= 1, "96 images are three steps; the log may be an epoch ahead"
