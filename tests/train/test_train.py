"""A run leaves what it promises, goes on as if it had never stopped, and refuses what it cannot do."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.datasets import load_digits

from cnnspec.analysis.unroll import unroll
from cnnspec.api import check, check_text
from cnnspec.run import RunProblem
from cnnspec.text.files import FileProblem
from cnnspec.train import report
from cnnspec.train.batches import TensorImages
from cnnspec.train.data.images import ArrayImages
from cnnspec.train.engine import Request
from cnnspec.train.head import head_of
from cnnspec.train.report.evidence import read_run
from cnnspec.train.run_folder import COLUMNS, CONFIG, LOG, STATE, RunFolder
from cnnspec.train.session import Session
from tests.safety.running import python
from tests.train.calling import DIGITS, SPECS, call, some_digits
from tests.train.making import class_folders

OPTIONS: dict[str, Any] = {"epochs": 2, "batch": 32, "lr": 5e-3, "warmup": 0.6, "seed": 0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_digits(tmp_path_factory.mktemp("data") / "digits.npz")


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    done = call("train", DIGITS, data, "--epochs", 2, "--out", path)
    assert done.code == 0, done.err
    assert [line.split()[:2] for line in done.out.splitlines() if line.startswith("epoch")] == [
        ["epoch", "1/2"],
        ["epoch", "2/2"],
    ]
    return path


def session(
    path: Path,
    data: Path,
    tick: Callable[[], None] = lambda: None,
    backend: str = "torch",
    spec: Path = DIGITS,
    **more: Any,
) -> Session:
    network = check(spec).networks[0]
    options = OPTIONS | {name: more.pop(name) for name in [*more] if name not in Request._fields}
    rest = {"weights": None, "skip_broken": False, "augment": "none", "balanced": False, "auxiliary": None}
    path.mkdir(exist_ok=True)
    request = Request(str(data), workers=None, options=options, **(rest | more))
    return Session(network, request, RunFolder(path), tick, backend)


def weights(path: Path, name: str = "last.safetensors") -> dict[str, Any]:
    return load_file(path / name)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


def test_a_run_leaves_what_it_promises(whole: Path) -> None:
    config = json.loads((whole / "config.json").read_text())
    assert config["net"] == "Digits" and config["images"] == {"train": 191, "val": 49}
    assert (whole / "digits.cnn").read_text() == DIGITS.read_text()
    with (whole / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS and [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"]) < 2.4
    best = max(rows, key=lambda row: (float(row["val_accuracy"]), -float(row["val_loss"])))
    with np.load(whole / "predictions.npz") as found:
        assert np.allclose(found["scores"].sum(1), 1)
        right = found["scores"].argmax(1) == found["labels"]
        assert right.mean() == pytest.approx(float(best["val_accuracy"]))
        rows_of = np.arange(len(right)), found["labels"]
        assert -np.log(found["scores"][rows_of]).mean() == pytest.approx(float(best["val_loss"]), rel=1e-4)
        assert found["pictures"].shape == (len(found["shown"]), 8, 8, 1)
        wrong = int((~right).sum())
        assert not right[found["shown"][:wrong]].any() and right[found["shown"][wrong:]].all()


def test_a_run_keeps_the_files_that_its_specification_uses(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is shown and goes on where they are no more: one that is used by one that is used, too."""
    there, run = tmp_path / "there", tmp_path / "run"
    (there / "parts").mkdir(parents=True)
    monkeypatch.chdir(there)
    Path("n.cnn").write_text(
        'use "parts/unit.cnn"\nuse "blocks/conv_norm.cnn"\nnet N { input 1@8x8, Unit, flatten, linear 10 }\n'
    )
    Path("parts/unit.cnn").write_text('use "width.cnn"\nblock Unit { conv WIDTH@3x3, relu }\n')
    Path("parts/width.cnn").write_bytes(b"WIDTH = 2\r\n")
    assert call("train", "n.cnn", data, "--epochs", 1, "--out", run).code == 0
    assert (run / "parts/width.cnn").read_bytes() == b"WIDTH = 2\r\n"
    assert not (run / "blocks").exists(), "of the library, which is always there"
    shutil.rmtree(there / "parts")
    assert read_run(run).lack == ""
    done = call("train", run / "n.cnn", data, "--epochs", 2, "--resume", run)
    assert done.code == 0 and "goes on after epoch 1" in done.out, done.err


def test_the_report_tells_what_the_log_tells(whole: Path) -> None:
    with (whole / "log.csv").open() as file:
        best = max(float(row["val_accuracy"]) for row in csv.DictReader(file))
    text = (whole / "report.html").read_text("utf-8")
    assert f"{100 * best:.1f} % of the 49 validation images" in text and "conv1.weight: " in text


def test_a_run_is_whole_without_a_report(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(run: Path) -> None:
        raise FileProblem(f"{run}: is full")

    monkeypatch.setattr(report, "write", refuse)
    done = call("train", DIGITS, data, "--epochs", 1, "--out", tmp_path / "run")
    assert done.code == 0 and f"no report: {tmp_path / 'run'}: is full" in done.err
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_the_best_weights_are_those_of_the_best_epoch(whole: Path, data: Path) -> None:
    done = call("eval", DIGITS, data, "--weights", whole / "best.safetensors")
    with (whole / "log.csv").open() as file:
        best = max(float(row["val_accuracy"]) for row in csv.DictReader(file))
    assert f"{best:.2%}" in done.out


def test_going_on_is_one_word_and_bit_equal(whole: Path, data: Path, tmp_path: Path) -> None:
    done = call("train", DIGITS, data, "--epochs", 2, "--stop-after", 1, "--out", tmp_path / "run")
    assert done.code == 0 and f"--resume {tmp_path / 'run'}` goes on" in done.err
    assert not same(weights(tmp_path / "run"), weights(whole))
    assert call("train", DIGITS, data, "--resume", tmp_path / "run").code == 0
    assert same(weights(tmp_path / "run"), weights(whole))
    assert same(weights(tmp_path / "run", "best.safetensors"), weights(whole, "best.safetensors"))
    done = call("train", DIGITS, data, "--resume", tmp_path / "run")
    assert done.code == 2 and "has had its 2 epochs: --epochs asks for more" in done.err


def test_the_last_run_is_gone_on_with(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no run of digits" in call("train", DIGITS, data, "--resume").err
    for _ in range(2):
        call("train", DIGITS, data, "--epochs", 2, "--stop-after", 1)
    assert "runs/digits-2: best" in call("train", DIGITS, data, "--resume").out
    assert len((tmp_path / "runs/digits/log.csv").read_text().splitlines()) == 2


STEPS = """net N {
    input 1@8x8 mean=0.305 std=0.376
    conv 4@3x3 bias=no, batchnorm, relu, conv 6@3x3 bias=no, batchnorm, relu, maxpool 2x2
    flatten, linear 10%s
}
"""
NUMPY: dict[str, Any] = {"backend": "numpy", "ema": 0.0, "freeze": (), "compile": False, "amp": "no"}
NUMPY |= {"label_smoothing": 0.0, "weight_decay": 0.01, "optimizer": "adamw", "schedule": "onecycle"}
NUMPY |= {"shard": False}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"optimizer": "sgd", "ema": 0.9, "augment": "crop"},
        NUMPY,
        NUMPY | {"optimizer": "sgd", "augment": "flip", "ema": 0.9},
    ],
    ids=["adamw", "sgd", "numpy", "numpy, sgd"],
)
def test_an_interrupt_within_an_epoch_loses_nothing(more: dict[str, Any], data: Path, tmp_path: Path) -> None:
    straight = session(tmp_path / "a", data, **more)
    rows = [row[:-1] for row in straight.run()]

    def interrupt() -> None:
        broken.engine.asked = broken.engine.step == 9

    broken = session(tmp_path / "b", data, interrupt, **more)
    steps = broken.engine.steps
    assert len([*broken.run()]) == 1 and broken.engine.step == 9 and 9 % steps
    later = session(tmp_path / "b", data, **more)
    later.resume()
    assert [row[:-1] for row in later.run()] == rows[1:]
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_a_full_disk_leaves_the_last_whole_state(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, log = tmp_path / "run", tmp_path / "run" / LOG

    def fill(handle: int) -> None:
        if log.exists() and len(log.read_text().splitlines()) == 3:  # the state follows the log
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill)
    done = call("train", DIGITS, data, "--epochs", 2, "--out", run)
    assert done.code == 2 and f"{run / STATE}: No space left on device" in done.err
    assert not [path for path in run.iterdir() if path.name.startswith(".")], "what was half written is gone"
    monkeypatch.undo()
    done = call("train", DIGITS, data, "--resume", run)
    assert done.code == 0 and "goes on after epoch 1" in done.out


def test_a_state_that_is_none_of_the_net_is_refused(whole: Path, data: Path, tmp_path: Path) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    shutil.copy(run / "last.safetensors", run / STATE)
    assert (
        f"{run / STATE}: holds tensors, and not the state" in call("train", DIGITS, data, "--resume", run).err
    )
    torch.save({"trainer": {}}, run / STATE)
    assert f"{run / STATE}: cannot be read: it is no" in call("train", DIGITS, data, "--resume", run).err
    (run / STATE).unlink()
    assert "holds no state to go on from" in call("train", DIGITS, data, "--resume", run).err


def test_a_run_that_goes_on_has_the_weight_decay_of_the_call(data: Path, tmp_path: Path) -> None:
    begun = session(tmp_path, data)
    next(begun.run())
    later = session(tmp_path, data, weight_decay=0.25)
    later.resume()
    assert [group["weight_decay"] for group in later.engine.trainer.optimizer.param_groups] == [0.25, 0.0]


def test_a_run_that_goes_on_takes_options_or_refuses_them(whole: Path, data: Path, tmp_path: Path) -> None:
    done = call("train", DIGITS, data, "--resume", whole, "--seed", 1)
    assert done.code == 2 and "--seed cannot change" in done.err
    done = call("train", DIGITS, "digits", "--resume", whole)
    assert "is a run with the data" in done.err
    done = call("train", SPECS / "lenet.cnn", data, "--resume", whole)
    assert "is a run with the net Digits, not LeNet5" in done.err
    done = call("train", DIGITS, data, "--out", whole)
    assert "holds a run of Digits" in done.err
    (tmp_path / "note.txt").touch()
    assert "is not empty" in call("train", DIGITS, data, "--out", tmp_path).err
    assert "holds no run" in call("train", DIGITS, data, "--resume", tmp_path).err
    done = call("train", DIGITS, data, "--shard", "--out", tmp_path / "run")
    assert done.code == 2 and "among several processes, and this is one: torchrun" in done.err


def test_a_run_of_another_version_goes_on_or_is_refused(whole: Path, data: Path, tmp_path: Path) -> None:
    """Options that came after it are as by default; what it has and this version has not is said."""
    run = shutil.copytree(whole, tmp_path / "run")
    config = json.loads((run / CONFIG).read_text())

    def going_on(options: dict[str, Any], *more: object) -> str:
        (run / CONFIG).write_text(json.dumps(config | {"options": options}))
        return call("train", DIGITS, data, "--resume", run, *more).err

    assert "has had its 2 epochs" in going_on({"epochs": 2})
    assert "--ema cannot change in a run that goes on" in going_on({"epochs": 2}, "--ema")
    assert f"{run / CONFIG}: another version's: this one has no option mixup" in going_on({"mixup": 1})
    assert f"{run / CONFIG}: batch: 'many' is not" in going_on({"batch": "many"})
    (run / CONFIG).write_text(json.dumps({name: config[name] for name in config if name != "seed"}))
    assert "is no record of a run: it lacks seed" in call("train", DIGITS, data, "--resume", run).err


def test_a_net_with_other_classes_is_told_the_way_out(data: Path, tmp_path: Path) -> None:
    done = call("train", DIGITS, data, "--set", "classes=5", "--out", tmp_path / "run")
    assert done.err.endswith("labels run up to 9, and the net tells 5 classes: --set classes=10\n")
    done = call("train", SPECS / "resnet.cnn", data, "--net", "ResNet18", "--out", tmp_path / "run")
    assert done.err.endswith("its images have 1 channel, the input 3: --input 1@224x224\n")
    done = call("train", SPECS / "unet.cnn", data, "--out", tmp_path / "run")
    assert "the net makes a map" in done.err and not (tmp_path / "run").exists()


def test_images_in_files_are_trained_on(tmp_path: Path) -> None:
    class_folders(tmp_path / "data", 12)
    spec = tmp_path / "n.cnn"
    spec.write_text(
        "net N(classes=2) { input 3@8x8, conv 4@3x3, batchnorm, relu, flatten, linear classes, softmax }"
    )
    done = call(
        "train", spec, tmp_path / "data", "--epochs", 8, "--workers", 2, "--augment", "flip", "--batch", 8,
        "--class-weights", "balanced", "--out", tmp_path / "run"
    )  # fmt: skip
    assert done.code == 0 and "best: epoch" in done.out, done.err
    with np.load(tmp_path / "run/predictions.npz") as found:
        assert (found["scores"].argmax(1) == found["labels"]).all() and np.allclose(found["scores"].sum(1), 1)
        assert found["paths"][0].endswith(".png")


def test_softmax_at_the_end_is_known(data: Path, tmp_path: Path) -> None:
    """The same net with and without it learns the same."""
    losses = []
    text = DIGITS.read_text()
    for number, written in enumerate((text, text.replace("linear classes", "linear classes, softmax"))):
        spec = tmp_path / f"{number}.cnn"
        spec.write_text(written)
        assert call("train", spec, data, "--epochs", 1, "--out", tmp_path / f"{number}").code == 0
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


@pytest.mark.slow
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
        RunProblem, match=r"cannot be compiled here: .*g\+\+: no such file; leave --compile out"
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
    assert two.shares(0.0) == (1.0, 0.0, 0.0)
    lone = check_text("net N { input 1@4x4, flatten, linear 3, sigmoid }").networks[0]
    with pytest.raises(RunProblem, match="ends in sigmoid"):
        head_of(unroll(lone))


def test_auxiliary_outputs_are_trained(data: Path, tmp_path: Path) -> None:
    spec = tmp_path / "n.cnn"
    spec.write_text(headed(1))
    losses = []
    for weight in (0, 1):
        done = call(
            "train", spec, data, "--epochs", 1, "--aux-weight", weight, "--out", tmp_path / f"{weight}"
        )
        assert done.code == 0, done.err
        losses.append(float(done.out.split("loss ")[1].split()[0]))
    assert losses[1] > 1.5 * losses[0], "the loss of an output that weighs as much comes on top"


def test_numpy_learns_as_pytorch_does(data: Path, tmp_path: Path) -> None:
    """At the same rates; the order of images and the start are drawn in another way."""
    one, other = (session(tmp_path / name, data, **more) for name, more in (("a", {}), ("b", NUMPY)))
    assert [one.engine.rate(step) for step in range(30)] == [other.engine.rate(step) for step in range(30)]
    rows = [[*each.run()][-1] for each in (one, other)]
    assert rows[0].train_loss == pytest.approx(rows[1].train_loss, abs=0.1) and rows[1].train_loss < 2.25


def test_going_on_takes_the_net_as_it_was_chosen(data: Path, tmp_path: Path) -> None:
    chosen = ("--net", "LeNet5", "--set", "classes=12", "--input", "1@20x20")
    done = call("train", SPECS / "lenet.cnn", data, *chosen, "--stop-after", 1, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    done = call("train", SPECS / "lenet.cnn", data, "--epochs", 2, "--resume", tmp_path / "run")
    assert done.code == 0 and weights(tmp_path / "run")["linear3.bias"].shape == (12,), done.err
    done = call("train", SPECS / "lenet.cnn", data, "--set", "classes=11", "--resume", tmp_path / "run")
    assert "is a run with the parameters classes=12, not classes=11" in done.err


@pytest.mark.slow
def test_numpy_trains_without_pytorch(data: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['torch'] = None; from cnnspec.commands.cli import main; main(sys.argv[1:])"
    )
    call = ["train", str(DIGITS), str(data), "--backend", "numpy", "--epochs", "1", "--out", "run"]
    ran = python("-c", script, *call, cwd=tmp_path)
    assert ran.code == 0 and "best: epoch 1" in ran.out, ran.err
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
    more: dict[str, Any] = {"spec": spec, "weights": start, "balanced": True, "batch": 160}
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
