"""Anti-unification, one scope at a time: which steps of several rows belong together.

The rows are the instances of a block, or the turns of a loop; steps of one place in the text are a column.
Everything here is a function of the steps alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from cnnspec.backends.torch.unify.steps import step_names
from cnnspec.graph.tree import From, If, Step, Value
from cnnspec.graph.walk import Steps, walk
from cnnspec.text.source import Span

Item = TypeVar("Item")
Fit = TypeVar("Fit")


class Unaligned(Exception):
    """The rows differ in more than what an expression can tell."""


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
    spans = [step.span for step in max(rows, key=len)]
    for row, steps in zip(rows, own, strict=True):
        if not row or [step.span for step in row] != [span for span in dict.fromkeys(spans) if span in steps]:
            raise Unaligned
    filled: list[Steps] = []
    for row, steps in zip(rows, own, strict=True):
        value, found = value_before(row[0]), list[Step]()
        for span in spans:
            step = steps.get(span)
            if step is None:
                step = If("", False, None, (), value, value, span)
            elif any(span not in other for other in own):
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
    lent: dict[Span, set[str]] = {}
    for steps in rows:
        for step in walk(steps):
            if isinstance(step, If) and step.name:
                lent.setdefault(step.span, set()).add(step.name)
    for steps in rows if lent else ():
        own = {*step_names(steps)}
        for step in walk(steps):
            if isinstance(step, If) and not step.name and not own.isdisjoint(lent.get(step.span, ())):
                raise Unaligned


def partition(rows: Sequence[Item], fit: Callable[[list[Item]], Fit]) -> list[tuple[list[Item], Fit]]:
    """The rows in groups, each with what `fit` makes of it: a row is in the first group that it fits.

    `fit` raises Unaligned where rows are not of one form; what fits, fits without some of its rows, too.
    """
    groups: list[tuple[list[Item], Fit]] = []
    while rows:
        first, *others = rows
        group, form = grow([first], fit([first]), others, fit)
        groups.append((group, form))
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
        half = len(others) // 2
        if half:
            group, form = grow(group, form, others[:half], fit)
            group, form = grow(group, form, others[half:], fit)
        return group, form
