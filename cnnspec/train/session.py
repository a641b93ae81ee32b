"""A run: the data, the net and the loop made ready, and what each epoch leaves in the run's folder."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.run import RunProblem
from cnnspec.run.programs import Array, module_of
from cnnspec.run.weight_files import blank_state, read_weights
from cnnspec.text.files import FileProblem
from cnnspec.text.output import make_folder
from cnnspec.train.batches import TensorImages
from cnnspec.train.culprit import culprit
from cnnspec.train.data.images import Data
from cnnspec.train.data.prepare import preparation
from cnnspec.train.data.read import check_classes, check_input, read_data
from cnnspec.train.head import head_of
from cnnspec.train.recipe.loop import Batches
from cnnspec.train.run_folder import STATE, Row, RunFolder
from cnnspec.train.scores import accuracy_of, loss_of, predictions_of
from cnnspec.train.shared_norms import share_norms
from cnnspec.train.trainer import Choices, FullTrainer, Stopped


class Request(NamedTuple):
    """What is to be trained on, and how. `options` are those of Choices that follow from nothing else."""

    data: str
    weights: str | None
    skip_broken: bool
    augment: str
    balanced: bool
    auxiliary: float | None
    workers: int | None
    options: dict[str, Any]


class Finished(RunProblem):
    """A run that has had all its epochs."""


class Session:
    """Raises RunProblem where data or options do not fit the net, ImportError where a package is missing."""

    def __init__(
        self, network: Network, request: Request, folder: RunFolder, tick: Callable[[], None]
    ) -> None:
        self.folder, seed = folder, request.options["seed"]
        self.given = check_input(network.inputs)
        self.head = head_of(unroll(network))
        self.data = read_data(request.data, self.given, seed, request.skip_broken)
        self.classes = check_classes(request.data, self.data, self.head.classes)
        self.net = build_net(network, seed, request.weights)
        if dist.is_initialized():
            self.net = share_norms(self.net)
        mean, std = preparation(self.given)
        options = Choices(
            **request.options,
            class_weights=balance(self.data, self.head.classes) if request.balanced else (),
            shares=self.head.shares(request.auxiliary),
            main=self.head.main,
            softmax=self.head.softmax,
            mean=mean,
            std=std,
            workers=workers_of(request.workers, self.data),
        )
        if not any(not key.startswith(options.freeze) for key, _ in self.net.named_parameters()):
            raise RunProblem("no tensor is left to train")
        parts = (TensorImages(self.data.train, request.augment, seed), TensorImages(self.data.val))
        train, val = (Batches(part, len(part.labels), options) for part in parts)
        self.trainer = FullTrainer(self.net, train, val, options, tick)
        self.rows: list[Row] = []
        self.best = (-1.0, 0.0)

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.trainer.train.rank == 0

    def resume(self) -> None:
        """Go on from the folder's state. Raises RunProblem where there is none, Finished."""
        path = self.folder.path / STATE / "state.pt"
        try:
            state = torch.load(path, self.trainer.device, weights_only=True)
            self.trainer.load_state_dict(state["trainer"])
            self.rows = [Row(*row) for row in state["rows"]]
            self.best = tuple(state["best"])
        except FileNotFoundError:
            raise RunProblem(f"{self.folder.path}: holds no state to go on from") from None
        except Exception as problem:  # on broken bytes, or another version's
            raise RunProblem(f"{path}: cannot be gone on from: {problem}") from None
        if self.trainer.step >= self.trainer.options.epochs * self.trainer.train.steps:
            raise Finished(f"{self.folder.path}: has had its {len(self.rows)} epochs")

    def run(self) -> Iterator[Row]:
        """Train; the row of each epoch, when all is written. Raises RunProblem, FileProblem."""
        trainer = self.trainer
        with interrupts(trainer), translated(trainer):
            try:
                began = time.perf_counter()
                for loss, accuracy in trainer.epochs():
                    logits = trainer.evaluate().numpy()
                    self.rows.append(self.row(loss, accuracy, logits, time.perf_counter() - began))
                    began = time.perf_counter()
                    self.keep(logits)
                    yield self.rows[-1]
                    if trainer.stop:
                        return
            except Stopped:
                self.keep_state()

    def row(self, loss: float, accuracy: float, logits: Array, seconds: float) -> Row:
        """The epoch that has just ended."""
        trainer, labels = self.trainer, self.data.val.labels
        found = loss_of(logits, labels), accuracy_of(logits, labels)
        rate = trainer.rate(trainer.step - 1)
        return Row(trainer.step // trainer.train.steps, loss, accuracy, *found, rate, seconds)

    def keep(self, logits: Array) -> None:
        """Write what the epoch has left; the state last, so that it never knows of what is not there."""
        row = self.rows[-1]
        best, self.best = self.best, max(self.best, (row.val_accuracy, -row.val_loss))
        if self.leads:
            weights = {key: tensor.cpu().numpy() for key, tensor in self.trainer.shown.state_dict().items()}
            self.folder.write_weights("last.safetensors", weights)
            if self.best != best:
                self.folder.write_weights("best.safetensors", weights)
                self.folder.write_predictions(predictions_of(logits, self.data.val))
            self.folder.write_log(self.rows)
        self.keep_state()

    def keep_state(self) -> None:
        """Write what going on needs, beside the old state, then in its place. Raises FileProblem."""
        if not self.leads:
            return
        make_folder(str(self.folder.path / STATE))
        path = self.folder.path / STATE / "state.pt"
        aside = path.with_suffix(".part")
        state = {"trainer": self.trainer.state_dict(), "rows": [list(row) for row in self.rows]}
        try:
            with aside.open("wb") as file:
                torch.save(state | {"best": list(self.best)}, file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except (OSError, RuntimeError) as problem:
            aside.unlink(missing_ok=True)
            reason = problem.strerror if isinstance(problem, OSError) else problem
            raise FileProblem(f"{path}: {reason}") from None


def build_net(network: Network, seed: int, weights: str | None) -> nn.Module:
    """The emitted module, its weights drawn by the seed or those of a file. Raises RunProblem."""
    classes = [item for item in vars(module_of("torch", network)).values() if isinstance(item, type)]
    torch.manual_seed(seed)
    net = [item for item in classes if issubclass(item, nn.Module)][-1]()
    if weights is not None:
        found = read_weights(weights, blank_state(network))
        net.load_state_dict({key: torch.from_numpy(np.array(tensor)) for key, tensor in found.items()})
    return net


def workers_of(asked: int | None, data: Data) -> int:
    """How many processes read images: none where these are in memory, else a core each, eight at most."""
    if asked is not None:
        return asked
    return 0 if data.train.paths is None else min(os.cpu_count() or 1, 8)


def balance(data: Data, classes: int) -> tuple[float, ...]:
    """What an image of each class weighs, so that all classes weigh the same and the mean image 1."""
    counts = np.bincount(data.train.labels, minlength=classes)
    present = np.count_nonzero(counts)
    return tuple(float(len(data.train.labels) / (present * count)) if count else 0.0 for count in counts)


@contextmanager
def interrupts(trainer: FullTrainer) -> Iterator[None]:
    """An interrupt asks the trainer to end after its step; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: Any) -> None:
        if trainer.stop:
            raise KeyboardInterrupt
        trainer.stop = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def translated(trainer: FullTrainer) -> Iterator[None]:
    """What may go wrong within the loop, in words. Raises RunProblem."""
    try:
        yield
    except FloatingPointError as problem:
        steps = trainer.train.steps
        where = f"epoch {trainer.step // steps + 1}, step {trainer.step % steps + 1}"
        words = culprit(trainer.net, trainer.prepare(trainer.images))
        raise RunProblem(f"{problem} ({where}): {words}; a lower learning rate may help") from None
    except ValueError as problem:
        if "more than 1 value per channel" not in str(problem):
            raise
        raise RunProblem("a batch of one image is too few for a batch norm: it would see one value") from None
    except RunProblem as problem:  # from a worker it comes with a traceback around it
        raise RunProblem(
            str(problem).strip().splitlines()[-1].removeprefix("cnnspec.run.RunProblem: ")
        ) from None
