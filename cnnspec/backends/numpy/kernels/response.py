"""Norms that take no mean off: by roots of mean squares, lengths, deviations."""

from __future__ import annotations

import numpy as np

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.activation import sigmoid
from cnnspec.backends.numpy.kernels.arrays import (
    Array,
    by_channel,
    by_group,
    sum_by_channel,
)
from cnnspec.backends.numpy.kernels.norm import (
    affine,
    affine_backward,
    check_spread,
    update_running,
)


def rms_standard(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    """x/sqrt(mean of squares + eps), the mean over the axes."""
    y: Array = x / np.sqrt(np.square(x).mean(axes, keepdims=True) + eps)
    return y


def rms_standard_backward(
    grad: Array, y: Array, x: Array, axes: tuple[int, ...], eps: float
) -> Array:
    """The gradient of x: (grad - y * mean(grad * y))/sqrt(mean of squares + eps)."""
    root = np.sqrt(np.square(x).mean(axes, keepdims=True) + eps)
    dx: Array = (grad - y * (grad * y).mean(axes, keepdims=True)) / root
    return dx


@facts(quick="quick_in_place")
def rms_norm(x: Array, weight: Array | None = None, eps: float = 1e-5) -> Array:
    """weight * x/sqrt(mean of squares over channels + eps). Zhang and Sennrich 2019."""
    return affine(rms_standard(x, (1,), eps), weight, None)


def rms_norm_backward(
    grad: Array, x: Array, weight: Array | None = None, eps: float = 1e-5
) -> tuple[Array, Array | None]:
    """The gradients of x and weight."""
    standard = rms_standard(x, (1,), eps)
    dstandard, dweight, _ = affine_backward(grad, standard, weight, None)
    return rms_standard_backward(dstandard, standard, x, (1,), eps), dweight


@facts(quick="quick_in_place")
def l2_norm(x: Array, eps: float = 1e-12) -> Array:
    """x/max(length over channels or features, eps). Liu et al. 2016, "ParseNet"."""
    y: Array = x / np.maximum(np.sqrt(np.square(x).sum(1, keepdims=True)), eps)
    return y


def l2_norm_backward(grad: Array, x: Array, y: Array, eps: float = 1e-12) -> Array:
    """(grad - y * sum of grad * y)/length; grad/eps where that is more."""
    length = np.sqrt(np.square(x).sum(1, keepdims=True))
    along = y * (grad * y).sum(1, keepdims=True) * (length > eps)
    dx: Array = (grad - along) / np.maximum(length, eps)
    return dx


def filter_response_norm(
    x: Array, weight: Array, bias: Array, tau: Array | None = None, eps: float = 1e-6
) -> Array:
    """max(weight * x/sqrt(mean of squares over a map + eps) + bias, tau).

    Singh and Krishnan 2020.
    """
    y = affine(rms_standard(x, (2, 3), eps), weight, bias)
    return y if tau is None else np.maximum(y, by_channel(tau, y))


def filter_response_norm_backward(
    grad: Array,
    x: Array,
    weight: Array,
    bias: Array,
    tau: Array | None = None,
    eps: float = 1e-6,
) -> tuple[Array, Array | None, Array | None, Array | None]:
    """The gradients of x, weight, bias and tau, which shares where it is equal."""
    standard = rms_standard(x, (2, 3), eps)
    dtau = None
    if tau is not None:
        over = affine(standard, weight, bias) - by_channel(tau, x)
        below = grad * ((over < 0) + 0.5 * (over == 0)).astype(grad.dtype)
        grad, dtau = grad - below, sum_by_channel(below, tau)
    dstandard, dweight, dbias = affine_backward(grad, standard, weight, bias)
    dx = rms_standard_backward(dstandard, standard, x, (2, 3), eps)
    return dx, dweight, dbias, dtau


def global_response_norm(
    x: Array, weight: Array, bias: Array, eps: float = 1e-6
) -> Array:
    """x + weight * x * n + bias: n = length of a map/(mean of all lengths + eps).

    The length is the root of the sum of squares. Woo et al. 2023, "ConvNeXt V2".
    """
    length = np.sqrt(np.square(x).sum((2, 3), keepdims=True))
    share = length / (length.mean(1, keepdims=True) + eps)
    return x + affine(x * share, weight, bias)


def global_response_norm_backward(
    grad: Array, x: Array, weight: Array, bias: Array, eps: float = 1e-6
) -> tuple[Array, Array | None, Array | None]:
    """The gradients of x, weight and bias; where a map is 0, its length has none."""
    length = np.sqrt(np.square(x).sum((2, 3), keepdims=True))
    mean = length.mean(1, keepdims=True) + eps
    share = length / mean
    dscaled, dweight, dbias = affine_backward(grad, x * share, weight, bias)
    dshare = (dscaled * x).sum((2, 3), keepdims=True)
    dlength = (dshare - (dshare * share).mean(1, keepdims=True)) / mean
    along = np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    return grad + dscaled * share + dlength * along, dweight, dbias


def evo_norm_s0(
    x: Array,
    weight: Array,
    bias: Array,
    v: Array | None = None,
    groups: int = 1,
    eps: float = 1e-5,
) -> Array:
    """weight * x * sigmoid(v * x)/deviation of the group + bias. Liu et al. 2020."""
    bent = x if v is None else x * sigmoid(x * by_channel(v, x))
    return affine(bent / deviations(x, groups, eps), weight, bias)


def evo_norm_s0_backward(
    grad: Array,
    x: Array,
    weight: Array,
    bias: Array,
    v: Array | None = None,
    groups: int = 1,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None, Array | None]:
    """The gradients of x, weight, bias and v, through the deviation, too."""
    deviation = deviations(x, groups, eps)
    share = np.ones_like(x) if v is None else sigmoid(x * by_channel(v, x))
    standard = x * share / deviation
    dstandard, dweight, dbias = affine_backward(grad, standard, weight, bias)
    dbent = dstandard / deviation
    dx, dv = dbent * share, None
    if v is not None:
        slope = dbent * x * share * (1 - share)
        dx, dv = dx + slope * by_channel(v, x), sum_by_channel(slope * x, v)
    split = by_group(x, groups)
    centred = (split - split.mean(2, keepdims=True)).reshape(x.shape)
    through = by_group(dbent * standard, groups).mean(2, keepdims=True)
    spread = np.broadcast_to(through, split.shape).reshape(x.shape)
    return dx - spread * centred / deviation, dweight, dbias, dv


def deviations(x: Array, groups: int, eps: float) -> Array:
    """sqrt(variance + eps) of every channel's group: (N, C, 1, 1)."""
    found: Array = np.sqrt(by_group(x, groups).var(2) + eps)
    found = found.repeat(x.shape[1] // groups, 1)
    return found.reshape(*found.shape, 1, 1)


def evo_norm_b0(
    x: Array,
    weight: Array,
    bias: Array,
    v: Array,
    running_var: Array,
    momentum: float = 0.1,
    eps: float = 1e-5,
    training: bool = False,
) -> Array:
    """weight * x/max(d, v * x + s) + bias. Liu et al. 2020.

    d is the channel's deviation in the batch, s the one in the image, both of variances
    plus eps. In training the running variance moves in place, as that of a batch norm;
    in evaluation it stands in. Raises ValueError where a channel has one value.
    """
    if training:
        check_spread(x.size // x.shape[1])
        update_running(running_var, x.var((0, 2, 3), ddof=1), momentum)
    variance = x.var((0, 2, 3)) if training else running_var
    batch, image = both_deviations(x, variance, eps)
    return affine(x / np.maximum(batch, x * by_channel(v, x) + image), weight, bias)


def evo_norm_b0_backward(
    grad: Array, x: Array, weight: Array, bias: Array, v: Array, eps: float = 1e-5
) -> tuple[Array, Array | None, Array | None, Array]:
    """The gradients of x, weight, bias and v; two that are equal share theirs.

    That of a deviation d of n values goes on to each of these as (x - mean)/(n * d).
    """
    batch, image = both_deviations(x, x.var((0, 2, 3)), eps)
    bent = x * by_channel(v, x) + image
    divisor = np.maximum(batch, bent)
    standard = x / divisor
    dstandard, dweight, dbias = affine_backward(grad, standard, weight, bias)
    dx, ddivisor = dstandard / divisor, -dstandard * standard / divisor
    dbent = ddivisor * ((bent > batch) + 0.5 * (bent == batch)).astype(grad.dtype)
    dx += dbent * by_channel(v, x)
    within, across = (2, 3), (0, 2, 3)
    for slope, deviation, axes in (
        (dbent, image, within),
        (ddivisor - dbent, batch, across),
    ):
        centred = x - x.mean(axes, keepdims=True)
        dx += slope.mean(axes, keepdims=True) * centred / deviation
    return dx, dweight, dbias, (dbent * x).sum(across)


def both_deviations(x: Array, variance: Array, eps: float) -> tuple[Array, Array]:
    """sqrt(variance + eps) of every channel, by its variance and that in the image."""
    image: Array = np.sqrt(x.var((2, 3), keepdims=True) + eps)
    return by_channel(np.sqrt(variance + eps), x), image
