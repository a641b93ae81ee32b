"""`again`: a step runs once more, on another value, with the weights that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cnnspec.diagnostics import Diagnostic, Note
from cnnspec.elaborate import blocks
from cnnspec.elaborate.context import Owner, block_names
from cnnspec.evaluate import fault
from cnnspec.graph.tree import Again, From, Group, If, Leaf, Lost, Merge, Repeat, Step, Use, Value
from cnnspec.layers.base import Misfit
from cnnspec.source import Span
from cnnspec.symbols import polynomial

if TYPE_CHECKING:
    from cnnspec.elaborate.core import Elaborator


class Measure(NamedTuple):
    """How many layers a step holds, and how deep its runs of labelled steps stand within each other."""

    layers: int
    depth: int


def measure(elaborator: Elaborator, step: Step) -> Measure:
    """What it takes to run a step again. Each step is measured once."""
    known: tuple[Step, Measure] | None = elaborator.measures.get(id(step))
    if known is not None:
        return known[1]
    inner = 0
    parts: tuple[Step, ...] = ()  # a block's count where it is instantiated
    if isinstance(step, Group | If):
        parts = step.steps
    elif isinstance(step, Repeat):
        parts = tuple(part for iteration in step.iterations for part in iteration)
    elif isinstance(step, Merge):
        parts = tuple(part for path in step.paths for part in path.steps)
    elif isinstance(step, Again):
        parts, inner = (step.step,), 1
    found = [measure(elaborator, part) for part in parts]
    layers, depth = sum(part.layers for part in found), max((part.depth for part in found), default=0)
    made = Measure(1 + layers, inner + depth)
    elaborator.measures[id(step)] = step, made
    return made


class Replay:
    """Runs steps again: `values` maps what flowed the first time to what flows now."""

    def __init__(self, elaborator: Elaborator, owner: Owner, span: Span) -> None:
        self.elaborator, self.owner, self.span = elaborator, owner, span
        self.values: dict[Value, Value] = {}

    def at(self, value: Value) -> Value:
        return self.values.get(value, value)

    def step(self, step: Step) -> Step:
        if isinstance(step, Leaf):
            return self.leaf(step)
        if isinstance(step, Use):
            return self.use(step)
        if isinstance(step, Group | If):
            steps = tuple(map(self.step, step.steps))
            return step._replace(steps=steps, input=self.at(step.input), output=self.at(step.output))
        if isinstance(step, Repeat):
            iterations = tuple(tuple(map(self.step, steps)) for steps in step.iterations)
            return step._replace(
                iterations=iterations, input=self.at(step.input), output=self.at(step.output)
            )
        if isinstance(step, Merge):
            return self.merge(step)
        if isinstance(step, From):
            return From(self.at(step.value), step.span)
        if isinstance(step, Lost):
            return step._replace(input=self.at(step.input), output=self.pass_(step.output, Value(None)))
        inner = self.step(step.step)
        return Again(inner, self.at(step.input), self.at(step.output), step.span)

    def pass_(self, old: Value, new: Value) -> Value:
        self.values[old] = new
        return new

    def leaf(self, step: Leaf) -> Leaf:
        value = self.at(step.input)
        output = Value(None)
        if value.shape is not None and step.input.shape is not None:
            try:
                shape = step.layer.output(value.shape)
                output = Value(shape, (value, step.layer.name, self.span))
                weights = step.layer.weights(value.shape)
                if weights != step.layer.weights(step.input.shape):
                    self.unfit(step.name, step.input, value)
                if step.layer.torch(value.shape) != step.layer.torch(step.input.shape):
                    self.differs(step.name, step.input, value)
                if weights:
                    self.tie(step.input, value)
            except Misfit as misfit:
                self.elaborator.report(
                    Diagnostic(
                        misfit.code, f"`{step.name}` again: {misfit.message}", self.span, misfit.formula
                    )
                )
        return step._replace(input=value, output=self.pass_(step.output, output))

    def use(self, step: Use) -> Use:

        value = self.at(step.input)
        recipe = self.elaborator.recipes.get(id(step.instance))
        if recipe is None or value.shape is None:
            return step._replace(input=value, output=self.pass_(step.output, Value(None)))
        target, arguments, defaults = recipe
        instance = blocks.instantiate(self.elaborator, target, arguments, value, defaults, self.span)
        if step.input.shape is not None and tensors(instance.steps) != tensors(step.instance.steps):
            self.unfit(step.name, step.input, value)
        if not all_alike(step.instance.steps, instance.steps):
            self.differs(step.name, step.input, value)
        self.tie(step.input, value)
        bindings = {**step.bindings, **block_names({}, value.shape)}
        shape = self.owner.rebind(instance.output.shape, bindings)
        output = self.pass_(step.output, Value(shape, (value, step.name, self.span)))
        return step._replace(instance=instance, bindings=bindings, input=value, output=output)

    def merge(self, step: Merge) -> Merge:
        paths = []
        for path in step.paths:
            steps = tuple(map(self.step, path.steps))
            paths.append(path._replace(steps=steps, output=self.at(path.output)))
        live = [path.output for path in paths if not path.dropped]
        if len(live) > 1:
            shapes = [value.shape for value in live if value.shape is not None]
            output = Value(None)
            if len(shapes) == len(live):
                try:
                    output = Value(
                        step.layer.join(tuple(shapes)), (self.at(step.input), step.path, self.span)
                    )
                except Misfit as misfit:
                    self.elaborator.report(Diagnostic(misfit.code, misfit.message, self.span, misfit.formula))
            self.pass_(step.output, output)
        return step._replace(paths=tuple(paths), input=self.at(step.input), output=self.at(step.output))

    def tie(self, first: Value, now: Value) -> None:
        """The weights fit as long as the channels are as many: widths that differ in form are settled."""
        if first.shape is not None and now.shape is not None:
            channels = [first.shape.channels, now.shape.channels]
            if polynomial(channels[0]) != polynomial(channels[1]):
                self.owner.fix(channels)

    def unfit(self, name: str, first: Value, now: Value) -> None:
        note = Note(f"its weights were made for {first.shape}, and {now.shape} arrives")
        raise fault("E0408", f"the weights of `{name}` do not fit this value", self.span, note)

    def differs(self, name: str, first: Value, now: Value) -> None:
        note = Note(f"it was made for {first.shape}, and {now.shape} arrives")
        raise fault("E0408", f"`{name}` would be other layers for this value", self.span, note)


def all_alike(first: tuple[Step, ...], now: tuple[Step, ...]) -> bool:
    return len(first) == len(now) and all(map(alike, first, now))


def alike(first: Step, now: Step) -> bool:
    """Whether two steps of a block, made for two values, are the same layers in the same places."""
    if isinstance(first, Leaf) and isinstance(now, Leaf):
        shapes = first.input.shape, now.input.shape
        same = (
            shapes[0] is None
            or shapes[1] is None
            or first.layer.torch(shapes[0]) == now.layer.torch(shapes[1])
        )
        return first.name == now.name and same
    if isinstance(first, Use) and isinstance(now, Use):
        return first.name == now.name and all_alike(first.instance.steps, now.instance.steps)
    if isinstance(first, Group) and isinstance(now, Group):
        return first.name == now.name and all_alike(first.steps, now.steps)
    if isinstance(first, If) and isinstance(now, If):
        return (first.name, first.taken) == (now.name, now.taken) and all_alike(first.steps, now.steps)
    if isinstance(first, Repeat) and isinstance(now, Repeat):
        turns = first.iterations, now.iterations
        return first.name == now.name and len(turns[0]) == len(turns[1]) and all(map(all_alike, *turns))
    if isinstance(first, Merge) and isinstance(now, Merge):
        paths = first.paths, now.paths
        there = [[path.dropped for path in side] for side in paths]
        return there[0] == there[1] and all(all_alike(a.steps, b.steps) for a, b in zip(*paths, strict=True))
    if isinstance(first, Again) and isinstance(now, Again):
        return alike(first.step, now.step)
    return type(first) is type(now)


def tensors(steps: tuple[Step, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the weights of some steps, shared ones left out."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for step in steps:
        if isinstance(step, Leaf) and step.input.shape is not None:
            found += [(f"{step.name}.{w.name}", w.shape) for w in step.layer.weights(step.input.shape)]
        elif isinstance(step, Use):
            found += [(f"{step.name}.{name}", shape) for name, shape in tensors(step.instance.steps)]
        elif isinstance(step, Group | If):
            found += tensors(step.steps)
        elif isinstance(step, Repeat):
            for iteration in step.iterations:
                found += tensors(iteration)
        elif isinstance(step, Merge):
            for path in step.paths:
                found += tensors(path.steps)
    return found


def replay(elaborator: Elaborator, owner: Owner, step: Step, value: Value, span: Span) -> tuple[Step, Value]:
    """The step as it runs on `value`, and its output. Raises Fault where its weights do not fit."""
    layers, depth = measure(elaborator, step)
    if depth >= elaborator.limits.max_depth:
        deepest = f"{elaborator.limits.max_depth} deep (limit `max_depth`)"
        raise fault("E0307", f"steps run again within each other more than {deepest}", span)
    elaborator.count(layers, span)
    again = Replay(elaborator, owner, span)
    before = step.input if not isinstance(step, From) else step.value
    again.values[before] = value
    made = again.step(step)
    after = step.output if not isinstance(step, From) else step.value
    return made, again.at(after)
