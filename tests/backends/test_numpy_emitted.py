"""Emitted NumPy against emitted PyTorch on the same weights: values, training runs, gradients, inits."""

from __future__ import annotations

import ast
import copy
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnspec.backends import emit
from cnnspec.backends.numpy import sources
from cnnspec.compiler import check
from cnnspec.elaborate.network import Settings
from cnnspec.files import read, read_used
from cnnspec.graph import Network
from cnnspec.options import parse_shape
from cnnspec.source import Source
from tests.backends.interpreter import network

SPECS = Path(__file__).parents[2] / "specs"

ZOO = {  # net: its file, the input of the test
    "AlexNet": ("alexnet", "3@64x64"),
    "DenseNet121": ("densenet", "3@64x64"),
    "GoogLeNet": ("googlenet", "3@64x64"),
    "MobileNetV2": ("mobilenet_v2", "3@64x64"),
    "ResNet18": ("resnet", "3@64x64"),
    "ResNet50": ("resnet", "3@64x64"),
    "ResNet152": ("resnet", "3@64x64"),
    "ResNeXt50": ("resnet", "3@64x64"),
    "SqueezeNet": ("squeezenet", "3@64x64"),
    "VGG11": ("vgg", "3@64x64"),
    "VGG16BN": ("vgg", "3@32x32"),
    "Digits": ("digits", ""),
    "Edges": ("edges", ""),
    "Blur": ("edges", ""),
    "LeNet5": ("lenet", ""),
    "LeNet1998": ("lenet1998", ""),
    "PaddedUNet": ("unet", "1@48x80"),
    "UNet": ("unet", "1@188x188"),
    "Siamese": ("siamese", ""),
}
SMALL = ["Digits", "LeNet5", "LeNet1998", "ResNet18", "GoogLeNet", "MobileNetV2", "Siamese", "PaddedUNet"]
CLASSIFIERS = ["Digits", "LeNet5", "LeNet1998", "ResNet18", "DenseNet121"]


def zoo(net: str, full: bool = False) -> Network:
    """A net of the zoo, on the small images of the table or on those of its specification."""
    file, shape = ZOO[net]
    shape = "" if full else shape
    source = read(str(SPECS / f"{file}.cnn"))
    assert isinstance(source, Source)
    found = check(source, read_used, net, Settings({}, {"": parse_shape(shape)} if shape else {}))
    assert found.ok
    return found.networks[0]


def load(code: str, folder: Path) -> ModuleType:
    """Emitted code, imported from a file as its user would."""
    file = folder / f"emitted_{abs(hash(code))}.py"
    file.write_text(code, "utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


class Pair:
    """A net from both backends, on the same calibrated weights."""

    def __init__(
        self, net: Network, folder: Path, precision: str = "float32", inference: bool = False
    ) -> None:
        torch.manual_seed(0)
        self.torch: Any = getattr(load(emit("torch", net, "net.cnn"), folder), net.name)()
        generator = torch.Generator().manual_seed(0)
        for name, tensor in self.torch.state_dict().items():
            if name.endswith("running_mean"):
                tensor.normal_(0, 0.1, generator=generator)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.ndim > 1:
                tensor.mul_(6**0.5)
        self.torch = self.torch.to(getattr(torch, precision))
        options = {"inference": True} if inference else {}
        self.module = load(emit("numpy", net, "net.cnn", **options), folder)
        self.numpy: Any = getattr(self.module, net.name)(seed=0)
        self.start = {name: tensor.copy() for name, tensor in self.numpy.params.items()}
        for name in self.numpy.params:
            self.numpy.params[name] = self.torch.state_dict()[name].numpy().copy()
        self.numpy.refresh()
        shapes = [given.value.shape for given in net.inputs]
        images = [torch.randn((2, *shape.dimensions), generator=generator) for shape in shapes if shape]
        self.images = [image.to(getattr(torch, precision)) for image in images]
        self.arrays = [image.numpy() for image in self.images]

    def to_float64(self) -> None:
        """All of it in float64."""
        self.torch = self.torch.double()
        for name, tensor in self.numpy.params.items():
            if tensor.dtype.kind == "f":
                self.numpy.params[name] = tensor.astype(np.float64)
        self.numpy.refresh()
        self.images = [image.double() for image in self.images]
        self.arrays = [image.numpy() for image in self.images]


def outputs(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def close(made: Any, wanted: Any, bound: float) -> None:
    expected = wanted.detach().numpy()
    assert made.shape == expected.shape and made.dtype == expected.dtype
    assert np.abs(made - expected).max(initial=0) <= bound * np.abs(expected).max(initial=1e-30)


PATHS = {"plain": 1e-5, "fast": 5e-5}
"""The bounds of float32, relative to the largest output."""


def both_paths(pair: Pair, bounds: dict[str, float]) -> None:
    """Evaluation as PyTorch's, and the two images give different outputs: by a hundredth, not by rounding."""
    with torch.no_grad():
        wanted = outputs(pair.torch.eval()(*pair.images))
    for path, bound in bounds.items():
        pair.numpy.fast = path == "fast"
        for mine, theirs in zip(outputs(pair.numpy(*pair.arrays)), wanted, strict=True):
            close(mine, theirs, bound)
            assert np.abs(mine[0] - mine[1]).max() > 0.01 * np.abs(mine).max()


def without_dropout(pair: Pair) -> None:
    """Neither side drops anything: their random numbers are not the same."""
    for module in pair.torch.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in pair.numpy.layers:
        if layer.kernel.__name__ == "dropout":
            layer.arguments["p"] = 0.0


@pytest.mark.parametrize(
    "net, inference", [(net, False) for net in ZOO] + [(net, True) for net in SMALL], ids=str
)
def test_the_zoo_in_evaluation(net: str, inference: bool, tmp_path: Path) -> None:
    """Both paths, in float32 and then in float64, on weights with which outputs move with the images."""
    pair = Pair(zoo(net), tmp_path, inference=inference)
    keys = set(pair.torch.state_dict())
    assert set(pair.numpy.params) | set(pair.numpy.spare) == keys
    both_paths(pair, PATHS)
    pair.to_float64()
    both_paths(pair, dict.fromkeys(PATHS, 1e-10))


FULL_SIZE = ["ResNet18", "ResNet50", "DenseNet121", "GoogLeNet", "MobileNetV2", "SqueezeNet"]


@pytest.mark.parametrize("net", FULL_SIZE)
def test_images_of_full_size(net: str, tmp_path: Path) -> None:
    """3@224x224, as published. The bound is that of `cnnspec verify`: four times PyTorch's own gap between
    float32 and float64 where that is more, for some nets lose so much themselves."""
    pair = Pair(zoo(net, full=True), tmp_path, inference=True)
    with torch.no_grad():
        exact = copy.deepcopy(pair.torch).double().eval()(*(image.double() for image in pair.images))
        own = (pair.torch.eval()(*pair.images) - exact).abs().max() / exact.abs().max()
    both_paths(pair, {path: max(bound, 4 * own.item()) for path, bound in PATHS.items()})


@pytest.mark.parametrize("net", SMALL)
def test_the_zoo_in_training(net: str, tmp_path: Path) -> None:
    """Auxiliary outputs and running statistics included, in float64."""
    pair = Pair(zoo(net), tmp_path, "float64")
    without_dropout(pair)
    with torch.no_grad():
        wanted = pair.torch.train()(*pair.images)
    made = pair.numpy(*pair.arrays, training=True)
    assert getattr(made, "_fields", ()) == getattr(wanted, "_fields", ())
    for mine, theirs in zip(outputs(made), outputs(wanted), strict=True):
        close(mine, theirs, 1e-10)
    for name, tensor in pair.torch.state_dict().items():
        close(pair.numpy.params[name], tensor, 1e-10)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("net", CLASSIFIERS)
def test_gradients(net: str, precision: str, tmp_path: Path) -> None:
    if precision == "float32" and net in ("ResNet18", "DenseNet121"):
        pytest.skip("signs of ReLUs flip in deep nets; float64 says whether it is right")
    pair = Pair(zoo(net), tmp_path, precision)
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


def test_auxiliary_losses_weigh_less(tmp_path: Path) -> None:
    pair = Pair(zoo("GoogLeNet"), tmp_path, "float64")
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
    pair = Pair(zoo("Digits"), tmp_path, "float64")
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
    module = load(emit("numpy", zoo("LeNet5"), "lenet.cnn"), tmp_path)
    first, again, other = module.LeNet5(seed=1), module.LeNet5(seed=1), module.LeNet5(seed=2)
    for name, tensor in first.params.items():
        assert (tensor == again.params[name]).all() and (tensor != other.params[name]).any()


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_weights_go_to_a_file_and_back(suffix: str, tmp_path: Path) -> None:
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    pair = Pair(zoo("Digits"), tmp_path)
    path = str(tmp_path / f"weights.{suffix}")
    pair.numpy.save(path)
    fresh = type(pair.numpy)(seed=5)
    fresh.load(path)
    assert (fresh(*pair.arrays) == pair.numpy(*pair.arrays)).all()
    fresh.params["extra"] = np.zeros(3)
    fresh.save(path)
    with pytest.raises(ValueError, match="extra"):
        pair.numpy.load(path)


def test_a_net_without_training_reads_the_weights_of_one_with(tmp_path: Path) -> None:
    whole, pair = Pair(zoo("GoogLeNet"), tmp_path), Pair(zoo("GoogLeNet"), tmp_path, inference=True)
    whole.numpy.save(str(tmp_path / "weights.npz"))
    pair.numpy.load(str(tmp_path / "weights.npz"))
    assert np.abs(whole.numpy(*whole.arrays) - pair.numpy(*whole.arrays)).max() < 1e-5
    text = emit("numpy", zoo("GoogLeNet"), "googlenet.cnn", inference=True)
    assert not any(word in text for word in ("backward", "Adam", "TrainableNet", "def dropout"))


def test_features_are_by_label(tmp_path: Path) -> None:
    pair = Pair(zoo("LeNet5"), tmp_path)
    found = pair.numpy.features(*pair.arrays)
    assert found["conv2"].shape == (2, 16, 10, 10) and found["linear3"].shape == (2, 10)


def test_wrong_images_are_refused(tmp_path: Path) -> None:
    net = Pair(zoo("LeNet5"), tmp_path).numpy
    with pytest.raises(ValueError, match="images of"):
        net(np.zeros((1, 3, 28, 28), np.float32))
    with pytest.raises(ValueError, match="images of"):
        net(np.zeros((1, 28, 28), np.float32))
    assert net(np.zeros((1, 1, 28, 28), np.uint8)).dtype == np.float32


@pytest.mark.parametrize("net", ["LeNet5", "Edges", "Siamese", "GoogLeNet"])
@pytest.mark.parametrize("inference", [False, True], ids=["whole", "inference"])
def test_the_file_is_an_experts_and_runs(net: str, inference: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    text = emit("numpy", zoo(net), f"{net}.cnn", **({"inference": True} if inference else {}))
    assert text == emit("numpy", zoo(net), f"{net}.cnn", **({"inference": True} if inference else {}))
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
    assert modules <= {"collections", "importlib", "inspect", "math", "numpy", "typing"}


def test_types_are_strict(tmp_path: Path) -> None:
    file = tmp_path / "googlenet_np.py"
    file.write_text(emit("numpy", zoo("GoogLeNet"), "googlenet.cnn"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout


def test_all_definitions_are_known() -> None:
    folder = sources.FOLDER
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(sources.MODULES)
    everything = [
        sources.defined(node)
        for module in sources.MODULES
        for node in ast.parse((folder / f"{module}.py").read_text("utf-8")).body
    ]
    names = [name for name in everything if name]
    assert len(names) == len(set(names))
