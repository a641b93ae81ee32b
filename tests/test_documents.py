"""Every Python example of the documents runs, and does what stands beside it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
import torch

from cnnspec.backends import emit
from cnnspec.text.resources import folder
from tests.zoo.shipped import network

pytestmark = pytest.mark.slow

assert torch.__version__ and sklearn.__version__  # the examples use them

ROOT = folder("grammars").parent


def examples(document: str) -> list[str]:
    return re.findall(
        r"^```python\n(.*?)^```$", (ROOT / document).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the programs that the examples import, as its working folder."""
    for net, backend, file in (
        ("LeNet5", "numpy", "lenet_np"),
        ("Digits", "numpy", "digits_np"),
        ("Digits", "torch", "digits"),
    ):
        (tmp_path / f"{file}.py").write_text(emit(backend, network(net), "net.cnn"), "utf-8")
        monkeypatch.delitem(sys.modules, file, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def run(example: str) -> dict[str, Any]:
    """The names that an example leaves."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example, "<example>", "exec"), names)
    return names


def test_the_readme_trains_and_predicts(built: Path) -> None:
    _, example = examples("README.md")
    found = run(example)
    first, _ = type(found["net"])(seed=0).loss_and_grads(found["images"], found["labels"])
    assert found["loss"] < first
    assert found["predicted"].shape == (64,) and found["maps"].shape == (64, 6, 28, 28)


def test_the_readme_checks_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet.cnn").write_bytes((ROOT / "specs" / "lenet.cnn").read_bytes())
    example, _ = examples("README.md")
    found = run(example)
    assert found["net"].shapes == "1@32x32 -> 7" and found["figures"][0] == found["net"].params
    assert (tmp_path / "lenet.svg").read_bytes().endswith(b"</svg>\n")
    assert isinstance(found["model"], torch.nn.Module)
    assert (found["fault"].code, found["fix"].title) == ("E0201", "did you mean `relu`?")


def test_the_reference_takes_weights_from_pytorch_and_learns(built: Path) -> None:
    weights, training = examples("grammars/README.md")
    found = run(weights)
    image = np.ones((1, 1, 8, 8), np.float32)
    model = found["TorchDigits"]()
    model.load_state_dict({**found["tensors"], "linear2.bias": torch.zeros(10)})
    with torch.no_grad():
        assert np.abs(found["net"](image) - model.eval()(torch.from_numpy(image)).numpy()).max() < 1e-5
    assert run(training)["accuracy"] >= 0.96


def test_the_readme_names_files_and_chapters_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    reference = (ROOT / "grammars" / "README.md").read_text("utf-8")
    assert "grammars/README.md#what-is-built" in readme and "\n## What is built\n" in reference
