"""The body of a class or a loop, unified: a column has one step in every row, and the frame that solves it.

The constructor and the forward are two walks over it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnspec.backends.torch.solve.columns import Frame, Loop
from cnnspec.backends.torch.solve.solutions import agree
from cnnspec.backends.torch.steps import unlabelled
from cnnspec.backends.torch.unify import Unaligned, align
from cnnspec.graph.tree import Merge, Value
from cnnspec.graph.walk import Steps, own_name
from cnnspec.text.source import Span


class Column(NamedTuple):
    """A step of a body, as each row has it: all are of one kind."""

    steps: list[Any]
    frame: Frame

    @property
    def first(self) -> Any:
        return self.steps[0]

    @property
    def inputs(self) -> list[Value]:
        return [step.input for step in self.steps]

    @property
    def outputs(self) -> list[Value]:
        return [step.output for step in self.steps]

    @property
    def name(self) -> str:
        """The step's name, "" where rows have different ones."""
        return self.first.name if agree([step.name for step in self.steps]) else ""

    @property
    def wish(self) -> str:
        """What a variable for the step's value may be called."""
        return own_name(self.first.path if isinstance(self.first, Merge) else self.first.name)

    def inside(self) -> Body:
        """What stands in braces, as if they bore no label."""
        return unify([unlabelled(step) for step in self.steps], self.frame)

    def ways(self) -> tuple[Way, Way]:
        """Both branches of an `if`."""
        taken = [step.taken for step in self.steps]
        return self.way(self.steps, taken), self.way(self.steps, [not each for each in taken])

    def paths(self) -> list[Way]:
        """The paths of a join that any row has. Raises Unaligned where joins differ."""
        if not agree([(len(step.paths), step.layer.name) for step in self.steps]):
            raise Unaligned
        paths = [list(column) for column in zip(*(step.paths for step in self.steps), strict=True)]
        there = [[not path.dropped for path in column] for column in paths]
        return [self.way(*each) for each in zip(paths, there, strict=True) if any(each[1])]

    def way(self, steps: list[Any], there: list[bool]) -> Way:
        rows = [i for i, present in enumerate(there) if present]
        return Way(steps, there, rows, unify([steps[i].steps for i in rows], self.frame.part(rows)))

    def iteration(self, number: int) -> Body:
        """One iteration of a repeat."""
        return unify([step.iterations[number] for step in self.steps], self.frame)

    def unrolled(self) -> Body:
        """All iterations of a repeat, one after the other. Raises Unaligned where rows differ in number."""
        counts = {len(step.iterations) for step in self.steps}
        if len(counts) > 1:
            raise Unaligned
        return [column for number in range(counts.pop()) for column in self.iteration(number)]

    def loop(self, first: int, tables: bool = False) -> tuple[Loop, list[Steps]]:
        """The iterations of a repeat from the first one on, as rows of a loop."""
        parents = [row for row, step in enumerate(self.steps) for _ in step.iterations[first:]]
        turns = [turn for step in self.steps for turn in step.iterations[first:]]
        return Loop(self.frame, parents, tables), turns


class Way(NamedTuple):
    """A branch of an `if`, or a path of a join: what the rows do that have it."""

    steps: list[Any]  # of all rows: their `if`, or their path
    there: list[bool]  # whether a row has it
    rows: list[int]
    body: Body

    @property
    def span(self) -> Span:
        return self.steps[0].span  # type: ignore[no-any-return]

    @property
    def ends(self) -> list[Value]:
        return [self.steps[i].output for i in self.rows]


Body = list[Column]


def unify(rows: list[Steps], frame: Frame) -> Body:
    """The steps of a frame's rows side by side. Raises Unaligned where they are not of one kind."""
    return [Column(steps, frame) for steps in align(rows)]
