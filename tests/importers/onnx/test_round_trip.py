"""What `build --backend onnx` writes comes back: import(export(net)) is the net, as far as it infers."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numpy")
pytest.importorskip("onnx")

from cnnspec.backends.onnx import emit
from cnnspec.compiler import check
from cnnspec.graph.tree import Network
from cnnspec.importers.from_network import model_of
from cnnspec.importers.model import Model
from cnnspec.importers.prove import compare
from cnnspec.importers.write import specify
from cnnspec.text.files import read, read_used
from tests.importers.onnx.graphs import open_bytes, read_model

pytestmark = pytest.mark.slow

SPECS = Path(__file__).parents[3] / "specs"


def net(name: str) -> Network:
    """The first net of a file of the zoo."""
    return check(read(str(SPECS / f"{name}.cnn"), 10**7), read_used, first=True).networks[0]


def inferring(model: Model) -> Model:
    """The model without noise and without outputs for training alone."""
    outputs = tuple(output for output in model.outputs if not output.training)
    needed = {output.value.number for output in outputs}
    same, operations = {}, []
    for operation in reversed(model.operations):
        if operation.output.number in needed:
            needed |= {value.number for value in operation.inputs}
    for operation in model.operations:
        inputs = tuple(same.get(value.number, value) for value in operation.inputs)
        if operation.layer.name in ("dropout", "stochasticdepth"):
            same[operation.output.number] = inputs[0]
        elif operation.output.number in needed:
            operations.append(operation._replace(inputs=inputs, training=False))
    outputs = tuple(each._replace(value=same.get(each.value.number, each.value)) for each in outputs)
    return model._replace(operations=tuple(operations), outputs=outputs)


@pytest.mark.parametrize("functions", [False, True], ids=["plain", "functions"])
@pytest.mark.parametrize("name", ["digits", "lenet1998", "siamese", "allcnn"])
def test_small_nets_come_back(name: str, functions: bool, tmp_path: Path) -> None:
    network = net(name)
    model = open_bytes(emit(network, "net.cnn", functions=functions), tmp_path)
    found, _ = read_model(model)
    assert compare(inferring(model_of(network)), found) is None
    specify(found)


@pytest.mark.parametrize("functions", [False, True], ids=["plain", "functions"])
@pytest.mark.parametrize("name", ["densenet", "mobilenet_v2", "regnet", "resnet", "resunet", "shufflenet_v2"])
def test_nets_with_blocks_come_back(name: str, functions: bool, tmp_path: Path) -> None:
    """In functions, too, whose nodes know their paths within the block alone."""
    network = net(name)
    found, _ = read_model(open_bytes(emit(network, "net.cnn", functions=functions), tmp_path))
    assert compare(inferring(model_of(network)), found) is None
    assert "block " in specify(found).text
