"""The ways through a network's tree: the one place that knows which steps each kind of step holds."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec.graph.tree import Again, From, Group, If, Merge, Repeat, Step, Value


def inner(step: Step) -> Iterator[tuple[Step, ...]]:
    """The tuples of steps that stand within a step, as its author wrote them: not those of a block's use."""
    if isinstance(step, Group | If):
        yield step.steps
    elif isinstance(step, Repeat):
        yield from step.iterations
    elif isinstance(step, Merge):
        yield from (path.steps for path in step.paths)


def live(steps: tuple[Step, ...], needed: set[Value]) -> set[Value]:
    """All values that the needed ones are computed from, themselves included."""
    for step in reversed(steps):
        if isinstance(step, Group | If):
            live(step.steps, needed)
        elif isinstance(step, Repeat):
            for iteration in reversed(step.iterations):
                live(iteration, needed)
        elif isinstance(step, Merge):
            if step.output in needed:
                needed.update(path.output for path in step.live)
            for path in reversed(step.paths):
                live(path.steps, needed)
        elif isinstance(step, Again):
            live((step.step,), needed)
        elif not isinstance(step, From) and step.output in needed:
            needed.add(step.input)
    return needed
