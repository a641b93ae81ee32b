"""PyTorch's own tools take the emitted nets: torch.export, torch.fx, torch.compile."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.backends.pair import outputs
from tests.zoo.shipped import LONG, OWN, SMALL, TORCHVISION, published, small

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")

Emitted = Callable[..., Any]

FAMILIES = (
    "AlexNet",
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "GoogLeNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "RegNetY400MF",
    "ResNet18",
    "ResNeXt50",
    "ShuffleNetV2x05",
    "SqueezeNet",
    "VGG11BN",
)
LIGHT = [net for net in OWN if net != "FCN32s"]  # which has 134 million parameters, and RPN's layers
COMPILED = ("Digits", "LeNet5", "PaddedUNet", "Siamese", "ResNet18", "GoogLeNet", "DenseNet121")
COMPILED += ("EfficientNetB0", "ShuffleNetV2x05", "ConvNeXtTiny")
"""The compiler takes seconds for each: with CNNSPEC_LONG=1 it has them all."""

HEADS = ("GoogLeNet", "InceptionV3")


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    """What was compiled for other nets would count towards dynamo's limit."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def model_and_images(net: str, emitted: Emitted, device: str = "cpu") -> tuple[Any, tuple[Any, ...]]:
    """A net for small images, in evaluation, and images for it."""
    torch.manual_seed(0)
    with torch.device(device):
        model = emitted(net, input=SMALL.get(net, ""))().eval()
        shapes = [given.value.shape for given in small(net).inputs]
        return model, tuple(torch.rand(2, *shape.dimensions) for shape in shapes if shape)


def close(ours: Any, theirs: Any) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("net", [*LIGHT, *FAMILIES])
def test_export(net: str, emitted: Emitted) -> None:
    model, images = model_and_images(net, emitted)
    program = torch.export.export(model, images)
    with torch.no_grad():
        close(program.module()(*images), model(*images))
    assert set(program.state_dict) == set(model.state_dict())


@pytest.mark.parametrize("net", [*OWN, *TORCHVISION] if LONG else [*LIGHT, *FAMILIES])
def test_symbolic_tracing(net: str, emitted: Emitted) -> None:
    model, images = model_and_images(net, emitted, "meta")
    traced = torch.fx.symbolic_trace(model)
    left_out = set(model.state_dict()) - set(traced.state_dict())
    assert all(
        net in HEADS and key.lower().startswith("aux") for key in left_out
    )  # heads run only in training
    with torch.no_grad():
        found, expected = traced(*images), model(*images)
    assert [out.shape for out in outputs(found)] == [out.shape for out in outputs(expected)]


@pytest.mark.parametrize("net", [*LIGHT, *FAMILIES] if LONG else COMPILED)
def test_compiled_whole(net: str, emitted: Emitted) -> None:
    """One graph without breaks."""
    model, images = model_and_images(net, emitted)
    with torch.no_grad():
        close(torch.compile(model, backend="aot_eager", fullgraph=True)(*images), model(*images))


@pytest.mark.parametrize("net", ["Digits", "LeNet1998", "PaddedUNet", "ResNet18", "Siamese"])
def test_compiled_gradients(net: str, emitted: Emitted) -> None:
    model, images = model_and_images(net, emitted)
    weights = list(model.parameters())
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    found = torch.autograd.grad(compiled(*images).sum(), weights)
    expected = torch.autograd.grad(model(*images).sum(), weights)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


@pytest.mark.parametrize("net", ["GoogLeNet", "LeNet5"])
def test_compiled_whole_while_training(net: str, emitted: Emitted) -> None:
    model, images = model_and_images(net, emitted)
    compiled = torch.compile(model.train(), backend="aot_eager", fullgraph=True)
    out = compiled(*images)
    assert len(out) == (3 if net == "GoogLeNet" else 2)


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_the_default_compiler(emitted: Emitted) -> None:
    model, images = model_and_images("LeNet5", emitted)
    with torch.no_grad():
        close(torch.compile(model)(*images), model(*images))


def operators(model: Any) -> Counter[str]:
    """How often torch.export's graph calls each kind of operator, in place or not."""
    program = torch.export.export(model, (torch.rand(1, 3, 224, 224, device="meta"),))
    called = [str(node.target).split(".") for node in program.graph.nodes if node.op == "call_function"]
    return Counter(name.removesuffix("_") for _, name, *_ in called)


def test_no_operator_more_than_torchvision_needs(emitted: Emitted, torchvision: ModuleType) -> None:
    with torch.device("meta"):
        ours = emitted("ResNet50")().eval()
    mine, theirs = operators(ours), operators(published(torchvision, "ResNet50").eval())
    assert mine["conv2d"] == 53 and mine["add"] >= 16  # a whole graph was read
    assert mine - theirs == Counter()
