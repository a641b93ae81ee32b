"""Training in the emitted NumPy program, where there is no PyTorch."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnspec.run import RunProblem
from cnnspec.run.image_input import prepare
from cnnspec.run.programs import Array, numpy_class
from cnnspec.run.weight_files import blank_state, read_weights
from cnnspec.train.data.augment import change
from cnnspec.train.engine import State, Stopped, Task, diverged
from cnnspec.train.evaluation import logits_of
from cnnspec.train.head import check_frozen
from cnnspec.train.processes import are_several

COUNTS = ("step", "loss", "right", "averaged")


class NumpyEngine:
    """The same course as PyTorch's loop, with the program's own Adam or SGD. Raises RunProblem."""

    leads = True

    def __init__(self, task: Task) -> None:
        self.task, self.request = task, task.request
        self.refuse()
        made = numpy_class(task.network)
        self.net: Any = made(seed=self.request.seed)
        if self.request.weights is not None:
            self.net.params |= read_weights(self.request.weights, blank_state(task.network))
            self.net.refresh()
        self.freeze(self.request.freeze)
        self.module: Any = sys.modules[made.__module__]
        sgd = self.request.optimizer == "sgd"
        self.optimizer: Any = self.module.SGD(self.net, 0.0, 0.9) if sgd else self.module.Adam(self.net)
        self.moments = ("velocity",) if sgd else ("first", "second")
        self.count = len(task.data.train.labels)
        self.steps = math.ceil(self.count / self.request.batch)
        self.step, self.loss, self.right, self.is_interrupted = 0, 0.0, 0.0, False
        self.label_shares = label_shares(task.head.classes, self.request.label_smoothing, task.class_weights)
        self.output_shares = task.head.shares(self.request.aux_weight)
        self.values: dict[str, Array] = {}
        self.average: dict[str, Array] = {}
        self.averaged = 0

    def refuse(self) -> None:
        """Raise RunProblem where this program lacks what is asked for."""
        asked = self.request
        lacks = {"compile": asked.compile, "shard": asked.shard, "amp": asked.amp != "no"}
        lacks["trivial"] = asked.augment == "trivial"
        if any(lacks.values()):
            names = ", ".join(name for name, wanted in lacks.items() if wanted)
            raise RunProblem(f"the NumPy program trains without {names}")
        if are_several():
            raise RunProblem("the NumPy program trains in one process, and torchrun started several")

    def freeze(self, starts: tuple[str, ...]) -> None:
        """Layers whose names begin so run as in evaluation; `trained` are the keys of the other tensors."""
        for layer in self.net.layers:
            # With a dot behind: `conv1` and `conv1.` both freeze conv1. No name starts with an empty tuple.
            if f"{layer.name}.".startswith(starts):
                layer.takes = tuple(name for name in layer.takes if name not in ("training", "seed"))
        owned = [(layer, name, x) for layer in self.net.layers for name, x in layer.tensors.items()]
        keys = {layer.key(name) for layer, name, x in owned if x.trained}
        check_frozen(sorted(keys), starts)
        self.trained = {key for key in keys if not key.startswith(starts)}

    @property
    def must_stop(self) -> bool:
        return self.is_interrupted

    def rate(self, step: int) -> float:
        """As the recipe's loop has it."""
        # By the middle of the step, else the first had a rate of 0. 1e-9: the warmup may last all epochs.
        epoch, warmup = (step + 0.5) / self.steps, self.request.warmup
        done = (epoch - warmup) / max(self.request.epochs - warmup, 1e-9)
        falling = 1.0 if self.request.schedule == "none" else (1 + math.cos(math.pi * min(done, 1.0))) / 2
        return self.request.lr * (epoch / warmup if epoch < warmup else falling)

    def epochs(self) -> Iterator[tuple[float, float]]:
        while self.step < self.request.epochs * self.steps:
            epoch, first = divmod(self.step, self.steps)
            order = np.random.default_rng([self.request.seed, epoch]).permutation(self.count)
            # A run that goes on within an epoch draws the same order, and leaves out what it has had.
            for batch in np.array_split(order, self.steps)[first:]:
                self.descend(epoch, batch)
                # At an epoch's end the run stops by itself, once it has validated and written the epoch.
                if self.must_stop and self.step % self.steps:
                    raise Stopped
            figures = self.loss / self.count, self.right / self.count
            self.loss = self.right = 0.0
            yield figures

    def descend(self, epoch: int, batch: Array) -> None:
        """Take a step against the gradient of a batch."""
        images, labels = self.read(epoch, batch), self.task.data.train.labels[batch]
        # By the step, so that a run that goes on drops the same numbers as one that was never stopped.
        self.net.rng = np.random.default_rng([self.request.seed, self.step])
        with np.errstate(all="ignore"):
            loss, grads = self.gradients(images, labels)
        if not math.isfinite(loss):
            raise diverged(f"the loss is {loss}", self.step, self.steps, self.culprit())
        decay, rate = self.request.weight_decay, self.rate(self.step)
        for name, grad in grads.items():
            weight = self.net.params[name]
            if weight.ndim > 1 and "velocity" in self.moments:
                # SGD adds the decay to the gradient, AdamW shrinks the weight itself.
                grad += decay * weight
            elif weight.ndim > 1:
                weight *= 1 - rate * decay
        self.optimizer.lr = rate
        self.optimizer.step(grads)
        self.update_average()
        # Of the main output alone: auxiliary heads count in the loss, not in the accuracy.
        made = self.values[self.net.training_outputs[self.task.head.main]].reshape(len(batch), -1)
        self.loss += loss * len(batch)
        self.right += float((made.argmax(1) == labels).sum())
        self.step += 1
        self.task.tick()

    def gradients(self, images: Array, labels: Array) -> tuple[float, dict[str, Array]]:
        """The loss of a batch, and its gradients for the tensors that are trained."""
        module, by_name = self.module, {layer.name: layer for layer in self.net.layers}
        with module.crew():
            self.values, drawn = self.net.train(images)
        # The gradients by the values at which they arrive: two outputs may end in the same one, and add up.
        total, arriving = 0.0, dict[str, Array]()
        for output, weight in zip(self.net.training_outputs, self.output_shares, strict=True):
            logits = module.before_softmax(output, by_name)
            loss, grad = cross_entropy(self.values[logits], self.label_shares[labels])
            total += weight * loss
            module.accumulate(arriving, logits, weight * grad)
        with module.crew():
            found = self.net.backward(self.values, drawn, arriving)
        return total, {name: grad for name, grad in found.items() if name in self.trained}

    def update_average(self) -> None:
        """Move the average towards the tensors of this step, faster while there is little to average."""
        decay = self.request.ema
        if not decay:
            return
        # The first is taken as it is, then 9/11, 9/12, …, until 1 - decay is more.
        part = max(1 - decay, 9 / (10 + self.averaged)) if self.averaged else 1
        for name, x in self.net.params.items():
            mean = self.average.get(name, x)
            # Counts of batches are not averaged.
            self.average[name] = mean + part * (x - mean) if x.dtype.kind == "f" else x.copy()
        self.averaged += 1

    def culprit(self) -> str:
        """The layer from which a loss that is not finite comes."""
        odd = [name for name, tensor in self.net.params.items() if not np.isfinite(tensor).all()]
        if odd:
            # In the order of the layers; gradients go from the last to the first, so the last one came first.
            return f"the gradient of the step before was not finite in {odd[-1].rpartition('.')[0]}"
        found = next((name for name, value in self.values.items() if not np.isfinite(value).all()), None)
        return f"{found} made it first" if found else "it came about in the loss itself"

    def read(self, epoch: int, batch: Array) -> Array:
        """Images to learn from, prepared."""
        images, kind = self.task.data.train, self.request.augment
        found = [images.read(int(index)) for index in batch]
        if kind != "none":
            chances = (np.random.default_rng([self.request.seed, epoch, int(index)]) for index in batch)
            found = [change(image, kind, chance) for image, chance in zip(found, chances, strict=True)]
        return prepare(np.stack(found), self.task.given)

    def validate(self) -> Array:
        """By the averaged tensors, where there are any."""
        # `refresh` both times: plans and packed weights are of the tensors before.
        own, self.net.params = self.net.params, self.weights()
        self.net.refresh()
        try:
            is_softmax = self.task.head.main in self.task.head.softmax
            return logits_of(self.net, self.task.data.val, self.task.given, is_softmax)
        finally:
            self.net.params = own
            self.net.refresh()

    def weights(self) -> dict[str, Array]:
        # Without --ema, or before the first step, there is no average.
        return self.average or dict(self.net.params)

    def state(self) -> State:
        parts = {"net": self.net.params, "average": self.average} | {
            name: getattr(self.optimizer, name) for name in self.moments
        }
        tensors = {f"{part}/{key}": x for part, found in parts.items() for key, x in found.items()}
        numbers = {name: getattr(self, name) for name in COUNTS}
        return State(tensors, numbers | {"steps": getattr(self.optimizer, "steps", {})})

    def restore(self, state: State) -> None:
        for name, tensor in state.tensors.items():
            part, _, key = name.partition("/")
            # `net/conv1.weight`, `average/conv1.weight`; of the optimiser `velocity/conv1.weight`.
            owners = vars(self.optimizer) | {"net": self.net.params, "average": self.average}
            owners[part][key] = np.array(tensor)
        for name in COUNTS:
            setattr(self, name, state.numbers[name])
        self.optimizer.steps = state.numbers["steps"]
        self.net.refresh()


def label_shares(classes: int, smoothing: float, weights: tuple[float, ...]) -> Array:
    """The classes' shares in each label, (classes, classes), float32: all have that of `smoothing`.

    As PyTorch does it, a share then counts as much as its class weighs.
    """
    # 0.3 of 3 classes: a label is [0.8, 0.1, 0.1].
    even = np.full((classes, classes), smoothing / classes, np.float32)
    made: Array = even + np.float32(1 - smoothing) * np.eye(classes, dtype=np.float32)
    return made * np.array(weights, np.float32) if weights else made


def cross_entropy(logits: Array, wanted: Array) -> tuple[float, Array]:
    """The mean over images of -sum(wanted * log softmax(logits)), and its gradient.

    Logits (N, C) or (N, C, 1, 1), shares (N, C). The gradient is (sum(wanted)*softmax(logits) - wanted)/N.
    """
    flat = logits.reshape(wanted.shape)
    shifted = flat - flat.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    # sum(wanted) is 1 but where classes weigh.
    grad = (wanted.sum(1, keepdims=True) * np.exp(logs) - wanted) / len(flat)
    return -float((wanted * logs).sum()) / len(flat), grad.reshape(logits.shape)
