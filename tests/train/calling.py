"""`cnnspec train` and `cnnspec eval`, called within the process."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from click.testing import CliRunner
from sklearn.datasets import load_digits

from cnnspec.commands.cli import main

SPECS = Path(__file__).parents[2] / "specs"
DIGITS = SPECS / "digits.cnn"


class Called(NamedTuple):
    code: int
    out: str
    err: str


def call(*arguments: object) -> Called:
    """A command with these arguments; nothing but an exit may end it."""
    done = CliRunner().invoke(main, [*map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Called(done.exit_code, done.stdout, done.stderr)


def some_digits(path: Path, count: int = 240) -> Path:
    """The first of scikit-learn's digits in an .npz, pixels from 0 to 1."""
    found = load_digits()
    np.savez(path, images=(found.images[:count] / 16).astype(np.float32), labels=found.target[:count])
    return path
