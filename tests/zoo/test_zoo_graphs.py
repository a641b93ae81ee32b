"""The checked graph of every shipped net against what is published of it. Nothing is emitted here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cnnspec.analysis.costs import costs
from cnnspec.analysis.receptive import fields
from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network, Output
from cnnspec.tables.one_line import line
from tests.zoo.shipped import FILES, SPECS, TORCHVISION, check_file, network, published

pytestmark = pytest.mark.slow

RECORDED = json.loads((Path(__file__).parents[1] / "data/torchvision.json").read_text("utf-8"))["models"]


def tensors(checked: Network) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the state_dict that the graph promises."""
    return {
        f"{node.path}.{weight.name}" if weight.name else node.path: tuple(map(int, weight.shape))
        for node in unroll(checked).nodes
        if not node.shared
        for weight in node.weights
    }


def arriving(checked: Network) -> tuple[int, ...]:
    """The shape of the first input."""
    shape = checked.inputs[0].value.shape
    assert shape is not None
    return shape.dimensions


def leaving(output: Output) -> list[int]:
    """The shape of an output."""
    shape = output.value.shape
    assert shape is not None
    return list(shape.dimensions)


def test_every_net_of_every_file_is_known_here() -> None:
    shipped = {net.name: path.stem for path in SPECS.glob("*.cnn") for net in check_file(path.stem).networks}
    assert shipped == FILES


@pytest.mark.parametrize("file", sorted({path.stem for path in SPECS.glob("*.cnn")}))
def test_no_file_has_anything_to_complain_of(file: str) -> None:
    """Not even a note: an assertion `->` in a pattern holds for every variant of it."""
    found = check_file(file)
    assert found.networks and found.diagnostics == ()


@pytest.mark.parametrize("file", sorted({path.stem for path in SPECS.glob("*.cnn")}))
def test_the_first_comment_says_what_it_is(file: str) -> None:
    first, *rest = (SPECS / f"{file}.cnn").read_text("utf-8").splitlines()
    assert re.match(r"# .*\b(19|20)\d\d\b", first) and len(first) <= 100
    assert max(map(len, rest)) <= 120


@pytest.mark.parametrize("net", [net for net, (_, name) in TORCHVISION.items() if name in RECORDED])
def test_recorded_figures(net: str) -> None:
    """Figures and keys that were read off torchvision once; needs neither torch nor torchvision."""
    checked, recorded = network(net), RECORDED[TORCHVISION[net][1]]
    assert costs(checked)._asdict() == {key: recorded[key] for key in ("params", "buffers", "macs")}
    assert leaving(checked.outputs[0]) == recorded["output"]
    assert tensors(checked) == {key: tuple(shape) for key, shape in recorded["tensors"].items()}


@pytest.mark.parametrize("net", TORCHVISION)
def test_figures_and_keys_are_torchvisions(net: str, torchvision: ModuleType) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    checked = network(net)
    theirs = published(torchvision, net)
    state = theirs.state_dict()
    assert tensors(checked) == {key: tuple(value.shape) for key, value in state.items()}
    with FlopCounterMode(display=False) as flops:
        out = theirs.eval()(torch.empty(1, *arriving(checked), device="meta"))
    total = costs(checked)
    assert total.params == sum(p.numel() for p in theirs.parameters())
    assert total.buffers == sum(b.numel() for b in theirs.buffers())
    assert total.macs == flops.get_total_flops() / 2
    outs = out.values() if isinstance(out, dict) else [out]  # torchvision's segmentation
    assert [leaving(output) for output in checked.outputs if not output.train] == [
        list(one.shape[1:]) for one in outs
    ]


@pytest.mark.parametrize(
    ("net", "said"),
    [
        ("LeNet5", "1@28x28 -> 10, 61,706 parameters, 416,520 MACs"),
        # 60,000 up to F6, and 850 in the layer that stands for the drawings of the digits
        ("LeNet1998", "1@32x32 -> 10, 60,850 parameters, 328,096 MACs"),
        ("UNet", "1@572x572 -> 2@388x388, 31,030,658 parameters, 150,428,424,448 MACs"),
        ("PaddedUNet", "1@256x256 -> 2@256x256, 31,036,546 parameters, 48,096,083,968 MACs"),
        ("Siamese", "1@105x105 and 1@105x105 -> 1, 38,951,745 parameters, 1,817,251,840 MACs"),
        ("Digits", "1@8x8 -> 10, 13,706 parameters, 91,776 MACs"),
        ("AllCNNC", "3@32x32 -> 10, 1,369,738 parameters, 270,798,336 MACs"),
        ("FCN32s", "3@500x500 -> 21@500x500, 134,346,581 parameters, 180,925,453,056 MACs"),
        ("RPN", "3@600x1000 -> 18@38x63 and 36@38x63, 17,102,198 parameters, 189,583,607,808 MACs"),
        ("ResUNet", "3@224x224 -> 1@224x224, 8,216,769 parameters, 34,627,059,712 MACs"),
        ("Edges", "1@64x64 -> 1@64x64, 0 parameters, 110,592 MACs"),
        ("Blur", "3@64x64 -> 3@64x64, 0 parameters, 110,592 MACs"),
    ],
)
def test_what_check_says_of_the_others(net: str, said: str) -> None:
    file = f"{FILES[net]}.cnn"
    assert line(file, network(net)) == f"{file}: {net} ok, {said}"


def test_the_first_net_is_the_best_known() -> None:
    """`build` takes it."""
    files = ("densenet", "efficientnet", "mobilenet_v3", "resnet", "unet", "vgg")
    firsts = [check_file(file).networks[0].name for file in files]
    assert firsts == [
        "DenseNet121",
        "EfficientNetB0",
        "MobileNetV3Large",
        "ResNet50",
        "UNet",
        "VGG16",
    ]


def test_lenet_1998_map_by_map() -> None:
    """The trainable parameters of every layer, as section II.B of the paper gives them, up to F6."""
    counts: dict[str, int] = {}
    for key, shape in tensors(network("LeNet1998")).items():
        layer = key.split(".")[0]
        counts[layer] = counts.get(layer, 0) + prod(shape)
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164, "linear2": 850}


def count(net: str, wanted: Callable[[str], bool]) -> int:
    """The trainable parameters of a net of whose tensors the keys are wanted."""
    nodes = [node for node in unroll(network(net)).nodes if not node.shared]
    tensors = [(f"{node.path}.{weight.name}", weight) for node in nodes for weight in node.weights]
    return sum(weight.elements for key, weight in tensors if weight.trained and wanted(key))


def view(net: str, path: str) -> tuple[int, int]:
    """How large a part of the image a layer's pixel sees, and how far apart neighbours' parts are."""
    field = fields(unroll(network(net)))[path]
    assert field is not None
    return field.size[0], int(field.jump[0])


def test_fcn_32s_as_published() -> None:
    """Table 1 of the paper: 134M parameters, receptive fields of 404 at a stride of 32."""
    assert round(costs(network("FCN32s")).params, -6) == 134_000_000
    assert view("FCN32s", "classifier.6") == (404, 32)


def test_fcn_32s_says_of_a_place_what_it_saw_there() -> None:
    """The middle of what the first score saw is the middle of where it is put, once cropped."""
    nodes = {node.path: node for node in unroll(network("FCN32s")).nodes}
    field = fields(unroll(network("FCN32s")))["classifier.6"]
    top = nodes["crop1"].layer.value("sides")[0]
    assert field is not None and field.start[0] + (field.size[0] - 1) / 2 == (64 - 1) / 2 - top


def test_the_region_proposals_as_published() -> None:
    """Section 3.1 of the paper, biases aside: two sibling layers of 512*(4 + 2)*9 parameters, 2.4 million
    with the 3x3 before them; receptive fields of 228; typically some 2,400 places, 20,000 anchors."""
    heads = count("RPN", lambda key: key in ("objectness.weight", "boxes.weight"))
    assert heads == 512 * (4 + 2) * 9
    assert round(heads + count("RPN", lambda key: key == "shared.0.weight"), -5) == 2_400_000
    assert view("RPN", "objectness") == view("RPN", "boxes") == (228, 16)
    _, height, width = leaving(network("RPN").outputs[0])
    assert round(height * width, -2) == 2_400 and round(9 * height * width, -4) == 20_000


def test_the_residual_unet_as_published() -> None:
    """Its fifteen convolutions (Table I) have 7.8M parameters; shortcuts the paper does not count."""
    assert round(count("ResUNet", lambda key: "shortcut" not in key), -5) == 7_800_000
    flat = unroll(network("ResUNet"))
    assert sum(node.layer.name == "conv" and "shortcut" not in node.path for node in flat.nodes) == 15


def test_all_cnn_c_as_published() -> None:
    """Table 3 of the paper: 1.4M parameters; Table 1: the average is over 6x6."""
    assert round(costs(network("AllCNNC")).params, -5) == 1_400_000
    (last,) = [node for node in unroll(network("AllCNNC")).nodes if node.path == "conv9"]
    assert str(last.output) == "10@6x6"


@pytest.mark.parametrize(
    ("net", "millions", "giga"),
    [("DeepLabV3ResNet50", "42.004074", "178.722"), ("FCNResNet50", "35.322218", "152.717")],
)
def test_segmentation_as_torchvision_publishes_it(net: str, millions: str, giga: str) -> None:
    """Parameters, and operations for an image of 520x520, as they stand beside the published weights."""
    total = costs(network(net))
    assert f"{total.params / 1e6:.6f}" == millions and f"{total.macs / 1e9:.3f}" == giga


@pytest.mark.parametrize(
    ("net", "parameters", "input", "out"),
    [
        ("LeNet5", {"channels": 3}, "", "10"),
        ("LeNet5", {"size": 32}, "", "10"),
        ("LeNet5", {"classes": 7}, "", "7"),
        ("UNet", {}, "1@188x188", "2@4x4"),
        ("PaddedUNet", {"channels": 3, "classes": 5}, "3@48x80", "5@48x80"),
        ("Edges", {"channels": 3}, "3@427x640", "1@427x640"),
        ("ResNet50", {"classes": 10}, "3@64x64", "10"),
        ("GoogLeNet", {"aux": False}, "", "1000"),
        ("DeepLabV3ResNet50", {"aux": False, "classes": 2}, "3@75x101", "2@75x101"),
        ("FCN32s", {"classes": 2}, "3@1x333", "2@1x333"),
        ("RPN", {"anchors": 3}, "3@224x224", "6@14x14"),
        ("ResUNet", {}, "3@512x512", "1@512x512"),
    ],
)
def test_parameters_and_inputs(net: str, parameters: dict[str, Any], input: str, out: str) -> None:  # noqa: A002
    assert str(network(net, parameters, input).outputs[0].value.shape) == out


@pytest.mark.parametrize("size", ["1@100x100", "1@256x264"])
def test_the_padded_unet_refuses_other_sizes(size: str) -> None:
    from cnnspec.elaborate.settings import Settings, parse_shape

    found = check_file("unet", "PaddedUNet", Settings({}, {"": parse_shape(size)}))
    assert [d.code for d in found.diagnostics if d.severity == "error"][:1] == ["E0407"]
    assert not found.ok


def test_without_heads_googlenet_keeps_its_other_weights() -> None:
    whole, bare = tensors(network("GoogLeNet")), tensors(network("GoogLeNet", {"aux": False}))
    assert bare == {key: shape for key, shape in whole.items() if not key.startswith("aux")}
    assert len(network("GoogLeNet", {"aux": False}).outputs) == 1
    assert costs(network("GoogLeNet", {"aux": False})).macs == costs(network("GoogLeNet")).macs


def test_images_are_prepared_as_torchvision_does() -> None:
    for net in TORCHVISION.keys() - {"InceptionV3"}:  # whose model changes what was prepared for the others
        (given,) = network(net).inputs
        assert (given.mean, given.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
