"""Which variable of a `forward` holds which value: whatever is read is looked up here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager

from cnnspec.backends.torch.solve.solutions import ByRow
from cnnspec.graph.tree import Step, Value
from cnnspec.graph.walk import arriving, walk

State = dict[str, Value]
"""The value that each variable of a row holds; what was written last comes last."""


class Variables:
    """The variables of every row of a class, in evaluation and in training, as the lines so far leave them.

    A line changes the rows that run it and no others: under `if self.wide` only those where it holds, under
    `if self.training` only what they hold in training. So a name is right for a read if it holds the wanted
    value in each of these; and it may be written over if nothing that it holds there is still to be read.
    """

    def __init__(self, size: int, reads: Counter[Value]) -> None:
        self.states = {(row, training): State() for row in range(size) for training in (False, True)}
        self.reads = reads
        """How often each value is still to be read."""

    @property
    def is_training(self) -> bool:
        """Whether the next line runs in training alone."""
        return all(training for _, training in self.states)

    def assign(self, name: str, values: ByRow) -> None:
        for (row, _), state in self.states.items():
            state.pop(name, None)
            state[name] = values[row]

    def find(self, values: ByRow) -> str | None:
        """The variable, the last one written, that holds each row's value."""
        first, *_ = self.states.values()
        return next((name for name in reversed(first) if self.holds(name, values)), None)

    def holds(self, name: str, values: ByRow) -> bool:
        """Whether the variable holds each row's value."""
        return all(state.get(name) is values[row] for (row, _), state in self.states.items())

    def read(self, values: Iterable[Value]) -> None:
        """The values have been read, once more."""
        self.reads.subtract(values)

    def is_free(
        self,
        name: str,
        values: ByRow | None = None,
        besides: Counter[Value] | None = None,
    ) -> bool:
        """Whether a name may be written over, `besides` these reads, and no row loses anything.

        `values`: what is to be written, row by row.
        """
        for (row, _), state in self.states.items():
            held = state.get(name)
            if held is None or (values and values[row] is held) or [*state.values()].count(held) > 1:
                continue
            if self.reads[held] > (besides[held] if besides else 0):
                return False
        return True

    @contextmanager
    def part(self, rows: Container[int] | None, training: bool = False) -> Iterator[None]:
        """Lines that only these rows run (all: None), or only in training."""
        around = self.states
        self.states = {
            (row, mode): state
            for (row, mode), state in around.items()
            if (rows is None or row in rows) and (mode or not training)
        }
        try:
            yield
        finally:
            self.states = around


def read_by(steps: Iterable[Step], live: set[Value], like: Callable[[Step], Value | None]) -> Iterator[Value]:
    """The values that some steps read, each as often as they read it; only `live` ones are computed.

    `like`: the map that a step takes its size from, if it does so.
    """
    for step in walk(steps):
        if step.output in live:
            yield from (value for value in arriving(step) if value is not step.output)
            size = like(step)
            if size is not None:
                yield size
