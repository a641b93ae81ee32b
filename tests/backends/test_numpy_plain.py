"""Plain NumPy programs: the numbers of the fast ones, in a text to be read.

CNNSPEC_UPDATE=1 rewrites the golden file; read the difference before committing it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from cnnspec.backends import emit
from cnnspec.commands.cli import main
from cnnspec.compiler import check_text
from cnnspec.graph.tree import Network
from tests.backends.pair import load, outputs
from tests.backends.test_numpy_emitted import ODD
from tests.backends.test_numpy_kernels import CASES
from tests.layers.instantiate import Case, title
from tests.nets import network
from tests.random.files import files
from tests.random.nets import written
from tests.random.test_random import explore
from tests.zoo.shipped import small

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).with_name("golden") / "lenet_plain.py.txt"


def programs(net: Network, folder: Path, **options: bool) -> tuple[Any, Any]:
    """The fast net and the plain one, from the same seed."""
    texts = (emit("numpy", net, "net.cnn", **options), emit("numpy", net, "net.cnn", plain=True, **options))
    fast, plain = (getattr(load(text, folder), text[2 : text.index(":")])(seed=3) for text in texts)
    return fast, plain


def images_for(net: Network, count: int = 2) -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal((count, *given.value.shape.dimensions))
        for given in net.inputs
        if given.value.shape
    ]


def close(made: Any, wanted: Any, name: str = "", scale: float = 0.0) -> None:
    """Equal to within rounding in float64."""
    assert made.shape == wanted.shape, name
    largest = max(np.abs(wanted).max(initial=1e-30), scale)
    assert np.abs(made - wanted).max(initial=0) <= 1e-8 * largest, name


def agree(net: Network, folder: Path) -> None:
    """Assert that both programs hold and compute the same, and that both learn or refuse to."""
    fast, plain = programs(net, folder)
    assert list(fast.params) == list(plain.params)
    for name, tensor in fast.params.items():
        assert tensor.dtype == plain.params[name].dtype and np.array_equal(tensor, plain.params[name]), name
    fast.fast = False
    for each in (fast, plain):  # in float64 throughout
        for name, tensor in each.params.items():
            each.params[name] = tensor.astype(np.float64) if tensor.dtype.kind == "f" else tensor
    images = images_for(net)
    made, wanted = plain(*images), fast(*images)
    assert getattr(made, "_fields", ()) == getattr(wanted, "_fields", ())
    for mine, theirs in zip(outputs(made), outputs(wanted), strict=True):
        close(mine, theirs)
    _, lean = programs(net, folder, inference=True)
    lean.params = {name: plain.params[name] for name in lean.params}
    for mine, theirs in zip(outputs(lean(*images)), outputs(wanted), strict=True):
        close(mine, theirs)
    agree_in_training(net, fast, plain, images)


def agree_in_training(net: Network, fast: Any, plain: Any, images: list[Any]) -> None:
    shape = next(iter(outputs(fast(*images)))).shape
    labels = np.random.default_rng(1).integers(0, shape[1], (shape[0], *shape[2:]))
    try:
        loss, wanted = fast.loss_and_grads(tuple(images), labels)
    except ValueError:  # outputs of different sizes, one value to a channel
        with pytest.raises(ValueError):
            plain.loss_and_grads(*images, labels)
        return
    mine, made = plain.loss_and_grads(*images, labels)
    assert mine == pytest.approx(loss, nan_ok=True)
    assert set(made) == set(wanted)
    largest = max((np.abs(grad).max(initial=0) for grad in wanted.values()), default=0.0)
    for name, grad in wanted.items():
        close(made[name], grad, name, largest)
    for name, tensor in fast.params.items():
        close(plain.params[name], tensor, name, 1e-4)  # running statistics have moved as far


@pytest.mark.parametrize(
    "net",
    [
        "LeNet1998",
        "LeNet5",
        "Digits",
        "ResNet18",
        "GoogLeNet",
        "DenseNet121",
        "MobileNetV3Small",
        "UNet",
        "Siamese",
        "Edges",
    ],
)
def test_nets_of_the_zoo(net: str, tmp_path: Path) -> None:
    agree(small(net), tmp_path)


@pytest.mark.parametrize("spec", ODD)
def test_odd_nets(spec: str, tmp_path: Path) -> None:
    agree(network(ODD[spec]), tmp_path)


def test_kernels_that_call_others(tmp_path: Path) -> None:
    """They give them all arguments, which short definitions do not take."""
    agree(
        network(
            """net Base { input 4@8x8
  a: conv 4@3x3 pad=1, relu
  maxunpool 2x2 { | from a, maxpool 2x2, tanh | from a }
  conv 4@3x3 pad=1 standardize=yes, flatten, linear 3
}"""
        ),
        tmp_path,
    )


@pytest.mark.parametrize("words", [1, 2, 3])
def test_a_label_that_fills_a_line_runs_again(words: int, tmp_path: Path) -> None:
    label = " + ".join(["of some thirty-five letters, or so"] * words)
    agree(network(f'net N {{ input 3@8x8\n "{label}": conv 3@1x1\n again "{label}"\n }}'), tmp_path)


@pytest.mark.parametrize("case", CASES, ids=title)
def test_every_layer_and_argument(case: Case, tmp_path: Path) -> None:
    name, arguments, shape = case
    words = " ".join(f"{key}={written(value)}" for key, value in arguments.items())
    # With the scale every layer has a gradient to hand on, those without tensors, too.
    found = check_text(f"net N {{ input {shape}\n scale, {name} {words}\n }}\n")
    assert found.networks, found.diagnostics
    agree(found.networks[-1], tmp_path)


def test_drawn_nets(tmp_path: Path) -> None:
    explore("numbers", 0, files(), lambda file: agree(check_text(str(file)).networks[0], tmp_path))


def test_lenet_is_as_the_golden_says() -> None:
    text = emit("numpy", small("LeNet5"), "lenet.cnn", plain=True)
    if "CNNSPEC_UPDATE" in os.environ:
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
    assert len(text.splitlines()) <= 250
    lean = emit("numpy", small("LeNet5"), "lenet.cnn", plain=True, inference=True)
    assert len(lean.splitlines()) <= 100


@pytest.mark.parametrize("inference", [False, True], ids=["whole", "inference"])
@pytest.mark.parametrize("net", ["LeNet5", "GoogLeNet", "DenseNet121", "Siamese", "MobileNetV3Small", "UNet"])
def test_the_file_is_an_experts(net: str, inference: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    options = {"plain": True} | ({"inference": True} if inference else {})
    file.write_text(emit("numpy", small(net), "net.cnn", **options), "utf-8")
    for tool in (
        ["ruff", "format", "--check", "--isolated"],
        ["ruff", "check", "--isolated"],
        ["mypy", "--strict"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *tool, str(file)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_weights_go_from_one_program_to_the_other(suffix: str, tmp_path: Path) -> None:
    fast, plain = programs(small("GoogLeNet"), tmp_path)
    _, lean = programs(small("GoogLeNet"), tmp_path, inference=True)
    for tensor in plain.params.values():
        tensor += 1
    path = str(tmp_path / f"weights.{suffix}")
    plain.save(path)
    fast.load(path)
    lean.load(path)
    assert all(np.array_equal(tensor, plain.params[name]) for name, tensor in fast.params.items())
    assert all(np.array_equal(tensor, plain.params[name]) for name, tensor in lean.params.items())
    plain.params["odd"] = np.zeros(3)
    plain.save(path)
    with pytest.raises(ValueError, match="odd"):
        lean.load(path)


def test_the_optimisers_walk_alike(tmp_path: Path) -> None:
    net = small("Digits")
    labels = np.array([3, 1])
    for optimiser, arguments in (("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.01})):
        for each in (pair := programs(net, tmp_path)):
            walker = getattr(sys.modules[type(each).__module__], optimiser)(each, **arguments)
            for _ in range(3):
                walker.step(each.loss_and_grads(*images_for(net), labels)[1])
        for name, tensor in pair[0].params.items():
            assert np.abs(tensor - pair[1].params[name]).max() < 1e-4


@pytest.mark.parametrize(
    "words, way",
    [
        (["--backend", "torch", "--plain"], "--plain is for --backend numpy"),
        (["--backend", "numpy", "--plain", "--optimize"], "leave one of them out"),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], way: str) -> None:
    done = CliRunner().invoke(main, ["build", "specs/lenet.cnn", *words])
    assert done.exit_code and way in done.output


def test_a_foreign_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("mine = 1\n")
    done = CliRunner().invoke(
        main, ["build", "specs/lenet.cnn", "--backend", "numpy", "--plain", "-o", str(file)]
    )
    assert done.exit_code and file.read_text() == "mine = 1\n"
    plain = tmp_path / "plain.py"
    for _ in range(2):  # what cnnspec wrote it may write again
        done = CliRunner().invoke(
            main, ["build", "specs/lenet.cnn", "--backend", "numpy", "--plain", "-o", str(plain)]
        )
        assert not done.exit_code, done.output


def test_wrong_images_and_labels_are_refused(tmp_path: Path) -> None:
    _, net = programs(small("LeNet5"), tmp_path)
    image = np.zeros((2, 1, 28, 28), np.uint8)
    assert net(image).dtype == np.float32
    for wrong in (np.zeros((1, 3, 28, 28)), np.zeros((1, 28, 28)), image.astype(complex)):
        with pytest.raises(ValueError):
            net(wrong)
    for labels in ([1], [1, 10], [-1, 1], [0.5, 1.0]):
        with pytest.raises(ValueError):
            net.loss_and_grads(image, np.array(labels))
