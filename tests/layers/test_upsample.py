"""Upsampling by every factor and to every size: PyTorch and NumPy do what the formula says."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from cnnspec.backends.numpy.kernels.resize import upsample, upsample_backward
from cnnspec.backends.numpy.lowering import lower
from cnnspec.values.shapes import Shape
from tests.layers.instantiate import instantiate, make

FACTORS = [n / 10 for n in range(2, 30)] + [
    1 / 3,
    0.25,
    4 / 3,
    1.01,
    1.25,
    2.01,
    2.25,
    3.3,
    3.7,
    8,
    16,
    41,
    49,
]
WIDTHS = [*range(1, 9), 13, 26, 55]
SIZES = [1, 2, 3, 7, 8, 13, 14, 22, 26, 52, 82]
MODES = [{"mode": "nearest"}, {"mode": "bilinear"}, {"mode": "bilinear", "align": True}]


@cache
def formula(n: int, o: int, factor: float, mode: str = "nearest", align: bool = False) -> Any:
    """The matrix (o, n) of an axis, entry by entry. A size is no factor: its pixel q is q*n//o."""
    matrix = np.zeros((o, n))
    for q in range(o):
        if mode == "nearest":
            matrix[q, min(math.floor(q / factor) if factor else q * n // o, n - 1)] = 1
            continue
        step = (n - 1) / max(o - 1, 1) if align else 1 / factor if factor else n / o
        centre = q * step if align else max((q + 0.5) * step - 0.5, 0)
        low = min(math.floor(centre), n - 1)
        matrix[q, low] += 1 - (centre - low)
        matrix[q, min(low + 1, n - 1)] += centre - low
    return matrix


def agree(n: int, o: int, factor: float, arguments: dict[str, Any], precision: str) -> None:
    """Values and gradients of a map that is n wide: both programs, and the formula."""
    shape = Shape(1, 7, n)
    layer = make("upsample", **arguments)
    assert layer.output(shape).width == o
    module, keywords = instantiate(layer.torch(shape)), lower(layer, shape).arguments
    rows = torch.linspace(-1, 1, 7 * n, dtype=getattr(torch, precision)).reshape(1, 1, 7, n)
    x = (rows * rows + rows).requires_grad_()
    y = module(x)
    made = upsample(x.detach().numpy(), **keywords)
    mode = {name: value for name, value in arguments.items() if name in ("mode", "align")}
    down, along = formula(7, y.shape[2], factor, **mode), formula(n, o, factor, **mode)
    wanted = down @ x.detach().numpy() @ along.T
    bound = 0 if arguments["mode"] == "nearest" else {"float32": 1e-5, "float64": 1e-12}[precision]
    assert np.abs(made - wanted).max() <= bound
    assert np.abs(y.detach().numpy() - wanted).max() <= bound
    upstream = torch.linspace(1, 3, y.numel(), dtype=y.dtype).reshape(y.shape)
    y.backward(upstream)
    back = upsample_backward(upstream.numpy(), x.detach().numpy(), **keywords)
    gradient = down.T @ upstream.numpy() @ along
    bound = {"float32": 1e-4, "float64": 1e-11}[precision] * np.abs(gradient).max()
    assert np.abs(back - gradient).max() <= bound
    assert x.grad is not None and np.abs(x.grad.numpy() - gradient).max() <= bound


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("mode", MODES, ids=["nearest", "bilinear", "align"])
def test_every_factor(mode: dict[str, Any], precision: str) -> None:
    for factor in FACTORS:
        for n in WIDTHS:
            if (o := math.floor(n * factor)) and o < 400:
                agree(n, o, factor, {"factor": factor, **mode}, precision)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("mode", MODES, ids=["nearest", "bilinear", "align"])
def test_every_size(mode: dict[str, Any], precision: str) -> None:
    for n in WIDTHS:
        for o in SIZES:
            agree(n, o, 0, {"size": (9, o), **mode}, precision)
