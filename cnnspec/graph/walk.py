"""The ways through a network's tree: the one place that knows which steps each kind of step holds.

The use of a block holds none: its instance's steps are a scope of their own, which many uses share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

from cnnspec.graph.tree import Again, Group, If, Leaf, Lost, Merge, Repeat, Step, Use, Value

Steps = tuple[Step, ...]
Kind = TypeVar("Kind", bound=Step)

ROWS: dict[type, Callable[[Any], Sequence[Steps]]] = {
    Group: lambda step: (step.steps,),
    If: lambda step: (step.steps,),
    Repeat: lambda step: step.iterations,
    Merge: lambda step: [path.steps for path in step.paths],
    Again: lambda step: ((step.step,),),
}
"""How each kind that holds steps holds them."""


def rows(step: Step) -> Sequence[Steps]:
    """The steps that a step holds: one row for braces, one a turn for a repeat, one a path for a join."""
    found = ROWS.get(type(step))
    return found(step) if found is not None else ()


def children(step: Step) -> Iterator[Step]:
    """The steps that a step holds, in the order of execution."""
    return chain.from_iterable(rows(step))


def walk(steps: Iterable[Step], again: bool = True) -> Iterator[Step]:
    """All steps of a scope in the order of execution, each behind those that it holds.

    `again`: also those within what runs again, once for each run.
    """
    for step in steps:
        kind = type(step)
        if kind in ROWS and (again or kind is not Again):
            for row in ROWS[kind](step):
                yield from walk(row, again)
        yield step


def rebuild(step: Kind, change: Callable[[Steps], Steps]) -> Kind:
    """The step with each row of the steps that it holds changed; values stay as they are."""
    made: Any = step
    if isinstance(step, Group | If):
        made = step._replace(steps=change(step.steps))
    elif isinstance(step, Repeat):
        made = step._replace(iterations=tuple(map(change, step.iterations)))
    elif isinstance(step, Merge):
        made = step._replace(paths=tuple(path._replace(steps=change(path.steps)) for path in step.paths))
    elif isinstance(step, Again):
        (inner,) = change((step.step,))
        made = step._replace(step=inner)
    return made  # type: ignore[no-any-return]


def arriving(step: Step) -> Sequence[Value]:
    """The values that the layer or the block of a step reads: braces and wires read none themselves."""
    if type(step) is Merge:
        return [path.output for path in step.live]
    return (step.input,) if isinstance(step, Leaf | Use | Lost) else ()


def live(steps: Iterable[Step], needed: set[Value]) -> set[Value]:
    """All values that the needed ones are computed from, themselves included."""
    # A step stands behind all whose values it reads: one pass from the end finds them.
    for step in reversed(list(walk(steps))):
        if step.output in needed:
            needed.update(arriving(step))
    return needed


def own_name(path: str) -> str:
    """`denseblock1` of `features.denseblock1`."""
    return path.rsplit(".", 1)[-1]
