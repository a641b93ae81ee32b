"""What the emitter asks of steps: what they make, whether they are a chain, what tells one from another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from cnnspec.backends.names import is_plain
from cnnspec.graph.tree import Again, Braces, From, Group, If, Leaf, Merge, Repeat, Step, Use, Value
from cnnspec.graph.walk import Steps, children, own_name, rows, walk
from cnnspec.layers.base import Construction
from cnnspec.values.shapes import Shape


def outputs_of(step: Step) -> list[Value]:
    """The values that a step of the owner makes."""
    return [inside.output for inside in walk((step,)) if not isinstance(inside, From)]


def uses(steps: Steps) -> Iterator[Use]:
    return (step for step in walk(steps) if isinstance(step, Use))


def referenced(steps: Steps) -> Iterator[Value]:
    """Values that a wire leads to."""
    return (step.value for step in walk(steps) if isinstance(step, From))


def step_names(steps: Steps) -> Iterator[str]:
    return (step.name for step in walk(steps) if isinstance(step, Leaf | Use | Group | Repeat | If | Merge))


def is_chain(steps: Steps, kept: set[Value], end: Value | None = None) -> bool:
    """Whether an nn.Sequential can hold the steps: one after the other, no value wanted elsewhere.

    `end`: what leaves, if not whatever the last step makes.
    """
    if steps and end is not None and steps[-1].output is not end:
        return False
    for number, step in enumerate(steps):
        if isinstance(step, Merge | From | Again) or is_part(step) or is_parameter(step):
            return False
        # an nn.Sequential hands nothing out of its middle
        if number < len(steps) - 1 and step.output in kept:
            return False
        leaving = step.output if isinstance(step, Group | If) else None
        if any(not is_chain(within, kept, leaving) for within in rows(step)):
            return False
        if isinstance(step, Repeat):
            # of a repeat each turn hands on what it made; only the last may be wanted elsewhere
            *before, last = [turn[-1].output for turn in step.iterations if turn] or [step.output]
            if last is not step.output or not kept.isdisjoint(before):
                return False
    return True


def is_method(step: Step) -> bool:
    """Whether a step is a method of what arrives, and needs no module where forward runs it."""
    return isinstance(step, Leaf) and step.layer.name == "flatten" and step.layer.value("order") == "CHW"


def is_named(step: Step) -> bool:
    """Whether an attribute can bear a step's name, or need not: without tensors it is part of no key."""
    return isinstance(step, Leaf | Use | Group) and (is_plain(step.name) or not attribute_kind(step)[1])


def shape_of(step: Leaf) -> Shape:
    """What arrives at a layer: in a network without faults it is known."""
    assert step.input.shape is not None
    return step.input.shape


def construction(step: Leaf) -> Construction:
    """The construction of a layer, its numbers by their names where they have any."""
    # the call has numbers (groups=8); where a symbol is worth the same, it says more (groups=2 * w)
    call, symbols = step.layer.torch(shape_of(step)), step.layer.torch_symbols()
    same = {key: value for key, value in symbols.items() if call.kwargs.get(key) == value}
    return call._replace(kwargs={**call.kwargs, **same})


def own_names(steps: Iterable[Step]) -> Iterator[str]:
    """The names of the steps of one scope, in order: braces without a label are not one."""
    for step in steps:
        if isinstance(step, Repeat | If) and not step.name:
            yield from own_names(children(step))
        elif isinstance(step, Leaf | Use | Group | Repeat | If):
            yield own_name(step.name)


def implicit(steps: Steps) -> bool:
    """Whether the names are those that nn.Sequential gives by itself."""
    return all(name == str(number) for number, name in enumerate(own_names(steps)))


def unlabelled(step: Braces) -> Steps:
    """What stands in braces: of a labelled `repeat` or `if`, that without the label."""
    if isinstance(step, Repeat | If) and step.name:
        return (step._replace(name=""),)
    assert not isinstance(step, Repeat)
    return step.steps


def is_container(step: Step) -> TypeGuard[Braces]:
    """Whether a step is labelled braces, a scope of its own."""
    return isinstance(step, Group) or (isinstance(step, Repeat | If) and bool(step.name))


def is_part(step: Step) -> bool:
    """Whether braces may hold more than this step of the tree shows."""
    return isinstance(step, Group) and step.is_part


def parts_in(steps: Iterable[Step]) -> Iterator[Group]:
    """The parts of braces that labels with dots name in a scope."""
    for step in steps:
        if isinstance(step, Group) and step.is_part:
            yield step
        elif not is_container(step) and not (isinstance(step, Merge) and step.name):
            yield from parts_in(children(step))


def modules_in(steps: Iterable[Step]) -> int:
    """How many modules some steps are in an nn.Sequential."""
    return sum(1 if isinstance(step, Leaf | Use | Group) else modules_in(children(step)) for step in steps)


def attribute_kind(step: Step) -> tuple[str, bool]:
    """A step's kind, and whether it has tensors (and so keys)."""
    if isinstance(step, Leaf):
        return step.layer.name, bool(step.layer.weights(shape_of(step)))
    return "block", True


def is_parameter(step: Step) -> bool:
    # a scale is an nn.Parameter itself: its key is "layer_scale", not "layer_scale.weight"
    return isinstance(step, Leaf) and any(not weight.name for weight in step.layer.weights(shape_of(step)))


def wish_of(steps: list[If]) -> str:
    """A word for a varied branch: its first step's name."""
    for step in steps:
        for inside in step.steps:
            if isinstance(inside, Leaf | Use) and inside.name.isidentifier():
                return inside.name
    return "branch"
