"""Drawn modules, views and arithmetic by hand: each is read as what it computes, or refused.

`CNNSPEC_LONG=1 python -m pytest tests/importers/test_random_modules.py` tries 2,000 of either kind in place
of 15; with `CNNSPEC_SEED=5000` others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import pytest

from cnnspec.importers.refusals import Refused
from cnnspec.values.shapes import Shape

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from cnnspec.importers.torch.read import read  # noqa: E402
from tests.importers.running import largest_difference  # noqa: E402

pytestmark = pytest.mark.slow

COUNT = 2_000 if "CNNSPEC_LONG" in os.environ else 15
FIRST = int(os.environ.get("CNNSPEC_SEED", "0"))
SHARE = 0.3  # of the modules drawn, at least so many are read
IMAGE = Shape(3, 12, 8)


class Drawn(nn.Module):
    """A convolution, and what a function makes of it with the dice of a seed."""

    def __init__(self, function: Callable[[Random, Tensor], Tensor], seed: int) -> None:
        super().__init__()
        self.function, self.seed = function, seed
        self.conv = nn.Conv2d(3, Random(seed).choice((4, 8, 12, 64)), 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(Random(self.seed), self.conv(x))


def squares(x: Tensor, rows_first: bool) -> Tensor:
    """Every fourth pixel, four times."""
    if x.shape[2] % 2 or x.shape[3] % 2:
        return x
    parts = [x[:, :, i::2, j::2] for i in range(2) for j in range(2)]
    return torch.cat(parts if rows_first else [parts[k] for k in (0, 2, 1, 3)], 1)


def regrouped(dice: Random, x: Tensor) -> Tensor:
    """The digits of the channels turned, a group of them taken, or pixels made of them."""
    n, c, height, width = x.shape
    if c % 4:
        return x
    parts, half = x.view(n, 2, 2, c // 4, height, width), x.view(n, 2, c // 2, height, width)
    return dice.choice(
        (
            lambda: half.transpose(1, 2).reshape(x.shape),
            lambda: parts.permute(0, 2, 1, 3, 4, 5).reshape(x.shape),
            lambda: parts.permute(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * height, 2 * width),
            lambda: half[:, 1],
            lambda: x.view(n, c // 2, 2, height, width)[:, :, 0],
        )
    )()


def moved(dice: Random, x: Tensor) -> Tensor:
    for _ in range(dice.randrange(1, 6)):
        x = dice.choice(
            (
                lambda y: y[:, dice.randrange(2) :: 2] if y.shape[1] > 1 else y,
                lambda y: y[:, :, :: dice.choice((1, 2)), 1:] if y.shape[3] > 1 else y,
                lambda y: squares(y, dice.random() < 0.5),
                lambda y: regrouped(dice, y),
                lambda y: y[:, [c for c in range(y.shape[1]) if dice.random() < 0.8] or [0]],
                torch.relu,
            )
        )(x)
    ends = (
        lambda y: y,
        lambda y: y.mean((2, 3)),
        lambda y: y.permute(0, 2, 3, 1).mean(-1).unsqueeze(1),
        lambda y: y.flatten(2).mean(2),
        lambda y: y.mean(3).mean(2),
    )
    return dice.choice(ends)(x)


NUMBERS = (0.1, 0.5, 1.0, 2.0, 3.0, 6.0, 1 / 6, 1.702, -1.0, 1e-6, 20.0)


def computed(dice: Random, x: Tensor, depth: int = 3) -> Tensor:
    """Arithmetic of a value and of numbers."""
    if not depth:
        return x if dice.random() < 0.7 else torch.tensor(dice.choice(NUMBERS))
    one, two = (computed(dice, x, depth - 1) for _ in range(2))
    number = dice.choice(NUMBERS)
    return dice.choice(
        (
            lambda: one + two,
            lambda: one - two,
            lambda: x * one,
            lambda: one / number,
            lambda: F.relu(one),
            lambda: F.relu6(one + number),
            lambda: torch.sigmoid(one),
            lambda: torch.tanh(F.softplus(one)),
            lambda: torch.maximum(one, two),
            lambda: torch.where(x > number, one, two),
            lambda: one.clamp(0, 1),
            lambda: one.abs(),
        )
    )()


@pytest.mark.parametrize("function", [moved, computed])
def test_a_module_is_read_as_what_it_computes_or_refused(function: Callable[..., Tensor]) -> None:
    images = 3 * torch.randn(2, *IMAGE.dimensions, generator=torch.Generator().manual_seed(0))
    images[0, :, 0] *= 1e-4  # near to 0 limits tell functions apart
    come = 0
    for number in range(FIRST, FIRST + COUNT):
        torch.manual_seed(number)
        module = Drawn(function, number)
        try:
            model = read(module, [IMAGE])
        except Refused:
            continue
        made = module(images)
        if made.isfinite().all() and made.any():
            assert largest_difference(module, model, images) <= 1e-5, number
            come += 1
    assert come >= SHARE * COUNT
