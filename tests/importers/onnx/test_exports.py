"""Files as PyTorch writes them: with the names of modules, and with none."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from torch import Tensor, nn  # noqa: E402

from cnnspec.importers.onnx.weight_names import CLASSES, SCOPES  # noqa: E402
from cnnspec.importers.structure.discover import discover  # noqa: E402
from cnnspec.importers.write import specify  # noqa: E402
from tests.importers.onnx.graphs import agree, read_model  # noqa: E402


class Block(nn.Module):
    def __init__(self, arriving: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(arriving, out, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1)
        self.act = nn.ReLU()
        changes = stride != 1 or arriving != out
        self.downsample = nn.Sequential(nn.Conv2d(arriving, out, 1, stride)) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Any:
        return self.act(self.conv2(self.act(self.bn1(self.conv1(x)))) + self.downsample(x))


class Net(nn.Module):
    def __init__(self, widths: Sequence[int] = (8, 8, 16, 16, 32, 32)) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        pairs = list(zip((8, *widths), widths, strict=False))
        self.layers = nn.Sequential(*(Block(a, b, 1 if a == b else 2) for a, b in pairs))
        self.fc = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))


@pytest.fixture(scope="module")
def exported() -> Any:
    """The net in a file, its statistics as after a training."""
    torch.manual_seed(0)
    net = Net().eval()
    for name, tensor in net.state_dict().items():
        if "running" in name or (name.endswith("weight") and tensor.dim() == 1):
            tensor.uniform_(0.5, 1.5)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = (torch.randn(2, 3, 32, 32),)
        torch.onnx.export(
            net, images, file, dynamo=False, opset_version=17, dynamic_axes={"x": [0]}, input_names=["x"]
        )
    return onnx.load_model_from_string(file.getvalue())


NAMED = """block Block(out, stride=1) {
    add {
        | conv out@3x3 stride=stride pad=1, relu, conv out@3x3 pad=1
        | downsample: if in.channels != out { conv out@1x1 stride=stride } else { identity }
    }
    relu
}

net Net {
    input 3@32x32
    stem: { conv 8@3x3 stride=2 pad=1, relu }
    layers: {
        repeat 2 { Block 8 }
        repeat out in [16, 32] { repeat j in 2 { Block out stride=(2 if j == 0 else 1) } }
    }
    globalavgpool, flatten, fc: linear 10
}
"""


def test_names_of_nodes_are_those_of_modules(exported: Any) -> None:
    model = agree(exported)
    found = specify(model)
    assert found.text == NAMED
    assert "layers.2.downsample.0.weight" in found.keys and "stem.0.bias" in found.keys


def bare(exported: Any) -> Any:
    """The file without names that say anything."""
    model = onnx.ModelProto()
    model.CopyFrom(exported)
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [name if name == "x" else f"value {name}" for name in node.input]
        node.output[:] = [f"value {name}" for name in node.output]
    for each in (*model.graph.initializer, *model.graph.output):
        each.name = f"value {each.name}"
    del model.graph.value_info[:]
    return model


def test_blocks_are_discovered_where_nothing_is_named(exported: Any) -> None:
    model = agree(bare(exported))
    assert not model.named
    text = specify(model).text
    found = discover(model).model
    assert "Residual" in {scope.kind for operation in found.operations for scope in operation.scopes}
    assert "layers" not in text
    assert len(text.splitlines()) <= len(NAMED.splitlines())


def test_classes_that_the_exporter_notes_are_blocks(exported: Any) -> None:
    """As PyTorch's newer exporter notes them, here for the names that the older one gave."""
    model = onnx.ModelProto()
    model.CopyFrom(exported)
    classes = {"stem": "Sequential", "layers": "Sequential", "downsample": "Sequential"}
    for node in model.graph.node:
        parts = node.name.split("/")[1:-1]
        paths = [""]
        kinds = ["tests.Net"]
        for part in parts:
            last = part.rpartition(".")[2]
            paths.append(f"{paths[-1]}.{last}".strip("."))
            is_block = paths[-1].count(".") == 1 and paths[-1].startswith("layers")
            kinds.append(f"tests.{'Basic' if is_block else classes.get(last, 'Leaf')}")
        for key, listed in ((SCOPES, [*paths, "call"]), (CLASSES, [*kinds, "aten.call"])):
            node.metadata_props.add(key=key, value=str(listed))
        node.name = ""
    found, _ = read_model(model)
    assert found.named
    assert specify(found).text == NAMED.replace("Block", "Basic")
