"""What is learnt, by which loss, with which options."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cnnspec.analysis.unroll import unroll
from cnnspec.api import check, check_text
from cnnspec.run import RunProblem
from cnnspec.train.batches import TensorImages
from cnnspec.train.data.images import ArrayImages
from cnnspec.train.head import check_norms, head_of
from tests.commands.calling import run as call
from tests.train.calling import DIGITS, session

pytestmark = pytest.mark.slow


def test_softmax_at_the_end_is_known(data: Path, tmp_path: Path) -> None:
    """The same net with and without it learns the same."""
    losses = []
    text = DIGITS.read_text()
    for number, written in enumerate((text, text.replace("linear classes", "linear classes, softmax"))):
        spec = tmp_path / f"{number}.cnn"
        spec.write_text(written)
        assert call("train", spec, data, "--epochs", 1, "--out", tmp_path / f"{number}").exit_code == 0
        with (tmp_path / f"{number}" / "log.csv").open() as file:
            (row,) = csv.DictReader(file)
        losses.append([float(row[name]) for name in ("train_loss", "val_loss")])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_frozen_tensors_stay(data: Path, tmp_path: Path) -> None:
    found = session(tmp_path, data, freeze=("conv1.", "linear2"))
    before = {key: tensor.clone() for key, tensor in found.engine.net.state_dict().items()}
    [*found.run()]
    after = found.engine.net.state_dict()
    stay = {key for key in before if (before[key] == after[key]).all()}
    assert stay == {key for key in before if key.startswith(("conv1", "linear2"))}
    with pytest.raises(RunProblem, match=r"freeze conv9: no key begins so, as conv1\.weight does"):
        session(tmp_path, data, freeze=("conv9",))
    with pytest.raises(RunProblem, match="no tensor is left to train"):
        session(tmp_path, data, freeze=("",))


def test_a_loss_that_is_none_stops_at_its_layer(data: Path, tmp_path: Path) -> None:
    found = session(tmp_path, data)

    def ruin(module: Any, given: Any, made: torch.Tensor) -> torch.Tensor:
        return made / 0 if found.engine.step == 3 else made

    found.engine.net.relu2.register_forward_hook(ruin)
    with pytest.raises(RunProblem, match=r"\(epoch 1, step 4\): relu2 made it first"):
        [*found.run()]


def test_a_gradient_that_is_none_is_told_at_its_layer(data: Path, tmp_path: Path) -> None:
    found = session(tmp_path, data)

    def ruin(grad: torch.Tensor) -> torch.Tensor:
        return grad * float("nan") if found.engine.step == 3 else grad

    found.engine.net.conv2.weight.register_hook(ruin)
    with pytest.raises(RunProblem, match="the gradient of the step before was not finite in conv2"):
        [*found.run()]


HEADED = """net N {{
    input 1@8x8 mean=0.305 std=0.376
    body: {{ conv 4@3x3, relu }}
    {heads}
    from body
    flatten
    fc: linear 10
    output fc
    output {names} train=yes
}}
"""


def headed(count: int) -> str:
    """A net with so many outputs that only training has."""
    names = [f"aux{number}" for number in range(count)]
    heads = "\n".join(f"from body, flatten, {name}: linear 10" for name in names)
    return HEADED.format(heads=heads, names=" ".join(names))


def test_what_is_for_gpus_learns_the_same(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps by pixel, numbers of 16 bits, a net that is compiled, as far as no compiler of C++ is needed."""
    plainly = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda net: plainly(net, backend="aot_eager"))
    (plain,) = learn = [[*session(tmp_path, data).run()][-1].train_loss]
    for more in ({"channels_last": True}, {"compile": True}, {"amp": "bf16"}, {"amp": "fp16"}):
        found = session(tmp_path, data, **more)
        first = found.run()
        next(first)
        first.close()
        found = session(tmp_path, data, **more)
        found.resume()
        learn.append([*found.run()][-1].train_loss)
    assert learn[1:3] == pytest.approx([plain] * 2, rel=1e-4)
    assert learn[3:] == pytest.approx([plain] * 2, rel=0.02) and plain not in learn[3:]


def test_a_net_that_cannot_be_compiled_is_told(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(graph: Any, given: Any) -> Any:
        raise FileNotFoundError("g++: no such file")

    plainly = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda net: plainly(net, backend=break_off))
    with pytest.raises(
        RunProblem, match=r"cannot be compiled here: .*g\+\+: no such file; train it uncompiled"
    ):
        [*session(tmp_path, data, compile=True).run()]


@pytest.mark.parametrize("kind", ["u1", "f4"])
def test_trivial_changes_follow_from_the_seed(torchvision: Any, kind: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 3, 16, 16), np.uint8)
    images = ArrayImages(pixels if kind == "u1" else pixels.astype("f4") / 255, np.zeros(30))
    one, two, other = (TensorImages(images, "trivial", seed)[0, [*range(30)]][0] for seed in (1, 1, 2))
    assert one.numpy().dtype == kind and one.shape == (30, 3, 16, 16)
    assert one.min() >= 0 and one.max() <= (255 if kind == "u1" else 1)
    assert (one == two).all() and (one != other).any()
    crops, _ = TensorImages(images, "crop", 1)[0, [*range(30)]]
    assert (one != crops).any(), "some are changed further"


def test_auxiliary_outputs_weigh_as_in_their_papers() -> None:
    one, two = (head_of(unroll(check_text(headed(count)).networks[0])) for count in (1, 2))
    assert (one.shares(None), two.shares(None)) == ((1.0, 0.4), (1.0, 0.3, 0.3))
    with pytest.raises(RunProblem, match="there is none for aux_weight to weigh"):
        head_of(unroll(check(DIGITS).networks[0])).shares(0.3)
    assert two.shares(0.0) == (1.0, 0.0, 0.0)
    lone = check_text("net N { input 1@4x4, flatten, linear 3, sigmoid }").networks[0]
    with pytest.raises(RunProblem, match="ends in sigmoid"):
        head_of(unroll(lone))


@pytest.mark.parametrize("name", ["cuda:99", "meta", "nowhere"])
def test_a_device_that_does_not_compute_is_told(name: str, data: Path, tmp_path: Path) -> None:
    done = call("train", DIGITS, data, "--device", name, "--out", tmp_path / "run")
    assert done.stderr.endswith(f"device {name}: PyTorch has no such device here that computes\n")


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_a_batch_of_one_is_too_few_for_a_norm(backend: str, data: Path, tmp_path: Path) -> None:
    spec = tmp_path / "n.cnn"
    spec.write_text("net N { input 1@8x8, conv 4@8x8, batchnorm, flatten, linear 10 }")
    done = call("train", spec, data, "--batch", 1, "--backend", backend, "--out", tmp_path / "run")
    assert done.exit_code == 2 and "a batch of one image is too few for a batch norm" in done.stderr


def test_the_smallest_batch_decides_what_a_norm_sees() -> None:
    labelled = "net N { input 1@8x8, a: { conv 4@8x8, batchnorm }, flatten, linear 3 }"
    graph = unroll(check_text(labelled).networks[0])
    check_norms(graph, 2, ())
    check_norms(graph, 1, ("a.",))  # frozen, it runs as in evaluation
    with pytest.raises(RunProblem, match=r"too few for a batch norm: a\.1 would see one value"):
        check_norms(graph, 1, ("a.0",))
    one = "net N { input 1@2x2, conv 4@2x2, NORM, flatten, linear 3 }"
    for norm, fits in (("groupnorm 4", False), ("groupnorm 2", True), ("layernorm", True)):
        graph = unroll(check_text(one.replace("NORM", norm)).networks[0])
        if fits:
            check_norms(graph, 1, ())
        else:
            with pytest.raises(RunProblem, match="too few for a group norm"):
                check_norms(graph, 1, ())


def test_auxiliary_outputs_are_trained(data: Path, tmp_path: Path) -> None:
    spec = tmp_path / "n.cnn"
    spec.write_text(headed(1))
    losses = []
    for weight in (0, 1):
        done = call(
            "train", spec, data, "--epochs", 1, "--aux-weight", weight, "--out", tmp_path / f"{weight}"
        )
        assert done.exit_code == 0, done.stderr
        losses.append(float(done.stdout.split("loss ")[1].split()[0]))
    assert losses[1] > 1.5 * losses[0], "the loss of an output that weighs as much comes on top"
