"""Whatever is given to a layer: it is made and works, or a Misfit says why not. Nothing else is raised."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnspec.layers import NAMES, find
from cnnspec.layers.base import Join, Misfit
from cnnspec.values.kinds import Filter, describe
from cnnspec.values.shapes import Shape
from cnnspec.values.symbols import named

small = st.integers(-1, 9)
width = st.one_of(small, small.map(lambda n: named(n, "w")), st.sampled_from([2**31 - 1, 2**31, 10**30]))
number = st.one_of(width, st.floats(allow_nan=True, allow_infinity=True))
word = st.sampled_from(
    ["same", "reflect", "nearest", "he", "normal(0, 1)", "normal(,)", "uniform(1e999, 2)", "é("]
)
atom = st.one_of(number, word, st.booleans(), st.none(), st.sampled_from([find("relu"), object()]))
size = st.one_of(st.tuples(number, number), st.tuples(small, small, small))
filters = st.builds(Filter, atom, st.one_of(size, atom))
nested = st.recursive(st.lists(atom, max_size=5), lambda inner: st.lists(inner, max_size=4))
value = st.one_of(atom, size, filters, nested)
kernel = st.tuples(st.integers(1, 4), small)
fitting = st.one_of(st.integers(1, 4), st.builds(Filter, st.integers(1, 8), kernel))
shape = st.one_of(
    st.integers(1, 9).map(Shape),
    st.tuples(*[st.integers(1, 9)] * 3).map(lambda sides: Shape(named(sides[0], "c"), sides[1], sides[2])),
    st.integers(1, 3).map(lambda side: Shape(2**31 - 1, 2**31 - 1, side)),
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A layer with its required arguments, mostly sensible, and up to two others, mostly not."""
    name = draw(st.sampled_from(NAMES))
    cls = find(name)
    assert cls is not None
    arguments = {
        a: draw(st.one_of(fitting, value)) for a, declared in cls.arguments.items() if declared.required
    }
    if cls.arguments:
        others = draw(st.lists(st.sampled_from(sorted(cls.arguments)), max_size=2))
        arguments |= {other: draw(st.one_of(fitting, value)) for other in others}
    return name, arguments


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(calls(), st.lists(shape, min_size=2, max_size=3))
def test_a_layer_or_a_misfit(call: tuple[str, dict[str, Any]], shapes: list[Shape]) -> None:
    name, arguments = call
    cls = find(name)
    assert cls is not None
    try:
        layer = cls(**arguments)
        out = layer.join(tuple(shapes)) if isinstance(layer, Join) else layer.output(shapes[0])
    except Misfit as misfit:
        assert misfit.code[:3] in ("E03", "E04")
        assert misfit.argument is None or misfit.argument in cls.arguments
        assert len(misfit.message) < 200
        return
    assert all(side >= 1 for side in out.dimensions)
    if not isinstance(layer, Join):
        assert all(weight.elements >= 1 for weight in layer.weights(shapes[0]))
        assert layer.macs(shapes[0]) >= 0
        assert layer.torch(shapes[0]).name


@given(value)
def test_any_value_can_be_shown(value: Any) -> None:
    assert len(describe(value)) <= 60
