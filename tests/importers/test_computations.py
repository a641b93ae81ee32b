"""A computation is known by what it computes: in every form, and as nothing that it is not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cnnspec.importers.model import Operation, Value
from cnnspec.importers.reading.arrangement import axes_of
from cnnspec.importers.reading.computations import (
    FORMULAS,
    FOUR_DIGITS,
    Computation,
    is_large,
    is_same,
    layer_of,
    linear,
    of,
    samples,
)
from cnnspec.importers.reading.flows import Flow, Flows
from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape


class Net(Flows):
    """A net whose values are all inputs."""

    operator = "add"

    def flow(self, known: Any) -> Flow:
        return Flow(known, axes_of(known.shape, self.batch))

    def emit(self, layer: Layer, *inputs: Value, **tensors: Any) -> Value:
        raise NotImplementedError

    def maker(self, value: Value) -> Operation | None:
        return None


X, Y = (Value(number, Shape(4, 2, 3)) for number in range(2))


def named(computation: Computation) -> str:
    """The layer that a computation is, and what it is of."""
    known = layer_of(Net(1), computation)
    if known is None:
        return ""
    eps = f" {known.layer.value('eps')}" if "eps" in known.layer.arguments else ""
    assert not known.tensors
    return known.layer.name + eps + (" of a computation" if known.x != X else "")


EXP = of("exp", of("neg", X))
MEAN = of("mean C", of("pow", X, 2))
FORMS = {
    "sigmoid": [of("div", 1, of("add", EXP, 1)), of("reciprocal", of("add", 1, EXP))],
    "silu": [of("div", X, of("add", 1.0, EXP)), of("mul", of("sigmoid", X), X)],
    "softplus": [of("log", of("add", 1, of("exp", X))), of("sub", X, of("log", of("sigmoid", X)))],
    "hardsigmoid": [of("div", of("clip", of("add", X, 3), 0, 6), 6.0)],
    "hardswish": [of("mul", 1 / 6, of("mul", X, of("clip", of("add", X, 3), 0, 6)))],
    "sigmoid of a computation": [of("reciprocal", of("add", 1, of("exp", of("neg", of("mul", X, 0.3)))))],
    "rmsnorm 0.001": [
        of("div", X, of("sqrt", of("add", 1e-3, MEAN))),
        of("mul", of("pow", of("add", MEAN, 1e-3), -0.5), X),
    ],
    "": [
        of("mul", X, 2.0),
        of("div", X, of("add", 1e-3, of("sqrt", MEAN))),  # the eps is elsewhere
        of("div", Y, of("sqrt", of("add", 1e-3, MEAN))),
        of("div", X, of("sqrt", of("add", 1e-3, of("mean HW", of("square", X))))),  # without weights
        of("div", X, of("sqrt", of("add", 0.5, MEAN))),
        of("mul", Y, of("sigmoid", X)),
        of("log", of("sub", 0, of("square", X))),  # no number anywhere
        of("tanh of another kind", X),
        of("sigmoid", of("clip", X, -1000.0, 1000.0)),  # a limit that is never reached on the sample
        of("sigmoid", of("clip", X, -math.inf, 101.0)),
    ],
}


@pytest.mark.parametrize(
    ("layer", "computation"), [(layer, computation) for layer, each in FORMS.items() for computation in each]
)
def test_a_computation_is_the_layer_that_computes_the_same(layer: str, computation: Computation) -> None:
    assert named(computation) == layer


def test_no_two_layers_compute_the_same_on_the_sample() -> None:
    rows = samples()
    assert len(rows) > len(FORMULAS)  # tensors in other orders
    for place, (one, *_, numbers) in enumerate(rows):
        for other, *_, others in rows[:place]:
            assert not is_same(numbers, others, FOUR_DIGITS), (one, other)


def test_a_multiple_plus_a_number_is_linear() -> None:
    assert linear(of("mul", of("add", X, 2), 3.0), X) == (3.0, 6.0)
    assert linear(of("add", X, of("mul", 2, X)), X) == (3.0, 0.0)
    for other in (of("square", X), of("mean C", X), of("add", X, Y), of("reciprocal", X)):
        assert linear(other, X) is None


def test_a_computation_that_doubles_is_soon_large() -> None:
    computation, count = of("exp", X), 0
    while not is_large(computation):
        computation, count = of("add", computation, computation), count + 1
    assert count < 8
