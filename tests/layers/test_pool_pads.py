"""Pools whose sides are padded apart: window by window, in PyTorch and in NumPy, and their gradients."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cnnspec.backends.numpy.kernels import pool  # noqa: E402
from cnnspec.backends.numpy.kernels.training import call_back  # noqa: E402
from cnnspec.backends.numpy.lowering import lower  # noqa: E402
from cnnspec.values.shapes import Shape  # noqa: E402
from tests.layers.instantiate import instantiate, make  # noqa: E402

ROW = np.array([-3.0, 5.0, -1.0, -7.0, 2.0, -4.0, 6.0])
"""Most are below 0: a pad of zeros would be the largest."""

CASES = [
    (n, k, s, lo, hi, ceil)
    for n, k, s, ceil in product(range(1, 8), (1, 2, 3, 5), (1, 2, 3), (False, True))
    for lo, hi in product(range(k // 2 + 1), repeat=2)
    if n + lo + hi >= k
]


def windows(n: int, k: int, s: int, lo: int, hi: int, ceil: bool) -> list[tuple[int, int]]:
    """Where windows start and end: those in the padded row, and one that hangs over but starts on the row."""
    inside = [(start, start + k) for start in range(-lo, n + hi - k + 1, s)]
    over = inside[-1][0] + s
    last = (n + hi - k + lo) % s  # what the windows leave of the padded row
    return [*inside, (over, over + k)] if ceil and last and over < n else inside


def expected(name: str, n: int, k: int, lo: int, hi: int, ends: list[tuple[int, int]], counted: bool) -> Any:
    found = []
    for start, end in ends:
        seen = ROW[max(start, 0) : min(end, n)]
        share = min(end, n + hi) - start if counted else len(seen)
        found.append(seen.max() if name == "maxpool" else seen.sum() / share)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "counted"), [("maxpool", True), ("avgpool", True), ("avgpool", False)])
def test_windows_of_a_row(name: str, counted: bool) -> None:
    more = {} if name == "maxpool" else {"countpad": counted}
    function = pool.max_pool2d if name == "maxpool" else pool.avg_pool2d
    for n, k, s, lo, hi, ceil in CASES:
        layer = make(name, window=(1, k), stride=s, pad=[0, 0, lo, hi], ceil=ceil, **more)
        shape, ends = Shape(1, 1, n), windows(n, k, s, lo, hi, ceil)
        wanted = expected(name, n, k, lo, hi, ends, counted)
        case = f"{n=} {k=} {s=} {lo=} {hi=} {ceil=}"
        assert layer.output(shape).size == (1, len(ends)), case
        x = ROW[:n].reshape(1, 1, 1, n)
        np.testing.assert_allclose(function(x, **lower(layer, shape).arguments).ravel(), wanted, err_msg=case)
        net = instantiate(layer.torch(shape))
        np.testing.assert_allclose(net(torch.from_numpy(x)).ravel().numpy(), wanted, err_msg=case)


@pytest.mark.parametrize(("name", "counted"), [("maxpool", True), ("avgpool", True), ("avgpool", False)])
def test_gradients(name: str, counted: bool) -> None:
    more = {} if name == "maxpool" else {"countpad": counted}
    backward = pool.max_pool2d_backward if name == "maxpool" else pool.avg_pool2d_backward
    layer = make(name, window=3, stride=(1, 2), pad=[1, 0, 0, 1], ceil=True, **more)
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 6))
    taken = torch.from_numpy(x).requires_grad_()
    y = instantiate(layer.torch(Shape(3, 5, 6)))(taken)
    grad = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y.backward(grad)
    known = lower(layer, Shape(3, 5, 6)).arguments | {"y": y.detach().numpy()}
    (made,) = call_back(backward, grad.numpy(), [x], known)
    np.testing.assert_allclose(made, taken.grad.numpy(), atol=1e-12)
