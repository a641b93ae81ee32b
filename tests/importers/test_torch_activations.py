"""Activations that modules write out: each is known by what it computes, and by nothing less."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from cnnspec.importers.refusals import Refused
from cnnspec.values.shapes import Shape

torch = pytest.importorskip("torch")

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


WRITTEN: dict[str, Callable[[Tensor], Tensor]] = {
    'gelu approximate="tanh"': gelu,
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "softplus": lambda x: torch.log1p(x.exp()),
    "tanh": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    'add { | identity | relu }, gelu approximate="tanh"': lambda x: gelu(x + x.relu()),
    "scale (-1.0) trained=no": lambda x: -x,
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_written_activation_is_one_layer(text: str) -> None:
    net = Net(WRITTEN[text])
    model = read(net, [IMAGE])
    assert f"conv 8@1x1{', ' if '{' not in text else chr(10) + '    '}{text}\n" in write(model, flat=True)
    assert largest_difference(net, model, 3 * torch.randn(2, *IMAGE.dimensions)) <= 1e-6


OTHERS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "of another number": ("`pow` with `exponent=3`", lambda x: gelu(x, 0.797)),
    "a part": ("`erf`", torch.erf),
    "of another value": ("`erf`", lambda x: x.relu() * (1 + torch.erf(x / math.sqrt(2)))),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_formula_is_refused_once_and_by_its_first_function(case: str) -> None:
    start, function = OTHERS[case]
    with pytest.raises(Refused) as caught:
        read(Net(function), [IMAGE])
    (group,) = caught.value.groups
    assert group.message.startswith(start) and group.count == 1
