"""A layer, or an argument's value, that a back end has no form of: refused by name in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("numpy")  # ONNX models hold arrays

from cnnspec.backends import BACKENDS, emit
from cnnspec.backends.numpy.lowering import LOWERINGS as KERNELS
from cnnspec.backends.onnx.lowering import LOWERINGS as OPERATORS
from cnnspec.commands.cli import main
from cnnspec.failures import Refusal
from cnnspec.layers.activation import ReLU
from cnnspec.layers.base import Unsupported
from tests.nets import network

SPEC = "net N {\n input 2@6x6\n relu\n conv 3@3x3\n}\n"


@pytest.fixture(name="lacking", params=["layer", "argument"])
def without_relu(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """No back end has ReLU, or that of one value of an argument."""
    given = ("slope", 0.5) if request.param == "argument" else ()
    words = "`relu` with `slope=0.5`" if given else "layer `relu`"

    def refuse(*_: Any) -> None:
        raise Unsupported("relu", *given)

    monkeypatch.setattr(ReLU, "torch", refuse)
    for rows in (KERNELS, OPERATORS):
        monkeypatch.setitem(rows, "relu", refuse)  # type: ignore[arg-type]
    if not given:
        monkeypatch.undo()
        monkeypatch.setattr(ReLU, "torch_class", "")
        for rows in (KERNELS, OPERATORS):
            monkeypatch.delitem(rows, "relu")  # type: ignore[attr-defined]
    return words


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_back_end(backend: str, lacking: str) -> None:
    for options in ({}, {"optimize": True}):
        with pytest.raises(Refusal) as refusal:
            emit(backend, network(SPEC), "net.cnn", **options)
        assert str(refusal.value).endswith(f":3: the {backend} back end has no {lacking}")


COMMANDS = [["build"], ["build", "--backend", "numpy"], ["verify"], ["verify", "--backends", "numpy"]]
COMMANDS += [["build", "--backend", "onnx", "-o", "net.onnx"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command(command: list[str], lacking: str, tmp_path: Path) -> None:
    for package in ("numpy", "torch") if command[0] == "verify" else ("numpy",):
        pytest.importorskip(package)
    file = tmp_path / "net.cnn"
    file.write_text(SPEC)
    found = CliRunner().invoke(main, [*command, str(file)])
    assert found.exit_code == 2 and found.stdout == ""
    backends = [name for name in BACKENDS if name in found.stderr]
    assert found.stderr.endswith(f"net.cnn:3: the {backends[0]} back end has no {lacking}\n")
    assert found.stderr.startswith("cnnspec: ") and found.stderr.count("\n") == 1
