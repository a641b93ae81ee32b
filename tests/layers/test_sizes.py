"""Output sizes and refusals, by brute force against PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnspec.layers.base import Misfit
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape, conv_size, effective, pool_size, same_padding, transposed_size
from tests.layers.instantiate import make

SIDES = range(1, 10)


def ours(name: str, x: Shape, **arguments: Any) -> tuple[int, ...] | None:
    try:
        return make(name, **arguments).output(x).size
    except Misfit:
        return None


def theirs(function: Any, *arguments: Any, **keywords: Any) -> tuple[int, ...] | None:
    try:
        return tuple(function(*arguments, **keywords).shape[2:])
    except RuntimeError:
        return None


def pairs(values: Sequence[tuple[int, ...]]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Every value once for the height, with another one for the width."""
    return [(value, values[(7 * i + 3) % len(values)]) for i, value in enumerate(values)]


@pytest.mark.parametrize("n", SIDES)
def test_conv(n: int) -> None:
    kernels = {(h, w): torch.zeros(1, 1, h, w) for h, w in product(range(1, 5), repeat=2)}
    x = torch.zeros(1, 1, n, n)
    for (k, s, d, p), (k2, s2, d2, p2) in pairs(list(product(range(1, 5), (1, 2, 3), (1, 2), range(4)))):
        expected = theirs(F.conv2d, x, kernels[k, k2], None, (s, s2), (p, p2), (d, d2))
        arguments = {"filter": Filter(1, (k, k2)), "stride": (s, s2), "dilation": (d, d2), "pad": (p, p2)}
        assert ours("conv", Shape(1, n, n), **arguments) == expected, arguments


@pytest.mark.parametrize("n", SIDES)
def test_convtranspose(n: int) -> None:
    kernels = {(h, w): torch.zeros(1, 1, h, w) for h, w in product(range(1, 4), repeat=2)}
    x = torch.zeros(1, 1, n, n)
    cases = list(product(range(1, 4), (1, 2, 3), (1, 2), range(3), range(3)))
    for (k, s, d, p, q), (k2, s2, d2, p2, q2) in pairs(cases):
        if k < 3 and s > 1 and n > 5:
            continue
        geometry = {"stride": (s, s2), "padding": (p, p2), "output_padding": (q, q2), "dilation": (d, d2)}
        expected = theirs(F.conv_transpose2d, x, kernels[k, k2], **geometry)
        arguments = {"stride": (s, s2), "pad": (p, p2), "extra": (q, q2), "dilation": (d, d2)}
        got = ours("convtranspose", Shape(1, n, n), filter=Filter(1, (k, k2)), **arguments)
        assert got == expected, (k, k2, arguments)


@pytest.mark.parametrize("n", SIDES)
def test_pools(n: int) -> None:
    x = torch.zeros(1, 1, n, n)
    cases = list(product(range(1, 6), (1, 2, 3, 4), range(3), (1, 2), (0, 1)))
    for (k, s, p, d, ceil), (k2, s2, p2, d2, _) in pairs(cases):
        window = {"window": (k, k2), "stride": (s, s2), "pad": (p, p2), "ceil": bool(ceil)}
        expected = theirs(F.max_pool2d, x, (k, k2), (s, s2), (p, p2), (d, d2), bool(ceil))
        assert ours("maxpool", Shape(1, n, n), dilation=(d, d2), **window) == expected, window
        expected = theirs(F.avg_pool2d, x, (k, k2), (s, s2), (p, p2), bool(ceil))
        assert ours("avgpool", Shape(1, n, n), **window) == expected, window


@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate", "constant"])
def test_pad_modes_refuse_as_torch_does(mode: str) -> None:
    for n, m, low, high in product(range(1, 5), range(1, 4), range(6), range(4)):
        expected = theirs(F.pad, torch.zeros(1, 1, n, m), (high, 0, low, high), mode=mode)
        got = ours("pad", Shape(1, n, m), pad=[low, high, high, 0], mode=mode)
        assert got == expected, (n, m, low, high)


def test_upsample_by_a_factor() -> None:
    factors = [0.1, 0.3, 1 / 3, 0.5, 0.7, 1, 1.1, 1.5, 1.9, 2, 2.3, 3, 4.999]
    for n, factor in product(range(1, 35), factors):
        expected = theirs(F.interpolate, torch.zeros(1, 1, n, 7), scale_factor=(float(factor), 2.0))
        assert ours("upsample", Shape(1, n, 7), factor=[factor, 2]) == expected, (n, factor)


@pytest.mark.slow
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.integers(1, 3))
def test_same_is_the_ceiling_with_the_odd_one_last(n: int, k: int, s: int, d: int) -> None:
    low, high = same_padding(n, k, s, d)
    assert conv_size(n, k, s, d, low, high) == -(-n // s)
    assert 0 <= high - low <= 1
    if low:  # one less would not do
        assert conv_size(n, k, s, d, low - 1, high) < -(-n // s)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.integers(1, 3), st.integers(0, 5))
def test_transposed_inverts_conv(n: int, k: int, s: int, d: int, p: int) -> None:
    o = conv_size(n, k, s, d, p, p)
    if o:
        lost = (n + 2 * p - effective(k, d)) % s
        assert transposed_size(o, k, s, d, p, lost) == n


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.integers(0, 4))
def test_ceil_adds_one_window_at_most(n: int, k: int, s: int, p: int) -> None:
    p = min(p, k // 2)
    floor, ceiling = pool_size(n, k, s, 1, p), pool_size(n, k, s, 1, p, ceil=True)
    assert floor <= ceiling <= floor + 1
    if ceiling:
        assert (ceiling - 1) * s < n + p  # the last window begins on the map or its low pad


big = st.integers(1, 2**31 - 1)


@settings(max_examples=50)
@given(big, big, big, big, st.integers(0, 2**31 - 1))
def test_sizes_of_any_magnitude_are_quick(n: int, k: int, s: int, d: int, p: int) -> None:
    x = Shape(n, n, n)
    for name, arguments in (
        ("conv", {"filter": Filter(k, (k, k)), "stride": s, "dilation": d, "pad": p, "groups": n}),
        ("conv", {"filter": Filter(k, (k, k)), "stride": s, "dilation": d, "pad": "same"}),
        ("convtranspose", {"filter": Filter(k, (k, k)), "stride": s, "dilation": d, "pad": p}),
        ("maxpool", {"window": k, "stride": s, "dilation": d, "pad": p, "ceil": True}),
        ("adaptiveavgpool", {"size": k}),
        ("upsample", {"factor": k}),
        ("pixelshuffle", {"factor": k}),
        ("linear", {"units": k, "pointwise": True}),
        ("groupnorm", {"groups": k}),
    ):
        try:
            layer = make(name, **arguments)
            out = layer.output(x)
        except Misfit:
            continue
        assert all(side >= 1 for side in out.dimensions)
        assert layer.macs(x) >= 0
        assert all(weight.elements >= 1 for weight in layer.weights(x))


@pytest.mark.parametrize(("pad", "side"), [(0, 24), (1, 26), (2, 28)])
def test_an_articles_slip(pad: int, side: int) -> None:
    """A tutorial says that 28x28, kernel 5, padding 1, stride 1 gives 24. That is padding 0."""
    layer = make("conv", filter=Filter(6, (5, 5)), pad=pad)
    assert layer.output(Shape(1, 28, 28)) == Shape(6, side, side)


def test_lenet_and_vgg_in_figures() -> None:
    conv = make("conv", filter=Filter(6, (5, 5)), pad=2)
    assert str(conv.output(Shape(1, 28, 28))) == "6@28x28"
    assert sum(w.elements for w in conv.weights(Shape(1, 28, 28))) == 156
    assert conv.macs(Shape(1, 28, 28)) == 28 * 28 * 6 * 25
    linear = make("linear", units=4096)
    assert sum(w.elements for w in linear.weights(Shape(25088))) == 102_764_544
