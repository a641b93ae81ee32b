"""Norms that PyTorch has no function for, as people write them: known by their formulas, by nothing less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
EPS = 1e-3


class Norm(nn.Module):
    """A function of a map and of trained tensors, which it takes by their names."""

    def __init__(self, function: Callable[..., Tensor], *names: str) -> None:
        super().__init__()
        self.function = function
        for name in names:
            self.register_parameter(name, nn.Parameter(torch.rand(8) + 0.5))

    def forward(self, x: Tensor) -> Tensor:
        tensors = {name: tensor.view(1, -1, 1, 1) for name, tensor in self.named_parameters()}
        return self.function(x, **tensors)


def rms(x: Tensor, weight: Tensor) -> Tensor:
    return x * torch.rsqrt(torch.mean(x.pow(2), dim=1, keepdim=True) + EPS) * weight


def rms_last(x: Tensor, weight: Tensor) -> Tensor:
    x = x.permute(0, 2, 3, 1)
    x = x * torch.rsqrt(torch.mean(x.square(), (-1,), True).add(EPS))
    return (x * weight.flatten()).permute(0, 3, 1, 2)


def rms_of_pytorch(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x.permute(0, 2, 3, 1), [8], weight.flatten(), EPS).permute(0, 3, 1, 2)


def frn(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    scale = x.square().float().mean(dim=(2, 3), keepdim=True).add(EPS).rsqrt().expand(x.shape)
    return bias + weight * (scale * x)


def frn_tlu(x: Tensor, weight: Tensor, bias: Tensor, tau: Tensor) -> Tensor:
    return torch.maximum(frn(x, weight, bias), tau)


def layer_norm(x: Tensor, weight: float | Tensor = 1.0, bias: float | Tensor = 0.0) -> Tensor:
    mean = x.mean(1, keepdim=True)
    variance = (x - mean).pow(2).mean(1, keepdim=True)
    return weight * ((x - mean) / torch.sqrt(variance + EPS)) + bias


def grn(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    length = x.norm(p=2, dim=(2, 3), keepdim=True)
    return x + torch.addcmul(bias, weight, x * (length / (length.mean(dim=1, keepdim=True) + EPS)))


def deviation(x: Tensor, groups: int) -> Tensor:
    parts = x.reshape(len(x), groups, -1, *x.shape[2:])
    variance = parts.var(dim=(2, 3, 4), unbiased=False, keepdim=True)
    return variance.add(EPS).sqrt_().expand(parts.shape).reshape(x.shape)


def evo(x: Tensor, weight: Tensor, bias: Tensor, v: Tensor) -> Tensor:
    return x * (x * v).sigmoid() / deviation(x, 4) * weight + bias


def evo_alone(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return x / deviation(x, 8) * weight + bias


def instance_norm(x: Tensor) -> Tensor:
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + EPS).sqrt()


def group_norm(x: Tensor) -> Tensor:
    parts = x.view(len(x), 4, -1)
    mean = parts.mean(2, keepdim=True)
    deviation = ((parts - mean) ** 2).mean(2, keepdim=True).add(EPS).sqrt()
    return ((parts - mean) / deviation).view(x.shape)


AFFINE = ("weight", "bias")
NORMS = {
    "rmsnorm": Norm(rms, "weight"),
    "rmsnorm, channels last": Norm(rms_last, "weight"),
    "rmsnorm of PyTorch": Norm(rms_of_pytorch, "weight"),
    "layernorm, without tensors": Norm(layer_norm),
    "layernorm, without bias": Norm(layer_norm, "weight"),
    "layernorm": Norm(layer_norm, *AFFINE),
    "frn tlu=no": Norm(frn, *AFFINE),
    "frn": Norm(frn_tlu, *AFFINE, "tau"),
    "grn": Norm(grn, *AFFINE),
    "evonorms0 4": Norm(evo, *AFFINE, "v"),
    "evonorms0 8 act=no": Norm(evo_alone, *AFFINE),
    "instancenorm": Norm(instance_norm),
    "groupnorm 4": Norm(group_norm),
}


@pytest.mark.parametrize("text", NORMS)
def test_a_norm_is_known_by_its_formula(text: str) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), NORMS[text])
    model = read(net, [IMAGE])
    said = text.partition(" of")[0].partition(",")[0]
    assert f"{said} eps=0.001" in write(model, flat=True)
    assert [operation.layer.name for operation in model.operations] == ["conv", said.split()[0]]
    assert largest_difference(net, model, torch.randn(2, *IMAGE.dimensions)) <= 1e-6


def turned(x: Tensor) -> Tensor:
    """The scale of another place."""
    x = F.adaptive_avg_pool2d(x, 4)
    return x * (x.square().mean(1, keepdim=True) + EPS).rsqrt().transpose(2, 3)


OTHERS: dict[str, tuple[str, Callable[..., Any]]] = {
    "along rows": ("`square`", lambda x: x * (x.square().mean(2, keepdim=True) + EPS).rsqrt()),
    "without tensors": ("`square`", lambda x: x * (x.square().mean((2, 3), keepdim=True) + EPS).rsqrt()),
    "of another place": ("`square`", turned),
    "of a value more": ("`square`", lambda x: x.relu() * (x.square().mean(1, keepdim=True) + EPS).rsqrt()),
    "eps elsewhere": ("`square`", lambda x: x / (x.square().mean(1, keepdim=True).sqrt() + EPS)),
    "of the batch": ("`square`", lambda x: x * (x.square().mean((0, 1), keepdim=True) + EPS).rsqrt()),
    "another length": ("`norm`", lambda x: x.norm(p=1, dim=(2, 3), keepdim=True)),
    "corrected": ("`var`", lambda x: x / (x.var((1, 2, 3), keepdim=True) + EPS).sqrt()),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_formula_is_refused_once_and_by_its_first_function(case: str) -> None:
    start, function = OTHERS[case]
    with pytest.raises(Refused) as caught:
        read(nn.Sequential(nn.Conv2d(3, 8, 1), Norm(function)), [IMAGE])
    (group,) = caught.value.groups
    assert group.message.startswith(start) and group.count == 1


class EvoNorm2dB0(nn.Module):
    """As timm has it: the norm in the batch and in the image, its running variance moved by hand."""

    def __init__(self, power: float = 0.5) -> None:
        super().__init__()
        self.weight, self.bias, self.v = (nn.Parameter(torch.rand(8) + 0.5) for _ in range(3))
        self.register_buffer("running_var", torch.rand(8) + 0.5)
        self.momentum, self.eps, self.power = 0.2, EPS, power

    def forward(self, x: Tensor) -> Tensor:
        variance = self.running_var
        if self.training:
            variance = x.var(dim=(0, 2, 3), unbiased=False)
            n = x.numel() / x.shape[1]
            kept, new = self.running_var * 0.8, variance.detach() * 0.2 * (n / (n - 1))
            self.running_var.copy_(kept + new)
        left = variance.add(EPS).pow(self.power).view(1, -1, 1, 1).expand_as(x)
        inner = x.var(dim=(2, 3), unbiased=False, keepdim=True).add(EPS).sqrt().expand(x.shape)
        x = x / left.max(x * self.v.view(1, -1, 1, 1) + inner)
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


def test_a_norm_over_the_batch_is_known_by_what_it_computes() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), EvoNorm2dB0())
    model = read(net, [IMAGE])
    assert "evonormb0 momentum=0.2 eps=0.001" in write(model, flat=True)
    assert set(model.operations[1].keys) == {"weight", "bias", "v", "running_var"}
    assert largest_difference(net, model, torch.randn(2, *IMAGE.dimensions)) <= 1e-6


def test_a_name_alone_makes_no_norm() -> None:
    with pytest.raises(Refused) as caught:
        read(nn.Sequential(nn.Conv2d(3, 8, 1), EvoNorm2dB0(power=0.25)), [IMAGE])
    assert "evonormb0" not in str(caught.value)


class Standardized(nn.Conv2d):
    """Filters as the authors of Big Transfer bring them to mean 0 and deviation 1, or as others do."""

    def __init__(self, standardize: Callable[[Tensor], Tensor], arriving: int = 3) -> None:
        super().__init__(arriving, 4, 3, padding=1)
        self.standardize = standardize

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.standardize(self.weight), self.bias, padding=1)


def by_variance(w: Tensor) -> Tensor:
    variance, mean = torch.var_mean(w, (1, 2, 3), keepdim=True, unbiased=False)
    return (w - mean) / torch.sqrt(variance + EPS)


def by_steps(w: Tensor) -> Tensor:
    """One axis after the other, and filters as rows."""
    away = w - w.mean(1, keepdim=True).mean(2, keepdim=True).mean(3, keepdim=True)
    deviation = (away.view(len(w), -1).square().mean(1) + EPS).sqrt()
    return away / deviation.view(-1, 1, 1, 1).expand_as(w)


@pytest.mark.parametrize("standardize", [by_variance, by_steps])
def test_filters_are_standardized_by_a_formula(standardize: Callable[[Tensor], Tensor]) -> None:
    net = nn.Sequential(Standardized(standardize))
    model = read(net, [IMAGE])
    assert "conv 4@3x3 pad=1 standardize=yes eps=0.001" in write(model, flat=True)
    assert largest_difference(net, model, torch.randn(2, *IMAGE.dimensions)) <= 1e-6


def test_filters_of_another_deviation_are_refused() -> None:
    net = Standardized(lambda w: (w - w.mean((1, 2, 3), True)) / (w.std((1, 2, 3), keepdim=True) + EPS))
    with pytest.raises(Refused, match="the weight of `conv2d` is computed: div"):
        read(net, [IMAGE])


def test_filters_that_are_standardized_in_parts_are_refused() -> None:
    # Each half of a filter's six channels has a mean of its own.
    parted = Standardized(lambda w: by_variance(w.view(8, 3, 3, 3)).view_as(w), 6)
    with pytest.raises(Refused, match="the weight of `conv2d` is computed"):
        read(nn.Sequential(parted), [Shape(6, 8, 8)])


def test_filters_that_lose_digits_on_the_way_are_refused() -> None:
    halved = Standardized(lambda w: by_variance(w - w.mean((1, 2, 3), True).half().float()))
    with pytest.raises(Refused, match="`half` to float16"):
        read(nn.Sequential(halved), [IMAGE])


def test_an_eps_beside_a_length_is_not_left_out() -> None:
    with pytest.raises(Refused):
        read(Norm(lambda x: x / (x.norm(2, 1, True) + 1e-10)), [IMAGE])
