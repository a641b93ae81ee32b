"""`cnnspec verify`: back ends that agree, one that does not, one that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cnnspec.cli import main

pytest.importorskip("torch")
pytest.importorskip("numpy")

SPECS = Path(__file__).parents[1] / "specs"


def call(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["verify", *arguments])


@pytest.mark.parametrize("spec", ["lenet", "digits", "edges"])
def test_the_back_ends_agree(spec: str) -> None:
    done = call(str(SPECS / f"{spec}.cnn"))
    assert done.exit_code == 0, done.output
    first, *rows, last = done.stdout.splitlines()
    assert first.split()[:2] == ["layer", "output"] and "agree" in last and "gap" in last
    assert any(row.startswith("output ") for row in rows)


def test_every_label_has_its_line() -> None:
    lines = call(str(SPECS / "lenet.cnn")).stdout.splitlines()
    assert {"conv1", "tanh4", "linear3"} <= {line.split()[0] for line in lines}


def test_numpy_alone_compares_its_two_paths() -> None:
    done = call(str(SPECS / "lenet.cnn"), "--backends", "numpy")
    assert done.exit_code == 0 and "numpy, fast" in done.stdout


def test_a_difference_is_found_where_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    import cnnspec.backends as backends

    emit = backends.emit

    def wrong(backend: str, network: Any, source: str) -> str:
        text = emit(backend, network, source)
        return text.replace("np.tanh(x)", "np.tanh(x) * 1.001") if backend == "numpy" else text

    monkeypatch.setattr("cnnspec.programs.emit", wrong)
    done = call(str(SPECS / "lenet.cnn"))
    assert done.exit_code == 1
    assert "first differs at tanh1" in done.stdout


def test_an_unknown_back_end_is_refused() -> None:
    done = call(str(SPECS / "lenet.cnn"), "--backends", "torch,fortran")
    assert done.exit_code == 2 and "fortran" in done.output
