"""A loss and optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array


def cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """The mean of -log softmax(logits)[label], and the gradient of logits.

    The gradient is (softmax(logits) - one-hot)/count. logits are (N, C) with integer
    labels (N,), or (N, C, H, W) with labels (N, H, W). Raises ValueError.
    """
    at, c = np.expand_dims(labels, 1), logits.shape[1]
    if at.shape != (len(logits), 1, *logits.shape[2:]) or at.dtype.kind not in "iu":
        raise ValueError(f"labels {at.dtype} {np.shape(labels)} for {logits.shape}")
    if not at.size or at.min() < 0 or at.max() >= c:
        raise ValueError(f"a loss needs labels, from 0 to {c - 1}")
    shifted = logits - logits.max(1, keepdims=True)
    log_shares = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    loss = -float(np.take_along_axis(log_shares, at, 1).mean())
    grad = np.exp(log_shares)
    np.put_along_axis(grad, at, np.take_along_axis(grad, at, 1) - 1, 1)
    return loss, grad / at.size


class SGD:
    """w = w - lr * v with v = momentum * v + grad. Polyak 1964."""

    def __init__(self, net: Any, lr: float, momentum: float = 0.0) -> None:
        self.params, self.lr, self.momentum = net.params, lr, momentum
        self.velocity: dict[str, Array] = {}

    def step(self, grads: dict[str, Array]) -> None:
        """Move the parameters against their gradients."""
        for name, grad in grads.items():
            self.velocity[name] = self.momentum * self.velocity.get(name, 0) + grad
            self.params[name] -= self.lr * self.velocity[name]


class Adam:
    """w = w - lr * (m/(1 - b1^t)) / (sqrt(v/(1 - b2^t)) + 1e-8). Kingma and Ba 2015.

    m = b1*m + (1 - b1)*grad;  v = b2*v + (1 - b2)*grad^2;  b1 = 0.9, b2 = 0.999
    """

    def __init__(self, net: Any, lr: float = 1e-3) -> None:
        self.params, self.lr = net.params, lr
        self.moments: dict[str, Any] = {}

    def step(self, grads: dict[str, Array]) -> None:
        """Move the parameters against their gradients."""
        for name, grad in grads.items():
            m, v, t = self.moments.get(name, (0, 0, 0))
            m, v, t = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2, t + 1
            self.moments[name] = m, v, t
            deviation = np.sqrt(v / (1 - 0.999**t)) + 1e-8
            self.params[name] -= self.lr * m / (1 - 0.9**t) / deviation
