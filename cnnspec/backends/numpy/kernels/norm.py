"""Normalisation: values brought to mean 0 and deviation 1, then weight * x + bias."""

from __future__ import annotations

import numpy as np

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.arrays import (
    Array,
    by_channel,
    by_group,
    sum_by_channel,
)


def standardize(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    """(x - mean)/sqrt(var + eps), mean and variance (divided by n) over the axes."""
    centred = x - x.mean(axes, keepdims=True)
    variance = np.square(centred).mean(axes, keepdims=True)
    y: Array = centred / np.sqrt(variance + eps)
    return y


def standardize_backward(
    grad: Array, y: Array, x: Array, axes: tuple[int, ...], eps: float
) -> Array:
    """The gradient of x: (grad - mean(grad) - y * mean(grad * y)) / sqrt(var + eps)."""
    deviation = np.sqrt(x.var(axes, keepdims=True) + eps)
    along = y * (grad * y).mean(axes, keepdims=True)
    dx: Array = (grad - grad.mean(axes, keepdims=True) - along) / deviation
    return dx


def check_spread(values: int) -> None:
    """Raise ValueError where a deviation would be that of fewer than two values."""
    if values < 2:
        raise ValueError(f"a deviation needs two values or more, not {values}")


def affine(x: Array, weight: Array | None, bias: Array | None) -> Array:
    """weight * x + bias with numbers that stand by channel, axis 1; without them x."""
    if weight is not None:
        x = x * by_channel(weight, x)
    if bias is not None:
        x = x + by_channel(bias, x)
    return x


def affine_backward(
    grad: Array, x: Array, weight: Array | None, bias: Array | None
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x, weight and bias."""
    dbias = None if bias is None else sum_by_channel(grad, bias)
    if weight is None:
        return grad, None, dbias
    return grad * by_channel(weight, x), sum_by_channel(grad * x, weight), dbias


def normed_backward(
    grad: Array,
    x: Array,
    axes: tuple[int, ...],
    weight: Array | None,
    bias: Array | None,
    eps: float,
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x, weight and bias of affine(standardize(x, axes, eps), ...)."""
    standard = standardize(x, axes, eps)
    dstandard, dweight, dbias = affine_backward(grad, standard, weight, bias)
    return standardize_backward(dstandard, standard, x, axes, eps), dweight, dbias


@facts(quick="quick_norm", running="running_norm")
def batch_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    num_batches_tracked: Array | None = None,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    training: bool = False,
) -> Array:
    """Every channel less its mean, divided by its deviation. Ioffe and Szegedy 2015.

    y = weight * (x - mean)/sqrt(var + eps) + bias for x of (N, C, H, W) or (N, C)

    In training mean and var are those of the batch, and the running ones move in place:
    running = (1 - momentum) * running + momentum * batch, the variance there divided by
    n - 1; momentum None weighs all batches so far alike. In evaluation the running ones
    stand in; where there are none, those of the batch. Raises ValueError where a
    channel has one value, which has no deviation, as PyTorch does.
    """
    if not training and running_mean is not None and running_var is not None:
        return running_norm(x, weight, bias, running_mean, running_var, eps=eps)
    axes = (0, *range(2, x.ndim))
    check_spread(x.size // x.shape[1])
    if running_mean is not None and running_var is not None:
        if num_batches_tracked is not None:
            num_batches_tracked += 1
            if momentum is None:
                momentum = 1 / float(num_batches_tracked)
        update_running(running_mean, x.mean(axes), momentum or 0.0)
        update_running(running_var, x.var(axes, ddof=1), momentum or 0.0)
    return affine(standardize(x, axes, eps), weight, bias)


def batch_norm_backward(
    grad: Array,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x, weight and bias, through the batch's own statistics."""
    return normed_backward(grad, x, (0, *range(2, x.ndim)), weight, bias, eps)


@facts(quick="quick_norm")
def running_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    num_batches_tracked: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """weight * (x - running_mean)/sqrt(running_var + eps) + bias."""
    assert running_mean is not None and running_var is not None
    deviation = np.sqrt(running_var + eps)
    standard = (x - by_channel(running_mean, x)) / by_channel(deviation, x)
    return affine(standard, weight, bias)


def update_running(running: Array, batch: Array, momentum: float) -> None:
    """running = (1 - momentum) * running + momentum * batch, in place."""
    running *= 1 - momentum
    running += momentum * batch


@facts(quick="quick_norm", running="running_norm")
def instance_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    num_batches_tracked: Array | None = None,
    momentum: float = 0.1,
    eps: float = 1e-5,
    training: bool = False,
) -> Array:
    """Every map less its own mean, divided by its own deviation. Ulyanov et al. 2016.

    Running statistics, where they are kept, are means over the images; in evaluation
    they stand in for a map's own. Raises ValueError where a map is one value.
    """
    if not training and running_mean is not None and running_var is not None:
        return running_norm(x, weight, bias, running_mean, running_var, eps=eps)
    check_spread(x.shape[2] * x.shape[3])
    if running_mean is not None and running_var is not None:
        check_spread(x.size // x.shape[1])
        update_running(running_mean, x.mean((0, 2, 3)), momentum)
        update_running(running_var, x.var((2, 3), ddof=1).mean(0), momentum)
    return affine(standardize(x, (2, 3), eps), weight, bias)


def instance_norm_backward(
    grad: Array,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x, weight and bias, through the maps' own statistics."""
    return normed_backward(grad, x, (2, 3), weight, bias, eps)


def group_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    groups: int = 1,
    eps: float = 1e-5,
) -> Array:
    """Groups of channels of an image brought to mean 0, deviation 1. Wu and He 2018.

    x is (N, C, H, W) or (N, C); mean and variance are taken over the C/groups channels
    of a group and all their pixels. Raises ValueError, as PyTorch does, where a single
    image has one value a group.
    """
    split = by_group(x, groups)
    if len(x) == 1:
        check_spread(split.shape[2])
    return affine(standardize(split, (2,), eps).reshape(x.shape), weight, bias)


def group_norm_backward(
    grad: Array,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    groups: int = 1,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x, weight and bias."""
    split = by_group(x, groups)
    standard = standardize(split, (2,), eps)
    whole = standard.reshape(x.shape)
    dwhole, dweight, dbias = affine_backward(grad, whole, weight, bias)
    dsplit = dwhole.reshape(split.shape)
    dx = standardize_backward(dsplit, standard, split, (2,), eps)
    return dx.reshape(x.shape), dweight, dbias


@facts(quick="quick_in_place")
def layer_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    over: str = "channels",
    eps: float = 1e-5,
) -> Array:
    """What belongs together brought to mean 0, deviation 1. Ba, Kiros and Hinton 2016.

    Over "channels": the C values of each pixel, weight and bias are (C,). Over "all":
    the values of an image together, weight and bias have an image's shape.
    """
    if over == "channels":
        return affine(standardize(x, (1,), eps), weight, bias)
    y = standardize(x, tuple(range(1, x.ndim)), eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def layer_norm_backward(
    grad: Array,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    over: str = "channels",
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x, weight and bias."""
    if over == "channels":
        return normed_backward(grad, x, (1,), weight, bias, eps)
    axes = tuple(range(1, x.ndim))
    standard = standardize(x, axes, eps)
    dstandard = grad if weight is None else grad * weight
    dweight = None if weight is None else (grad * standard).sum(0)
    dbias = None if bias is None else grad.sum(0)
    return standardize_backward(dstandard, standard, x, axes, eps), dweight, dbias


@facts(quick="quick_in_place")
def local_response_norm(
    x: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Array:
    """x / (k + alpha/size * sum of squares of `size` neighbouring channels)^beta.

    Krizhevsky, Sutskever and Hinton 2012, section 3.3, where alpha is not divided. Of
    the neighbours size//2 come before the channel; channels outside count as 0.
    """
    nearby = sum_channels(np.square(x), size // 2, (size - 1) // 2)
    y: Array = x / (k + alpha / size * nearby) ** beta
    return y


def local_response_norm_backward(
    grad: Array,
    x: Array,
    y: Array,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
) -> Array:
    """The gradient of x: its own share, and through the neighbours' denominators.

    With d = k + alpha/size * sum of squares:
    dx = grad/d^beta - 2*alpha*beta/size * x * sum of grad*y/d
    """
    nearby = sum_channels(np.square(x), size // 2, (size - 1) // 2)
    base = k + alpha / size * nearby
    through = sum_channels(grad * y / base, (size - 1) // 2, size // 2)
    dx: Array = grad / base**beta - 2 * alpha * beta / size * x * through
    return dx


def sum_channels(x: Array, before: int, after: int) -> Array:
    """Each channel and its neighbours added up: channels c - before to c + after."""
    total = x.copy()
    for step in range(1, min(before, x.shape[1] - 1) + 1):
        total[:, step:] += x[:, :-step]
    for step in range(1, min(after, x.shape[1] - 1) + 1):
        total[:, :-step] += x[:, step:]
    return total
