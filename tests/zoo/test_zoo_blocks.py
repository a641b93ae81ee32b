"""The library of blocks, each in a tiny net: sizes and parameters by hand, and torchvision's own blocks."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cnnspec.analysis.costs import costs
from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check_text
from cnnspec.graph.tree import Network
from tests.zoo.shipped import SPECS, load

pytestmark = pytest.mark.slow

BLOCKS = sorted(path.stem for path in (SPECS / "blocks").glob("*.cnn"))


def conv(filters: int, channels: int, kernel: int, bias: bool = False) -> int:
    return filters * channels * kernel * kernel + filters * bias


def tiny(file: str, use: str, shape: str = "64@16x16") -> Network:
    """A net of one block, labelled `block`."""
    found = check_text(f'use "blocks/{file}.cnn"\nnet Tiny {{\n    input {shape}\n    block: {use}\n}}\n')
    assert not found.diagnostics, found.diagnostics
    return found.networks[0]


@pytest.mark.parametrize(
    ("file", "use", "out", "params"),
    [
        ("double", "Double 32", "32@16x16", conv(32, 64, 3) + 64 + conv(32, 32, 3) + 64),
        ("double", "Double 32 pad=0 normed=no", "32@12x12", conv(32, 64, 3, True) + conv(32, 32, 3, True)),
        ("residual", "Basic 64", "64@16x16", 2 * (conv(64, 64, 3) + 128)),
        (
            "residual",
            "Basic 128 stride=2",
            "128@8x8",
            conv(128, 64, 3) + conv(128, 128, 3) + conv(128, 64, 1) + 3 * 256,
        ),
        ("residual", "Bottleneck 16", "64@16x16", conv(16, 64, 1) + conv(16, 16, 3) + conv(64, 16, 1) + 192),
        (
            "residual",
            "Bottleneck 64 stride=2 groups=32 base=4",
            "256@8x8",
            conv(128, 64, 1) + conv(128, 4, 3) + conv(256, 128, 1) + conv(256, 64, 1) + 2 * (128 + 128 + 512),
        ),
        (
            "inception",
            "Inception 8 4 16 2 6 10",
            "40@16x16",
            conv(8, 64, 1)
            + conv(4, 64, 1)
            + conv(16, 4, 3)
            + conv(2, 64, 1)
            + conv(6, 2, 3)
            + conv(10, 64, 1)
            + 92,
        ),
        (
            "inception",
            "Inception 8 4 16 2 6 10 kernel=5",
            "40@16x16",
            conv(8, 64, 1)
            + conv(4, 64, 1)
            + conv(16, 4, 3)
            + conv(2, 64, 1)
            + conv(6, 2, 5)
            + conv(10, 64, 1)
            + 92,
        ),
        ("dense", "DenseLayer 12", "76@16x16", 128 + conv(48, 64, 1) + 96 + conv(12, 48, 3)),
        ("dense", "DenseLayer 12 bottleneck=2", "76@16x16", 128 + conv(24, 64, 1) + 48 + conv(12, 24, 3)),
        ("dense", "Transition 32", "32@8x8", 128 + conv(32, 64, 1)),
        ("fire", "Fire 8 24", "48@16x16", conv(8, 64, 1, True) + conv(24, 8, 1, True) + conv(24, 8, 3, True)),
        (
            "inverted_residual",
            "InvertedResidual 64",
            "64@16x16",
            conv(384, 64, 1) + 768 + conv(384, 1, 3) + 768 + conv(64, 384, 1) + 128,
        ),
        (
            "inverted_residual",
            "InvertedResidual 24 stride=2 expand=1 act=hardswish",
            "24@8x8",
            conv(64, 1, 3) + 128 + conv(24, 64, 1) + 48,
        ),
        ("squeeze_excite", "SqueezeExcite", "64@16x16", conv(4, 64, 1, True) + conv(64, 4, 1, True)),
        (
            "squeeze_excite",
            "SqueezeExcite reduction=100",
            "64@16x16",
            conv(1, 64, 1, True) + conv(64, 1, 1, True),
        ),
    ],
)
def test_sizes_and_parameters(file: str, use: str, out: str, params: int) -> None:
    network = tiny(file, use)
    assert str(network.outputs[0].value.shape) == out
    assert costs(network).params == params


@pytest.mark.parametrize("file", BLOCKS)
def test_every_example_in_its_comment_works(file: str) -> None:
    examples = []
    for line in (SPECS / f"blocks/{file}.cnn").read_text("utf-8").splitlines():
        if line.startswith("#   "):
            examples.append(line[4:].split("   ")[0])
    assert examples
    for example in examples:
        assert tiny(file, example) if "repeat" not in example else tiny(file, f"{{ {example} }}")


def test_a_block_that_adds_nothing_has_no_join() -> None:
    """Where an inverted residual changes the size or the channels there is nothing to add."""
    joins = [n for n in unroll(tiny("inverted_residual", "InvertedResidual 24")).nodes if n.layer.is_join]
    assert not joins
    joins = [n for n in unroll(tiny("inverted_residual", "InvertedResidual 64")).nodes if n.layer.is_join]
    assert len(joins) == 1


def test_all_of_the_library_goes_into_one_file() -> None:
    """No two files define one name."""
    uses = "".join(f'use "blocks/{name}.cnn"\n' for name in BLOCKS)
    found = check_text(uses + "net All {\n    input 64@16x16\n    Double 64, Basic 64, SqueezeExcite\n}\n")
    assert found.ok and len(found.networks) == 1


def blocks_of_torchvision(torchvision: ModuleType) -> Mapping[str, Any]:
    from torch import nn
    from torchvision.models import densenet, mobilenetv2, resnet
    from torchvision.models.googlenet import Inception
    from torchvision.models.squeezenet import Fire
    from torchvision.ops import SqueezeExcitation

    def shortcut(width: int, stride: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(64, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    wide = resnet.Bottleneck
    return {
        "Basic 64": resnet.BasicBlock(64, 64),
        "Basic 128 stride=2": resnet.BasicBlock(64, 128, 2, shortcut(128, 2)),
        "Bottleneck 16": wide(64, 16),
        "Bottleneck 64 stride=2 groups=32 base=4": wide(64, 64, 2, shortcut(256, 2), groups=32, base_width=4),
        "DenseLayer 12": densenet._DenseLayer(64, 12, 4, 0.0),
        "Transition 32": densenet._Transition(64, 32),
        "Fire 8 24": Fire(64, 8, 24, 24),
        "Inception 8 4 16 2 6 10": Inception(64, 8, 4, 16, 2, 6, 10),
        "InvertedResidual 64": mobilenetv2.InvertedResidual(64, 64, 1, 6),
        "InvertedResidual 24 2 1": mobilenetv2.InvertedResidual(64, 24, 2, 1),
        "SqueezeExcite": SqueezeExcitation(64, 4),
        "SqueezeExcite 4 gate=hardsigmoid": SqueezeExcitation(64, 16, scale_activation=nn.Hardsigmoid),
    }


FILE_OF = {"Basic": "residual", "Bottleneck": "residual", "Fire": "fire", "Inception": "inception"} | {
    "DenseLayer": "dense",
    "Transition": "dense",
    "InvertedResidual": "inverted_residual",
    "SqueezeExcite": "squeeze_excite",
}


def test_they_are_torchvisions_blocks(torchvision: ModuleType, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    images = torch.randn(2, 64, 16, 16)
    for use, theirs in blocks_of_torchvision(torchvision).items():
        ours = load(tiny(FILE_OF[use.split()[0]], use), tmp_path)()
        if use.startswith("Inception"):  # GoogLeNet's is 0.001 in torchvision's blocks
            for module in ours.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eps = 0.001
        ours.get_submodule("block").load_state_dict(theirs.state_dict(), strict=True)
        for training in (False, True):
            expected = theirs.train(training)(images)
            if use.startswith("DenseLayer"):  # theirs leaves the concatenation to the block around it
                expected = torch.cat([images, expected], dim=1)
            found = ours.train(training)(images)
            assert found.shape == expected.shape, use
            assert (found - expected).abs().max() <= 1e-5 * expected.abs().max(), use


def test_the_double_convolution(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    parts = [nn.Conv2d(64, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    parts += [nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    theirs = nn.Sequential(*parts)
    ours = load(tiny("double", "Double 32"), tmp_path)()
    ours.get_submodule("block").load_state_dict(theirs.state_dict(), strict=True)
    assert sum(prod(p.shape) for p in ours.parameters()) == costs(tiny("double", "Double 32")).params
    images = torch.randn(2, 64, 16, 16)
    torch.testing.assert_close(ours(images), theirs(images))
