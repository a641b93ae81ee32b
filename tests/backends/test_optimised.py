"""Optimised programs, emitted and run, against the flat graph of the net as written.

The zoo and random nets take a slice; with CNNSPEC_LONG=1 in the environment all of it.
"""

from __future__ import annotations

import copy
import io
import os
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnspec.backends import emit
from cnnspec.backends.torch.modules.conv import PackedConv2d
from cnnspec.graph.tree import Network
from cnnspec.passes.optimize import fold_weights
from tests.backends.interpreter import Interpreter, build, load
from tests.backends.test_torch_text import GOLDEN, shipped
from tests.nets import network
from tests.zoo.shipped import FILES, LONG, small

pytestmark = pytest.mark.slow


def optimised_torch(net: Network) -> nn.Module:
    module = load(emit("torch", net, "net.cnn", optimize=True))
    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, nn.Module)]
    made: nn.Module = classes[-1]().eval()
    return made


def optimised_numpy(net: Network, **options: Any) -> Any:
    module = load(emit("numpy", net, "net.cnn", optimize=True))
    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, module.BaseNet)]
    return classes[-1](**options)


def agree(net: Network, bound: float = 1e-5) -> nn.Module:
    """Hold both optimised programs, on folded weights, to the net's graph; the one of PyTorch."""
    state = build(net).state_dict()
    folded = fold_weights(net, {key: tensor.numpy() for key, tensor in state.items()})
    oracle = Interpreter(net, state, training=False)
    generator = torch.Generator().manual_seed(2)
    images = [torch.randn((2, *shape.dimensions), generator=generator) for _, shape in oracle.graph.inputs]
    model = optimised_torch(net)
    model.load_state_dict({key: torch.from_numpy(x) for key, x in folded.items()}, strict=True)
    with torch.no_grad():
        wanted = oracle(*images)
        near(model(*images), wanted, bound)
        for module in model.modules():
            if hasattr(module, "packed"):
                module.least = 0  # oneDNN computes small ones, too, and writes over what it adds to
        near(model(*images), wanted, bound)
    for fast in (True, False):
        program = optimised_numpy(net, fast=fast)
        assert {key: x.shape for key, x in program.params.items()} == {k: x.shape for k, x in folded.items()}
        program.params = folded
        program.refresh()
        near(program(*(x.numpy() for x in images)), wanted, 5 * bound)
    return model


def near(made: Any, wanted: list[Tensor], bound: float) -> None:
    results = [made] if isinstance(made, Tensor | np.ndarray) else list(made)
    for result, expected in zip(results, wanted, strict=True):
        assert result.shape == expected.shape
        gap = float((torch.as_tensor(result) - expected).abs().max())
        assert gap <= bound * float(expected.abs().max()), gap


SOME = ("Blur", "Digits", "GoogLeNet", "LeNet1998", "MobileNetV2", "ResNet18")


@pytest.mark.parametrize("name", FILES if LONG else SOME)
def test_the_zoo(name: str) -> None:
    agree(small(name), 1e-5 if name in SOME else 1e-4)


CASES = [
    "conv 4@3x3 weights=0.5 biases=[1, 2, 3, 4] frozen=yes, batchnorm, relu\n conv 3@1x1 weights=2",
    "batchnorm, conv 4@3x3 groups=2 bias=no, batchnorm affine=no, convtranspose 6@2x2 groups=2, batchnorm",
    'pad 2 mode="reflect", conv 6@3x3 init="he", batchnorm bias=no, dropout, elu\n linear 4 pointwise=yes',
    "flatten, dropout, linear 5, batchnorm, elu, linear 3 bias=no, batchnorm",
    "b: { conv 6@1x1, batchnorm, silu }\n again b\n scale 0.5",
    "c: conv 6@1x1\n n: batchnorm\n add { | from c | from n }",
    "t: tanh\n h: conv 6@1x1\n r: relu\n from t\n again h\n o: sigmoid\n output o\n output r train=yes",
    "a: conv 2@1x1, batchnorm\n b: conv 3@3x3\n output a b",
    "c: conv 6@1x1\n n: batchnorm\n t: conv 2@1x1\n from n\n o: relu\n output c o\n output t train=yes",
    "dropout",
    "g: { mul { | a: conv 3@1x1 | conv 3@1x1 }\n conv 1@1x1 }\n tanh\n output g.a",
    "r: repeat 1 { mul { | a: conv 3@1x1 | conv 3@1x1 }\n conv 1@1x1 }\n tanh\n output r.a",
    "j: mul { | a: conv 3@1x1, b: tanh | conv 3@1x1 }\n conv 1@1x1, tanh\n output j.b",
    "j: mul { | a: conv 6@1x1 | identity }\n from j.a\n tanh",
    # sums that a convolution adds up, and others
    "conv 6@1x1\n add { | conv 6@3x3 pad=1, relu, conv 6@1x1 | identity }\n relu6",
    "conv 6@1x1\n add { | identity | conv 6@1x1 | conv 6@1x1 }\n relu",
    "conv 6@1x1\n add { | conv 6@1x1 | conv 6@1x1 | identity }\n relu",
    "add { | conv 6@1x1 | identity }\n relu\n add { | conv 6@1x1 | identity }",
    "repeat 3 { add { | conv 6@1x1, relu, conv 6@1x1 | identity }\n relu }",
    "conv 6@1x1\n f: repeat 3 { add { | conv 6@1x1, relu6, conv 6@1x1 | identity }\n relu }\n again f",
    "c: conv 6@1x1\n add { | conv 6@1x1 | from c }\n relu\n d: tanh\n add { | from c | from d }",
    "c: conv 6@1x1\n s: slice 0 6\n add { | conv 6@1x1 | from c }\n add { | identity | from s }",
    "conv 6@1x1\n add { | tanh, conv 6@1x1 | relu }\n add { | conv 6@1x1 | relu }",
    "a: conv 6@1x1, relu6\n add { | abs, from a, conv 6@1x1 | add { | from a | identity }, relu }",
    "conv 6@1x1\n add { | a: conv 6@1x1 | identity }\n relu\n add { | identity | from a }",
    "conv 6@1x1\n add { | add { | conv 6@1x1 | identity }, relu, conv 6@1x1 | identity }\n relu\n relu",
    "conv 6@1x1\n add { | g: { conv 6@1x1 } | identity }\n relu\n add { | depthwise 3x3 pad=1 | identity }",
    "conv 6@1x1\n j: add { | conv 6@1x1 | conv 6@1x1 }\n relu\n from j\n sigmoid",
    "conv 6@1x1\n j: add { | conv 6@1x1 weights=0.5 frozen=yes | identity }\n relu\n output j",
    "c: conv 6@1x1, relu\n again c\n relu\n d: { conv 6@1x1, relu }\n again d",
]


@pytest.mark.parametrize("text", CASES)
def test_small_nets(text: str) -> None:
    agree(network(f"net N {{ input 6@7x7\n {text}\n}}"))


BLOCKS = [
    "block B(k) { add { | conv 6@1x1 | if k > 1 { identity } else { none } }\n relu }",
    "block B(k) { add { | identity | if k > 1 { relu, conv 6@1x1 } else { conv 6@1x1 } }\n relu }",
    "block B(k) { add { | conv 6@k pad=k//2 | identity }\n if k > 1 { relu } else { tanh } }",
]


@pytest.mark.parametrize("block", BLOCKS)
def test_uses_of_a_block_that_differ(block: str) -> None:
    agree(network(f"{block}\nnet N {{ input 6@7x7\n B 3, B 1, B 3, B 3\n conv 6@1x1\n B 1, B 1 }}"))


def test_uses_that_are_rewritten_apart_are_written_as_one() -> None:
    """Their instances share values, of which each row of the class reads its own alone."""
    block = "block B { add { | identity | conv 4@1x1, silu, conv 4@1x1, silu } }"
    net = network(f"{block}\nnet N {{ input 3@8x8\n a: conv 4@1x1, B, B\n add {{ | identity | from a }} }}")
    agree(net)
    text = emit("torch", net, "n.cnn", optimize=True)
    assert text.count("class B") == 1 and "self.conv2(self.silu1(self.conv1(x)))" in text


def test_the_text() -> None:
    golden = GOLDEN / "resnet_optimised.py.txt"
    text = emit("torch", shipped("resnet.cnn", "ResNet50"), "resnet.cnn", optimize=True)
    if os.environ.get("CNNSPEC_UPDATE"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_vgg_without_its_norms_is_vgg() -> None:
    """The same network under other numbers: no layer is left that only the norms asked for."""
    kinds = [
        [type(module).__name__ for module in optimised_torch(small(name)).modules()][1:]
        for name in ("VGG11BN", "VGG11")
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_what_it_is_for_stands_in_the_file(backend: str) -> None:
    text = emit(backend, shipped("lenet.cnn"), "lenet.cnn", optimize=True)
    assert "For inference alone" in text and "cnnspec weights fold" in text


# The convolution that keeps its weight laid out

CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "plain": {"kernel_size": 3, "padding": 1},
    "strided": {"kernel_size": 1, "stride": 2, "bias": False},
    "in groups": {"kernel_size": 3, "groups": 4, "dilation": 2, "padding": (2, 1)},
    "same": {"kernel_size": 3, "padding": "same"},
    "reflecting": {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
}


def pair_of(case: str) -> tuple[PackedConv2d, nn.Conv2d]:
    torch.manual_seed(0)
    packed, plain = (kind(128, 128, **CONVOLUTIONS[case]) for kind in (PackedConv2d, nn.Conv2d))
    plain.load_state_dict(packed.state_dict())
    return packed, plain


def same(packed: nn.Module, plain: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        wanted = plain(x)
        near(packed(x), [wanted], 2e-6)


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_it_notices_other_images_and_other_weights(case: str) -> None:
    packed, plain = pair_of(case)
    both = packed, plain
    for shape in ((1, 128, 8, 7), (3, 128, 8, 7), (0, 128, 8, 7), (128, 8, 7), (2, 128, 9, 9)):
        for x in (torch.randn(shape), torch.randn(shape)):
            if x.numel():
                same(packed, plain, x)
            else:
                with torch.no_grad():
                    assert packed(x).shape == plain(x).shape
    assert (packed.packed is not None) is (case in ("plain", "strided", "in groups"))
    x = torch.randn(2, 128, 9, 9)
    same(packed, plain, x.contiguous(memory_format=torch.channels_last))
    state = {key: torch.randn_like(tensor) for key, tensor in packed.state_dict().items()}
    changes = [
        lambda net: net.load_state_dict(state),
        lambda net: net.load_state_dict({key: x + 1 for key, x in state.items()}, assign=True),
        lambda net: net.half().float(),
        lambda net: net.weight.detach().add_(1),
    ]
    for change in changes:
        for net in both:
            change(net)
        same(packed, plain, x)
    same(packed.double(), plain.double(), x.double())


@pytest.mark.parametrize("activation", [nn.Identity(), nn.ReLU(), nn.ReLU6()], ids=["none", "relu", "relu6"])
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_it_applies_its_activation_and_adds(case: str, activation: nn.Module) -> None:
    packed, plain = pair_of(case)
    x = 4 * torch.randn(2, 128, 9, 9)
    name = {"Identity": "none"}.get(type(activation).__name__, type(activation).__name__.lower())
    alone = PackedConv2d(128, 128, activation=name, **CONVOLUTIONS[case])
    alone.load_state_dict(packed.state_dict())
    same(alone, nn.Sequential(plain, activation), x)
    with torch.no_grad():
        made = plain(x)
        other = 4 * torch.randn_like(made)
        for memory in (torch.channels_last, torch.contiguous_format):
            for last in ("none", "relu"):
                plus = other.clone(memory_format=memory)
                wanted = made + other if last == "none" else F.relu(made + other)
                near(packed(x, plus, last), [wanted], 2e-6)


def test_a_small_weight_is_not_worth_it() -> None:
    packed = PackedConv2d(4, 8, kernel_size=3)
    with torch.no_grad():
        packed(torch.randn(1, 4, 9, 9))
    assert packed.packed is None


def test_it_is_copied_saved_traced_and_exported_as_any() -> None:
    packed, plain = pair_of("plain")
    x = torch.randn(1, 128, 9, 9)
    same(packed, plain, x)
    assert packed.packed is not None
    file = io.BytesIO()
    torch.save(packed, file)
    file.seek(0)
    same(copy.deepcopy(packed), plain, x)
    same(torch.load(file, weights_only=False), plain, x)
    with torch.no_grad():
        same(torch.jit.trace(packed, x), plain, x)
        exported = torch.export.export(packed, (x,))
    assert {str(node.target) for node in exported.graph.nodes} >= {"aten.conv2d.default"}
    with torch.inference_mode():
        assert torch.allclose(packed(x), plain(x), atol=1e-5)
    packed(x).sum().backward()
    assert packed.weight.grad is not None


def test_compiled_whole() -> None:
    """torch.compile takes it in one graph, and lays weights out by itself."""
    net = small("ResNet18")
    model = optimised_torch(net)
    (given,) = net.inputs
    x = torch.randn(1, *given.value.shape.dimensions)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="eager")(x), model(x))
