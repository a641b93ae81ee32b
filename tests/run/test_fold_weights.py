"""`cnnspec weights fold`: published weights for an optimised program, and files that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file, save_file

from cnnspec.commands.cli import main
from tests.backends.interpreter import load
from tests.run.calling import SPECS, Called

NET = """net N {
  input 3@8x8
  conv 4@3x3 bias=no, n: batchnorm, relu
  m: batchnorm
  h: conv 2@1x1
  from m
  o: conv 2@1x1
  output o
  output h train=yes
}
"""
BEFORE = {
    "conv1.weight": (4, 3, 3, 3),
    **{f"{norm}.{name}": (4,) for norm in "nm" for name in ("weight", "bias", "running_mean", "running_var")},
    **{f"{name}.weight": (2, 4, 1, 1) for name in "ho"},
    **{f"{name}.bias": (2,) for name in "ho"},
}
AFTER = {"conv1.weight", "conv1.bias", "o.weight", "o.bias"} | {
    f"m.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
}


def fold(*arguments: object) -> Called:
    done = CliRunner().invoke(main, ["weights", "fold", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Called(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.cnn"
    path.write_text(NET)
    return path


def write(path: Path, tensors: dict[str, Any]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **tensors)
    else:
        save_file(tensors, path)
    return path


def tensors(kind: Any = np.float32) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {name: rng.uniform(0.5, 1.5, shape).astype(kind) for name, shape in BEFORE.items()}


def read(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors":
        return load_file(path)
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("given", ["w.npz", "w.safetensors"])
@pytest.mark.parametrize("wanted", ["f.npz", "f.safetensors"])
def test_from_any_kind_of_file_to_any(given: str, wanted: str, spec: Path, tmp_path: Path) -> None:
    called = fold(spec, write(tmp_path / given, tensors()), "-o", tmp_path / wanted)
    assert (called.code, called.out) == (0, "") and called.err == f"wrote {tmp_path / wanted}\n"
    found, start = read(tmp_path / wanted), tensors()
    assert found.keys() == AFTER and {x.dtype.name for x in found.values()} == {"float32", "int64"}
    scale = start["n.weight"] / np.sqrt(start["n.running_var"] + np.float64(1e-5))
    assert np.allclose(found["conv1.weight"], start["conv1.weight"] * scale[:, None, None, None], atol=1e-6)
    assert np.allclose(found["conv1.bias"], start["n.bias"] - start["n.running_mean"] * scale, atol=1e-6)
    assert (found["m.running_var"] == start["m.running_var"]).all()
    before = (tmp_path / wanted).read_bytes()  # cnnspec's own file is written again, and is the same
    assert fold(spec, tmp_path / given, "-o", tmp_path / wanted).code == 0
    assert (tmp_path / wanted).read_bytes() == before


@pytest.mark.parametrize("kind", ["float16", "float64"])
def test_numbers_keep_their_type(kind: str, spec: Path, tmp_path: Path) -> None:
    given = write(tmp_path / "w.safetensors", tensors(kind))
    assert fold(spec, given, "-o", tmp_path / "f.safetensors").code == 0
    found = load_file(tmp_path / "f.safetensors")
    assert {name: x.dtype.name for name, x in found.items() if "num" not in name} == dict.fromkeys(
        AFTER - {"m.num_batches_tracked"}, kind
    )


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_weights_of_others_are_not_overwritten(ending: str, spec: Path, tmp_path: Path) -> None:
    given = write(tmp_path / f"w.{ending}", tensors())
    before = given.read_bytes()
    called = fold(spec, given, "-o", given)
    assert called.code == 2 and "was not written by cnnspec" in called.err
    assert given.read_bytes() == before
    assert fold(spec, given, "-o", given, "--force").code == 0
    assert read(given).keys() == AFTER


@pytest.mark.parametrize(
    ("change", "output", "said"),
    [
        ({"n.bias": None}, "f.npz", "lacks n.bias"),
        ({"x": np.zeros(1, np.float32)}, "f.npz", "holds what the net has not: x"),
        ({"o.bias": np.zeros(3, np.float32)}, "f.npz", "o.bias is 3, the net's 2"),
        ({}, "f.pt", "weights end in .safetensors or .npz"),
        ({}, "no/such/f.npz", "No such file"),
    ],
)
def test_what_does_not_fit_is_refused(
    change: dict[str, Any], output: str, said: str, spec: Path, tmp_path: Path
) -> None:
    given = {name: x for name, x in (tensors() | change).items() if x is not None}
    called = fold(spec, write(tmp_path / "w.safetensors", given), "-o", tmp_path / output)
    assert called.code == 2 and said in called.err and len(called.err.splitlines()) == 1
    assert not (tmp_path / output).exists()


def test_a_pickle_is_refused_unread(spec: Path, tmp_path: Path) -> None:
    called = fold(spec, tmp_path / "w.pth", "-o", tmp_path / "f.npz")
    assert called.code == 2 and "a pickle runs code" in called.err


@pytest.mark.slow
def test_published_weights_give_torchvisions_output(tmp_path: Path, torchvision: Any) -> None:
    """Through files alone: the program from `build --optimize`, the weights from `weights fold`."""
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(weights=None).eval()
    for name, tensor in theirs.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    state = {name: tensor.numpy() for name, tensor in theirs.state_dict().items()}
    net = (SPECS / "resnet.cnn", "--net", "ResNet18")
    assert fold(*net, write(tmp_path / "w.safetensors", state), "-o", tmp_path / "f.npz").code == 0
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        wanted = theirs(images)
    for backend in ("torch", "numpy"):
        file = tmp_path / f"{backend}.py"
        call = ["build", *map(str, net), "--backend", backend, "--optimize", "-o", str(file)]
        assert CliRunner().invoke(main, call).exit_code == 0
        made = load(file.read_text()).ResNet18()
        if backend == "numpy":
            made.load(str(tmp_path / "f.npz"))
            found = torch.from_numpy(made(images.numpy()))
        else:
            folded = {name: torch.from_numpy(x) for name, x in read(tmp_path / "f.npz").items()}
            made.load_state_dict(folded, strict=True)
            with torch.no_grad():
                found = made.eval()(images)
        assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()
