"""Arrangements against the tensors that they describe."""

from __future__ import annotations

import random
from itertools import product

import pytest

torch = pytest.importorskip("torch")

from cnnspec.importers import arrangement  # noqa: E402
from cnnspec.importers.arrangement import Axes, Uneven, axes_of, joined, sizes_of  # noqa: E402
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


def test_shuffles_are_known() -> None:
    shape = Shape(12, 4, 4)
    groups = arrangement.reshape(axes_of(shape, BATCH), (BATCH, 3, 4, 4, 4))
    turned = arrangement.reshape(arrangement.permute(groups, (0, 2, 1, 3, 4)), (BATCH, 12, 4, 4))
    assert arrangement.shuffled_groups(turned, shape, BATCH) == 3
    assert arrangement.shuffled_groups(axes_of(shape, BATCH), shape, BATCH) is None
    squares = arrangement.reshape(axes_of(shape, BATCH), (BATCH, 3, 2, 2, 4, 4))
    spread = arrangement.permute(squares, (0, 1, 4, 2, 5, 3))
    assert arrangement.shuffled_factor(arrangement.reshape(spread, (BATCH, 3, 8, 8)), shape, BATCH) == 2
    mirrored = arrangement.permute(squares, (0, 1, 4, 3, 5, 2))
    assert arrangement.shuffled_factor(arrangement.reshape(mirrored, (BATCH, 3, 8, 8)), shape, BATCH) is None
