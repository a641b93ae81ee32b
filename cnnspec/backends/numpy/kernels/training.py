"""Training: the way back through a network, its loss, and optimisers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array
from cnnspec.backends.numpy.kernels.net import BaseNet, Kernel, Layer, gather
from cnnspec.backends.numpy.kernels.threads import crew


class TrainableNet(BaseNet):
    """A network that learns.

    `training_outputs` and `training_named` are those of a training run, which may have
    more outputs; `gradients` holds the backward kernel of every kernel.
    """

    training_outputs: ClassVar[tuple[str, ...]] = ()
    training_named: ClassVar[type | None] = None
    gradients: ClassVar[dict[Kernel, Kernel]] = {}

    def __call__(self, *images: Array, training: bool = False) -> Any:
        """The output, or a named tuple of several; in training, from `train`."""
        if not training:
            return super().__call__(*images)
        values, _ = self.train(*images)
        return gather(values, self.training_outputs, self.training_named)

    def train(self, *images: Array) -> tuple[dict[str, Array], dict[str, Any]]:
        """A training run: the values of all layers, and what `backward` wants.

        Batch norms take the batch's statistics and move the running ones; dropout
        drops. Layers that lead nowhere do not run.
        """
        values = self.arrange(images)
        drawn: dict[str, Any] = {}
        with self.restored():
            for layer in self.read():
                drawn[layer.name] = self.keywords(layer)
                if "training" in layer.takes:
                    drawn[layer.name]["training"] = True
                if "seed" in layer.takes:
                    drawn[layer.name]["seed"] = int(self.rng.integers(2**63))
                values[layer.name] = self.compute(layer, values, drawn[layer.name])
        return values, drawn

    def read(self) -> list[Layer]:
        """The layers that outputs of training depend on."""
        names = set(self.training_outputs)
        found = []
        for layer in reversed(self.layers):
            if layer.name in names:
                names |= set(layer.of)
                found.append(layer)
        return found[::-1]

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Where a training run is refused within, the net is what it was before.

        What the run moves are the running statistics and the generator.
        """
        before = {}
        for layer in self.layers:
            for name, tensor in layer.tensors.items():
                if "training" in layer.takes and not tensor.trained:
                    before[layer.key(name)] = self.params[layer.key(name)].copy()
        drawn = self.rng.bit_generator.state
        try:
            yield
        except BaseException:
            for name, x in before.items():
                self.params[name][...] = x
            self.rng.bit_generator.state = drawn
            raise

    def backward(
        self, values: dict[str, Array], drawn: dict[str, Any], grads: dict[str, Array]
    ) -> dict[str, Array]:
        """The gradients of the trained `params`, from those of some layers' values.

        Through the layers, last to first: each takes its value's gradient and hands its
        inputs theirs (Rumelhart, Hinton and Williams 1986).
        """
        pending = dict(grads)
        found: dict[str, Array] = {}
        learning = self.learning()
        for layer in reversed(self.layers):
            grad = pending.pop(layer.name, None)
            if grad is None or layer.name not in learning:
                continue
            known = drawn[layer.name] | {"y": values[layer.name]}
            known["need_x"] = bool(learning & set(layer.of))
            arriving = [values[name] for name in layer.of]
            parts = call_back(self.gradients[layer.kernel], grad, arriving, known)
            for name, part in zip(layer.of, parts, strict=False):
                accumulate(pending, name, part)
            tensors = self.owned.get(layer.owner, {})
            own = parts[len(layer.of) :]
            for name, part in zip(layer.takes[1:], own, strict=False):
                if name in tensors and tensors[name].trained:
                    accumulate(found, layer.key(name), part)
        return found

    def learning(self) -> set[str]:
        """The layers whose values depend on trained tensors."""
        names: set[str] = set()
        for layer in self.layers:
            tensors = self.owned.get(layer.owner, {}).values()
            if names & set(layer.of) or any(tensor.trained for tensor in tensors):
                names.add(layer.name)
        return names

    def loss_and_grads(
        self, images: Array | tuple[Array, ...], labels: Array, auxiliary: float = 0.3
    ) -> tuple[float, dict[str, Array]]:
        """The mean softmax cross-entropy of a batch, and the gradients of `params`.

        Where the network ends in softmax or its logarithm, what arrives there counts.
        Outputs that only training has come in times `auxiliary` (Szegedy et al. 2015).
        Raises ValueError where images or labels do not fit; then nothing is moved.
        """
        images = images if isinstance(images, tuple) else (images,)
        by_name = {layer.name: layer for layer in self.layers}
        total, grads = 0.0, dict[str, Array]()
        with self.restored():
            with crew():
                values, drawn = self.train(*images)
            for output in self.training_outputs:
                logits = before_softmax(output, by_name)
                share = 1.0 if output in self.outputs else auxiliary
                loss, grad = cross_entropy(values[logits], labels)
                total += share * loss
                accumulate(grads, logits, share * grad)
        with crew():
            return total, self.backward(values, drawn, grads)


def call_back(
    back: Any, grad: Array, arriving: list[Array], known: dict[str, Any]
) -> tuple[Any, ...]:
    """The gradients of what arrives at a kernel, then of its tensors.

    Its backward kernel takes what it uses of what is known of the run, by the names.
    """
    names = back.__code__.co_varnames[: back.__code__.co_argcount]
    taken = known.keys() & set(names)
    found = back(grad, *arriving, **{name: known[name] for name in taken})
    return found if isinstance(found, tuple) else (found,)


def before_softmax(output: str, layers: dict[str, Layer]) -> str:
    """What makes the logits, a layer or an input: a closing softmax takes them."""
    layer = layers.get(output)
    if layer is not None and layer.kernel.__name__ in ("softmax", "log_softmax"):
        return layer.of[0]
    return output


def accumulate(totals: dict[str, Array], name: str, part: Array | None) -> None:
    """Add a part to the total of a name."""
    if part is not None:
        totals[name] = totals[name] + part if name in totals else part


def cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """The mean of -log softmax(logits)[label], and its gradient.

    The gradient is (softmax(logits) - one-hot)/count. logits are (N, C) with labels
    (N,), or (N, C, H, W) with labels (N, H, W). Raises ValueError.
    """
    at = np.expand_dims(check_labels(logits, labels), 1)
    shifted = logits - logits.max(1, keepdims=True)
    log_shares = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    loss = -float(np.take_along_axis(log_shares, at, 1).mean())
    grad = np.exp(log_shares)
    np.put_along_axis(grad, at, np.take_along_axis(grad, at, 1) - 1, 1)
    return loss, grad / at.size


def check_labels(logits: Array, labels: Array) -> Array:
    """The labels as an array. Raises ValueError where they are not of these logits."""
    found, count = np.asarray(labels), logits.shape[1]
    wanted = logits.shape[:1] + logits.shape[2:]
    if found.shape != wanted:
        raise ValueError(f"labels {wanted} belong to these images, not {found.shape}")
    if not found.size:
        raise ValueError("a loss needs an image or more")
    if found.dtype.kind not in "iu":
        raise ValueError(f"labels are integers, not {found.dtype}")
    for label in (found.min(), found.max()):
        if not 0 <= label < count:
            raise ValueError(f"labels run from 0 to {count - 1}, and {label} is none")
    return found


def check_grads(net: BaseNet, grads: dict[str, Array]) -> None:
    """Raise ValueError where gradients are not of tensors of the net."""
    for name, grad in grads.items():
        if name not in net.params or grad.shape != net.params[name].shape:
            raise ValueError(f"{name} is no tensor of the net, or of another shape")


class SGD:
    """Stochastic gradient descent with momentum (Polyak 1964), as PyTorch writes it.

    v = momentum * v + grad + weight_decay * w;  w = w - lr * v
    """

    def __init__(
        self, net: BaseNet, lr: float, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self.net, self.lr = net, lr
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocity: dict[str, Array] = {}

    def step(self, grads: dict[str, Array]) -> None:
        """Move the parameters against their gradients. Raises ValueError."""
        check_grads(self.net, grads)
        for name, grad in grads.items():
            weight = self.net.params[name]
            if self.weight_decay:
                grad = grad + self.weight_decay * weight
            if self.momentum:
                if name in self.velocity:
                    grad = self.momentum * self.velocity[name] + grad
                self.velocity[name] = grad
            weight -= self.lr * grad
        self.net.refresh()


class Adam:
    """Adam (Kingma and Ba 2015), as PyTorch writes it.

    m = b1*m + (1 - b1)*grad;  v = b2*v + (1 - b2)*grad^2;
    w = w - lr * (m/(1 - b1^t)) / (sqrt(v/(1 - b2^t)) + eps)
    """

    def __init__(
        self,
        net: BaseNet,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.net, self.lr, self.betas, self.eps = net, lr, betas, eps
        self.weight_decay = weight_decay
        self.first: dict[str, Array] = {}
        self.second: dict[str, Array] = {}
        self.steps: dict[str, int] = {}

    def step(self, grads: dict[str, Array]) -> None:
        """Move the parameters against their gradients. Raises ValueError."""
        check_grads(self.net, grads)
        b1, b2 = self.betas
        for name, grad in grads.items():
            weight = self.net.params[name]
            if self.weight_decay:
                grad = grad + self.weight_decay * weight
            t = self.steps[name] = self.steps.get(name, 0) + 1
            first = self.first[name] = b1 * self.first.get(name, 0) + (1 - b1) * grad
            squared = grad * grad
            second = self.second[name] = (
                b2 * self.second.get(name, 0) + (1 - b2) * squared
            )
            deviation = np.sqrt(second / (1 - b2**t)) + self.eps
            weight -= self.lr / (1 - b1**t) * first / deviation
        self.net.refresh()
