"""Arrangements against the tensors that they describe."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

import cnnspec

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from cnnspec.importers.reading import arrangement  # noqa: E402
from cnnspec.importers.reading.arrangement import Axes, Uneven, axes_of, joined, sizes_of  # noqa: E402
from cnnspec.importers.refusals import Refused  # noqa: E402
from cnnspec.importers.torch.read import read  # noqa: E402
from cnnspec.values.shapes import Shape  # noqa: E402

BATCH = 5
SHAPES = (Shape(6, 4, 2), Shape(12), Shape(4, 1, 1), Shape(1, 6, 6), Shape(8, 2, 3))


def described(axes: Axes, value: torch.Tensor) -> torch.Tensor:
    """The tensor that the axes say, number by number."""
    made = torch.empty(sizes_of(axes), dtype=value.dtype)
    for place in product(*map(range, made.shape)):
        at = dict.fromkeys("NCHW", 0)
        for index, axis in zip(place, axes, strict=True):
            for atom in reversed(axis):
                at[atom.axis] += index % atom.size * atom.stride
                index //= atom.size
        made[place] = value[tuple(at[name] for name in "NCHW"[: value.dim()])]
    return made


def divided(size: int) -> list[int]:
    """A size as a product, at random."""
    factor = random.choice([f for f in range(1, size + 1) if size % f == 0])
    return [factor, size // factor]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_random_views_and_permutations(shape: Shape) -> None:
    for _ in range(12):
        value = tensor = torch.arange(BATCH * shape.features).reshape(BATCH, *shape.dimensions)
        axes = axes_of(shape, BATCH)
        for _ in range(3):
            order = random.sample(range(len(axes)), len(axes))
            tensor, axes = tensor.permute(order), arrangement.permute(axes, order)
            sizes = [part for size in tensor.shape for part in divided(size)]
            if random.random() < 0.5:
                sizes[:2] = [sizes[0] * sizes[1]]
            axes, tensor = arrangement.reshape(axes, sizes), tensor.reshape(sizes)
            assert sizes_of(axes) == tuple(sizes)
        assert torch.equal(described(axes, value), tensor)


def test_there_and_back_is_as_it_was() -> None:
    axes = axes_of(Shape(6, 4, 2), BATCH)
    there = arrangement.reshape(axes, (BATCH, 2, 3, 8))
    assert arrangement.reshape(there, (BATCH, 6, 4, 2)) == axes
    assert joined([*there[1], *there[2]]) == axes[1]


@pytest.mark.parametrize("sizes", [(BATCH, 4, 12), (2, 120), (BATCH, 6, 4, 2, 2)])
def test_an_uneven_split_is_none(sizes: tuple[int, ...]) -> None:
    with pytest.raises(Uneven):
        arrangement.reshape(axes_of(Shape(6, 4, 2), BATCH), sizes)


SHUFFLES: list[tuple[str, Any, list[str]]] = [
    ("channels", lambda x: F.channel_shuffle(x, 3), ["channelshuffle"]),
    ("pixels", lambda x: parted(x, 3, 2, 2).permute(0, 1, 4, 2, 5, 3).reshape(-1, 3, 16, 8),
     ["pixelshuffle"]),
    ("pixels outermost", lambda x: parted(x, 2, 2, 3).permute(0, 3, 4, 1, 5, 2).reshape(-1, 3, 16, 8),
     ["channelshuffle", "pixelshuffle"]),
    ("squares", lambda x: squares(x).permute(0, 1, 3, 5, 2, 4).reshape(-1, 48, 4, 2), ["pixelunshuffle"]),
    ("squares outermost", lambda x: squares(x).permute(0, 3, 5, 1, 2, 4).reshape(-1, 48, 4, 2),
     ["pixelunshuffle", "channelshuffle"]),
    ("squares mirrored", lambda x: squares(x).permute(0, 1, 5, 3, 2, 4).reshape(-1, 48, 4, 2), []),
    ("pixels mirrored", lambda x: parted(x, 3, 2, 2).permute(0, 1, 4, 3, 5, 2).reshape(-1, 3, 16, 8), []),
]  # fmt: skip


def parted(x: torch.Tensor, *counts: int) -> torch.Tensor:
    return x.reshape(-1, *counts, 8, 4)


def squares(x: torch.Tensor) -> torch.Tensor:
    return x.reshape(-1, 12, 4, 2, 2, 2)


@pytest.mark.parametrize(
    ("function", "layers"), [case[1:] for case in SHUFFLES], ids=[c[0] for c in SHUFFLES]
)
def test_shuffles_are_known(function: Any, layers: list[str]) -> None:
    module = nn.Conv2d(1, 12, 1)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(self.conv(x))

    if not layers:
        with pytest.raises(Refused):
            read(Net(), [Shape(1, 8, 4)])
        return
    assert [each.layer.name for each in read(Net(), [Shape(1, 8, 4)]).operations] == ["conv", *layers]
    (network,) = cnnspec.check_text(cnnspec.from_torch(Net(), (1, 8, 4))).networks
    space: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(cnnspec.build(network), "emitted.py", "exec"), space)
    built = space["Net"]()
    built.load_state_dict(Net().state_dict())
    image = torch.rand(2, 1, 8, 4)
    torch.testing.assert_close(built(image), Net()(image))
