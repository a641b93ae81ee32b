"""Activations that modules write out: each is known by what it computes, and by nothing less."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from cnnspec.importers.refusals import Refused
from cnnspec.values.shapes import Shape

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from cnnspec.importers.torch.read import read  # noqa: E402
from cnnspec.importers.write import write  # noqa: E402
from tests.importers.running import largest_difference  # noqa: E402

IMAGE = Shape(3, 6, 5)
ROOT = math.sqrt(2 / math.pi)


class Net(nn.Module):
    """A function of what a convolution makes."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(3, 8, 1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


def gelu(x: Tensor, root: float = ROOT) -> Tensor:
    return 0.5 * x * (1.0 + torch.tanh(root * (x + 0.044715 * torch.pow(x, 3))))


MULTIPLIED = 0.7978845608
WRITTEN: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ('gelu approximate="tanh"', gelu),
    (
        'gelu approximate="tanh"',
        lambda x: 0.5 * x * (1 + torch.tanh(MULTIPLIED * (x + 0.044715 * x * x * x))),
    ),
    ("gelu", lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))),
    (
        "gelu",
        lambda x: torch.multiply(x * 0.5, torch.erf(torch.divide(x, math.sqrt(2))).clone().add_(1)),
    ),
    ("sigmoid", lambda x: 1 / (1 + torch.exp(-x))),
    ("silu", lambda x: x / (1 + torch.exp(-x))),
    ("silu", lambda x: x * x.sigmoid()),
    ("softplus", lambda x: torch.log1p(x.exp())),
    ("tanh", lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
    ('add { | identity | relu }, gelu approximate="tanh"', lambda x: gelu(x + x.relu())),
    ("scale (-1.0) trained=no", lambda x: -x),
    ("mish", lambda x: x * torch.tanh(F.softplus(x))),
    ("mish", lambda x: x.mul(torch.log(1 + torch.exp(x)).tanh())),
    ("hardswish", lambda x: x * F.relu6(x + 3) / 6),
    ("hardswish", lambda x: x * (F.hardtanh(x + 3, 0.0, 6.0) / 6)),
    ("hardswish", lambda x: x * torch.clamp(x / 6 + 0.5, 0, 1)),
    ("hardsigmoid", lambda x: F.relu6(x + 3) / 6),
    ("relu", lambda x: torch.max(x, torch.zeros_like(x))),
    ("relu", lambda x: torch.maximum(x, torch.tensor(0.0))),
    ("relu", lambda x: (x + x.abs()) / 2),
    ("relu", lambda x: x * (x > 0)),
    ("relu", lambda x: x.clamp_min(0)),
    ("relu", lambda x: F.threshold(x, 0, 0)),
    ("leakyrelu 0.1", lambda x: torch.max(x, 0.1 * x)),
    ("leakyrelu 0.2", lambda x: torch.where(x >= 0, x, 0.2 * x)),
    ("leakyrelu 0.2", lambda x: F.relu(x) - 0.2 * F.relu(-x)),
    ("elu 0.5", lambda x: torch.where(x > 0, x, 0.5 * (torch.exp(x) - 1))),
    ("elu", lambda x: torch.where(x > 0, x, x.exp() - 1)),
    ("elu", lambda x: torch.where(x > 0, x, torch.subtract(x.exp(), 1))),
    ("elu", F.celu),
    ("scale (-1.0) trained=no, softplus, scale (-1.0) trained=no", F.logsigmoid),
]


@pytest.mark.parametrize(("text", "function"), WRITTEN)
def test_a_written_activation_is_one_layer(text: str, function: Callable[[Tensor], Tensor]) -> None:
    net = Net(function)
    model = read(net, [IMAGE])
    assert f"conv 8@1x1{', ' if '{' not in text else chr(10) + '    '}{text}\n" in write(model, flat=True)
    assert largest_difference(net, model, 3 * torch.randn(2, *IMAGE.dimensions)) <= 1e-6


OTHERS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "of another number": ("`pow` has no layer", lambda x: gelu(x, 0.797)),
    "a part": ("`erf`", torch.erf),
    "another threshold": ("`gt`", lambda x: torch.where(x > 1e-3, x, torch.zeros_like(x))),
    "another limit": ("`maximum`", lambda x: torch.maximum(x, torch.tensor(-1000.0))),
    "of another value": ("`erf`", lambda x: x.relu() * (1 + torch.erf(x / math.sqrt(2)))),
}


SPELLED_OUT: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("mul { | identity | scale 1.702 trained=no, sigmoid }", lambda x: x * torch.sigmoid(1.702 * x)),
    ("softplus beta=2.0, tanh", lambda x: x * torch.tanh(F.softplus(x, beta=2))),
    ("maximum { | identity | scale 1.5 trained=no }", lambda x: torch.max(x, 1.5 * x)),
    ("hardtanh 0.0 6.1", lambda x: x * torch.clamp(x + 3, 0, 6.1) / 6),
]


@pytest.mark.parametrize(("text", "function"), SPELLED_OUT)
def test_what_is_nearly_an_activation_stays_as_it_is(text: str, function: Callable[[Tensor], Tensor]) -> None:
    assert text in write(read(Net(function), [IMAGE]), flat=True)


@pytest.mark.parametrize("case", OTHERS)
def test_another_formula_is_refused_once_and_by_its_first_function(case: str) -> None:
    start, function = OTHERS[case]
    with pytest.raises(Refused) as caught:
        read(Net(function), [IMAGE])
    (group,) = caught.value.groups
    assert group.message.startswith(start) and group.count == 1
