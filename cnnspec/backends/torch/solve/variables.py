"""Which variable of a `forward` holds which value: whatever is read is looked up here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from cnnspec.backends.torch.solve.solutions import ByRow
from cnnspec.graph.tree import Step, Value
from cnnspec.graph.walk import arriving, walk

State = dict[str, Value]
"""The value that each variable of a row holds; what was written last comes last."""


class Variables:
    """The variables of every row of a class, in evaluation and in training, as the lines so far leave them.

    A line changes the rows that run it and no others: under `if self.wide` only those where it holds, under
    `if self.training` only their second state. So a name is right for a read if it holds the wanted value in
    each of these; and it may be written over if nothing that it holds there is still to be read.
    """

    def __init__(self, size: int, reads: Counter[Value]) -> None:
        self.rows = {row: (State(), State()) for row in range(size)}
        self.training = False
        self.reads = reads
        """How often each value is still to be read."""
        self.guarded: frozenset[str] = frozenset()
        """What a loop's body may not write over, since it is read behind the loop."""

    def states(self) -> Iterator[tuple[int, State]]:
        """The states that the next line changes, each with its row."""
        for row, (evaluation, training) in self.rows.items():
            if not self.training:
                yield row, evaluation
            yield row, training

    def assign(self, name: str, values: ByRow) -> None:
        for row, state in self.states():
            state.pop(name, None)
            state[name] = values[row]

    def find(self, values: ByRow) -> str | None:
        """The variable, the last one written, that holds each row's value."""
        (_, first), *_ = self.states()
        return next((name for name in reversed(first) if self.holds(name, values)), None)

    def holds(self, name: str, values: ByRow) -> bool:
        """Whether the variable holds each row's value."""
        return all(state.get(name) is values[row] for row, state in self.states())

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
        if name in self.guarded:
            return False
        for row, state in self.states():
            held = state.get(name)
            if held is None or (values and values[row] is held) or [*state.values()].count(held) > 1:
                continue
            if self.reads[held] > (besides[held] if besides else 0):
                return False
        return True

    @contextmanager
    def part(self, some: Iterable[int]) -> Iterator[None]:
        """Lines that only some rows run."""
        rows = self.rows
        self.rows = {row: rows[row] for row in some}
        try:
            yield
        finally:
            self.rows = rows

    @contextmanager
    def loop(self, name: str, parents: list[int], entering: ByRow, besides: Counter[Value]) -> Iterator[None]:
        """Lines of a loop that goes on in one variable; its rows are the turns, `parents` those around.

        A turn knows nothing but what arrives in the variable; the last turn's variables remain.
        """
        rows, guarded = self.rows, self.guarded
        names = {known for _, state in self.states() for known in state}
        self.guarded = guarded | {known for known in names if not self.is_free(known, None, besides)} - {name}
        self.rows = {turn: (State(), State()) for turn in entering}
        turns = self.rows
        self.assign(name, entering)
        try:
            yield
        finally:
            self.rows, self.guarded = rows, guarded
        for number, turn in turns.items():
            for around, within in zip(self.rows[parents[number]], turn, strict=True):
                for known, value in within.items():
                    around.pop(known, None)
                    around[known] = value


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
