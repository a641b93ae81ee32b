"""`again`: a step runs once more, on another value, with the weights that it has."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.elaborate import blocks
from cnnspec.elaborate.context import Context, Elaboration
from cnnspec.elaborate.faults import fault
from cnnspec.elaborate.owner import block_names
from cnnspec.graph.tree import Again, Braces, From, If, Leaf, Lost, Merge, Step, Use, Value
from cnnspec.graph.walk import Steps, children, rebuild, rows, walk
from cnnspec.layers.base import Misfit
from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.text.source import Span
from cnnspec.values.symbols import polynomial


class ReplayCost(NamedTuple):
    """How many layers a step holds, and how deep its runs of labelled steps stand within each other."""

    layers: int
    depth: int


def replay_cost(run: Elaboration, step: Step) -> ReplayCost:
    """What it takes to run a step again. Each step is measured once."""
    known: tuple[Step, ReplayCost] | None = run.replay_costs.get(id(step))
    if known is not None:
        return known[1]
    # A block's layers count where it is instantiated.
    found = [replay_cost(run, part) for part in children(step)]
    layers, depth = sum(part.layers for part in found), max((part.depth for part in found), default=0)
    made = ReplayCost(1 + layers, depth + isinstance(step, Again))
    # With the step, so that no other can get its id.
    run.replay_costs[id(step)] = step, made
    return made


class Replay:
    """Runs steps again: `values` maps what flowed the first time to what flows now."""

    def __init__(self, context: Context, span: Span) -> None:
        self.run, self.owner, self.span = context.run, context.owner, span
        self.values: dict[Value, Value] = {}

    def at(self, value: Value) -> Value:
        return self.values.get(value, value)

    def steps(self, steps: Steps) -> Steps:
        return tuple(map(self.step, steps))

    def step(self, step: Step) -> Step:
        if isinstance(step, Leaf):
            return self.leaf(step)
        if isinstance(step, Use):
            return self.use(step)
        if isinstance(step, Merge):
            return self.merge(step)
        if isinstance(step, From):
            return From(self.at(step.value), step.span)
        if isinstance(step, Lost):
            return step._replace(input=self.at(step.input), output=self.record(step.output, Value(None)))
        # First what it holds: the output of braces is that of a step in them.
        made = rebuild(step, self.steps)
        return made._replace(input=self.at(step.input), output=self.at(step.output))

    def record(self, old: Value, new: Value) -> Value:
        self.values[old] = new
        return new

    def leaf(self, step: Leaf) -> Leaf:
        value = self.at(step.input)
        output = Value(None)
        if value.shape is not None and step.input.shape is not None:
            try:
                shape = step.layer.output(value.shape)
                output = Value(shape, value, step.layer.name, self.span, step.layer)
                weights = step.layer.weights(value.shape)
                same_weights = weights == step.layer.weights(step.input.shape)
                # A 3x3 with stride 2 and pad="same" pads 6 rows by 0 and 1, but 3 rows by 1 and 1:
                # the weights fit, and yet it is another layer.
                same_layer = step.layer.torch(value.shape) == step.layer.torch(step.input.shape)
                self.require_same(step, value, same_weights, same_layer)
                if weights:
                    self.tie(step.input, value)
            except Misfit as misfit:
                message = f"`{step.name}` again: {misfit.message}"
                self.run.report(Diagnostic(misfit.code, message, self.span, misfit.formula))
        return step._replace(input=value, output=self.record(step.output, output))

    def use(self, step: Use) -> Use:
        value = self.at(step.input)
        recipe = self.run.recipes.get(id(step.instance))
        if recipe is None or value.shape is None:
            # What a fault hides is not elaborated anew, but it is unfolded all the same.
            self.run.count(self.run.sizes.get(id(step.instance), 1), self.span)
            return step._replace(input=value, output=self.record(step.output, Value(None)))
        target, arguments, defaults = recipe
        instance = blocks.instantiate(self.run, target, arguments, value, defaults, self.span)
        same_weights = step.input.shape is None or tensors(instance.steps) == tensors(step.instance.steps)
        self.require_same(step, value, same_weights, are_same_steps(step.instance.steps, instance.steps))
        self.tie(step.input, value)
        bindings = {**step.bindings, **block_names({}, value.shape)}
        shape = self.owner.rebind(instance.output.shape, bindings)
        output = self.record(step.output, Value(shape, value, step.name, self.span))
        return step._replace(instance=instance, bindings=bindings, input=value, output=output)

    def merge(self, step: Merge) -> Merge:
        paths = rebuild(step, self.steps).paths
        made = step._replace(paths=tuple(path._replace(output=self.at(path.output)) for path in paths))
        if made.runs:
            shapes = [path.output.shape for path in made.live if path.output.shape is not None]
            output = Value(None)
            if len(shapes) == len(made.live):
                try:
                    shape = step.layer.join(tuple(shapes))
                    output = Value(shape, self.at(step.input), step.path, self.span)
                except Misfit as misfit:
                    self.run.report(Diagnostic(misfit.code, misfit.message, self.span, misfit.formula))
            self.record(step.output, output)
        return made._replace(input=self.at(step.input), output=self.at(step.output))

    def tie(self, first: Value, now: Value) -> None:
        """The weights fit as long as the channels are as many: widths that differ in form are settled."""
        if first.shape is not None and now.shape is not None:
            channels = [first.shape.channels, now.shape.channels]
            if polynomial(channels[0]) != polynomial(channels[1]):
                self.owner.pin(channels)

    def require_same(self, step: Leaf | Use, now: Value, same_weights: bool, same_layers: bool) -> None:
        """Raise Fault where a step would be another for the value that arrives now."""
        if same_weights and same_layers:
            return
        message, what = f"the weights of `{step.name}` do not fit this value", "its weights were"
        if same_weights:
            message, what = f"`{step.name}` would be other layers for this value", "it was"
        note = Note(f"{what} made for {step.input.shape}, and {now.shape} arrives")
        raise fault("E0408", message, self.span, note)


def are_same_steps(first: Steps, now: Steps) -> bool:
    return len(first) == len(now) and all(map(is_same_step, first, now))


def is_same_step(first: Step, now: Step) -> bool:
    """Whether two steps of a block, made for two values, are the same layers in the same places."""
    if isinstance(first, Leaf) and isinstance(now, Leaf):
        shapes = first.input.shape, now.input.shape
        if first.name != now.name or shapes[0] is None or shapes[1] is None:
            return first.name == now.name
        return first.layer.torch(shapes[0]) == now.layer.torch(shapes[1])
    if isinstance(first, Use) and isinstance(now, Use):
        return first.name == now.name and are_same_steps(first.instance.steps, now.instance.steps)
    within = rows(first), rows(now)
    same_form = form_of(first) == form_of(now) and len(within[0]) == len(within[1])
    return same_form and all(map(are_same_steps, *within))


def form_of(step: Step) -> tuple[object, ...]:
    """What makes steps that hold others different, besides what they hold."""
    if isinstance(step, Braces):
        return type(step), step.name, isinstance(step, If) and step.taken
    return type(step), isinstance(step, Merge) and [path.dropped for path in step.paths]


def tensors(steps: Steps) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the weights of some steps, shared ones left out."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for step in walk(steps, again=False):
        if isinstance(step, Leaf) and step.input.shape is not None:
            found += [(f"{step.name}.{w.name}", w.shape) for w in step.layer.weights(step.input.shape)]
        elif isinstance(step, Use):
            found += [(f"{step.name}.{name}", shape) for name, shape in tensors(step.instance.steps)]
    return found


def replay(context: Context, step: Step, value: Value, span: Span) -> tuple[Step, Value]:
    """The step as it runs on `value`, and its output. Raises Fault where its weights do not fit."""
    run = context.run
    layers, depth = replay_cost(run, step)
    if depth >= run.limits.max_depth:
        deepest = f"{run.limits.max_depth} deep (limit `max_depth`)"
        raise fault("E0307", f"steps run again within each other more than {deepest}", span)
    run.count(layers, span)
    again = Replay(context, span)
    # `again` of a wire reads what the wire leads to: there the new value goes in.
    before = step.input if not isinstance(step, From) else step.value
    again.values[before] = value
    made = again.step(step)
    return made, again.at(step.output)
