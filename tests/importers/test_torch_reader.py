"""Whole networks: torchvision's and the zoo's emitted programs, read and run beside what they were read from.

`CNNSPEC_LONG=1 python -m pytest tests/importers/test_torch_reader.py` reads all of torchvision's and all of
the zoo; with `CNNSPEC_RANDOM=1000` it reads more random nets, too.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check_text
from cnnspec.graph.tree import Network
from cnnspec.importers.model import Model
from cnnspec.importers.refusals import Refused
from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape
from tests.random.files import seeded
from tests.zoo.shipped import FILES, LONG, TORCHVISION, network, small
from tests.zoo.shipped import load as emitted_class

torch = pytest.importorskip("torch")

from cnnspec.importers.torch.merge_runs import NOISE  # noqa: E402
from cnnspec.importers.torch.read import read  # noqa: E402
from cnnspec.importers.torch.sources import load  # noqa: E402
from tests.backends.interpreter import build  # noqa: E402
from tests.importers.running import largest_difference  # noqa: E402

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("CNNSPEC_RANDOM", "50"))
LARGEST = 300  # layers: enough for every form


def keys_of(model: Model) -> dict[str, tuple[int, ...]]:
    """The tensors of a model by their keys."""
    return {
        operation.keys[weight.name]: weight.shape
        for operation in model.operations
        if operation.keys
        for weight in operation.layer.weights(operation.inputs[0].shape)
    }


def layers_of(model: Model) -> list[tuple[str, dict[str, Any]]]:
    """The layers in their order, and what their arguments are other than the defaults."""
    return [
        (
            layer.name,
            {
                name: layer.value(name)
                for name, argument in layer.arguments.items()
                if layer.value(name) != argument.default
            },
        )
        for layer in (operation.layer for operation in model.operations)
    ]


def counted(layers: Iterable[tuple[Layer, Shape, Shape]]) -> Counter[tuple[str, str, int]]:
    """How many layers there are of each kind, with what it makes and its multiply-accumulates.

    What does nothing is left out, and a convolution of each channel for itself is depthwise. Concats are not
    counted: one of all that came before, as DenseNet has it, is a chain of them in the zoo.
    """
    found: Counter[tuple[str, str, int]] = Counter()
    for layer, x, out in layers:
        is_nothing = layer.name == "identity" or (layer.name == "flatten" and not x.is_map)
        if is_nothing or layer.name == "concat" or (layer.name in NOISE and not layer.value("p")):
            continue
        is_depthwise = layer.name == "conv" and layer.value("groups") == x.channels > 1
        found["depthwise" if is_depthwise else layer.name, str(out), layer.macs(x)] += 1
    return found


CLASSIFIERS = ["AlexNet", "ResNet18", "GoogLeNet", "ShuffleNetV2x05", "MobileNetV3Small", "RegNetY400MF"]
CLASSIFIERS += ["SqueezeNet", "EfficientNetB0", "DenseNet121", "ConvNeXtTiny", "MNASNet05", "InceptionV3"]


@pytest.mark.parametrize("net", TORCHVISION if LONG else CLASSIFIERS)
def test_torchvision_s_nets_are_those_of_the_zoo(net: str, torchvision: Any) -> None:
    """The zoo's are the same as torchvision's by tests of their own."""
    module = load(f"torchvision:{TORCHVISION[net][1]}")
    spec = network(net)
    model = read(module, [given.value.shape for given in spec.inputs])
    assert keys_of(model) == {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    graph = unroll(spec)
    wanted = counted((node.layer, node.shapes[0], node.output) for node in graph.nodes)
    assert counted((op.layer, op.inputs[0].shape, op.output.shape) for op in model.operations) == wanted
    assert {(output.name, output.training) for output in model.outputs} == OUTPUTS.get(net, {("", False)})


OUTPUTS = {
    "GoogLeNet": {("logits", False), ("aux_logits1", True), ("aux_logits2", True)},
    "InceptionV3": {("logits", False), ("aux_logits", True)},
    "DeepLabV3ResNet50": {("out", False), ("aux", False)},
    "DeepLabV3ResNet101": {("out", False), ("aux", False)},
}


@pytest.mark.parametrize("name", ["fcn_resnet50", "lraspp_mobilenet_v3_large"])
def test_segmentation_nets_follow_the_size(name: str, torchvision: Any) -> None:
    model = read(load(f"torchvision:{name}"), [Shape(3, 224, 224)])
    last = {output.value.number for output in model.outputs}
    resizes = [op.layer for op in model.operations if op.output.number in last]
    assert all(layer.name == "upsample" and layer.value("factor") == (8, 8) for layer in resizes)


SMALL_ENOUGH = ["LeNet5", "LeNet1998", "Siamese", "Edges", "ResUNet", "UNet", "RPN", "MobileNetV2"]


@pytest.mark.parametrize("net", FILES if LONG else SMALL_ENOUGH)
def test_emitted_programs_are_read(net: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = small(net)
    module = emitted_class(spec, tmp_path)()
    shapes = [given.value.shape for given in spec.inputs]
    model = read(module, shapes)
    assert keys_of(model) == {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    wanted = counted((node.layer, node.shapes[0], node.output) for node in unroll(spec).nodes)
    assert counted((op.layer, op.inputs[0].shape, op.output.shape) for op in model.operations) == wanted
    images = [torch.randn(2, *shape.dimensions) for shape in shapes]
    for training in (False, True):
        assert largest_difference(module, model, *images, training=training) == 0


def random_network(seed: int) -> Network | None:
    """A net without faults in which every layer counts; emitted programs do not run the others."""
    found = check_text(seeded(seed))
    if found.diagnostics or found.expanded > LARGEST:
        return None
    net = found.networks[-1]
    return None if any(node.dead for node in unroll(net).nodes) else net


@pytest.mark.parametrize("start", range(0, SEEDS, 25))
def test_random_nets_are_read(start: int) -> None:
    read_nets = 0
    for seed in range(start, min(start + 25, SEEDS)):
        if (net := random_network(seed)) is None:
            continue
        read_nets += 1
        module = build(net)
        shapes = [given.value.shape for given in net.inputs]
        try:
            model = read(module, shapes)
            images = [torch.randn(2, *shape.dimensions) for shape in shapes]
            for training in (False, True):
                assert largest_difference(module, model, *images, training=training) < 1e-6
        except (Refused, AssertionError) as problem:
            raise AssertionError(f"seed {seed}") from problem
    assert read_nets > 4


def test_the_same_module_gives_the_same_model() -> None:
    module = load("torchvision:mobilenet_v3_small")
    first, second = (read(module, [Shape(3, 224, 224)]) for _ in range(2))
    assert [op._replace(layer=None) for op in first.operations] == [
        op._replace(layer=None) for op in second.operations
    ]
    assert layers_of(first) == layers_of(second)
