"""What a run asks of the loop that trains, whatever computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from cnnspec.graph.tree import Input, Network
from cnnspec.run import RunProblem
from cnnspec.run.programs import Array
from cnnspec.train.data.images import Data
from cnnspec.train.head import Head


class Stopped(Exception):
    """Training has ended after a step within an epoch, as it was asked to."""


def diverged(words: object, step: int, steps: int, culprit: str) -> RunProblem:
    """That the loss is no finite number, in which of all steps, and where it comes from."""
    place = f"epoch {step // steps + 1}, step {step % steps + 1}"
    return RunProblem(f"{words} ({place}): {culprit}; a lower learning rate may help")


class State(NamedTuple):
    """`tensors` by part and key, `net/conv1.weight`; `numbers` as JSON takes them."""

    tensors: dict[str, Array]
    numbers: dict[str, Any]


class Request(NamedTuple):
    """What is to be trained on, and how: the options of `cnnspec train` under their names.

    `ema`: the decay of averaged weights, 0 for none. `channels_last`: maps and kernels lie by pixel.
    """

    data: str
    epochs: int = 10
    batch: int = 32
    lr: float = 5e-3
    optimizer: str = "adamw"
    schedule: str = "onecycle"
    warmup: float = 3.0  # epochs
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    augment: str = "none"
    class_weights: str = "none"
    aux_weight: float | None = None
    freeze: tuple[str, ...] = ()
    ema: float = 0.0
    amp: str = "no"
    compile: bool = False
    shard: bool = False
    seed: int = 0
    device: str = "cpu"
    channels_last: bool = False
    workers: int | None = None
    weights: str | None = None
    backend: str = "torch"
    skip_broken: bool = False


class Task(NamedTuple):
    """A net and its data, checked against each other. `tick` is called after each step."""

    network: Network
    given: Input
    head: Head
    data: Data
    request: Request
    tick: Callable[[], None]

    @property
    def class_weights(self) -> tuple[float, ...]:
        """What an image of each class weighs, so that all classes weigh the same and the mean image 1.

        Empty where images weigh the same.
        """
        if self.request.class_weights == "none":
            return ()
        labels = self.data.train.labels
        counts = np.bincount(labels, minlength=self.head.classes)
        present = np.count_nonzero(counts)
        # 8 images and 2: 10 / (2 * 8) = 0.625 and 10 / (2 * 2) = 2.5, so that each class weighs 5.
        return tuple(float(len(labels) / (present * count)) if count else 0.0 for count in counts)


class Engine(Protocol):
    """`steps` are those of an epoch, `step` counts those of all. `leads`: it speaks for all processes.

    `is_interrupted`: this process is to stop. `must_stop`: one of all processes is, so that all stop after
    the same step.
    """

    steps: int
    step: int
    leads: bool
    is_interrupted: bool

    @property
    def must_stop(self) -> bool: ...

    def rate(self, step: int) -> float:
        """The learning rate."""

    def epochs(self) -> Iterator[tuple[float, float]]:
        """Train; the loss and the accuracy of each epoch as it ends. Raises Stopped, RunProblem."""

    def validate(self) -> Array:
        """Logits, (N, classes), of the images for validation."""

    def weights(self) -> dict[str, Array]:
        """The tensors that were tried last, by their keys in PyTorch."""

    def state(self) -> State:
        """What going on needs; each process calls it, and each has all of it."""

    def restore(self, state: State) -> None:
        """Go on from there. Raises anything where it is another net's."""
