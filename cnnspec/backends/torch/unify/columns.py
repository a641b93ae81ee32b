"""Anti-unification, one scope at a time: which steps of several rows belong together, as columns.

The rows are the instances of a block, or the turns of a loop; steps of one place in the text are a column.
The constructor and the forward are two walks over the body that comes of it. All is a function of the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from cnnspec.backends.torch.unify.steps import outputs_of, step_names, unlabelled
from cnnspec.graph.tree import From, If, Merge, Step, Value
from cnnspec.graph.walk import Steps, own_name, walk
from cnnspec.text.source import Span

Item = TypeVar("Item")
Fit = TypeVar("Fit")

ByRow = Mapping[int, Any]
"""What one place has in each row that reaches it."""


class Unaligned(Exception):
    """The rows differ in more than what an expression can tell."""


class Column(NamedTuple):
    """A step of the body, as it is in each row: all are of one kind."""

    # {0: conv1 of the first use, 2: conv1 of the third}: the second does not get here
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

    @property
    def is_idle(self) -> bool:
        """Whether nothing in braces or repeats does anything: what arrives is what leaves."""
        return all(set(outputs_of(step)) == {step.input} for step in self.steps)

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


def align(rows: list[Steps]) -> list[list[Step]]:
    """The steps of several rows side by side. Raises Unaligned where they are not of one kind."""
    if len({len(row) for row in rows}) > 1:
        rows = with_gaps(rows)
    side_by_side = [list(column) for column in zip(*rows, strict=True)]
    for column in side_by_side:
        if any(type(step) is not type(column[0]) for step in column[1:]):
            raise Unaligned
    return [labelled_alike(column) if isinstance(column[0], If) else column for column in side_by_side]


def with_gaps(rows: list[Steps]) -> list[Steps]:
    """Rows of which some lack what an argument such as `act=identity` leaves out: there it is conditional.

    Steps of one place in the text belong together. Raises Unaligned where these are in no common order.
    """
    own = [{step.span: step for step in row} for row in rows]
    # spans are places in the text: of `conv, act, conv` a row without act has the first and the last
    spans = [step.span for step in max(rows, key=len)]
    for row, steps in zip(rows, own, strict=True):
        # a row must be the longest one with gaps, each place once; what stands twice, as in a loop, is no gap
        if not row or [step.span for step in row] != [span for span in dict.fromkeys(spans) if span in steps]:
            raise Unaligned
    filled: list[Steps] = []
    for row, steps in zip(rows, own, strict=True):
        value, found = value_before(row[0]), list[Step]()
        for span in spans:
            step = steps.get(span)
            if step is None:
                # the row goes through: what arrives leaves
                step = If("", False, None, (), value, value, span)
            elif any(span not in other for other in own):
                # without a test of the author's, what differs must tell: `if act is not None`
                step = If("", True, None, (step,), value_before(step), step.output, step.span)
            value = step.output
            found.append(step)
        filled.append(tuple(found))
    return filled


def value_before(step: Step) -> Value:
    """What arrives at a step."""
    return step.value if isinstance(step, From) else step.input


def labelled_alike(steps: list[Step]) -> list[Step]:
    """An `if` that was not taken has no name; beside one that was, it bears that one's."""
    name = next((step.name for step in steps if isinstance(step, If) and step.name), "")
    return [step._replace(name=name) if isinstance(step, If) and not step.name else step for step in steps]


def check_lent_names(rows: list[Steps]) -> None:
    """Raises Unaligned where the name of an `if` that a row does not take is another step's there."""
    # `1: if wide { conv }, conv`: a row that skips the `if` has its last conv as 1, which is lent to the `if`
    lent: dict[Span, set[str]] = {}
    for steps in rows:
        for step in walk(steps):
            if isinstance(step, If) and step.name:
                lent.setdefault(step.span, set()).add(step.name)
    for steps in rows if lent and len(rows) > 1 else ():
        own = {*step_names(steps)}
        for step in walk(steps):
            if isinstance(step, If) and not step.name and not own.isdisjoint(lent.get(step.span, ())):
                raise Unaligned


# Classes


def partition(rows: Sequence[Item], fit: Callable[[list[Item]], Fit]) -> list[tuple[list[Item], Fit]]:
    """The rows in groups, each with what `fit` makes of it: a row is in the first group that it fits.

    `fit` raises Unaligned where rows are not of one form; what fits, fits without some of its rows, too.
    """
    groups: list[tuple[list[Item], Fit]] = []
    while rows:
        first, *others = rows
        group, form = grow([first], fit([first]), others, fit)
        groups.append((group, form))
        # by identity: two uses of a block may be equal, and each is a row of its own
        rows = [row for row in others if not any(row is other for other in group)]
    return groups


def grow(
    group: list[Item], form: Fit, others: list[Item], fit: Callable[[list[Item]], Fit]
) -> tuple[list[Item], Fit]:
    """The group with each of the others that still fits, in their order.

    Where all of them fit, one look is enough; else each half is looked at by itself.
    """
    if not others:
        return group, form
    try:
        return [*group, *others], fit([*group, *others])
    except Unaligned:
        # 30 blocks of which one does not fit take some 10 looks by halves, not 30
        half = len(others) // 2
        if half:
            group, form = grow(group, form, others[:half], fit)
            group, form = grow(group, form, others[half:], fit)
        return group, form


# Values


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type: 1, 1.0 and True are three things."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right
    # int() compares numbers, not the symbols that they were computed from: w = 64 and 2 * v = 64 are the same
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
