"""Activations: one value in, one value out, and softmax."""

from __future__ import annotations

import numpy as np

from cnnspec.backends.numpy.facts import facts
from cnnspec.backends.numpy.kernels.arrays import (
    Array,
    by_channel,
    by_group,
    sum_by_channel,
)

ERF_SINGLE = (0.272514539, -0.262606718, -0.979644306, 2.52346492, -2.53884931)
ERF_DOUBLE = (
    -0.0019954900296776973,
    0.0039835897552242434,
    0.007221771986565341,
    -0.028359021693839727,
    0.03698143817808041,
    -0.03592277568172942,
    0.02387540434897822,
    -8.029484428212991e-05,
    0.010964481594635544,
    -0.011793080916845186,
    -0.04132412691196189,
    -0.02768917611469813,
    0.09890425277249991,
    0.20570917776285322,
    -0.24278789928734995,
    -0.9824824261322964,
    2.523646874035341,
    -2.5388531259649034,
)
"""Of erf, from the highest power of t down: minimax, and met in Chebyshev's nodes."""


@facts(quick="quick_in_place")
def relu(x: Array) -> Array:
    """max(0, x). Nair and Hinton 2010."""
    y: Array = np.maximum(x, 0)
    return y


def relu_in_place(y: Array) -> None:
    """max(0, y). `np.maximum` with one number takes three times as long."""
    y.clip(0, np.inf, y)


def relu_backward(grad: Array, x: Array) -> Array:
    """grad where x > 0, else 0."""
    return grad * (x > 0)


@facts(quick="quick_in_place")
def relu6(x: Array) -> Array:
    """min(max(0, x), 6). Krizhevsky 2010."""
    y: Array = np.clip(x, 0, 6)
    return y


def relu6_in_place(y: Array) -> None:
    """min(max(0, y), 6)."""
    y.clip(0, 6, y)


def relu6_backward(grad: Array, x: Array) -> Array:
    """grad where 0 < x < 6, else 0."""
    return grad * ((x > 0) & (x < 6))


@facts(quick="quick_in_place")
def hard_tanh(x: Array, low: float = -1.0, high: float = 1.0) -> Array:
    """min(max(low, x), high). Collobert 2004."""
    y: Array = np.clip(x, low, high)
    return y


def hard_tanh_backward(
    grad: Array, x: Array, low: float = -1.0, high: float = 1.0
) -> Array:
    """grad where low < x < high, else 0."""
    return grad * ((x > low) & (x < high))


@facts(quick="quick_in_place")
def squared_relu(x: Array) -> Array:
    """max(0, x)^2. So et al. 2021."""
    y: Array = np.maximum(x, 0) ** 2
    return y


def squared_relu_backward(grad: Array, x: Array) -> Array:
    """grad * 2 * max(0, x)."""
    dx: Array = grad * 2 * np.maximum(x, 0)
    return dx


@facts(quick="quick_in_place")
def star_relu(x: Array, scale: Array, bias: Array) -> Array:
    """scale * max(0, x)^2 + bias, a number each. Yu et al. 2022."""
    y: Array = scale * np.maximum(x, 0) ** 2 + bias
    return y


def star_relu_backward(
    grad: Array, x: Array, scale: Array
) -> tuple[Array, Array, Array]:
    """The gradients of x, scale and bias."""
    above = np.maximum(x, 0)
    dscale = (grad * above**2).sum().reshape(1)
    return grad * 2 * scale * above, dscale, grad.sum().reshape(1)


@facts(quick="quick_in_place")
def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """max(0, x) + slope * min(0, x). Maas, Hannun and Ng 2013."""
    y: Array = x.clip(0, np.inf) + slope * x.clip(-np.inf, 0)
    return y


def leaky_relu_backward(grad: Array, x: Array, slope: float = 0.01) -> Array:
    """grad where x > 0, else slope * grad."""
    return np.where(x > 0, grad, slope * grad)


@facts(quick="quick_in_place")
def prelu(x: Array, weight: Array) -> Array:
    """max(0, x) + weight * min(0, x), one weight or one a channel. He et al. 2015."""
    y: Array = x.clip(0, np.inf) + by_channel(weight, x) * x.clip(-np.inf, 0)
    return y


def prelu_backward(grad: Array, x: Array, weight: Array) -> tuple[Array, Array]:
    """The gradients of x and weight: weight gets grad * x of the values below 0."""
    dweight = sum_by_channel(grad * np.minimum(x, 0), weight)
    return np.where(x > 0, grad, by_channel(weight, x) * grad), dweight


@facts(quick="quick_in_place")
def elu(x: Array, alpha: float = 1.0) -> Array:
    """max(0, x) + alpha * (exp(min(0, x)) - 1). Clevert et al. 2016."""
    y: Array = x.clip(0, np.inf) + alpha * np.expm1(x.clip(-np.inf, 0))
    return y


def elu_backward(grad: Array, x: Array, alpha: float = 1.0) -> Array:
    """grad where x > 0, else grad * alpha * exp(x)."""
    return grad * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


@facts(quick="quick_in_place")
def selu(x: Array) -> Array:
    """1.0507 * elu(x, 1.6733): keeps mean 0 and deviation 1. Klambauer et al. 2017."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def selu_backward(grad: Array, x: Array) -> Array:
    """1.0507 * the gradient of elu."""
    return 1.0507009873554805 * elu_backward(grad, x, 1.6732632423543772)


@facts(quick="quick_in_place")
def gelu(x: Array, approximate: str = "none") -> Array:
    """x * Phi(x), Phi the normal distribution function. Hendrycks and Gimpel 2016.

    Phi(x) = (1 + erf(x/sqrt(2)))/2, or with approximate="tanh"
    (1 + tanh(sqrt(2/pi) * (x + 0.044715*x^3)))/2.
    """
    if approximate == "tanh":
        twice = 1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))
    else:
        twice = 1 + erf(x * 0.7071067811865476)
    y: Array = x * twice / 2
    return y


def gelu_backward(grad: Array, x: Array, approximate: str = "none") -> Array:
    """grad * (Phi(x) + x * Phi'(x)), where Phi'(x) = exp(-x^2/2)/sqrt(2*pi)."""
    if approximate == "tanh":
        t = np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))
        inner = 0.7978845608028654 * (1 + 3 * 0.044715 * x**2)
        dx: Array = grad * ((1 + t) + x * (1 - t**2) * inner) / 2
        return dx
    density = 0.3989422804014327 * np.exp(-(x**2) / 2)
    return grad * ((1 + erf(x * 0.7071067811865476)) / 2 + x * density)


def erf(x: Array) -> Array:
    """The error function, 2/sqrt(pi) * the integral of exp(-t^2) from 0 to x.

    1 - (1 + p(t)) * exp(-x^2) with t = |x|/(|x| + 2.25): the form is that of Hastings
    1955, "Approximations for digital computers". The polynomial p is of degree 5 for
    float32, to 2e-7, and of degree 18 for float64, to its last digits.
    """
    size = np.abs(x).clip(0, 6)  # erf(6) is 1 to the last digit
    t = size / (size + 2.25)
    power = np.zeros_like(t)
    for a in ERF_SINGLE if x.dtype == np.float32 else ERF_DOUBLE:
        power += a
        power *= t
    power += 1
    y: Array = np.copysign(1 - power * np.exp(-size * size), x)
    return y


@facts(quick="quick_in_place")
def sigmoid(x: Array) -> Array:
    """1/(1 + exp(-x)), without overflow for large -x."""
    small = np.exp(-np.abs(x))
    y: Array = np.maximum(small, x >= 0) / (1 + small)  # small is 1 at most
    return y


def sigmoid_backward(grad: Array, x: Array, y: Array) -> Array:
    """grad * y * (1 - y)."""
    dx: Array = grad * y * (1 - y)
    return dx


@facts(quick="quick_in_place")
def silu(x: Array) -> Array:
    """x * sigmoid(x), also called swish. Elfwing, Uchibe and Doya 2017."""
    return x * sigmoid(x)


def silu_backward(grad: Array, x: Array) -> Array:
    """grad * (s + x * s * (1 - s)) with s = sigmoid(x)."""
    s = sigmoid(x)
    dx: Array = grad * s * (1 + x * (1 - s))
    return dx


@facts(quick="quick_in_place", spelled="np.tanh")
def tanh(x: Array) -> Array:
    """tanh(x)."""
    y: Array = np.tanh(x)
    return y


def tanh_in_place(y: Array) -> None:
    """tanh(y)."""
    np.tanh(y, out=y)


def tanh_backward(grad: Array, x: Array, y: Array) -> Array:
    """grad * (1 - y^2)."""
    dx: Array = grad * (1 - y * y)
    return dx


@facts(quick="quick_in_place")
def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta*x))/beta; x where beta*x > threshold. Dugas et al. 2001."""
    soft = np.log1p(np.exp(-np.abs(beta * x))) + np.maximum(beta * x, 0)
    return np.where(beta * x > threshold, x, soft / beta)


def softplus_backward(
    grad: Array, x: Array, beta: float = 1.0, threshold: float = 20.0
) -> Array:
    """grad * sigmoid(beta*x), and grad itself where beta*x > threshold."""
    return np.where(beta * x > threshold, grad, grad * sigmoid(beta * x))


@facts(quick="quick_in_place")
def mish(x: Array) -> Array:
    """x * tanh(log(1 + exp(x))). Misra 2019."""
    y: Array = x * np.tanh(softplus(x))
    return y


def mish_backward(grad: Array, x: Array) -> Array:
    """grad * (t + x * (1 - t^2) * sigmoid(x)) with t = tanh(log(1 + exp(x)))."""
    t = np.tanh(softplus(x))
    dx: Array = grad * (t + x * (1 - t * t) * sigmoid(x))
    return dx


@facts(quick="quick_in_place")
def hard_sigmoid(x: Array) -> Array:
    """relu6(x + 3)/6. Howard et al. 2019, "Searching for MobileNetV3"."""
    y: Array = np.clip(x + 3, 0, 6) / 6
    return y


def hard_sigmoid_backward(grad: Array, x: Array) -> Array:
    """grad/6 where -3 < x < 3, else 0."""
    return grad * ((x > -3) & (x < 3)) / 6


@facts(quick="quick_in_place")
def hard_swish(x: Array) -> Array:
    """x * relu6(x + 3)/6. Howard et al. 2019, "Searching for MobileNetV3"."""
    y: Array = x * np.clip(x + 3, 0, 6) / 6
    return y


def hard_swish_backward(grad: Array, x: Array) -> Array:
    """0 where x <= -3, grad where x >= 3, between them grad * (2*x + 3)/6."""
    return grad * np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6))


@facts(quick="quick_in_place", spelled="np.abs")
def absolute(x: Array) -> Array:
    """|x|."""
    y: Array = np.abs(x)
    return y


def absolute_backward(grad: Array, x: Array) -> Array:
    """grad * sign(x)."""
    dx: Array = grad * np.sign(x)
    return dx


@facts(quick="quick_in_place")
def identity(x: Array) -> Array:
    """x as it arrives."""
    return x


def identity_in_place(y: Array) -> None:
    """y."""


def identity_backward(grad: Array, x: Array) -> Array:
    """grad as it arrives."""
    return grad


@facts(quick="quick_in_place")
def softmax(x: Array) -> Array:
    """exp(x)/sum of exp(x) over channels or features, axis 1. Bridle 1990.

    The largest value is taken off first: the result is the same and nothing overflows.
    """
    powers = np.exp(x - x.max(1, keepdims=True))
    y: Array = powers / powers.sum(1, keepdims=True)
    return y


def softmax_backward(grad: Array, x: Array, y: Array) -> Array:
    """y * (grad - sum of grad * y)."""
    dx: Array = y * (grad - (grad * y).sum(1, keepdims=True))
    return dx


@facts(quick="quick_in_place")
def path_softmax(x: Array, paths: int) -> Array:
    """Shares of paths, whose channels stand one behind the other. Li et al. 2019."""
    return softmax(by_group(x, paths)).reshape(x.shape)


def path_softmax_backward(grad: Array, x: Array, y: Array, paths: int) -> Array:
    """That of softmax, over paths."""
    arriving = (by_group(values, paths) for values in (grad, x, y))
    return softmax_backward(*arriving).reshape(x.shape)


@facts(quick="quick_in_place")
def log_softmax(x: Array) -> Array:
    """x - log(sum of exp(x)) over channels or features, axis 1, without overflow."""
    shifted = x - x.max(1, keepdims=True)
    y: Array = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return y


def log_softmax_backward(grad: Array, x: Array, y: Array) -> Array:
    """grad - exp(y) * sum of grad."""
    dx: Array = grad - np.exp(y) * grad.sum(1, keepdims=True)
    return dx
