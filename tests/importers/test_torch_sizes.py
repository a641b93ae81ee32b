"""What follows the size of the input in a module follows it in what is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from cnnspec.importers.torch.read import read  # noqa: E402
from cnnspec.importers.write import write  # noqa: E402

Tensor = torch.Tensor


class Net(nn.Module):
    def __init__(self, function: Callable[..., Any], conv: nn.Module, **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.conv = conv
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x, self.conv(x))


class SameConv(nn.Conv2d):
    """Pads as TensorFlow does: as much as the size wants."""

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for n, k, s in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max(0, (-(-n // s) - 1) * s + k - n)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


class FarConv(nn.Conv2d):
    """Pads one row and one column on the far side, whatever the size."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (0, 1, 0, 1)))


def last(module: nn.Module) -> Layer:
    return read(module, [Shape(3, 64, 64)]).operations[-1].layer


STRIDED = {"kernel_size": 3, "stride": 2}


def test_a_pad_that_follows_the_size_is_same() -> None:
    model = read(nn.Sequential(SameConv(3, 4, **STRIDED), nn.Conv2d(4, 4, 3, padding=1)), [Shape(3, 64, 64)])
    assert [op.layer.value("pad") for op in model.operations] == ["same", "same"]


def test_a_pad_that_does_not_is_in_numbers() -> None:
    model = read(nn.Sequential(FarConv(3, 4, **STRIDED), nn.Conv2d(4, 4, 3, padding=1)), [Shape(3, 64, 64)])
    assert [op.layer.value("pad") for op in model.operations] == [(0, 1, 0, 1), (1, 1, 1, 1)]


def resized(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.interpolate(y, size=x.shape[2:])


def test_a_resize_to_the_size_of_another_map_is_by_a_factor() -> None:
    layer = last(Net(resized, nn.Conv2d(3, 4, 3, stride=2, padding=1)))
    assert (layer.value("factor"), layer.value("size")) == ((2, 2), None)


def test_a_resize_to_a_size_keeps_it() -> None:
    module = Net(lambda _, __, y: F.interpolate(y, size=(64, 64)), nn.Conv2d(3, 4, 3, stride=2, padding=1))
    assert last(module).value("size") == (64, 64)


def test_a_net_of_one_size_is_read_at_that() -> None:
    module = Net(
        lambda net, x, y: net.fc(resized(net, x, y).flatten(1)),
        nn.Conv2d(3, 1, 2, stride=2),
        fc=nn.Linear(64, 5),
    )
    model = read(module, [Shape(3, 8, 8)])
    assert [op.layer.name for op in model.operations] == ["conv", "upsample", "flatten", "linear"]
    assert model.operations[1].layer.value("factor") == (2, 2)


@pytest.mark.parametrize(
    ("function", "name"), [(F.avg_pool2d, "globalavgpool"), (F.max_pool2d, "globalmaxpool")]
)
def test_a_window_as_large_as_the_map_is_a_global_pool(function: Any, name: str) -> None:
    assert last(Net(lambda _, __, y: function(y, y.shape[2:]), nn.Conv2d(3, 4, 1))).name == name


def test_a_window_that_happens_to_be_as_large_stays_one() -> None:
    assert last(nn.Sequential(nn.Conv2d(3, 4, 1), nn.AvgPool2d(64))).name == "avgpool"


def cropped(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    top, left = ((n - 16) // 2 for n in y.shape[2:])
    return y[:, :, top : top + 16, left : left + 16]


def test_a_crop_to_a_size() -> None:
    assert last(Net(cropped, nn.Conv2d(3, 4, 1))).value("size") == (16, 16)


def test_a_crop_of_sides() -> None:
    assert last(Net(lambda _, __, y: y[:, :, 2:-2, 1:-1], nn.Conv2d(3, 4, 1))).value("sides") == (2, 2, 1, 1)


def test_a_crop_off_the_middle_is_of_sides_at_the_size_of_the_input() -> None:
    """As the authors of FCNs crop: the language has crops to a size in the middle alone."""

    class Crop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(3, 4, 4, 2)

        def forward(self, x: Any) -> Any:
            return self.up(x)[:, :, 5 : 5 + x.size(2), 5 : 5 + x.size(3)]

    text = write(read(nn.Sequential(Crop()), [Shape(3, 16, 16)]))
    assert "crop sides=[5, 13, 5, 13]" in text


class Sized(nn.Module):
    """Maps of two inputs, the second as large as the first one is."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.a(x) + F.interpolate(self.b(y), size=x.shape[2:])


@pytest.mark.parametrize("sides", [(32, 16), (16, 32)])
def test_of_two_inputs_a_resize_keeps_the_size_of_the_first(sides: tuple[int, int]) -> None:
    text = write(read(Sized(), [Shape(3, side, side) for side in sides]))
    assert f"| b: conv 4@1x1, upsample size={sides[0]} }}" in text
