"""Fixtures of training."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.train.calling import some_digits  # not where scikit-learn is not installed

    return some_digits(tmp_path_factory.mktemp("data") / "digits.npz")
