"""Training in the emitted NumPy program, where there is no PyTorch."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnspec.run import RunProblem
from cnnspec.run.programs import Array, numpy_class
from cnnspec.run.weight_files import blank_state, read_weights
from cnnspec.train.data.augment import change
from cnnspec.train.data.prepare import scaled
from cnnspec.train.engine import State, Stopped, Task
from cnnspec.train.processes import are_several

ONLY_TORCH = ("freeze", "ema", "compile", "label_smoothing", "shard")
BATCH = 64  # images at once in validation


class NumpyEngine:
    """The same course as PyTorch's loop, with the program's own Adam or SGD. Raises RunProblem."""

    leads = True

    def __init__(self, task: Task) -> None:
        self.task, self.options = task, task.request.options
        odd = [name for name in ONLY_TORCH if self.options[name]]
        odd += ["amp"] * (self.options["amp"] != "no") + ["class weights"] * task.request.balanced
        odd += ["trivial"] * (task.request.augment == "trivial")
        if odd:
            raise RunProblem(f"the NumPy program trains without {', '.join(odd).replace('_', ' ')}")
        if are_several():
            raise RunProblem("the NumPy program trains in one process, and torchrun started several")
        made = numpy_class(task.network)
        self.net: Any = made(seed=self.options["seed"])
        if task.request.weights is not None:
            self.net.params |= read_weights(task.request.weights, blank_state(task.network))
            self.net.refresh()
        sgd = self.options["optimizer"] == "sgd"
        module = sys.modules[made.__module__]
        self.optimizer: Any = module.SGD(self.net, 0.0, momentum=0.9) if sgd else module.Adam(self.net)
        self.moments = ("velocity",) if sgd else ("first", "second")
        self.count = len(task.data.train.labels)
        self.steps = math.ceil(self.count / self.options["batch"])
        self.step, self.loss, self.right, self.asked = 0, 0.0, 0.0, False
        self.parameters = sum(tensor.size for tensor in self.net.params.values())
        self.values: dict[str, Array] = {}
        self.watch()

    @property
    def stop(self) -> bool:
        return self.asked

    def watch(self) -> None:
        """Keep the values of training runs: they tell which images are right, and what made no number."""
        plain = self.net.train

        def train(*images: Array) -> Any:
            self.values, drawn = plain(*images)
            return self.values, drawn

        self.net.train = train

    def rate(self, step: int) -> float:
        """As the recipe's loop has it."""
        epoch, warmup = (step + 0.5) / self.steps, self.options["warmup"]
        done = (epoch - warmup) / max(self.options["epochs"] - warmup, 1e-9)
        falling = 1.0 if self.options["schedule"] == "none" else (1 + math.cos(math.pi * min(done, 1.0))) / 2
        return float(self.options["lr"] * (epoch / warmup if epoch < warmup else falling))

    def epochs(self) -> Iterator[tuple[float, float]]:
        seed = self.options["seed"]
        while self.step < self.options["epochs"] * self.steps:
            epoch, first = divmod(self.step, self.steps)
            order = np.random.default_rng([seed, epoch]).permutation(self.count)
            for batch in np.array_split(order, self.steps)[first:]:
                self.descend(epoch, batch)
                if self.stop and self.step % self.steps:
                    raise Stopped
            figures = self.loss / self.count, self.right / self.count
            self.loss = self.right = 0.0
            yield figures

    def descend(self, epoch: int, batch: Array) -> None:
        """Take a step against the gradient of a batch."""
        images, labels = self.read(epoch, batch), self.task.data.train.labels[batch]
        self.net.rng = np.random.default_rng([self.options["seed"], self.step])
        shares = self.task.head.shares(self.task.request.auxiliary)
        with np.errstate(all="ignore"):
            loss, grads = self.net.loss_and_grads(images, labels, auxiliary=min(shares))
        if not math.isfinite(loss):
            raise RunProblem(
                f"the loss is {loss} ({self.place}): {self.culprit()}; a lower learning rate may help"
            )
        decay, rate = self.options["weight_decay"], self.rate(self.step)
        for name, grad in grads.items():
            weight = self.net.params[name]
            if weight.ndim > 1 and "velocity" in self.moments:
                grad += decay * weight
            elif weight.ndim > 1:
                weight *= 1 - rate * decay
        self.optimizer.lr = rate
        self.optimizer.step(grads)
        made = self.values[self.net.training_outputs[self.task.head.main]].reshape(len(batch), -1)
        self.loss, self.right = (
            self.loss + loss * len(batch),
            self.right + float((made.argmax(1) == labels).sum()),
        )
        self.step += 1
        self.task.tick()

    @property
    def place(self) -> str:
        return f"epoch {self.step // self.steps + 1}, step {self.step % self.steps + 1}"

    def culprit(self) -> str:
        """The layer from which a loss that is not finite comes."""
        odd = [name for name, tensor in self.net.params.items() if not np.isfinite(tensor).all()]
        if odd:
            return f"the gradient of the step before was not finite in {odd[-1].rpartition('.')[0]}"
        found = next((name for name, value in self.values.items() if not np.isfinite(value).all()), None)
        return f"{found} made it first" if found else "it came about in the loss itself"

    def read(self, epoch: int, batch: Array) -> Array:
        """Images to learn from, prepared."""
        images, kind = self.task.data.train, self.task.request.augment
        found = [images.read(int(index)) for index in batch]
        if kind != "none":
            chances = (np.random.default_rng([self.options["seed"], epoch, int(index)]) for index in batch)
            found = [change(image, kind, chance) for image, chance in zip(found, chances, strict=True)]
        return scaled(np.stack(found), self.task.given)

    def evaluate(self) -> Array:
        val, made = self.task.data.val, []
        for start in range(0, len(val.labels), BATCH):
            images = [val.read(index) for index in range(start, min(start + BATCH, len(val.labels)))]
            made.append(self.net(scaled(np.stack(images), self.task.given)))
        scores: Array = np.concatenate(made).reshape(len(val.labels), -1)
        softmax = self.task.head.main in self.task.head.softmax
        return np.log(np.maximum(scores, 1e-37)) if softmax else scores

    def weights(self) -> dict[str, Array]:
        return dict(self.net.params)

    def state(self) -> State:
        parts = {"net": self.net.params} | {name: getattr(self.optimizer, name) for name in self.moments}
        tensors = {f"{part}/{key}": x for part, found in parts.items() for key, x in found.items()}
        numbers = {name: getattr(self, name) for name in ("step", "loss", "right")}
        return State(tensors, numbers | {"steps": getattr(self.optimizer, "steps", {})})

    def take(self, state: State) -> None:
        for name, tensor in state.tensors.items():
            part, _, key = name.partition("/")
            owned = self.net.params if part == "net" else getattr(self.optimizer, part)
            owned[key] = np.array(tensor)
        self.step, self.loss, self.right = (state.numbers[name] for name in ("step", "loss", "right"))
        self.optimizer.steps = state.numbers["steps"]
        self.net.refresh()
