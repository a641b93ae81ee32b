"""Runs of training within the process, and what they are of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from sklearn.datasets import load_digits

from cnnspec.api import check
from cnnspec.train.engine import Request
from cnnspec.train.run_folder import RunFolder
from cnnspec.train.training_run import TrainingRun

SPECS = Path(__file__).parents[2] / "specs"
DIGITS = SPECS / "digits.cnn"


def some_digits(path: Path, count: int = 240) -> Path:
    """The first of scikit-learn's digits in an .npz, pixels from 0 to 1."""
    found = load_digits()
    np.savez(path, images=(found.images[:count] / 16).astype(np.float32), labels=found.target[:count])
    return path


NUMPY: dict[str, Any] = {"backend": "numpy"}


def session(
    path: Path,
    data: Path,
    tick: Callable[[], None] = lambda: None,
    spec: Path = DIGITS,
    **more: Any,
) -> TrainingRun:
    network = check(spec).networks[0]
    path.mkdir(exist_ok=True)
    request = Request(str(data), **{"epochs": 2, "warmup": 0.6} | more)
    made = TrainingRun(network, request, RunFolder(path))
    made.tick = tick
    return made


def weights(path: Path, name: str = "last.safetensors") -> dict[str, Any]:
    return load_file(path / name)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)
