"""Wrong programs of every kind: `verify` finds each, and the layer that it starts at, in deep nets too."""

from __future__ import annotations

import pytest
import torch

from cnnspec import backends
from cnnspec.graph.tree import Network
from cnnspec.run.verdict import table
from cnnspec.run.verification import verify
from tests.nets import network

pytestmark = pytest.mark.slow

assert torch.__version__  # both frameworks are wanted here

KINDS = """
net Kinds {
    input 3@12x12
    normalize 0.2 0.7
    a: { conv 8@3x3 pad=1 bias=no, batchnorm, relu }
    conv 8@3x3 stride=2 pad=[0, 1, 0, 1]
    b: leakyrelu 0.1
    concat { | conv 4@1x1 | avgpool 3x3 stride=1 pad=1 | maxpool 3x3 stride=1 pad=1 }
    upsample 2
    convtranspose 8@3x3 pad=1 groups=4
    add { | conv 8@3x3 pad=1 | from a }
    conv 8@3x3 dilation=2 pad=2
    sub { | conv 8@1x1 | identity }
    c: { groupnorm 4, silu }
    mul { | globalavgpool, conv 8@1x1, sigmoid | from c }
    channelshuffle 2
    flatten, linear 5, softmax
}
"""
DEEP = """
block Bottleneck {
    add {
        | conv 4@1x1 bias=no, batchnorm, relu, conv 4@3x3 pad=1 bias=no, batchnorm, relu
          conv 8@1x1 bias=no, batchnorm
        | identity
    }
    relu
}

block Gated {
    c = in.channels
    add {
        | conv c@3x3 pad=1 bias=no, batchnorm, relu
          g: conv c@3x3 pad=1 bias=no
          mul { | globalavgpool, conv 4@1x1, relu, conv c@1x1, sigmoid | from g }
        | identity
    }
}

block Star {
    c = in.channels
    add {
        | identity
        | mul { | conv (3 * c)@1x1, relu6 | conv (3 * c)@1x1 }
          conv c@1x1 bias=no, batchnorm
    }
}

net Deep {
    input 3@6x6
    conv 8@3x3 pad=1
    repeat 50 { Bottleneck }
    repeat 16 { Gated }
    repeat 12 { Star }
    globalavgpool, flatten, linear 10
}
"""


def emitting(monkeypatch: pytest.MonkeyPatch, backend: str, right: str, wrong: str) -> None:
    """A back end writes something else from now on, in one place."""
    emit = backends.emit

    def other(given: str, net: Network, source: str, **options: bool) -> str:
        text = emit(given, net, source, **options)
        if given != backend:
            return text
        assert text.count(right) >= 1, text
        return text.replace(right, wrong, 1)

    monkeypatch.setattr("cnnspec.run.programs.emit", other)


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("text", [KINDS, DEEP], ids=["kinds", "deep"])
def test_right_programs_agree(text: str, optimize: bool) -> None:
    report = verify(network(text), ("torch", "numpy"), optimize=optimize)
    assert report.ok, table(report)
    assert all(report.worst(kind).error < bound for kind, bound in (("float64", 1e-13), ("float32", 1e-5)))
    assert report.gap < 1e-5


@pytest.mark.parametrize(
    "right, wrong, where",
    [
        ("self.conv3(x) + a", "2 * self.conv3(x)", "conv4"),
        ("self.conv3(x) + a", "self.conv3(x) + x", "conv4"),
        ("self.conv3(x) + a", "self.conv3(x)", "conv4"),
        ("self.conv5(x) - x", "x - self.conv5(x)", "c.0"),
        (" * c)", " * 0 + c)", "channelshuffle1"),
        ("torch.cat((y, z, self.maxpool1(x))", "torch.cat((z, y, self.maxpool1(x))", "upsample1"),
        ("self.maxpool1(x)), dim", "self.avgpool1(x)), dim", "avgpool1"),
        ("y = self.conv2(x)", "y = self.conv2(a[:, :, ::2, ::2])", "conv2"),
        ("x = self.b(self.conv1(a))", "x = self.conv1(a)", "b"),
        ("nn.ReLU()", "nn.Identity()", "a.2"),
        ("negative_slope=0.1", "negative_slope=0.100001", "b"),
        ("padding=(0, 1, 0, 1)", "padding=(1, 0, 1, 0)", "conv1"),
        ("nn.AvgPool2d(3, ", "nn.AvgPool2d(3, count_include_pad=False, ", "avgpool1"),
        (
            'nn.Upsample(scale_factor=2, mode="nearest")',
            'nn.Upsample(scale_factor=2, mode="bilinear")',
            "upsample1",
        ),
        (
            "self.convtranspose1(x)",
            "self.convtranspose1(x.roll(1, 3))",
            "convtranspose1",
        ),
        ("nn.GroupNorm(4, 8", "nn.GroupNorm(2, 8", "c.0"),
        ("nn.BatchNorm2d(8", "nn.BatchNorm2d(8, eps=1e-06", "a.1"),
        ("nn.ChannelShuffle(2)", "nn.ChannelShuffle(4)", "channelshuffle1"),
        ("nn.SiLU()", "nn.GELU()", "c.1"),
        ("mean=[0.2]", "mean=[0.2000001]", "normalize1"),
        ("nn.Softmax(dim=1)", "nn.LogSoftmax(dim=1)", "softmax1"),
        (".flatten(1)", ".flatten(1).roll(1, 1)", "linear1"),
        ("return x\n\n\nif", "return x + 1e-8\n\n\nif", "output"),
    ],
)
def test_wrong_pytorch(right: str, wrong: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    emitting(monkeypatch, "torch", right, wrong)
    report = verify(network(KINDS), ("torch", "numpy"))
    fault = report.first_fault
    assert fault is not None and (fault.kind, fault.program, fault.row.name) == ("float64", "torch", where)
    assert f"first at {where}\ntorch is off by" in table(report)


@pytest.mark.parametrize(
    "right, wrong, where",
    [
        ('of=("conv3", "a.2")', 'of=("conv3", "conv3")', "conv4"),
        ('of=("conv5", "conv4")', 'of=("conv4", "conv5")', "c.0"),
        ('of=("conv2", "avgpool1", "maxpool1")', 'of=("avgpool1", "conv2", "maxpool1")', "upsample1"),
        (
            'Layer("maxpool1", max_pool2d, of=("b",)',
            'Layer("maxpool1", max_pool2d, of=("conv1",)',
            "maxpool1",
        ),
        ("pads=(0, 1, 0, 1)", "pads=(1, 0, 1, 0)", "conv1"),
        ("weighted(8, 8, 3, 3, bias=8), pads=2, dilation=2", "weighted(8, 8, 3, 3, bias=8), pads=1", "conv4"),
        ("        y += bias[:, None, None]", "        pass", "conv1"),
        ("kernels = weight.reshape(", "kernels = weight.swapaxes(2, 3).reshape(", "a.0"),
        ("eps: float = 1e-5", "eps: float = 1e-4", "a.1"),
        (
            'Layer("c.0", group_norm, normed(8), groups=4)',
            'Layer("c.0", group_norm, normed(8), groups=2)',
            "c.0",
        ),
        (
            'Layer("channelshuffle1", channel_shuffle, groups=2)',
            'Layer("channelshuffle1", relu)',
            "channelshuffle1",
        ),
        ("slope=0.1)", "slope=0.1000001)", "b"),
    ],
)
def test_wrong_numpy(right: str, wrong: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    emitting(monkeypatch, "numpy", right, wrong)
    report = verify(network(KINDS), ("torch", "numpy"))
    fault = report.first_fault
    assert fault is not None and fault.kind == "float64" and fault.row.name == where, table(report)


@pytest.mark.parametrize(
    "backend, right, wrong, where",
    [
        ("numpy", '"bottleneck39.relu3"),', '"bottleneck38.relu3"),', "bottleneck40.relu3"),
        (
            "torch",
            "self.batchnorm3(self.conv3(y)) + x",
            "2 * self.batchnorm3(self.conv3(y))",
            "bottleneck1.relu3",
        ),
        ("torch", "y = self.relu1(self.batchnorm1(", "y = (self.batchnorm1(", "bottleneck1.relu1"),
        ("torch", "self.sigmoid1(self.conv4(z)) * g", "self.sigmoid1(self.conv4(z)) * y", "gated2.conv1"),
        ("torch", "z * self.conv2(x)", "z * self.conv2(z[:, :8])", "star1.conv2"),
        ("torch", "self.star10(", "self.star10((1 + 1e-8) * ", "star10.conv1"),
        ("torch", "self.gated1(", "self.gated16(", "gated1.conv1"),
    ],
)
def test_wrong_programs_of_deep_nets(
    backend: str, right: str, wrong: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    emitting(monkeypatch, backend, right, wrong)
    report = verify(network(DEEP), ("torch", "numpy"))
    fault = report.first_fault
    assert fault is not None and (fault.kind, fault.row.name) == ("float64", where), table(report)


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("return y.add_(x)", "return y.add_(y)"),
        ('activation="relu6"', 'activation="relu"'),
        ("self.conv3(y, x)", 'self.conv3(y, x, "relu")'),
        ('self.conv3(y, x, "relu")', "self.conv3(y, x)"),
    ],
)
def test_wrong_optimised_programs_of_deep_nets(
    right: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    emitting(monkeypatch, "torch", right, wrong)
    report = verify(network(DEEP), ("torch",), optimize=True)
    fault = report.first_fault
    assert fault is not None and fault.kind == "float64", table(report)


def test_a_program_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    emitting(monkeypatch, "torch", "negative_slope=0.1", 'negative_slope="steep"')
    report = verify(network(KINDS), ("torch", "numpy"))
    assert not report.ok and "Kinds: torch does not run: TypeError" in table(report)


def test_a_program_that_has_other_tensors_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    emitting(monkeypatch, "torch", "nn.BatchNorm2d(8", "nn.BatchNorm2d(8, track_running_stats=False")
    report = verify(network(KINDS), ("torch", "numpy"))
    assert not report.ok and "only the network has a.1.num_batches_tracked" in table(report)
    emitting(monkeypatch, "numpy", "weighted(5, 1152, bias=5)", "weighted(5, 1152)")
    report = verify(network(KINDS), ("torch", "numpy"))
    assert not report.ok and "numpy does not run: KeyError" in table(report)
