"""What emitted PyTorch looks like: golden files, lengths, constructor arguments.

CNNSPEC_UPDATE=1 rewrites the golden files; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnspec
from cnnspec.backends import emit
from cnnspec.compiler import check
from cnnspec.elaborate.settings import Settings
from cnnspec.graph.tree import Network
from cnnspec.text.files import read, read_used
from cnnspec.text.source import Source
from tests.backends.interpreter import agree, load
from tests.nets import network

GOLDEN = Path(__file__).with_name("golden")
SPECS = Path(__file__).parents[2] / "specs"


def shipped(file: str, net: str | None = None, **parameters: object) -> Network:
    source = read(str(SPECS / file))
    assert isinstance(source, Source)
    found = check(source, read_used, net, Settings(parameters), first=True)
    assert not [d for d in found.diagnostics if d.severity == "error"]
    return found.networks[0]


@pytest.mark.parametrize(
    ("file", "net"),
    [
        ("lenet.cnn", None),
        ("resnet.cnn", "ResNet50"),
        ("vgg.cnn", "VGG16BN"),
        ("googlenet.cnn", None),
        ("densenet.cnn", None),
        ("mobilenet_v2.cnn", None),
        ("unet.cnn", None),
        ("siamese.cnn", None),
        ("mobilenet_v3.cnn", None),
        ("efficientnet.cnn", None),
        ("inception_v3.cnn", None),
        ("deeplab.cnn", None),
    ],
)
def test_the_text(file: str, net: str | None) -> None:
    golden = GOLDEN / file.replace(".cnn", ".py.txt")
    text = emit("torch", shipped(file, net), file)
    if os.environ.get("CNNSPEC_UPDATE"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize(
    ("net", "most"),
    [
        ("lenet.cnn LeNet5", 45),
        ("resnet.cnn ResNet50", 75),
        ("resnet.cnn ResNet152", 75),
        ("unet.cnn UNet", 80),
        ("densenet.cnn DenseNet121", 90),
        ("mobilenet_v3.cnn MobileNetV3Large", 125),
        ("efficientnet.cnn EfficientNetB0", 130),
    ],
)
def test_a_network_takes_few_lines_however_deep_it_is(net: str, most: int) -> None:
    file, name = net.split()
    assert emit("torch", shipped(file, name), file).count("\n") <= most


FREE = {
    "classes": ("net N(classes=10) { input 1@8x8\n conv 4@3x3, flatten, linear classes }", True),
    "width through a block": (
        "block B(w) { full = in.channels\n add { | identity | conv w@1x1, batchnorm, conv full@1x1 } }\n"
        "net N(width=10) { input 1@8x8\n conv width@3x3, B (2 * width), B width, flatten, linear 3 }",
        True,
    ),
    "growth": (
        "block D(g) { concat { | identity | conv g@3x3 pad=1 } }\n"
        "net N(growth=10) { input 2@8x8\n repeat 5 { D growth }\n conv (in.channels // 2)@1x1, globalavgpool }",  # noqa: E501
        True,
    ),
    "a depthwise width": (
        "net N(width=10) { input 1@8x8\n conv width@1x1, conv width@3x3 groups=width }",
        True,
    ),
    "input channels": ("net N(channels=10) { input channels@8x8\n conv 4@3x3 }", True),
    "a repeat": ("net N(depth=10) { input 1@8x8\n repeat depth { conv 4@1x1 } }", False),
    "an if": ("net N(width=10) { input 1@8x8\n if width > 4 { conv width@1x1 } }", False),
    "an if in a block": (
        "block B(w) { if w != in.channels { conv w@1x1 } }\nnet N(width=10) { input 1@8x8\n B width }",
        False,
    ),
    "an assertion": ("net N(width=10) { input 1@8x8\n conv width@1x1 -> 10@8x8 }", False),
    "a claim": ("net N(width=10) { input 1@8x8\n conv width@8x8, flatten, linear 3 in=10 }", False),
    "a spatial size": ("net N(size=10) { input 1@[size, size]\n conv 2@1x1 }", False),
    "a kernel": ("net N(k=3) { input 1@8x8\n conv 2@[k, k] }", False),
    "a stride": ("net N(s=2) { input 1@8x8\n conv 2@1x1 stride=s }", False),
    "groups": ("net N(g=2) { input 4@8x8\n conv 4@1x1 groups=g }", False),
    "a join's other side": ("net N(width=4) { input 4@8x8\n add { | identity | conv width@1x1 } }", False),
    "a label": ("net N(n=3) { input 4@8x8\n step{n}: conv 3@1x1 }", False),
    "an index": ("net N(n=1) { widths = [4, 8]\n input 4@8x8\n conv widths[n]@1x1 }", False),
    "a require": ("net N(width=4) { input 4@8x8\n require width < 9\n conv width@1x1 }", False),
    "a minimum": ("net N(width=4) { input 4@8x8\n conv min(width, 8)@1x1 }", False),
}


@pytest.mark.parametrize("case", FREE)
def test_a_parameter_stays_an_argument_if_all_it_reaches_are_widths(case: str) -> None:
    text, free = FREE[case]
    net = network(text)
    (name,) = net.arguments
    code = emit("torch", net, "net.cnn")
    assert (f"{name}: int = {net.arguments[name]}" in code) is free
    if not free:
        assert f", built with {name}=" in code


@pytest.mark.parametrize("case", [case for case, (_, free) in FREE.items() if free])
def test_an_argument_means_what_the_parameter_means(case: str) -> None:
    text, _ = FREE[case]
    net = network(text)
    (name,) = net.arguments
    changed = text.replace(f"{name}=10", f"{name}=6")
    built = model(network(changed))
    constructed = model(net, **{name: 6})
    shapes = {key: tensor.shape for key, tensor in built.state_dict().items()}
    assert {key: tensor.shape for key, tensor in constructed.state_dict().items()} == shapes
    constructed.load_state_dict(built.state_dict())
    x = torch.randn(2, *network(changed).inputs[0].value.shape.dimensions)  # type: ignore[union-attr]
    assert torch.equal(built.eval()(x), constructed.eval()(x))


def model(net: Network, **arguments: int) -> nn.Module:
    made: nn.Module = load(emit("torch", net, "net.cnn")).N(**arguments)
    return made


def test_what_only_training_needs_stands_in_one_block() -> None:
    found = network("""
net N {
    input 4
    a: tanh
    add { | relu | relu, linear 4 }
    relu
    b: linear 2
    from a
    c: linear 2
    output c
    output b train=yes
}""")
    forward = emit("torch", found, "n.cnn").partition("-> Tensor | NOutputs:\n")[2]
    expected = """\
        a = self.a(x)  # 4
        if self.training:
            z = self.relu1(a)
            b = self.b(self.relu3(z + self.linear1(self.relu2(a))))  # 2
        c: Tensor = self.c(a)
        if self.training:
            return NOutputs(c, b)
        return c
"""
    assert forward.startswith(expected)


def test_forward_calls_each_layer_of_a_repeat_by_its_name() -> None:
    text = emit("torch", shipped("allcnn.cnn"), "allcnn.cnn")
    assert "x = self.relu5(self.conv5(self.relu4(x)))\n" in text
    assert "get_submodule" not in text


@pytest.mark.slow
def test_braces_that_hold_a_join_are_a_class_and_an_import_finds_all_of_them_again() -> None:
    text = """\
net N {
    input 2@8x8
    conv 2@3x3 pad=1
    body: {
        relu, conv 2@3x3 pad=1
        add { | identity | conv 2@1x1 }, gelu
    }
    repeat j in 3 {
        tail{j}: {
            add { | identity | conv 2@1x1 }, relu
            add { | identity | tanh }
        }
    }
    globalavgpool
}
"""
    code = emit("torch", network(text), "n.cnn")
    assert re.findall(r"class (\w+)", code) == ["Body", "Tail0", "N"]
    assert cnnspec.from_torch(load(code).N(), input=(2, 8, 8)) == text


def test_braces_that_a_wire_leaves_for_an_input_are_no_class() -> None:
    text = """\
net N {
    left: input 2@8x8
    right: input 2@8x8
    outer: {
        add { | conv 2@1x1 | identity }
        inner: { add { | relu | identity }, from left }
    }
    conv 3@1x1
}
"""
    net = load(emit("torch", network(text), "n.cnn")).N()
    left = torch.randn(1, 2, 8, 8)
    assert torch.equal(net(left, torch.randn(1, 2, 8, 8)), net(left, torch.randn(1, 2, 8, 8)))


CONDITIONS = """
block B(out, wide) {
    full = in.channels
    add {
        | if wide { narrow: conv divisible(full // 2, 3)@1x1, widen: conv full@1x1 }
          conv: conv out@1x1
          if full == out { stochasticdepth 0.1 }
        | if full == out { identity } else { none }
    }
}
net N { input 12@8x8\n B 12 yes, B 20 no, B 20 yes, B 30 yes, B 30 no }
"""


def test_a_condition_is_one_attribute_and_its_steps_are_one_branch() -> None:
    code = emit("torch", network(CONDITIONS), "n.cnn")
    assert code.count("self.residual = in_channels == out") == 1
    assert (
        "        if self.residual:\n            y = self.stochasticdepth1(y) + x\n        return y\n" in code
    )


def test_a_number_that_only_a_flag_needs_is_none_without_it() -> None:
    code = emit("torch", network(CONDITIONS), "n.cnn")
    assert "(self, in_channels: int, out: int, out_channels: int | None)" in code
    assert re.findall(r"B\(\d+, \d+, (\w+)\)", code) == ["6", "None", "9", "9", "None"]


def test_numbers_are_written_as_one_would_say_them() -> None:
    code = emit(
        "torch", network("net N { input 64@4x4\n pick [0 for i in 64], pick [2 * i for i in 16] }"), "n.cnn"
    )
    assert "Pick([0] * 64)" in code
    assert "Pick(list(range(0, 32, 2)))" in code
    code = emit(
        "torch", network("net N { input 3@4x4\n batchnorm momentum=(1 - 0.9997) eps=(1 / 3) }"), "n.cnn"
    )
    assert "nn.BatchNorm2d(3, eps=1 / 3, momentum=1 - 0.9997)" in code


def test_two_numbers_are_no_shares_of_one() -> None:
    text = "block B(p) { conv 3@1x1, dropout p }\nnet N { input 3@4x4\n B (1 / 3), B 0.5, B (1 / 3)\n}"
    code = emit("torch", network(text), "n.cnn")
    assert re.findall(r"self\.b\d = (.*)", code) == ["B(1 / 3)", "B(0.5)", "B(1 / 3)"]


def test_numbers_that_grow_along_a_net_say_how() -> None:
    text = """
block B(drop) { add { | conv 3@1x1, stochasticdepth drop | identity } }
net N { input 3@4x4
    B 0.0, B (0.3 / 7), B (0.3 * 2 / 7)
    f: repeat i in 4 { B (0.3 * (3 + i) / 7) }
    g: repeat i in 4 { B (0.3 * i / 7) }
}"""
    code = emit("torch", network(text), "n.cnn")
    for line in (
        "self.b1 = B(0.0)",
        "self.b3 = B(0.3 * 2 / 7)",
        "self.f = nn.Sequential(*(B(0.3 * (3 + i) / 7) for i in range(4)))",
        "self.g = nn.Sequential(*(B(0.3 * i / 7) for i in range(4)))",
    ):
        assert f"        {line}\n" in code
    drops = [module.p for module in load(code).N().modules() if type(module).__name__ == "StochasticDepth"]
    assert drops == [0.3 * i / 7 for i in (0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3)]


def test_stages_are_the_rows_of_a_table() -> None:
    text = """
block B(out, stride, drop) { conv out@3x3 pad=1 stride=stride, add { | identity | stochasticdepth drop } }
net N { input 3@16x16
    rows = [[4, 1, 1], [6, 2, 2], [8, 1, 3], [9, 2, 4]]
    stages: repeat i in 4 {
        "{i}": repeat j in rows[i, 2] {
            B rows[i, 0] (rows[i, 1] if j == 0 else 1) (0.3 * (i * (i + 1) // 2 + j) / 7)
        }
    }
}"""
    code = emit("torch", network(text), "n.cnn")
    expected = """\
        self.stages = nn.Sequential()
        for channels, out, stride, number, repeats in (
            (3, 4, 1, 0, 0),
            (4, 6, 2, 1, 1),
            (6, 8, 1, 3, 2),
            (8, 9, 2, 6, 3),
        ):
            layer = nn.Sequential(
                B(channels, out, stride, 0.3 * number / 7),
                *(B(out, out, 1, 0.3 * (number + 1 + j) / 7) for j in range(repeats)),
            )
            self.stages.append(layer)
"""
    assert expected in code
    model = load(code).N()
    drops = [module.p for module in model.modules() if type(module).__name__ == "StochasticDepth"]
    assert drops == [0.3 * i / 7 for i in range(10)]
    assert [*model.state_dict()][-2:] == ["stages.3.3.conv1.weight", "stages.3.3.conv1.bias"]


def test_a_loop_that_takes_more_than_a_line_is_a_statement_wherever_it_stands() -> None:
    text = """
block ConvolutionsOfSeveralWidthsEachOnItsOwn(first, second, third) { conv first@1x1, conv second@1x1, conv third@1x1 }
net N { input 3@4x4
    g: { relu, 1: { tanh, 1: { repeat i in 3 { ConvolutionsOfSeveralWidthsEachOnItsOwn (in.channels + i) (in.channels + 2 * i) 3 } } }, tanh }
}"""  # noqa: E501
    code = emit("torch", network(text), "n.cnn")
    expected = """\
        self.g = nn.Sequential(nn.ReLU())
        layer = nn.Sequential(nn.Tanh())
        layer2 = nn.Sequential()
        for i in range(3):
            layer2.append(ConvolutionsOfSeveralWidthsEachOnItsOwn(3 + i, 3 + 2 * i, 3))
        layer.append(layer2)
        self.g.append(layer)
        self.g.append(nn.Tanh())
"""
    assert expected in code
    agree(text, training=False)


def test_classes_of_one_block_say_what_tells_them_apart() -> None:
    text = """
block B(out, depth, wide=no) { repeat i in depth { add { | identity | conv out@1x1 } } }
net N { input 3@8x8\n B 3 1, conv 4@1x1, B 4 1, B 4 2 }"""
    code = emit("torch", network(text), "n.cnn")
    assert re.findall(r'"""(Block .*)"""', code) == [
        "Block `B`, line 2, with depth=1.",
        "Block `B`, line 2, with out=4, depth=2.",
    ]


def test_a_definition_is_copied_where_it_is_used_and_not_beside_pytorchs_own() -> None:
    own = emit("torch", network("net N { input 1@4x4\n upsample 2 }"), "n.cnn")
    assert "nn.Upsample(" in own and "class Upsample" not in own
    ours = emit("torch", network("net N { input 1@4x4\n upsample 1.1 }"), "n.cnn")
    assert "class Upsample(nn.Upsample)" in ours
