"""How people write modules: what functions, methods and operators become, and that they compute the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from cnnspec.importers.model import Model
from cnnspec.values.shapes import Shape

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from cnnspec.importers.torch.read import read  # noqa: E402
from tests.importers.running import largest_difference  # noqa: E402

IMAGE = Shape(3, 16, 16)
BINOMIAL = torch.tensor([0.25, 0.5, 0.25])


class Net(nn.Module):
    """A convolution to 8 channels, and a function of what it makes."""

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *images: torch.Tensor) -> Any:
        return self.function(self, *map(self.conv, images))


class Case(NamedTuple):
    layers: str  # behind the convolution
    module: nn.Module
    tolerance: float = 0.0


def squeeze(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    batch, channels, _, _ = x.shape
    y = F.adaptive_avg_pool2d(x, 1).view(batch, channels)
    y = torch.sigmoid(net.up(F.relu(net.down(y)))).view(batch, channels, 1, 1)
    return x * y.expand_as(x)


def unpooled(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y, places = F.max_pool2d(x.relu_(), 3, return_indices=True)
    return net.unpool(torch.tanh(y), places, output_size=x.shape)


def gated(net: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    y = net.up(net.down(x.mean((2, 3))))[:, :, None, None]
    return y * x, y


def shuffled(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    batch, channels, height, width = x.shape
    return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(x.shape)


def enlarged(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    batch, _, height, width = x.shape
    x = x.view(batch, 2, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, 2, 2 * height, 2 * width)


def enlarged_outer(x: torch.Tensor) -> torch.Tensor:
    """As TensorFlow counts: the pixels of a square are the outer digits of the channels."""
    batch, _, height, width = x.shape
    x = x.view(batch, 2, 2, 2, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(batch, 2, 2 * height, 2 * width)


def normed_last(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return net.linear(net.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


def tokens(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    batch, channels, height, width = x.shape
    y = F.gelu(net.linear(x.flatten(2).transpose(1, 2)))
    return y.transpose(1, 2).reshape(batch, channels, height, width)


def dropped(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Stochastic depth as it was first written: uniform numbers, rounded down."""
    if not net.training:
        return x
    keep = 0.8
    mask = (keep + torch.rand((x.shape[0], 1, 1, 1), dtype=x.dtype, device=x.device)).floor_()
    return x.div(keep) * mask


class DropPath(nn.Module):
    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1 - self.p).div_(1 - self.p)


def in_place(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = F.relu_(x)
    y += x
    return y


def prepared(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    mean = torch.tensor([0.1 * n for n in range(8)], device=x.device).view(1, 8, 1, 1)
    return net.again((x - mean) / 0.5)


def hooked(module: nn.Module) -> nn.Module:
    module.register_forward_hook(lambda _, __, x: x.relu())
    return module


def eca(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = net.conv1d(x.mean((2, 3)).unsqueeze(1)).sigmoid()
    return x * y.view(len(x), -1, 1, 1).expand_as(x)


def blur(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return F.conv2d(F.pad(x, [1] * 4, mode="reflect"), net.kernel, stride=2, groups=8)


def blurred(**kernel: torch.Tensor) -> nn.Module:
    net = Net(blur)
    for name, tensor in kernel.items():
        net.register_buffer(name, tensor, persistent=False)
    return net


def selected(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    paths = torch.stack([x.relu(), x.tanh()], dim=1)
    shares = net.share(paths.sum(1).mean((2, 3), keepdim=True)).view(-1, 2, 8, 1, 1).softmax(1)
    return (paths * shares).sum(dim=1)


def split(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    batch, channels, *size = x.shape
    parts = x.reshape(batch, 2, channels // 2, *size)
    shares = net.share(F.adaptive_avg_pool2d(parts.sum(1), 1))
    shares = shares.view(batch, 1, 2, -1).transpose(1, 2).softmax(1).reshape(batch, 2, -1, 1, 1)
    return (parts * shares).sum(1)


def largest_same(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """As TensorFlow pads: nothing before the first row, one behind the last."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-math.inf), 3, 2)


def focus(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """As YOLOv5 begins."""
    parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
    return torch.cat(parts, 1)


def rows_first(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x[:, :, i::2, j::2] for i in range(2) for j in range(2)], 1)


def unlike_squares(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Of 4x4: rows 0 and 3 beside 1 and 3, each in two columns, as many as of squares."""
    x = F.avg_pool2d(x, 4)
    parts = [x[..., i :: 3 - i, j::2] for i in range(2) for j in range(2)]
    return torch.cat(parts, 1)


def prepared_like(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    mean = torch.tensor([0.1 * n for n in range(8)])[None, :, None, None].to(x)
    return net.again((x - mean) / 0.5)


def merged_rows(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """As Swin merges patches, rows alone."""
    x = x.permute(0, 2, 3, 1)
    return net.norm(torch.cat([x[:, 0::2], x[:, 1::2]], -1)).permute(0, 3, 1, 2)


def widened(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The shortcut without weights of ResNets for small images."""
    return F.relu(net.wide(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2), "constant", 0))


def filled_up(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """As shortcuts of ENet and PyramidNet are."""
    return torch.cat([x, x.new_zeros(len(x), 4, 16, 16), torch.zeros(len(x), 4, 16, 16)], 1)


def shuffled_halves(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """As the authors of ShuffleNetV2 part channels."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch * channels // 2, 2, height * width).permute(1, 0, 2)
    x = x.reshape(2, -1, channels // 2, height, width)
    return torch.cat([x[0], x[1]], 1)


def selected_by_cat(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    paths = torch.cat([each.unsqueeze(1) for each in (x.relu(), x.tanh())], 1)
    shares = net.share(paths.sum(1).mean((2, 3), True)).view(-1, 2, 8, 1, 1).softmax(1)
    return (paths * shares).sum(1)


def dropped_by_numbers(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return x / 0.8 * torch.bernoulli(torch.full((len(x), 1, 1, 1), 0.8)) if net.training else x


def by_length(x: torch.Tensor) -> torch.Tensor:
    return torch.div(x, torch.norm(x, 2, 1, True))


def linears() -> dict[str, nn.Module]:
    return {"down": nn.Linear(8, 4), "up": nn.Linear(4, 8)}


ATTENTION = "globalavgpool linear relu linear sigmoid mul"

CASES = {
    "squeeze and excite": Case(ATTENTION, Net(squeeze, **linears())),
    "a gate that is an output": Case("globalavgpool linear linear mul", Net(gated, **linears())),
    "channel shuffle": Case("channelshuffle", Net(shuffled)),
    "pixel shuffle": Case("pixelshuffle", Net(enlarged)),
    "channels last": Case("layernorm linear", Net(normed_last, norm=nn.LayerNorm(8), linear=nn.Linear(8, 8))),
    "tokens that are a map again": Case("linear gelu", Net(tokens, linear=nn.Linear(8, 8)), 1e-6),
    "stochastic depth by hand": Case("stochasticdepth", Net(dropped), 1e-6),
    "in place": Case("relu add", Net(in_place)),
    "fixed numbers": Case("normalize conv", Net(prepared, again=nn.Conv2d(8, 8, 1))),
    "chunks": Case("slice slice add", Net(lambda _, x: torch.add(*x.chunk(2, 1)))),
    "a step of channels": Case("pick", Net(lambda _, x: x[:, ::2])),
    "a part from behind": Case("slice", Net(lambda _, x: x.narrow(1, -3, 2))),
    "a part of rows": Case("crop", Net(lambda _, x: x.narrow(-2, -3, 3))),
    "an ellipsis": Case("crop", Net(lambda _, x: x[..., 1:-1, 2:])),
    "a list of channels": Case("pick", Net(lambda _, x: x[:, [3, 0]])),
    "a negative pad": Case("crop pad", Net(lambda _, x: F.pad(x, (-1, 1, -1, 1)))),
    "bounds": Case("relu6 relu", Net(lambda _, x: x.clamp(0, 6).clamp(min=0))),
    "a sum of a list": Case("relu add", Net(lambda _, x: sum([x, x.relu()]))),
    "a stack of functions": Case("silu tanh", Net(lambda _, x: torch.tanh(x * x.sigmoid())), 1e-6),
    "a part of shuffled pixels": Case(
        "channelshuffle pixelshuffle crop", Net(lambda _, x: enlarged_outer(x)[:, :, 1:, :-1])
    ),
    "every second pixel": Case("maxpool", Net(lambda _, x: x[:, :, ::2, ::2])),
    "squares to channels": Case("pixelunshuffle pick", Net(focus)),
    "squares to channels, rows first": Case("pixelunshuffle channelshuffle", Net(rows_first)),
    "pixels that are no squares": Case(
        "avgpool maxpool crop maxpool crop maxpool crop maxpool concat", Net(unlike_squares)
    ),
    "a step of many channels": Case(
        "concat concat channelshuffle slice slice add",
        Net(lambda _, x: (y := torch.cat([torch.cat([x] * 4, 1)] * 3, 1))[:, ::2] + y[:, 1::2]),
    ),
    "another order of channels": Case(
        "pick", Net(lambda _, x: x.view(-1, 2, 2, 2, 16, 16).transpose(1, 2).reshape(x.shape))
    ),
    "numbers of the image's type": Case("normalize conv", Net(prepared_like, again=nn.Conv2d(8, 8, 1)), 1e-6),
    "squares of the last axes": Case(
        "maxpool crop maxpool concat layernorm", Net(merged_rows, norm=nn.LayerNorm(16))
    ),
    "a shortcut of zeros": Case(
        "conv maxpool slice scale slice scale concat add relu",
        Net(widened, wide=nn.Conv2d(8, 12, 3, stride=2, padding=1)),
    ),
    "a shortcut filled up": Case("slice scale slice scale concat", Net(filled_up)),
    "axes moved": Case(
        "linear", Net(lambda net, x: net.up(x.movedim(1, -1)).movedim((3, 0), (1, 0)), up=nn.Linear(8, 4))
    ),
    "axes moved together": Case(
        "linear", Net(lambda net, x: net.up(x.movedim((2, 3), (1, 2))).moveaxis(-1, 1), up=nn.Linear(8, 4))
    ),
    "a vector filled up": Case(
        "globalavgpool flatten linear slice scale concat",
        Net(
            lambda net, x: torch.cat([y := net.fc(x.mean((2, 3))), y.new_zeros(len(y), 2)], 1),
            fc=nn.Linear(8, 4),
        ),
        1e-6,
    ),
    "parts unbound": Case("slice slice sub", Net(lambda _, x: torch.sub(*x.unflatten(1, (2, 4)).unbind(1)))),
    "an index of groups": Case("pick pick concat", Net(shuffled_halves)),
    "an index of parts": Case("slice slice add", Net(lambda _, x: x.unflatten(1, (2, 4)).sum(1))),
    "a mean of parts": Case(
        "globalavgpool slice slice add flatten",
        Net(lambda _, x: x.unflatten(1, (2, 4)).mean((3, 4)).sum(1)),
        1e-6,
    ),
    "a shuffle and a mean": Case(
        "channelshuffle globalavgpool flatten", Net(lambda _, x: shuffled(_, x).mean((2, 3))), 1e-6
    ),
    "paths joined and selected": Case(
        "relu tanh concat add globalavgpool conv softmax mul slice slice add",
        Net(selected_by_cat, share=nn.Conv2d(8, 16, 1)),
        1e-6,
    ),
    "a mean of paths": Case(
        "relu tanh add scale", Net(lambda _, x: torch.stack([x.relu(), x.tanh()]).mean(0)), 1e-6
    ),
    "a mean of neighbours": Case(
        "channelshuffle slice slice add scale", Net(lambda _, x: x.unflatten(1, (4, 2)).mean(2)), 1e-6
    ),
    "a mean of means": Case("globalavgpool flatten", Net(lambda _, x: x.mean(-1).mean(-1)), 1e-6),
    "gray as colours": Case("slice pick", Net(lambda _, x: x[:, :1].repeat(1, 3, 1, 1))),
    "a vector that was a map in part": Case(
        "globalavgpool flatten linear flatten slice linear add unflatten",
        Net(
            lambda net, x: (net.fc(x.mean((2, 3))) + net.fc(x.flatten(1)[:, :8])).view(-1, 8, 1, 1),
            fc=nn.Linear(8, 8),
        ),
        1e-6,
    ),
    "one feature as several": Case(
        "globalavgpool flatten linear pick",
        Net(lambda net, x: net.one(x.mean((2, 3))).repeat(1, 6), one=nn.Linear(8, 1)),
        1e-6,
    ),
    "unit length of a map's numbers": Case("flatten l2norm", Net(lambda _, x: F.normalize(x.flatten(1)))),
    "a norm of a map's numbers": Case(
        "flatten rmsnorm", Net(lambda net, x: net.norm(x.flatten(1)), norm=nn.RMSNorm(8 * 16 * 16)), 1e-6
    ),
    "unit length": Case("l2norm l2norm", Net(lambda _, x: by_length(F.normalize(x))), 1e-6),
    "chance by numbers": Case("stochasticdepth", Net(dropped_by_numbers), 1e-6),
    "a repeated scale": Case(
        "scale",
        Net(lambda net, x: net.gamma[:, None, None].expand_as(x) * x, gamma=nn.Parameter(torch.ones(8))),
    ),
    "a mean to a vector": Case(
        "globalavgpool flatten", Net(lambda _, x: x.mean(axis=[-2, -1]).contiguous().double())
    ),
    "a half that gates": Case("slice slice sigmoid mul", Net(lambda _, x: F.glu(x, 1))),
    "a scale of a vector": Case(
        "globalavgpool flatten scale dropout pick",
        Net(
            lambda net, x: F.dropout(x.mean((2, 3)) * net.gamma, 0.3, net.training)[:, [1, 0]],
            gamma=nn.Parameter(torch.ones(8)),
        ),
    ),
    "a pixel gate": Case(
        "channelmean channelmax concat conv sigmoid mul",
        Net(
            lambda net, x: x * net.gate(torch.cat([x.mean(1, True), x.max(1, keepdim=True)[0]], 1)).sigmoid(),
            gate=nn.Conv2d(2, 1, 3, padding=1),
        ),
    ),
    "fixed factors": Case("scale scale add", Net(lambda _, x: 0.5 * x + x / 4)),
    "a layer scale of channels": Case(
        "scale", Net(lambda net, x: x.mul(net.gamma.reshape(1, -1, 1, 1)), gamma=nn.Parameter(torch.ones(8)))
    ),
    "a star": Case(
        "starrelu",
        Net(
            lambda net, x: net.scale * F.relu(x) ** 2 + net.bias,
            scale=nn.Parameter(torch.ones(1)),
            bias=nn.Parameter(torch.zeros(1)),
        ),
    ),
    "a star of channels": Case(
        "squaredrelu scale shift",
        Net(
            lambda net, x: F.relu(x) ** 2 * net.scale + net.bias,
            scale=nn.Parameter(torch.ones(8, 1, 1)),
            bias=nn.Parameter(torch.zeros(8, 1, 1)),
        ),
    ),
    "a star by other names": Case(
        "squaredrelu scale shift",
        Net(
            lambda net, x: F.relu(x) ** 2 * net.g + net.b,
            g=nn.Parameter(torch.ones(1)),
            b=nn.Parameter(torch.zeros(1)),
        ),
    ),
    "joined vectors": Case(
        "globalavgpool globalmaxpool flatten flatten concat",
        Net(lambda _, x: torch.cat([F.adaptive_avg_pool2d(x, 1).flatten(1), x.amax((2, 3))], -1)),
    ),
    "one module twice": Case(
        "conv conv", Net(lambda net, x: net.again(net.again(x)), again=nn.Conv2d(8, 8, 1))
    ),
    "a convolution across channels": Case(
        "globalavgpool channelconv sigmoid mul",
        Net(eca, conv1d=nn.Conv1d(1, 1, 3, padding=1, bias=False)),
    ),
    "gates of rows and of columns": Case(
        "adaptiveavgpool sigmoid mul adaptivemaxpool mul",
        Net(lambda _, x: x * torch.sigmoid(x.mean(3, keepdim=True)) * x.amax(2, keepdim=True)),
        1e-6,
    ),
    "values at the places of maxima": Case(
        "relu maxpool tanh maxunpool",
        Net(unpooled, unpool=nn.MaxUnpool2d(3)),
    ),
    "a blur": Case("blurpool", blurred(kernel=torch.outer(BINOMIAL, BINOMIAL).repeat(8, 1, 1, 1))),
    "paths that share a whole": Case(
        "relu tanh concat add globalavgpool conv softmax mul slice slice add",
        Net(selected, share=nn.Conv2d(8, 16, 1)),
        1e-6,
    ),
    "parts that share a whole": Case(
        "slice slice add globalavgpool conv softmax mul slice slice add",
        Net(split, share=nn.Conv2d(4, 8, 1)),
        1e-6,
    ),
    "a pad of a max pool": Case("maxpool", Net(largest_same)),
    "a look on the way": Case("", Net(lambda _, x: x if str(x.mean()) else -x)),
    "a hook": Case("conv relu", Net(lambda net, x: net.again(x), again=hooked(nn.Conv2d(8, 8, 1)))),
    "a checkpoint": Case(
        "conv",
        Net(
            lambda net, x: torch.utils.checkpoint.checkpoint(net.again, x, use_reentrant=False),
            again=nn.Conv2d(8, 8, 1),
        ),
    ),
}


def kinds(model: Model) -> str:
    return " ".join(operation.layer.name for operation in model.operations)


@pytest.mark.parametrize("name", CASES)
def test_a_module_is_read(name: str) -> None:
    layers, module, tolerance = CASES[name]
    model = read(module, [IMAGE])
    assert sorted(kinds(model).split()) == sorted(f"conv {layers}".split())
    images = torch.randn(2, *IMAGE.dimensions, generator=torch.Generator().manual_seed(0))
    for training in (False, True):
        assert largest_difference(module, model, images, training=training) <= tolerance


def test_rates_that_rise_in_float32_are_those_that_are_meant() -> None:
    rates = [rate.item() for rate in torch.linspace(0, 0.1, 12)]
    assert 0.1 * 5 / 11 not in rates
    model = read(nn.Sequential(*(DropPath(rate) for rate in rates[1:])), [IMAGE])
    assert [o.layer.value("p") for o in model.operations] == [0.1 * step / 11 for step in range(1, 12)]


class Scaled(nn.Conv2d):
    """Its filters have the variance gamma^2 and a gain, as timm's have."""

    def __init__(self, arriving: int, width: int, gamma: float) -> None:
        super().__init__(arriving, width, 1)
        self.gain = nn.Parameter(torch.ones(width, 1, 1, 1))
        self.scale = gamma * self.weight[0].numel() ** -0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        filters = self.weight.reshape(1, self.out_channels, -1)
        gain = (self.gain * self.scale).view(-1)
        weight = F.batch_norm(filters, None, None, weight=gain, training=True, momentum=0.0, eps=1e-6)
        return F.conv2d(x, weight.reshape_as(self.weight), self.bias)


def test_gammas_that_differ_by_rounding_are_one() -> None:
    gamma, widths = 1.7015043497085571, (3, 288, 1152, 144)
    layers = (Scaled(*pair, gamma) for pair in pairwise(widths))
    model = read(nn.Sequential(*layers), [IMAGE])
    assert {o.layer.value("gamma") for o in model.operations} == {gamma}


def test_a_module_called_twice_has_its_keys_twice() -> None:
    model = read(CASES["one module twice"].module, [IMAGE])
    _, first, second = model.operations
    assert first.keys == second.keys == {"weight": "again.weight", "bias": "again.bias"}
    assert [op.scopes[-1].call for op in (first, second)] == [0, 1]


def test_scopes_and_places() -> None:
    model = read(nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 1)), CASES["in place"].module), [IMAGE])
    pointwise, conv, relu, add = model.operations
    assert [(scope.path, scope.kind) for scope in pointwise.scopes] == [
        ("0", "Sequential"),
        ("0.0", "Conv2d"),
    ]
    assert [(scope.path, scope.kind) for scope in conv.scopes] == [("1", "Net"), ("1.conv", "Conv2d")]
    assert [scope.path for scope in relu.scopes] == ["1"]
    assert pointwise.place == ""  # no line but PyTorch's own
    lines = [int(op.place.removeprefix("test_torch_modules.py:")) for op in (relu, add)]
    assert lines == [lines[0], lines[0] + 1]


def test_outputs_bear_the_names_that_they_are_returned_by() -> None:
    named = Net(lambda _, x: {"out": x, "parts": {"left": x[:, :4], "right": [x[:, 4:]]}, "none": None})
    assert [output.name for output in read(named, [IMAGE]).outputs] == ["out", "parts_left", "parts_right"]


def test_two_inputs_are_named_as_forward_names_them() -> None:
    class Two(nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return left + right

    model = read(Two(), [IMAGE, IMAGE])
    assert [(given.name, given.value.shape) for given in model.inputs] == [("left", IMAGE), ("right", IMAGE)]


def test_outputs_of_training_alone() -> None:
    module = Net(lambda net, x: (x.relu(), x.tanh()) if net.training else x.relu())
    model = read(module, [IMAGE])
    assert [output.training for output in model.outputs] == [False, True]
    assert [(op.layer.name, op.training) for op in model.operations] == [
        ("conv", False),
        ("relu", False),
        ("tanh", True),
    ]


def compiled_in_place(module: nn.Module) -> nn.Module:
    module.compile()
    return module


def distributed(module: nn.Module) -> nn.Module:
    """Wrapped as in a training of one process."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        return nn.parallel.DistributedDataParallel(module)
    finally:
        torch.distributed.destroy_process_group()


WRAPPED = {
    "compiled": torch.compile,
    "compiled in place": compiled_in_place,
    "parallel": nn.DataParallel,
    "parallel in many processes": distributed,
    "compiled and parallel": lambda module: torch.compile(nn.DataParallel(module)),
    "half": lambda module: module.half(),
    "meta": lambda module: module.to("meta"),
    "without gradients": lambda module: module.requires_grad_(False),
    "in evaluation": lambda module: module.eval(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRAPPED)
def test_a_wrapped_module_is_read_as_what_is_in_it(name: str) -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    wanted = read(plain, [IMAGE])
    found = read(WRAPPED[name](plain), [IMAGE])
    assert kinds(found) == kinds(wanted)
    assert [op.keys for op in found.operations] == [op.keys for op in wanted.operations]


@pytest.mark.slow
def test_a_part_that_is_compiled_runs_as_it_was_written() -> None:
    net = nn.Sequential(torch.compile(nn.Conv2d(3, 4, 1)), nn.ReLU())
    assert kinds(read(net, [IMAGE])) == "conv relu"


@pytest.mark.parametrize("move", [lambda x: x.to("cuda:0"), lambda x: x.cuda(), lambda x: x.cpu()])
def test_a_move_to_another_device_is_nothing(move: Callable[[torch.Tensor], torch.Tensor]) -> None:
    assert kinds(read(Net(lambda _, x: move(x).relu()), [IMAGE])) == "conv relu"


def test_a_vector_alone_is_read() -> None:
    net = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2), nn.Softmax(1))
    model = read(net, [Shape(5)])
    assert kinds(model) == "linear batchnorm dropout linear softmax"
    assert largest_difference(net, model, torch.randn(3, 5)) <= 1e-6
