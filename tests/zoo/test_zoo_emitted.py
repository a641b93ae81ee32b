"""The emitted PyTorch of every shipped net is the published net: keys, outputs, running statistics."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cnnspec.analysis.costs import costs
from cnnspec.backends import emit
from cnnspec.graph.tree import Network
from tests.zoo.shipped import LARGE, LONG, OWN, SMALL, TORCHVISION, network, published, small

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from tests.zoo import originals  # noqa: E402

pytestmark = pytest.mark.slow

BOUND = 1e-5  # of the largest output
MOVES = 0.01  # of the largest output: between any two images
Emitted = Callable[..., Any]


def calibrate(model: Any, seed: int = 0) -> Any:
    """Weights and running statistics under which outputs move with the input, as a trained net's do.

    PyTorch's own start shrinks what goes through, layer by layer: MobileNet's outputs then move by 3e-7
    of themselves, and any two nets would agree. Times sqrt(6) it is that of He et al. (2015), which keeps
    the scale.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1, generator=generator)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.ndim > 1:
            tensor.mul_(6**0.5)
    return model


def make(cls: Any, seed: int = 0) -> Any:
    """A model with PyTorch's own random start, calibrated."""
    torch.manual_seed(seed)
    return calibrate(cls())


def filled(model: Any, state: dict[str, Any]) -> Any:
    """A model of meta tensors with those of a state_dict; buffers are copied, for training changes them."""
    buffers = {name for name, _ in model.named_buffers()}
    tensors = model.state_dict()  # which holds its version, too
    tensors.update({k: v.clone() if k in buffers else v for k, v in state.items()})
    model.load_state_dict(tensors, strict=True, assign=True)
    return model


def run(model: Any, training: bool, *images: Any) -> tuple[Any, ...]:
    """All outputs of a model. What it draws while training is drawn from one seed."""
    model.train(training)
    torch.manual_seed(1)
    with torch.no_grad():
        result = model(*images)
    if isinstance(result, dict):  # torchvision's segmentation
        return tuple(result.values())
    return result if isinstance(result, tuple) else (result,)


def images_for(net: Network, seed: int = 2) -> list[Any]:
    """Two images for each input."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [given.value.shape for given in net.inputs]
    return [torch.randn(2, *shape.dimensions, generator=generator) for shape in shapes if shape]


def agree(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape and mine.isfinite().all()
        assert (mine - other).abs().max() <= BOUND * other.abs().max()


def same_tensors(ours: Any, theirs: Any) -> None:
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
    assert {k for k, _ in ours.named_parameters()} == {k for k, _ in theirs.named_parameters()}


def same_behaviour(ours: Any, theirs: Any, *images: Any) -> None:
    """In evaluation; in training, with the running statistics and the auxiliary outputs. Images are two."""
    outputs = run(theirs, False, *images)
    first, second = outputs[0]
    assert (first - second).abs().max() > MOVES * outputs[0].abs().max()
    agree(run(ours, False, *images), outputs)
    before = {name: buffer.clone() for name, buffer in ours.named_buffers()}
    agree(run(ours, True, *images), run(theirs, True, *images))
    after, expected = dict(ours.named_buffers()), dict(theirs.named_buffers())
    for name, buffer in expected.items():
        torch.testing.assert_close(after[name], buffer, rtol=BOUND, atol=BOUND)
        if name.endswith(("running_mean", "running_var", "num_batches_tracked")):  # the step was taken
            assert not torch.equal(after[name], before[name])


@pytest.mark.parametrize("net", [net for net in TORCHVISION if LONG or not LARGE.match(net)])
def test_it_is_torchvisions_net(net: str, emitted: Emitted, torchvision: ModuleType) -> None:
    cls = emitted(net, input=SMALL[net])
    start = make(cls)
    theirs = filled(published(torchvision, net), start.state_dict())
    with torch.device("meta"):
        ours = cls()
    ours = filled(ours, theirs.state_dict())
    same_tensors(ours, theirs)
    same_behaviour(ours, theirs, *images_for(small(net)))


@pytest.mark.parametrize("net", OWN)
def test_it_is_the_net_of_its_paper(net: str, emitted: Emitted) -> None:
    cls = emitted(net, input=SMALL.get(net, ""))
    theirs = calibrate(getattr(originals, net)())
    ours = cls()
    same_tensors(ours, theirs)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    same_behaviour(ours, theirs, *images_for(small(net)))


@pytest.mark.parametrize("net", OWN)
def test_macs_are_those_that_pytorch_counts(net: str, emitted: Emitted) -> None:
    """Those of torchvision's nets are counted on torchvision's own."""
    with torch.device("meta"):
        model = emitted(net)().eval()
        images = [torch.empty(1, *given.value.shape.dimensions) for given in network(net).inputs]
    with FlopCounterMode(display=False) as flops:
        model(*images)
    assert costs(network(net)).macs == flops.get_total_flops() / 2


def test_interpolation_is_there_from_the_start(emitted: Emitted) -> None:
    theirs = originals.FCN32s().upscore.weight
    torch.testing.assert_close(emitted("FCN32s", input=SMALL["FCN32s"])().upscore.weight, theirs)


def test_dense_layers_are_convolutions(emitted: Emitted, torchvision: ModuleType) -> None:
    """On an image as large as VGG-16's, without the margin, FCN-32s says at one place what VGG-16 says."""
    theirs = torchvision.models.vgg16(num_classes=21).eval()
    ours = emitted("FCN32s", input=SMALL["FCN32s"])().eval()
    state = theirs.state_dict()
    shapes = ours.state_dict()
    ours.load_state_dict({key: state.get(key, kept).reshape(kept.shape) for key, kept in shapes.items()})
    ours.features[0].padding = (1, 1)
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        agree((ours.classifier(ours.features(image)).flatten(1),), (theirs(image),))


def test_fixed_kernels_are_there_from_the_start(emitted: Emitted) -> None:
    """Buffers under their keys, with the numbers of the specification: nothing is loaded here."""
    images = torch.rand(1, 1, 64, 64)
    model = emitted("Edges")()
    assert not list(model.parameters()) and set(model.state_dict()) == {f"conv{i}.weight" for i in (1, 2, 3)}
    agree(run(model, False, images), run(originals.Edges(), False, images))


def test_the_unet_starts_as_its_paper_asks(emitted: Emitted) -> None:
    """Weights ~ N(0, 2/fan_in) (He et al. 2015)."""
    torch.manual_seed(0)
    weight = emitted("UNet")().bottom[0].weight
    assert abs(weight.std().item() / (2 / (512 * 9)) ** 0.5 - 1) < 0.01


def test_siamese_distances(emitted: Emitted) -> None:
    """One tower: the same drawing twice has no distance, and swapping the two changes nothing."""
    model = emitted("Siamese")().eval()
    left, right = torch.rand(2, 1, 1, 105, 105)
    with torch.no_grad():
        assert torch.equal(model(left, left), torch.sigmoid(model.linear1.bias)[None])
        assert torch.allclose(model(left, right), model(right, left))


@pytest.mark.parametrize("net", ["LeNet5", "ResNet18", "GoogLeNet", "SqueezeNet", "Siamese", "PaddedUNet"])
def test_a_width_is_set_when_built_or_when_made(net: str, emitted: Emitted) -> None:
    """`--set classes=7` and `Net(classes=7)` are one net."""
    name = "features" if net == "Siamese" else "classes"
    size = SMALL.get(net, "")
    built, general = emitted(net, {name: 7}, size), emitted(net, input=size)
    ours, theirs = make(built), make(lambda: general(**{name: 7}))
    same_tensors(ours, theirs)
    if net != "Siamese":
        assert any(v.shape[0] == 7 for v in ours.state_dict().values() if v.ndim)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    same_behaviour(ours, theirs, *images_for(small(net)))


def test_without_its_heads_googlenet_gives_one_tensor(emitted: Emitted) -> None:
    model = make(emitted("GoogLeNet", {"aux": False})).train()
    assert torch.is_tensor(model(torch.rand(2, 3, 64, 64)))


def test_outputs_are_named(emitted: Emitted) -> None:
    model = make(emitted("GoogLeNet")).train()
    result = model(torch.rand(2, 3, 64, 64))
    assert result._fields == ("fc", "aux2", "aux1")
    assert torch.is_tensor(model.eval()(torch.rand(1, 3, 64, 64)))


def test_the_file_itself_runs(tmp_path: Path) -> None:
    file = tmp_path / "lenet.py"
    file.write_text(emit("torch", network("LeNet5"), "lenet.cnn"), "utf-8")
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "(1, 1, 28, 28) -> (1, 10)\n"
