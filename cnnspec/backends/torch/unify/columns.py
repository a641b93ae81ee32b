"""The body of a class or a loop: its columns, each with one step in every row.

The constructor and the forward are two walks over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cnnspec.backends.torch.unify.align import Unaligned, align
from cnnspec.backends.torch.unify.steps import unlabelled
from cnnspec.graph.tree import Merge
from cnnspec.graph.walk import own_name
from cnnspec.text.source import Span

ByRow = Mapping[int, Any]
"""What one place has in each row that reaches it."""


class Column(NamedTuple):
    """A step of the body, as it is in each row: all are of one kind."""

    rows: ByRow

    @property
    def steps(self) -> list[Any]:
        return list(self.rows.values())

    @property
    def first(self) -> Any:
        return self.steps[0]

    def of(self, name: str) -> ByRow:
        """What each step has under a name."""
        return {row: getattr(step, name) for row, step in self.rows.items()}

    @property
    def inputs(self) -> ByRow:
        return self.of("input")

    @property
    def outputs(self) -> ByRow:
        return self.of("output")

    @property
    def name(self) -> str:
        """The step's name, "" where rows have different ones."""
        return self.first.name if agree(self.of("name").values()) else ""

    def agreed(self, question: Callable[[Any], Any]) -> Any:
        """The answer for every step. Raises Unaligned where rows differ in it."""
        answers = [*map(question, self.steps)]
        if not agree(answers):
            raise Unaligned
        return answers[0]

    @property
    def wish(self) -> str:
        """What a variable for the step's value may be called."""
        return own_name(self.first.path if isinstance(self.first, Merge) else self.first.name)

    def each(self, question: Callable[[Any], Any]) -> ByRow:
        """What the answer is for each step."""
        return {row: question(step) for row, step in self.rows.items()}

    def inside(self) -> Body:
        """What stands in braces, as if they bore no label."""
        return unify(self.each(unlabelled))

    def ways(self) -> tuple[Way, Way]:
        """Both branches of an `if`."""
        return self.way(self.rows, self.of("taken")), self.way(self.rows, self.each(lambda s: not s.taken))

    def paths(self) -> list[Way]:
        """The paths of a join that any row has. Raises Unaligned where joins differ."""
        self.agreed(lambda step: (len(step.paths), step.layer.name))
        found = []
        for number in range(len(self.first.paths)):
            paths = {row: step.paths[number] for row, step in self.rows.items()}
            there = {row: not path.dropped for row, path in paths.items()}
            found += [self.way(paths, there)] if any(there.values()) else []
        return found

    def way(self, steps: ByRow, there: ByRow) -> Way:
        rows = {row: steps[row].steps for row, present in there.items() if present}
        return Way(steps, there, unify(rows))

    def iteration(self, number: int) -> Body:
        """One iteration of a repeat."""
        return unify(self.each(lambda step: step.iterations[number]))

    def unrolled(self) -> Body:
        """All iterations of a repeat, one after the other. Raises Unaligned where rows differ in number."""
        count = self.agreed(lambda step: len(step.iterations))
        return [column for number in range(count) for column in self.iteration(number)]


class Way(NamedTuple):
    """A branch of an `if`, or a path of a join: what the rows do that have it."""

    steps: ByRow  # of all rows: their `if`, or their path
    there: ByRow  # whether a row has it
    body: Body

    @property
    def span(self) -> Span:
        first, *_ = self.steps.values()
        return first.span  # type: ignore[no-any-return]

    @property
    def is_everywhere(self) -> bool:
        return all(self.there.values())

    @property
    def ends(self) -> ByRow:
        return {row: self.steps[row].output for row, there in self.there.items() if there}


Body = list[Column]


def unify(rows: ByRow) -> Body:
    """The steps of some rows side by side. Raises Unaligned where they are not of one kind."""
    return [Column(dict(zip(rows, column, strict=True))) for column in align(list(rows.values()))]


# Values


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type: 1, 1.0 and True are three things."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right
    if isinstance(left, int) and isinstance(right, int):
        return isinstance(left, bool) == isinstance(right, bool) and int(left) == int(right)
    if isinstance(left, list | tuple) and type(left) is type(right):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def agree(values: Iterable[Any]) -> bool:
    first, *others = values
    return all(same(first, value) for value in others)


def alike_columns(left: ByRow, right: ByRow) -> bool:
    """Whether two columns have the same, wherever both reach."""
    return all(same(left[row], right[row]) for row in left.keys() & right.keys())
