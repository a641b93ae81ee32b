"""The tensors of layers and what they start from: PyTorch's distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array

Start = Callable[[np.random.Generator, tuple[int, ...]], Array]
"""What draws a tensor of some shape."""


class Tensor(NamedTuple):
    """A tensor of a layer: its shape, what it starts from, whether it is trained."""

    shape: tuple[int, ...]
    start: Start
    trained: bool = True


def weighted(
    *shape: int,
    bias: int = 0,
    init: Start | None = None,
    weights: Any = None,
    biases: Any = None,
    gain: bool = False,
    frozen: bool = False,
) -> dict[str, Tensor]:
    """A weight of this shape, a bias of so many numbers (0: none), a gain a filter.

    Weight and bias start as in PyTorch, ~ U(-b, b) with b = 1/sqrt(fan_in). With an
    init the weight starts as it says, the bias from 0. Numbers that are given come
    first. Gains start from 1.
    """
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    spread = uniform(-bound, bound)
    weight = spread if init is None else init
    offset = spread if init is None else constant(0)
    weight = weight if weights is None else constant(weights)
    offset = offset if biases is None else constant(biases)
    tensors = {"weight": Tensor(shape, weight, not frozen)}
    if bias:
        tensors["bias"] = Tensor((bias,), offset, not frozen)
    if gain:
        tensors["gain"] = Tensor((shape[0], 1, 1, 1), constant(1), not frozen)
    return tensors


def normed(
    *shape: int, weight: bool = True, bias: bool = True, running: bool = False
) -> dict[str, Tensor]:
    """What norms have: a weight of ones, a bias of zeros, running statistics."""
    tensors = {}
    if weight:
        tensors["weight"] = Tensor(shape, constant(1))
    if bias:
        tensors["bias"] = Tensor(shape, constant(0))
    if running:
        tensors["running_mean"] = Tensor(shape, constant(0), trained=False)
        tensors["running_var"] = Tensor(shape, constant(1), trained=False)
        tensors["num_batches_tracked"] = Tensor((), count_from_0, trained=False)
    return tensors


def filled(*shape: int, **values: float) -> dict[str, Tensor]:
    """Tensors of this shape by their names, each of which starts from one number.

    Running statistics are not trained.
    """
    return {
        name: Tensor(shape, constant(value), not name.startswith("running_"))
        for name, value in values.items()
    }


def constant(values: Any) -> Start:
    """These numbers, broadcast to the tensor's shape."""

    def start(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(np.array(values, np.float32), shape).copy()

    return start


def count_from_0(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """An integer 0."""
    return np.zeros(shape, np.int64)


def uniform(low: float, high: float) -> Start:
    """~ U(low, high)."""

    def start(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.random(shape, np.float32) * np.float32(high - low) + np.float32(low)

    return start


def normal(mean: float, deviation: float) -> Start:
    """~ N(mean, deviation^2)."""

    def start(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        numbers = rng.standard_normal(shape, np.float32)
        return numbers * np.float32(deviation) + np.float32(mean)

    return start


def bilinear() -> Start:
    """Every kernel a tent: transposed, half its size as stride, it interpolates."""

    def start(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        height, width = (
            1 - np.abs(np.arange(k) - (k - 1) / 2) / ((k + 1) // 2) for k in shape[2:]
        )
        return constant(np.outer(height, width))(rng, shape)

    return start


def he() -> Start:
    """~ N(0, 2/fan_in). He et al. 2015."""

    def start(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return normal(0, math.sqrt(2 / math.prod(shape[1:])))(rng, shape)

    return start


def xavier() -> Start:
    """~ U(-b, b) with b = sqrt(6/(fan_in + fan_out)). Glorot and Bengio 2010."""

    def start(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        fans = (shape[0] + shape[1]) * math.prod(shape[2:])
        return uniform(-math.sqrt(6 / fans), math.sqrt(6 / fans))(rng, shape)

    return start
