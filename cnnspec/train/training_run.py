"""A run: the data, the net and the loop made ready, and what each epoch leaves in the run's folder."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.run import RunProblem
from cnnspec.run.programs import Array
from cnnspec.train.data.dataset import check_classes, check_input, read_data
from cnnspec.train.engine import Engine, Request, State, Stopped, Task
from cnnspec.train.head import check_norms, head_of
from cnnspec.train.run_folder import STATE, Epoch, RunFolder, best_of
from cnnspec.train.scores import loss_of, predictions_of

ENGINES = {"torch": ("torch_engine", "TorchEngine"), "numpy": ("numpy_engine", "NumpyEngine")}


class Finished(RunProblem):
    """A run that has had all its epochs."""


class TrainingRun:
    """Raises RunProblem where data or options do not fit the net, ImportError where a package is missing."""

    tick: Callable[[], None]
    """Called after each step; another may take its place at any time."""

    def __init__(self, network: Network, request: Request, folder: RunFolder) -> None:
        self.tick = lambda: None
        self.network, self.folder, self.last = network, folder, request.epochs
        graph = unroll(network)
        given, head = check_input(network.inputs), head_of(graph)
        self.data = read_data(request.data, given, request.seed, request.skip_broken)
        self.classes = check_classes(request.data, self.data, head.classes)
        module, name = ENGINES[request.backend]
        make = getattr(import_module(f"cnnspec.train.{module}"), name)
        self.engine: Engine = make(Task(network, given, head, self.data, request, lambda: self.tick()))
        least = len(self.data.train.labels) // self.engine.steps  # batches are equal, to within an image
        check_norms(graph, least, request.freeze)
        self.rows: list[Epoch] = []

    def resume(self) -> None:
        """Go on from the folder's state. Raises RunProblem where there is none, Finished."""
        try:
            tensors, notes = self.folder.read_state()
            self.engine.restore(State(tensors, notes["numbers"]))
            self.rows = [Epoch(*row) for row in notes["rows"]]
        except (RunProblem, MemoryError):
            raise
        except Exception as problem:  # on another net's tensors, or another version's
            raise RunProblem(f"{self.folder.path / STATE}: cannot be gone on from: {problem}") from None
        if self.engine.step >= self.last * self.engine.steps:
            raise Finished(f"{self.folder.path}: has had its {len(self.rows)} epochs")

    def run(self) -> Iterator[Epoch]:
        """Train; the row of each epoch, when all is written. Raises RunProblem, FileProblem."""
        with interrupts(self.engine):
            try:
                began = time.perf_counter()
                for loss, accuracy in self.engine.epochs():
                    logits = self.engine.validate()
                    self.rows.append(self.row(loss, accuracy, logits, time.perf_counter() - began))
                    began = time.perf_counter()
                    self.keep(logits)
                    yield self.rows[-1]
                    if self.engine.must_stop:
                        return
            except Stopped:
                self.keep_state()

    def row(self, loss: float, accuracy: float, logits: Array, seconds: float) -> Epoch:
        """The epoch that has just ended."""
        step, labels = self.engine.step, self.data.val.labels
        found = loss_of(logits, labels), float((logits.argmax(1) == labels).mean())
        return Epoch(step // self.engine.steps, loss, accuracy, *found, self.engine.rate(step - 1), seconds)

    def keep(self, logits: Array) -> None:
        """Write what the epoch has left; the state last, so that it never knows of what is not there."""
        # In all processes, though one writes: of a net that is divided each has to hand over its part.
        weights = self.engine.weights()
        if self.engine.leads:
            self.folder.write_weights("last.safetensors", weights)
            if best_of(self.rows) is self.rows[-1]:
                self.folder.write_weights("best.safetensors", weights)
                self.folder.write_predictions(predictions_of(logits, self.data.val))
            self.folder.write_log(self.rows)
        self.keep_state()

    def keep_state(self) -> None:
        """Write what going on needs in place of the old state. Raises FileProblem."""
        # Here, too, all processes take part.
        tensors, numbers = self.engine.state()
        if self.engine.leads:
            self.folder.write_state(tensors, {"numbers": numbers, "rows": [list(row) for row in self.rows]})


@contextmanager
def interrupts(engine: Engine) -> Iterator[None]:
    """An interrupt ends training after the engine's step; a second one ends it at once."""
    # Python lets the main thread alone take signals.
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        if engine.is_interrupted:
            raise KeyboardInterrupt
        engine.is_interrupted = True

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
