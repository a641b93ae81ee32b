"""The reader of modules on one layer each: PyTorch's module of every layer is read as that layer."""

from __future__ import annotations

from typing import Any

import pytest

from cnnspec.layers.base import Layer
from cnnspec.layers.conv import Conv, Depthwise
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape

torch = pytest.importorskip("torch")

from cnnspec.importers.torch.read import read  # noqa: E402
from cnnspec.importers.write import write  # noqa: E402
from tests.importers.running import largest_difference  # noqa: E402
from tests.layers.instantiate import MAP, MODULES, PARAMETERS, Case, batch, instantiate, make, title  # noqa: E402


def said(layer: Layer, x: Shape) -> dict[str, Any]:
    """What the arguments of a layer mean where `x` arrives.

    A module does not know any more what its tensors started from, and what fixed numbers broadcast from.
    """
    unknown = {"init", "weights", "biases", "in"}
    found = {name: layer.value(name) for name in layer.arguments if name not in unknown}
    if layer.name == "prelu":
        found["init"] = layer.value("init")
    if isinstance(layer, Conv | Depthwise):
        found["pad"] = layer.sides(x)
    if layer.name == "crop":
        found = {"window": layer.window(x)}  # type: ignore[attr-defined]
    if layer.name == "upsample":
        size = layer.output(x).size
        found |= {"size": size, "factor": None}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", MODULES, ids=title)
def test_a_module_is_read_as_its_layer(case: Case) -> None:
    name, arguments, x = case
    layer = make(name, **arguments)
    module = torch.nn.Sequential(instantiate(layer.torch(x)))
    model = read(module, [x])
    if name == "identity" or (name == "flatten" and not x.is_map):
        assert not model.operations  # PyTorch calls no function, or one that gives back what it was given
        return
    (operation,) = model.operations
    assert (operation.layer.name, said(operation.layer, x)) == (name, said(layer, x))
    assert operation.output.shape == layer.output(x)
    assert operation.training == (name in ("dropout", "stochasticdepth"))
    for training in (False, True):
        assert largest_difference(module, model, batch(x), training=training) == 0


CORNERS = [[1, 2], [3, 4]]
MIRRORED = [[4, 3], [2, 1]]
FROZEN = [case for case in MODULES if case[1].get("frozen")] + [
    ("convtranspose", {"filter": Filter(2, (2, 2)), "weights": [CORNERS, MIRRORED], "frozen": True}, MAP),
    ("convtranspose", {"filter": Filter(1, (2, 2)), "weights": CORNERS, "biases": 0.1, "frozen": True}, MAP),
    (
        "convtranspose",
        {
            "filter": Filter(4, (2, 2)),
            "weights": [[CORNERS] * 2] * 3 + [[MIRRORED] * 2],
            "groups": 2,
            "frozen": True,
        },
        MAP,
    ),
    ("conv", {"filter": Filter(2, (2, 2)), "weights": [CORNERS, MIRRORED], "frozen": True}, MAP),
    ("conv", {"filter": Filter(1, (2, 2)), "weights": [[CORNERS, MIRRORED] * 2], "frozen": True}, MAP),
]


@pytest.mark.parametrize("case", FROZEN, ids=title)
def test_frozen_numbers_are_read(case: Case) -> None:
    """Built from what was read, without the module's weights, the layer starts with the same numbers."""
    name, arguments, x = case
    module = torch.nn.Sequential(instantiate(make(name, **arguments).torch(x)))
    (operation,) = read(module, [x]).operations
    again = instantiate(operation.layer.torch(x))
    for key, tensor in again.state_dict().items():
        assert torch.equal(tensor, module.state_dict()[f"0.{key}"])


class Scaled(torch.nn.Module):
    """A layer scale: a parameter is no module."""

    def __init__(self, gamma: torch.nn.Parameter, spread: tuple[int, ...], symbol: str) -> None:
        super().__init__()
        self.gamma, self.spread, self.symbol = gamma, spread, symbol

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        numbers = self.gamma.reshape(self.spread) if self.spread else self.gamma
        return x * numbers if self.symbol == "*" else numbers + x


@pytest.mark.parametrize("case", PARAMETERS, ids=title)
def test_a_scale_or_a_shift_is_read(case: Case) -> None:
    name, arguments, x = case
    layer = make(name, **arguments)
    module = Scaled(instantiate(layer.torch(x)), layer.spread(x), layer.symbol)
    model = read(module, [x])
    (operation,) = model.operations
    assert (operation.layer.name, operation.layer.value("init")) == (name, layer.value("init"))
    assert operation.keys == {"": "gamma"}
    assert largest_difference(module, model, batch(x)) == 0


JOINS = {
    "add": lambda left, right: left + right,
    "sub": lambda left, right: left - right,
    "mul": lambda left, right: left * right,
    "maximum": torch.max,
    "minimum": torch.minimum,
    "concat": lambda left, right: torch.cat([left, right], 1),
}


@pytest.mark.parametrize("name", JOINS)
def test_a_join_is_read(name: str) -> None:
    class Joined(torch.nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> Any:
            return JOINS[name](left, right)

    shapes = [Shape(4, 6, 6), Shape(4, 6, 6)]
    model = read(Joined(), shapes)
    assert [given.name for given in model.inputs] == ["left", "right"]
    (operation,) = model.operations
    assert operation.layer.name == name
    assert operation.inputs == tuple(given.value for given in model.inputs)
    assert largest_difference(Joined(), model, *(batch(x, seed=i) for i, x in enumerate(shapes))) == 0


def test_a_value_is_added_to_all_advantages() -> None:
    """Wang et al. 2016, "Dueling network architectures": a vector of one feature is picked as often."""

    class Dueling(torch.nn.Module):
        def forward(self, value: torch.Tensor, advantages: torch.Tensor) -> torch.Tensor:
            return value + advantages - advantages.mean(1, keepdim=True)

    shapes = [Shape(1), Shape(6)]
    model = read(Dueling(), shapes)
    names = sorted(each.layer.name for each in model.operations)
    assert names == ["add", "channelmean", "pick", "pick", "sub"]
    assert largest_difference(Dueling(), model, *(batch(x, seed=i) for i, x in enumerate(shapes))) == 0


def test_maxout_is_read() -> None:
    """Goodfellow et al. 2013, "Maxout networks", of neighbouring channels."""

    class Maxout(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, c, h, w = x.shape
            return x.view(n, c // 3, 3, h, w).max(2).values

    model = read(Maxout(), [Shape(12, 5, 5)])
    names = [each.layer.name for each in model.operations]
    assert names == ["channelshuffle", "slice", "slice", "slice", "maximum"]
    assert largest_difference(Maxout(), model, batch(Shape(12, 5, 5))) == 0


def test_a_sum_is_not_turned_round_where_its_layers_run_again() -> None:
    """c + (a + b) is a + b + c, else: but the first run of a layer has to stay the first."""

    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.b = torch.nn.ModuleList(torch.nn.Conv2d(3, 8, k, padding=k // 2) for k in (1, 3))

        def forward(self, x: torch.Tensor) -> Any:
            return torch.stack([b(x) for b in self.b]).mean(0) + sum(b(x) for b in self.b)

    assert "again b.0" in write(read(Twice(), [Shape(3, 8, 8)]))


def test_a_number_less_a_value_is_read() -> None:
    """As a gate's other half: t*f(x) + (1 - t)*x of Srivastava et al. 2015, "Highway networks"."""

    class Rest(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 1 - x

    model = read(Rest(), [Shape(4, 6, 6)])
    assert [each.layer.name for each in model.operations] == ["scale", "shift"]
    assert largest_difference(Rest(), model, batch(Shape(4, 6, 6))) == 0
