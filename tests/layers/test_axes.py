"""What the size program takes for granted: heights, widths and channels do not depend on each other."""

from __future__ import annotations

import math
from itertools import product

import pytest

from cnnspec.analysis.sizes.size_program import SizeProgram
from cnnspec.analysis.unroll import Graph
from cnnspec.layers.base import Layer, Misfit
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.layers.instantiate import CONVOLUTIONS, NORMS, OTHERS, PARAMETERS, POOLS, Case, make

pytestmark = pytest.mark.slow

SIDES = range(1, 14)
CASES = [case for case in (*CONVOLUTIONS, *NORMS, *POOLS, *OTHERS, *PARAMETERS) if case[2].is_map]
APART = [case for case in CASES if make(case[0], **case[1]).axes_apart and case[0] != "flatten"]


def size(layer: Layer, x: Shape, height: int, width: int) -> tuple[int, int] | None:
    try:
        return layer.output(x.with_size(height, width)).size
    except Misfit:
        return None


@pytest.mark.parametrize("case", APART, ids=lambda case: case[0])
def test_each_axis_is_a_matter_of_its_own(case: Case) -> None:
    name, arguments, x = case
    layer, (height, width) = make(name, **arguments), x.size
    down = {n: found and found[0] for n in SIDES for found in [size(layer, x, n, width)]}
    across = {n: found and found[1] for n in SIDES for found in [size(layer, x, height, n)]}
    for high, wide in product(SIDES, SIDES):
        sides = down[high], across[wide]
        assert size(layer, x, high, wide) == (None if None in sides else sides), (high, wide)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_layer_that_refuses_a_map_for_both_sides_takes_larger_ones(case: Case) -> None:
    name, arguments, x = case
    layer = make(name, **arguments)
    if name == "flatten" or layer.axes_apart:
        return
    for high, wide in product(SIDES, SIDES):
        if size(layer, x, high, wide):
            assert size(layer, x, high + 1, wide) and size(layer, x, high, wide + 1)


@pytest.mark.parametrize("case", APART, ids=lambda case: case[0])
def test_how_a_map_grows(case: Case) -> None:
    """The pace that a layer tells is that of its sizes; and where it takes a map it takes larger ones."""
    name, arguments, x = case
    layer, taken = make(name, **arguments), 0
    for axis, pace in enumerate(layer.paces()):
        assert pace is not None
        for n in range(1, 40):
            sides = [(m, x.size[1]) if axis == 0 else (x.size[0], m) for m in (n, n + pace.step, n + 1)]
            small, large, next_ = (size(layer, x, *each) for each in sides)
            if small is not None:
                taken += 1
                assert large is not None and next_ is not None
                assert large[axis] == small[axis] + pace.gain and next_[axis] >= small[axis]
                lost = [layer.unread(x.with_size(*each))[axis] for each in sides[:2]]
                assert lost[0] == lost[1]
    assert taken


@pytest.mark.parametrize("factor", [2, 0.5, 1.5, 0.75, 1.1, 1 / 3, 4095 / 4096, 2.0**-13, 1e9])
def test_how_an_upsampled_map_grows(factor: float) -> None:
    pace = make("upsample", factor=factor).paces()[0]
    exact = float(factor).as_integer_ratio()[1] <= 4096 and factor < 1e6
    assert (pace is not None) is exact
    for n in (1, 1001, 2**31 - 5000) if pace else ():
        assert math.floor((n + pace.step) * factor) == math.floor(n * factor) + pace.gain


@pytest.mark.parametrize("case", APART, ids=lambda case: case[0])
def test_what_shares_a_table_has_the_same_answers(case: Case) -> None:
    """Layers of one behaviour differ in what they do to channels; even ones do along both axes the same."""
    name, arguments, x = case
    layer, program = make(name, **arguments), SizeProgram(Graph((), (), ()))
    heights, widths = (program.along(layer, x, axis, {*SIDES}) for axis in (0, 1))
    for n in SIDES:
        found = size(layer, x, n, x.size[1]), size(layer, x, x.size[0], n)
        assert (heights[n], widths[n]) == (found[0] and found[0][0], found[1] and found[1][1])
    wider = {"filter": lambda f: Filter(2 * f.count, f.kernel), "multiplier": lambda n: 3 * n}
    changed = {key: wider[key](value) if key in wider else value for key, value in arguments.items()}
    if changed != arguments and "weights" not in arguments and "biases" not in arguments:
        other = make(name, **changed)
        assert program.behaviour(other) == program.behaviour(layer)
        assert [size(other, x, n, n) for n in SIDES] == [size(layer, x, n, n) for n in SIDES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_weights_that_grow_at_all_grow_at_once(case: Case) -> None:
    name, arguments, x = case
    layer = make(name, **arguments)
    height, width = x.size
    grows = layer.weights(x) != layer.weights(x.with_size(height + 1, width + 1))
    for high, wide in product(SIDES, SIDES):
        if (high, wide) != (height, width):
            assert (layer.weights(x.with_size(high, wide)) != layer.weights(x)) is grows


@pytest.mark.parametrize("case", APART, ids=lambda case: case[0])
def test_what_a_stride_leaves_out_is_behind_the_last_window(case: Case) -> None:
    name, arguments, x = case
    layer = make(name, **arguments)
    if type(layer).unread is Layer.unread:
        return
    for high, wide in product(SIDES, SIDES):
        given = x.with_size(high, wide)
        if size(layer, x, high, wide):
            windows = layer.reads(given)
            assert windows is not None
            for axis, window in enumerate(windows):
                steps = window.last[0] - window.first[0] + 1 >= window.step
                last = window.last[0] + (layer.output(given).size[axis] - 1) * window.step
                assert layer.unread(given)[axis] == (max(0, given.size[axis] - 1 - last) if steps else 0)
