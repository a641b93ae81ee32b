"""Emitted NumPy against emitted PyTorch on the same weights: values, training runs, gradients, inits."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnspec.backends import emit
from cnnspec.backends.numpy import kernel_sources
from tests.backends.pair import Pair, close, load, outputs, without_dropout
from tests.nets import network
from tests.zoo.shipped import small

CLASSIFIERS = ["Digits", "LeNet5", "LeNet1998", "ResNet18", "DenseNet121"]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("net", CLASSIFIERS)
def test_gradients(net: str, precision: str, tmp_path: Path) -> None:
    if precision == "float32" and net in ("ResNet18", "DenseNet121"):
        pytest.skip("signs of ReLUs flip in deep nets; float64 says whether it is right")
    pair = Pair(small(net), tmp_path, precision)
    without_dropout(pair)
    labels = torch.tensor([3, 1])
    wanted = F.cross_entropy(pair.torch.train()(*pair.images), labels)
    wanted.backward()
    loss, grads = pair.numpy.loss_and_grads(pair.arrays[0], labels.numpy())
    bound = {"float32": 1e-4, "float64": 1e-8}[precision]
    assert loss == pytest.approx(wanted.item(), rel=bound)
    assert set(grads) == {name for name, _ in pair.torch.named_parameters()}
    for name, parameter in pair.torch.named_parameters():
        close(grads[name], parameter.grad, bound)


@pytest.mark.slow
def test_auxiliary_losses_weigh_less(tmp_path: Path) -> None:
    pair = Pair(small("GoogLeNet"), tmp_path, "float64")
    without_dropout(pair)
    labels = torch.tensor([3, 1])
    main, *others = pair.torch.train()(*pair.images)
    wanted = F.cross_entropy(main, labels) + 0.3 * sum(F.cross_entropy(o, labels) for o in others)
    wanted.backward()
    loss, grads = pair.numpy.loss_and_grads(pair.arrays[0], labels.numpy())
    assert loss == pytest.approx(wanted.item())
    for name, parameter in pair.torch.named_parameters():
        close(grads[name], parameter.grad, 1e-8)


SPEC = """net Small {{ input 2@6x6
  conv 4@3x3 pad=1, batchnorm, relu
  {0}
}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", ", softmax", ", logsoftmax"], ids=["logits", "softmax", "logsoftmax"])
@pytest.mark.parametrize("head", ["globalavgpool, flatten, linear 5", "conv 5@1x1"], ids=["vector", "map"])
def test_the_loss_is_right_with_and_without_softmax(head: str, end: str, tmp_path: Path) -> None:
    pair = Pair(network(SPEC.format(head)), tmp_path, "float64")
    other = load(emit("numpy", network(SPEC.format(head + end)), "net.cnn"), tmp_path).Small()
    other.params.update(pair.numpy.params)
    logits = pair.torch.train()(*pair.images)
    labels = torch.zeros((2, *logits.shape[2:]), dtype=torch.long) + 2
    wanted = F.cross_entropy(logits, labels)
    wanted.backward()
    loss, grads = other.loss_and_grads(pair.arrays[0], labels.numpy())
    assert loss == pytest.approx(wanted.item())
    for name, parameter in pair.torch.named_parameters():
        assert np.abs(grads[name] - parameter.grad.numpy()).max() <= 1e-8


@pytest.mark.slow
@pytest.mark.parametrize(
    "ours, theirs",
    [
        (lambda m, n: m.SGD(n, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (
            lambda m, n: m.SGD(n, 0.1, momentum=0.9, weight_decay=0.01),
            lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
        ),
        (lambda m, n: m.Adam(n, 0.01), lambda p: torch.optim.Adam(p, 0.01)),
        (lambda m, n: m.Adam(n, weight_decay=0.1), lambda p: torch.optim.Adam(p, weight_decay=0.1)),
    ],
    ids=["sgd", "momentum", "adam", "decay"],
)
def test_optimisers_walk_as_pytorchs(
    ours: Callable[..., Any], theirs: Callable[..., Any], tmp_path: Path
) -> None:
    pair = Pair(small("Digits"), tmp_path, "float64")
    mine, its = ours(pair.module, pair.numpy), theirs(pair.torch.parameters())
    labels = torch.tensor([3, 1])
    for _ in range(5):
        its.zero_grad()
        F.cross_entropy(pair.torch(*pair.images), labels).backward()
        its.step()
        mine.step(pair.numpy.loss_and_grads(pair.arrays[0], labels.numpy())[1])
    for name, tensor in pair.torch.state_dict().items():
        close(pair.numpy.params[name], tensor, 1e-8)


ODD = {
    "labels": """net Base { input 1@8x8
  "frame": conv 4@3x3 pad=1, relu, "odd label": conv 4@3x3, "class": batchnorm, relu6
  "columns": conv 3@1x1, "input": identity, s: scale 0.1, flatten, linear 4
}
""",
    "numbers": """net Base { input 2@8x8
  conv 4@3x3 init="he", conv 4@3x3 weights=[[1, 0, -1], [2, 0, -2], [1, 0, -1]] frozen=yes
  normalize mean=[1, 2, 3, 4] std=2, prelu per="channel", upsample 2.5, pick [0, 0, 1, 3]
  slice 1 3, pad 1 mode="reflect", globalmaxpool, flatten, linear 5
}
""",
    "vectors": "net Base { input 5\n linear 3, batchnorm, dropout 0.3 }\n",
    "nothing": "net Base { input 3@4x4\n identity }\n",
    "several": """net Base { left: input 1@8x8
  right: input 2@8x8
  concat { | from left | from right }
  a: conv 4@3x3, b: conv 2@3x3 pad=1
  output a b
}
""",
    "again": """net Base { input 4@8x8
  t: { conv 4@3x3 pad=1, batchnorm, relu }
  again t, again t
  globalavgpool, flatten, linear 3, logsoftmax
}
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("inference", [False, True], ids=["whole", "inference"])
@pytest.mark.parametrize("spec", ODD)
def test_odd_nets(spec: str, inference: bool, tmp_path: Path) -> None:
    pair = Pair(network(ODD[spec]), tmp_path, "float64", inference)
    assert set(pair.numpy.params) == set(pair.torch.state_dict())
    with torch.no_grad():
        wanted = pair.torch.eval()(*pair.images)
    made = pair.numpy(*pair.arrays)
    assert getattr(made, "_fields", ()) == getattr(wanted, "_fields", ())
    for mine, theirs in zip(outputs(made), outputs(wanted), strict=True):
        close(mine, theirs, 1e-10)
    text = emit("numpy", network(ODD[spec]), "net.cnn", **({"inference": True} if inference else {}))
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "--isolated", "-"],
        input=text,
        text=True,
        check=False,
    )
    assert done.returncode == 0


INITS = """net Inits {{ input 8@6x6
  conv 64@5x5 pad=2 {0}, depthwise 3 pad=1 {0}, batchnorm, prelu, convtranspose 64@3x3 pad=1 {0}
  s: scale 0.1, flatten, linear 40 {1}
}}
"""


@pytest.mark.parametrize("init", ["", "he", "xavier", "normal(0.5, 0.1)", "uniform(-1, 3)"])
def test_tensors_start_as_pytorchs(init: str, tmp_path: Path) -> None:
    said = f'init="{init}"' if init else ""
    pair = Pair(network(INITS.format(said, said)), tmp_path)
    torch.manual_seed(1)
    fresh = type(pair.torch)().state_dict()
    for name, tensor in fresh.items():
        theirs, mine = tensor.double().numpy(), pair.start[name].astype(np.float64)
        assert mine.shape == theirs.shape and pair.start[name].dtype == tensor.numpy().dtype
        spread = theirs.std() + 1e-12
        rough = 6 / np.sqrt(theirs.size)
        assert abs(mine.mean() - theirs.mean()) <= rough * spread + 1e-6, name
        assert abs(mine.std() / spread - 1) <= rough + 1e-6 or theirs.std() == 0 == mine.std(), name
        if theirs.size > 1000:
            assert abs(np.abs(mine).max() / np.abs(theirs).max() - 1) < 0.3


def test_bilinear_kernels_are_pytorchs(tmp_path: Path) -> None:
    net = network('net N { input 4@6x6\n convtranspose 4@5x6 groups=4 init="bilinear" frozen=yes }')
    pair = Pair(net, tmp_path)
    for name, tensor in type(pair.torch)().state_dict().items():
        close(pair.start[name], tensor, 1e-7)


def test_a_seed_makes_the_weights(tmp_path: Path) -> None:
    module = load(emit("numpy", small("LeNet5"), "lenet.cnn"), tmp_path)
    first, again, other = module.LeNet5(seed=1), module.LeNet5(seed=1), module.LeNet5(seed=2)
    for name, tensor in first.params.items():
        assert (tensor == again.params[name]).all() and (tensor != other.params[name]).any()


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_weights_go_to_a_file_and_back(suffix: str, tmp_path: Path) -> None:
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    pair = Pair(small("Digits"), tmp_path)
    path = str(tmp_path / f"weights.{suffix}")
    pair.numpy.save(path)
    fresh = type(pair.numpy)(seed=5)
    fresh.load(path)
    assert (fresh(*pair.arrays) == pair.numpy(*pair.arrays)).all()
    fresh.params["extra"] = np.zeros(3)
    fresh.save(path)
    with pytest.raises(ValueError, match="extra"):
        pair.numpy.load(path)


@pytest.mark.slow
def test_a_net_without_training_reads_the_weights_of_one_with(tmp_path: Path) -> None:
    whole, pair = Pair(small("GoogLeNet"), tmp_path), Pair(small("GoogLeNet"), tmp_path, inference=True)
    whole.numpy.save(str(tmp_path / "weights.npz"))
    pair.numpy.load(str(tmp_path / "weights.npz"))
    assert np.abs(whole.numpy(*whole.arrays) - pair.numpy(*whole.arrays)).max() < 1e-5
    text = emit("numpy", small("GoogLeNet"), "googlenet.cnn", inference=True)
    assert not any(word in text for word in ("backward", "Adam", "TrainableNet", "def dropout"))


def test_features_are_by_label(tmp_path: Path) -> None:
    pair = Pair(small("LeNet5"), tmp_path)
    found = pair.numpy.features(*pair.arrays)
    assert found["conv2"].shape == (2, 16, 10, 10) and found["linear3"].shape == (2, 10)


def test_wrong_images_are_refused(tmp_path: Path) -> None:
    net = Pair(small("LeNet5"), tmp_path).numpy
    with pytest.raises(ValueError, match="images of"):
        net(np.zeros((1, 3, 28, 28), np.float32))
    with pytest.raises(ValueError, match="images of"):
        net(np.zeros((1, 28, 28), np.float32))
    assert net(np.zeros((1, 1, 28, 28), np.uint8)).dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("net", ["LeNet5", "Edges", "Siamese", "GoogLeNet"])
@pytest.mark.parametrize("inference", [False, True], ids=["whole", "inference"])
def test_the_file_is_an_experts_and_runs(net: str, inference: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    text = emit("numpy", small(net), f"{net}.cnn", **({"inference": True} if inference else {}))
    assert text == emit("numpy", small(net), f"{net}.cnn", **({"inference": True} if inference else {}))
    file.write_text(text, "utf-8")
    for command in (["ruff", "format", "--check"], ["ruff", "check"]):
        done = subprocess.run(
            [sys.executable, "-m", *command, "--isolated", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "input" in done.stdout and "output" in done.stdout
    modules = {
        name.name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    modules |= {
        (node.module or "").split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
    }
    assert modules <= sys.stdlib_module_names | {"numpy"}


@pytest.mark.slow
def test_types_are_strict(tmp_path: Path) -> None:
    file = tmp_path / "googlenet_np.py"
    file.write_text(emit("numpy", small("GoogLeNet"), "googlenet.cnn"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout


def test_all_definitions_are_known() -> None:
    folder = kernel_sources.FOLDER
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(kernel_sources.MODULES)
    everything = [
        kernel_sources.defined(node)
        for module in kernel_sources.MODULES
        for node in ast.parse((folder / f"{module}.py").read_text("utf-8")).body
    ]
    names = [name for name in everything if name]
    assert len(names) == len(set(names))


UNREAD = """net Unread { input 2@6x6
  a: conv 3@3x3
  from a, batchnorm, dropout, batchnorm
  from a, flatten, linear 2
}
"""


def test_what_leads_nowhere_is_not_trained_on_either_side(tmp_path: Path) -> None:
    pair = Pair(network(UNREAD), tmp_path, "float64")
    pair.torch.train()(*pair.images)
    pair.numpy.loss_and_grads(pair.arrays[0], np.array([0, 1]))
    for name, tensor in pair.torch.state_dict().items():
        assert (pair.numpy.params[name] == tensor.numpy()).all(), name
