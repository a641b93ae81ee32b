"""Labelled braces that no nn.Sequential can run, as blocks of their own: a class with a forward each.

So a module of the specification is a module of the program, which PyTorch calls, hooks and prints, and which
an import finds again, with all that stands in the braces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from typing import Any

from cnnspec.backends.torch.unify.steps import is_chain, is_part, referenced, step_names, unlabelled
from cnnspec.graph.tree import From, Group, If, Instance, Leaf, Network, Repeat, Step, Use, Value
from cnnspec.graph.walk import Steps, children, own_name, rebuild, walk
from cnnspec.text.source import Span
from cnnspec.text.syntax import Block, Body, Name
from cnnspec.values.symbols import named


def with_classes(network: Network) -> tuple[Network, list[Block]]:
    """The network with a block in place of such braces, and these blocks."""
    made = Braces(network)
    steps = made.steps(network.steps, network)
    return network._replace(steps=steps), list(made.blocks.values())


class Braces:
    """Braces of one place in the text become one block, if they can in each use of the block around."""

    def __init__(self, network: Network) -> None:
        # by place in the text: the turns of `repeat 4 { body: { … } }` are uses of one block
        self.blocks: dict[Span, Block] = {}
        self.instances: dict[int, Instance] = {}
        self.joining: set[Span] = set()  # braces that are more than a chain
        self.open: set[Span] = set()  # braces that a wire crosses
        self.judge(network.steps, {output.value for output in network.outputs}, set())

    def judge(self, steps: Steps, ends: Set[Value], known: set[int]) -> None:
        """Find which braces of a scope, and of the blocks that it uses, can be a block."""
        read = Counter(referenced(steps))
        kept = ends | read.keys()
        for step in walk(steps):
            if isinstance(step, Group | Repeat) and step.name:
                if not is_chain(unlabelled(step), kept, step.output):
                    self.joining.add(step.span)
                if not is_closed(step, ends, read):
                    self.open.add(step.span)
            elif isinstance(step, Use) and id(step.instance) not in known:
                known.add(id(step.instance))
                self.judge(step.instance.steps, {step.instance.output}, known)

    def steps(self, steps: Steps, owner: Network | Instance) -> Steps:
        return tuple(self.step(step, owner) for step in steps)

    def step(self, step: Step, owner: Network | Instance) -> Step:
        if isinstance(step, Use):
            return step._replace(instance=self.instance(step.instance))
        made = rebuild(step, lambda inside: self.steps(inside, owner))
        if isinstance(made, Group | Repeat) and made.name and made.span in self.joining - self.open:
            return self.use(made, owner)
        return made

    def instance(self, instance: Instance) -> Instance:
        if id(instance) not in self.instances:
            steps = self.steps(instance.steps, instance)
            self.instances[id(instance)] = instance._replace(steps=steps)
        return self.instances[id(instance)]

    def use(self, group: Group | Repeat, owner: Network | Instance) -> Use:
        """The braces as a block, which knows the names of its owner."""
        scope, span = owner.scope_names, group.span
        if span not in self.blocks:
            self.blocks[span] = Block(Name(own_name(group.name), span), (), Body((), (), span), True, span)
        instance = Instance(
            self.blocks[span],
            owner.arguments,
            scope,
            owner.fixed,
            owner.constants,
            group.input,
            group.output,
            relative(unlabelled(group), len(group.name) + 1),
        )
        # the class takes what it reads of the owner's names under the same names: Body1(width, act)
        bindings = {name: named(value, name) for name, value in scope.items()}
        return Use(group.name, instance, bindings, group.input, group.output, group.span)


def is_closed(group: Group | Repeat, ends: Set[Value], read: Counter[Value]) -> bool:
    """Whether no wire, label or size leads into braces or out of them. `read`: by wires of the scope."""
    inside = tuple(children(group))
    made = {step.output for step in walk(inside) if not isinstance(step, From | Group | Repeat | If)}
    # a value read more often in the scope than in these braces is read outside them, too
    wires = Counter(referenced(inside))
    own = made | {group.input}
    return (
        not is_part(group)
        # no output is made in here but what leaves, and no wire outside leads to what is made in here
        and (made - {group.output}).isdisjoint(ends | (read - wires).keys())
        # no wire in here leads to what is made outside, other than what arrives
        and {group.output, *wires} <= own
        and all(name.startswith(f"{group.name}.") for name in step_names(inside) if name)
        # a crop as large as a map outside may need that map as one more argument
        and not any(isinstance(step, Leaf) and step.following for step in walk(inside))
    )


def relative(steps: Steps, prefix: int) -> Steps:
    """Steps whose names have lost so many characters: those of the braces around."""

    def change(step: Any) -> Any:
        made: Any = rebuild(step, lambda inside: relative(inside, prefix))
        return made._replace(**{k: getattr(made, k)[prefix:] for k in ("name", "path") if hasattr(made, k)})

    return tuple(map(change, steps))
