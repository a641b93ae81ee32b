"""NumPy trains as PyTorch does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cnnspec.net import load
from cnnspec.run import RunProblem
from tests.safety.running import python
from tests.train.calling import DIGITS, NUMPY, same, session

pytestmark = pytest.mark.slow

STEPS = """net N {
    input 1@8x8 mean=0.305 std=0.376
    conv 4@3x3 bias=no, batchnorm, relu, conv 6@3x3 bias=no, batchnorm, relu, maxpool 2x2
    flatten, linear 10%s
}
"""


def test_numpy_learns_as_pytorch_does(data: Path, tmp_path: Path) -> None:
    """At the same rates; the order of images and the start are drawn in another way."""
    one, other = (session(tmp_path / name, data, **more) for name, more in (("a", {}), ("b", NUMPY)))
    assert [one.engine.rate(step) for step in range(12)] == [other.engine.rate(step) for step in range(12)]
    rows = [[*each.run()][-1] for each in (one, other)]
    assert rows[0].train_loss == pytest.approx(rows[1].train_loss, abs=0.1) and rows[1].train_loss < 2.25


def test_numpy_trains_without_pytorch(data: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['torch'] = None; from cnnspec.commands.cli import main; main(sys.argv[1:])"
    )
    call = ["train", str(DIGITS), str(data), "--backend", "numpy", "--epochs", "1", "--out", "run"]
    ran = python("-c", script, *call, cwd=tmp_path)
    assert ran.code == 0 and "best: epoch 1" in ran.out, ran.err
    assert f"{load(DIGITS).params:,} parameters, 10 classes" in ran.out
    ran = python("-c", script, *call[:3], "--epochs", "1", cwd=tmp_path)
    assert ran.code == 2 and "torch is not installed" in ran.err and "--backend numpy" in ran.err


def test_numpy_tells_what_made_no_number_and_what_it_lacks(data: Path, tmp_path: Path) -> None:
    found = session(tmp_path / "a", data, **NUMPY)
    found.engine.net.params["conv2.weight"][0, 0, 0, 0] = np.inf
    found.engine.net.refresh()
    with pytest.raises(RunProblem, match=r"\(epoch 1, step 1\): the gradient of the step before .* conv2"):
        [*found.run()]
    with pytest.raises(RunProblem, match="the NumPy program trains without compile, amp"):
        session(tmp_path / "b", data, **(NUMPY | {"compile": True, "amp": "bf16"}))
    with pytest.raises(RunProblem, match="no tensor is left to train"):
        session(tmp_path / "c", data, **(NUMPY | {"freeze": ("",)}))


@pytest.mark.parametrize("head", ["", ", softmax"], ids=["logits", "softmax"])
def test_numpy_takes_the_same_steps_as_pytorch(head: str, tmp_path: Path) -> None:
    """From the same weights, in batches of all images, of which the first class has the fewest."""
    images = load_digits()
    few = np.flatnonzero((images.target > 2) | (np.arange(len(images.target)) < 100))[:160]
    np.savez(tmp_path / "d.npz", images=(images.images[few] / 16).astype("f4"), labels=images.target[few])
    spec = tmp_path / "n.cnn"
    spec.write_text(STEPS % head)
    made = session(tmp_path / "r", tmp_path / "d.npz", spec=spec)
    made.folder.write_weights("start.safetensors", made.engine.weights())
    start = str(tmp_path / "r" / "start.safetensors")
    more: dict[str, Any] = {"spec": spec, "weights": start, "class_weights": "balanced", "batch": 160}
    more |= {"label_smoothing": 0.2, "ema": 0.7, "freeze": ("conv1.", "batchnorm1."), "epochs": 4, "lr": 0.02}
    one, two = (session(tmp_path / "r", tmp_path / "d.npz", **kind) for kind in (more, NUMPY | more))
    rows = [[row[:5] for row in each.run()] for each in (one, two)]
    assert np.allclose(rows[0], rows[1], atol=1e-4)
    ours, theirs = one.engine.weights(), two.engine.weights()
    assert ours.keys() == theirs.keys()
    assert max(np.abs(ours[key] - theirs[key]).max() for key in ours) < 1e-4
    assert same({"k": ours["batchnorm1.running_mean"]}, {"k": np.zeros(4, "f4")}), (
        "what is frozen is not moved"
    )
