"""What the layers compute: against a few lines of plain arithmetic, against torchvision, and after init."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.layers.instantiate import KERNEL, MAP, VECTOR, WIDE, batch, make, module

F8 = Filter(8, (3, 3))
SHARP = torch.tensor(KERNEL, dtype=torch.float32)


def test_a_fixed_kernel_filters_an_image() -> None:
    """The kernel is not flipped: Sobel's is positive where rows darken downwards."""
    net = module(
        "conv",
        {"filter": Filter(1, (3, 3)), "weights": KERNEL, "bias": False, "frozen": True},
        Shape(1, 6, 6),
    )
    image = -torch.arange(6.0).reshape(1, 1, 6, 1).expand(1, 1, 6, 6)
    assert (net(image) == 8).all()
    assert list(net.parameters()) == []


def test_a_lone_kernel_stands_for_every_filter_and_channel() -> None:
    net = module("conv", {"filter": F8, "weights": KERNEL, "biases": 2}, MAP)
    assert (net.weight == SHARP).all()
    assert (net.bias == 2).all()
    assert net.weight.requires_grad


def test_kernels_one_a_filter() -> None:
    kernels = [[[n, 0], [0, -n]] for n in range(3)]
    conv = module("conv", {"filter": Filter(3, (2, 2)), "weights": kernels, "biases": [1, 2, 3]}, MAP)
    transposed = module("convtranspose", {"filter": Filter(3, (2, 2)), "weights": kernels}, MAP)
    for n in range(3):
        assert (conv.weight[n] == torch.tensor(kernels[n])).all()
        assert (transposed.weight[:, n] == torch.tensor(kernels[n])).all()
    assert conv.bias.tolist() == [1, 2, 3]


def test_uneven_pads_stand_where_they_are_said() -> None:
    net = module("conv", {"filter": F8, "pad": [1, 0, 2, 3]}, WIDE)
    x = batch(WIDE)
    assert torch.equal(net(x), F.conv2d(F.pad(x, (2, 3, 1, 0)), net.weight, net.bias))


@pytest.mark.parametrize("kernel", [(3, 3), (4, 2), (1, 5)])
def test_same_without_stride_is_torchs(kernel: tuple[int, int]) -> None:
    net = module("conv", {"filter": Filter(2, kernel), "pad": "same"}, WIDE)
    x = batch(WIDE)
    assert torch.allclose(net(x), F.conv2d(x, net.weight, net.bias, padding="same"), atol=1e-6)


def test_depthwise_keeps_channels_apart() -> None:
    net = module("depthwise", {"kernel": 1, "weights": 3, "biases": [0, 1, 2, 3]}, MAP)
    x = batch(MAP)
    assert torch.allclose(net(x), 3 * x + torch.arange(4.0).reshape(-1, 1, 1))


def test_standardised_filters() -> None:
    """Mean 0 and deviation 1 a filter; with a gain of ones a sum of fan-in squares is gamma^2."""
    x = batch(WIDE)
    for gain in (False, True):
        net = module(
            "conv", {"filter": F8, "standardize": True, "gain": gain, "bias": False, "eps": 0.5}, WIDE
        )
        weight = net.weight.flatten(1)
        filters = (weight - weight.mean(1, keepdim=True)) / (
            weight.var(1, keepdim=True, correction=0) + 0.5
        ).sqrt()
        filters = filters * 2 / 36**0.5 if gain else filters
        if gain:
            net.gain.data.fill_(2)
        torch.testing.assert_close(net(x), F.conv2d(x, filters.reshape(8, 4, 3, 3)))


def test_pointwise_linear_is_a_conv_of_one_pixel() -> None:
    net = module("linear", {"units": 7, "pointwise": True}, WIDE)
    x = batch(WIDE)
    assert torch.allclose(net(x), F.conv2d(x, net.weight[:, :, None, None], net.bias), atol=1e-6)


def test_channel_layernorm_is_over_each_pixels_channels() -> None:
    net, x = module("layernorm", {"eps": 1e-6}, WIDE), batch(WIDE)
    mean, variance = x.mean(1, keepdim=True), x.var(1, keepdim=True, correction=0)
    assert torch.allclose(net(x), (x - mean) / (variance + 1e-6).sqrt(), atol=1e-5)


def test_norms_without_a_mean() -> None:
    """Formulas of the papers, the tensors drawn."""
    x = batch(WIDE)

    def drawn(name: str, **arguments: Any) -> Any:
        net = module(name, arguments, WIDE)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter)
        return net

    def by_channel(numbers: torch.Tensor) -> torch.Tensor:
        return numbers[:, None, None]

    net = drawn("rmsnorm", eps=0.1)
    torch.testing.assert_close(net(x), by_channel(net.weight) * x / ((x**2).sum(1, True) / 4 + 0.1).sqrt())
    net = drawn("frn", eps=0.1)
    y = by_channel(net.weight) * x / ((x**2).sum((2, 3), True) / 63 + 0.1).sqrt() + by_channel(net.bias)
    tau = by_channel(net.tau).expand_as(y)
    torch.testing.assert_close(net(x), y.where(y > tau, tau))
    net = drawn("grn", eps=0.1)
    length = (x**2).sum((2, 3), True).sqrt()
    share = length / (length.sum(1, True) / 4 + 0.1)
    torch.testing.assert_close(net(x), by_channel(net.weight) * (x * share) + by_channel(net.bias) + x)
    net = drawn("evonorms0", groups=2, eps=0.1)
    group = x.reshape(3, 2, -1)
    deviation = (((group - group.mean(2, True)) ** 2).mean(2) + 0.1).sqrt().repeat_interleave(2, 1)
    bent = x / (1 + (-by_channel(net.v) * x).exp()) / deviation[:, :, None, None]
    torch.testing.assert_close(net(x), bent * by_channel(net.weight) + by_channel(net.bias))
    net = drawn("evonormb0", momentum=0.25, eps=0.1)
    net.running_var.uniform_(0.5, 1.5)
    inner = by_channel(net.v) * x + (((x - x.mean((2, 3), True)) ** 2).mean((2, 3), True) + 0.1).sqrt()
    variance = ((x - x.mean((0, 2, 3), True)) ** 2).mean((0, 2, 3))
    running = 0.75 * net.running_var + 0.25 * variance * 189 / 188  # of 3 images of 9 x 7 pixels
    for is_training, of_channel in ((False, net.running_var.clone()), (True, variance)):
        least = by_channel((of_channel + 0.1).sqrt()).expand_as(x)
        y = x / inner.where(inner > least, least) * by_channel(net.weight) + by_channel(net.bias)
        torch.testing.assert_close(net.train(is_training)(x), y)
    torch.testing.assert_close(net.running_var, running)


def test_a_convolution_along_channels() -> None:
    x, gates = batch(WIDE), batch(Shape(6, 1, 1))
    net = module("channelconv", {"kernel": 3}, WIDE)
    left, middle, right = net.weight.flatten()
    before, after = (F.pad(x, (0, 0, 0, 0, *sides)) for sides in ((1, 0), (0, 1)))
    y = left * before[:, :-1] + middle * x + right * after[:, 1:] + net.bias
    torch.testing.assert_close(net(x), y)
    net = module("channelconv", {"kernel": 3, "bias": False, "mode": "circular"}, Shape(6, 1, 1))
    left, middle, right = net.weight.flatten()
    torch.testing.assert_close(
        net(gates), left * gates.roll(1, 1) + middle * gates + right * gates.roll(-1, 1)
    )


def test_a_blur_weighs_by_binomial_coefficients() -> None:
    x = batch(WIDE)
    kernel = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])).expand(4, 1, 3, 3) / 16
    y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=4)
    torch.testing.assert_close(module("blurpool", {"window": 3}, WIDE)(x), y)
    assert not module("blurpool", {"window": 3}, WIDE).state_dict()


def test_shares_of_paths_add_up() -> None:
    x = batch(Shape(6, 2, 2))
    y = module("softmax", {"paths": 3}, Shape(6, 2, 2))(x)
    powers = x.exp()
    torch.testing.assert_close(y[:, :2], powers[:, :2] / (powers[:, :2] + powers[:, 2:4] + powers[:, 4:]))


def test_parts_of_a_map() -> None:
    x = batch(WIDE)
    rows: list[tuple[str, dict[str, Any], torch.Tensor]] = [
        ("crop", {"size": (4, 4)}, x[:, :, 2:6, 1:5]),
        ("crop", {"sides": [1, 0, 2, 3]}, x[:, :, 1:, 2:-3]),
        ("slice", {"start": 1, "stop": 3}, x[:, 1:3]),
        ("slice", {"start": 1}, x[:, 1:]),
        ("pick", {"channels": [3, 0, 0]}, x[:, [3, 0, 0]]),
        ("flatten", {}, x.reshape(3, -1)),
        ("flatten", {"order": "HWC"}, x.movedim(1, 3).reshape(3, -1)),
        ("abs", {}, x.abs()),
        ("channelmean", {}, x.sum(1, keepdim=True) / 4),
        ("channelmax", {}, x.sort(1).values[:, -1:]),
        ("hardtanh", {"low": 0, "high": 1.5}, x.clamp(0, 1.5)),
        ("squaredrelu", {}, x.clamp(min=0) * x.clamp(min=0)),
        ("starrelu", {"scale": 2, "bias": -1}, 2 * x.clamp(min=0) ** 2 - 1),
        ("normalize", {"mean": [1, 2, 3, 4], "std": 2}, (x - torch.arange(1.0, 5).reshape(-1, 1, 1)) / 2),
        ("pad", {"pad": [1, 0, 2, 3], "value": 7}, F.pad(x, (2, 3, 1, 0), value=7)),
        ("dropout", {"p": 0}, x),
    ]
    for name, arguments, expected in rows:
        assert torch.equal(module(name, arguments, WIDE)(x), expected), name


def test_pixels_as_channels_in_both_orders() -> None:
    x = batch(WIDE)
    squares = x[:, :, :8, :6].reshape(3, 4, 4, 2, 3, 2).permute(0, 1, 3, 5, 2, 4)  # N, C, i, j, h, w
    y = module("pixelunshuffle", {"factor": 2}, WIDE)(x)
    assert torch.equal(y, squares.reshape(3, 16, 4, 3))
    y = module("channelshuffle", {"groups": 4}, Shape(16, 4, 3))(y)
    assert torch.equal(y, squares.permute(0, 2, 3, 1, 4, 5).reshape(3, 16, 4, 3))


def test_normalize_and_pick_keep_nothing_in_the_state_dict() -> None:
    for name, arguments in (("normalize", {"mean": 0, "std": 1}), ("pick", {"channels": [0]})):
        net = module(name, arguments, WIDE)
        assert not net.state_dict()
        assert net.to(torch.float64)(batch(WIDE).double()).dtype == torch.float64


@pytest.mark.parametrize("mode", ["row", "batch"])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("x", [MAP, VECTOR], ids=str)
def test_stochastic_depth_is_torchvisions(torchvision: ModuleType, mode: str, p: float, x: Shape) -> None:
    net, peer = module("stochasticdepth", {"p": p, "mode": mode}, x), torchvision.ops.StochasticDepth(p, mode)
    values = batch(x, images=16)
    for training in (True, False):
        results = []
        for either in (net, peer):
            torch.manual_seed(5)
            results.append((either.train(training)(values), torch.rand(1)))
        assert torch.equal(results[0][0], results[1][0])
        assert torch.equal(results[0][1], results[1][1])  # as many random numbers were drawn


def started(init: str, **arguments: Any) -> Any:
    torch.manual_seed(0)
    return module("conv", {"filter": Filter(64, (3, 3)), "init": init, **arguments}, Shape(128, 6, 6))


def test_init() -> None:
    for init, mean, deviation in [
        ("he", 0, (2 / (128 * 9)) ** 0.5),
        ("xavier", 0, (2 / (128 * 9 + 64 * 9)) ** 0.5),
        ("normal(0.5, 0.01)", 0.5, 0.01),
        ("uniform(-1, 3)", 1, 4 / 12**0.5),
    ]:
        net = started(init)
        assert net.weight.mean().item() == pytest.approx(mean, abs=0.02 * deviation), init
        assert net.weight.std().item() == pytest.approx(deviation, rel=0.02), init
        assert (net.bias == 0).all()


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 32])
def test_bilinear_kernels_interpolate(factor: int) -> None:
    """As `upsample` does, the border aside, where there is nothing beyond to interpolate with."""
    kernel = 2 * factor - factor % 2
    arguments = {"filter": Filter(4, (kernel, kernel)), "stride": factor, "groups": 4, "init": "bilinear"}
    net, x = module("convtranspose", {"pad": (kernel - factor) // 2, **arguments}, MAP), batch(MAP)
    expected = F.interpolate(x, scale_factor=factor, mode="bilinear")
    inside = slice(factor, -factor)
    torch.testing.assert_close(net(x)[..., inside, inside], expected[..., inside, inside])


def test_init_of_frozen_and_of_fixed() -> None:
    frozen = started("normal(2, 0)", frozen=True)
    assert (frozen.weight == 2).all()
    assert list(frozen.state_dict()) == ["weight", "bias"]
    assert list(frozen.parameters()) == []
    fixed = started("he", weights=KERNEL)
    assert (fixed.weight == SHARP).all()
    assert (fixed.bias == 0).all()


def test_scale_stands_for_a_product() -> None:
    assert make("scale", init=2).torch(MAP).args[0].args == ((4, 1, 1), 2.0)
    assert make("scale", per="layer").torch(MAP).args[0].args == ((), 1.0)
    x = batch(MAP)
    assert torch.equal(module("scale", {"init": 2, "trained": False}, MAP)(x), 2 * x)
