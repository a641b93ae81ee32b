"""Kernels that take channels as they are, and joins of several values."""

from __future__ import annotations

from functools import reduce

import numpy as np

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.arrays import Array, by_channel, sum_by_channel


def slice_channels(x: Array, start: int, stop: int) -> Array:
    """The channels (features) from start up to, not including, stop."""
    return x[:, start:stop]


def slice_channels_backward(grad: Array, x: Array, start: int, stop: int) -> Array:
    """grad with zeros for the other channels."""
    dx = np.zeros(x.shape, grad.dtype)
    dx[:, start:stop] = grad
    return dx


def pick_channels(x: Array, channels: list[int]) -> Array:
    """The channels (features) of a list, in its order; one may come twice."""
    return x[:, channels]


def pick_channels_backward(grad: Array, x: Array, channels: list[int]) -> Array:
    """grad where it came from; what was picked twice gets both."""
    dx = np.zeros(x.shape, grad.dtype)
    for i, channel in enumerate(channels):
        dx[:, channel] += grad[:, i]
    return dx


@facts(quick="quick_in_place")
def scale_channels(x: Array, weight: Array) -> Array:
    """x * weight, a number a channel or one in all. Touvron et al. 2021."""
    return x * by_channel(weight, x)


def scale_channels_backward(
    grad: Array, x: Array, weight: Array
) -> tuple[Array, Array]:
    """The gradients of x and weight."""
    return scale_channels(grad, weight), sum_by_channel(grad * x, weight)


@facts(quick="quick_in_place")
def shift_channels(x: Array, weight: Array) -> Array:
    """x + weight, a number a channel or one in all. Touvron et al. 2022."""
    return x + by_channel(weight, x)


def shift_channels_backward(
    grad: Array, x: Array, weight: Array
) -> tuple[Array, Array]:
    """The gradients of x and weight."""
    return grad, sum_by_channel(grad, weight)


@facts(quick="quick_in_place")
def plus(x: Array, summand: float) -> Array:
    """x + summand."""
    return x + summand


def plus_backward(grad: Array, x: Array) -> Array:
    """grad."""
    return grad


@facts(quick="quick_in_place")
def multiply(x: Array, factor: float) -> Array:
    """x * factor."""
    return x * factor


def multiply_backward(grad: Array, x: Array, factor: float) -> Array:
    """grad * factor."""
    return grad * factor


def normalize(x: Array, mean: list[float], std: list[float]) -> Array:
    """(x - mean)/std with fixed numbers, one in all or one a channel."""
    mean_, std_ = (
        np.array(numbers, x.dtype).reshape(-1, 1, 1) for numbers in (mean, std)
    )
    y: Array = (x - mean_) / std_
    return y


def normalize_backward(grad: Array, x: Array, std: list[float]) -> Array:
    """grad/std."""
    dx: Array = grad / np.array(std, grad.dtype).reshape(-1, 1, 1)
    return dx


@facts(quick="quick_in_place")
def channel_conv(
    x: Array, weight: Array, bias: Array | None = None, mode: str = "zeros"
) -> Array:
    """Convolution along channels (features) by a weight (1, 1, k). Wang et al. 2020.

    y[n, c] = bias + sum over t of weight[t] * x[n, c + t - k//2], 0 beyond the ends, or
    with mode "circular" the other end.
    """
    y = np.zeros_like(x)
    for tap, at in zip(weight.reshape(-1), taps_of(x, weight.size, mode), strict=True):
        y += tap * at
    return y if bias is None else y + bias


def channel_conv_backward(
    grad: Array, x: Array, weight: Array, bias: Array | None = None, mode: str = "zeros"
) -> tuple[Array, Array, Array | None]:
    """The gradients of x, weight and bias: that of x is a convolution backwards."""
    dx = channel_conv(grad, weight.reshape(-1)[::-1], None, mode)
    dtaps = [(grad * at).sum() for at in taps_of(x, weight.size, mode)]
    dweight = np.array(dtaps, grad.dtype).reshape(weight.shape)
    return dx, dweight, None if bias is None else grad.sum().reshape(1)


def taps_of(x: Array, k: int, mode: str) -> list[Array]:
    """What each of k taps sees: the channels c + t - k//2, for all c."""
    sides = ((0, 0), (k // 2, k // 2), *((0, 0),) * (x.ndim - 2))
    padded = np.pad(x, sides) if mode == "zeros" else np.pad(x, sides, "wrap")
    return [padded[:, t : t + x.shape[1]] for t in range(k)]


@facts(operator="+", quick="quick_join")
def add(*paths: Array) -> Array:
    """The sum of values of one shape. He et al. 2016."""
    total = paths[0] + paths[1]
    for path in paths[2:]:
        total = total + path
    return total


def add_backward(grad: Array, *paths: Array) -> tuple[Array, ...]:
    """grad, for every path."""
    return (grad,) * len(paths)


@facts(operator="-", quick="quick_join")
def sub(first: Array, second: Array) -> Array:
    """The first value less the second."""
    return first - second


def sub_backward(grad: Array, first: Array, second: Array) -> tuple[Array, Array]:
    """grad and -grad."""
    return grad, -grad


@facts(operator="*", quick="quick_join")
def mul(*paths: Array) -> Array:
    """The product of values; gates (N, C, 1, 1) weigh channels, (N, 1, H, W) pixels.

    Hu, Shen and Sun 2018, "Squeeze-and-excitation networks"; Woo et al. 2018, "CBAM".
    """
    product = paths[0] * paths[1]
    for path in paths[2:]:
        product = product * path
    return product


def mul_backward(grad: Array, *paths: Array) -> tuple[Array, ...]:
    """For every path grad times the other paths, added up where a gate was spread."""
    found = []
    for i, path in enumerate(paths):
        share = grad
        for other in paths[:i] + paths[i + 1 :]:
            share = share * other
        spread = tuple(i for i, n in enumerate(path.shape) if n != grad.shape[i])
        found.append(share.sum(spread, keepdims=True) if spread else share)
    return tuple(found)


@facts(quick="quick_join")
def maximum(*paths: Array) -> Array:
    """The largest of values. Wu et al. 2018, "A light CNN"."""
    return reduce(np.maximum, paths)


def maximum_backward(grad: Array, *paths: Array) -> tuple[Array, ...]:
    """grad for the largest path."""
    return chosen_backward(grad, np.maximum, paths)


@facts(quick="quick_join")
def minimum(*paths: Array) -> Array:
    """The smallest of values."""
    return reduce(np.minimum, paths)


def minimum_backward(grad: Array, *paths: Array) -> tuple[Array, ...]:
    """grad for the smallest path."""
    return chosen_backward(grad, np.minimum, paths)


def chosen_backward(
    grad: Array, choose: np.ufunc, paths: tuple[Array, ...]
) -> tuple[Array, ...]:
    """grad for the path that was chosen; each of two equal ones gets half of it.

    Of three, the last is held against what was chosen of the others, as in PyTorch.
    """
    found = []
    for i in range(len(paths) - 1, 0, -1):
        last, before = paths[i], reduce(choose, paths[:i])
        share = np.where(last == before, 0.5, last == choose(last, before))
        own = grad * share.astype(grad.dtype)
        found.append(own)
        grad = grad - own
    return (grad, *reversed(found))


def concat(*paths: Array) -> Array:
    """The channels (features) of all values, one after the other."""
    return np.concatenate(paths, 1)


def concat_backward(grad: Array, *paths: Array) -> tuple[Array, ...]:
    """The part of grad that each path made."""
    ends = np.cumsum([path.shape[1] for path in paths])
    return tuple(np.split(grad, ends[:-1], 1))
