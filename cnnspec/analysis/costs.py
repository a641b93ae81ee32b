"""Parameters, buffers and multiply-accumulates.

Shared weights count once. MACs are those of convolutions and linear layers, for one image in evaluation:
what only train-only outputs need, or nothing at all, counts in the parameters alone.
"""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.graph import Again, Group, If, Instance, Leaf, Merge, Network, Repeat, Step, Use, Value, live
from cnnspec.shapes import plain_shape


class Costs(NamedTuple):
    params: int = 0
    buffers: int = 0
    macs: int = 0

    def plus(self, other: Costs) -> Costs:
        return Costs(self.params + other.params, self.buffers + other.buffers, self.macs + other.macs)


def costs(network: Network) -> Costs:
    """The totals of a network whose shapes are all known."""
    needed = live(network.steps, {output.value for output in network.outputs if not output.train})
    return Counter().steps(network.steps, needed)


class Counter:
    """Counts; a block's instance is counted once, however often it is used."""

    def __init__(self) -> None:
        self.instances: dict[int, Costs] = {}

    def steps(self, steps: tuple[Step, ...], needed: set[Value]) -> Costs:
        total = Costs()
        for step in steps:
            total = total.plus(self.step(step, needed))
        return total

    def step(self, step: Step, needed: set[Value]) -> Costs:
        if isinstance(step, Leaf):
            found = self.leaf(step)
            return found if step.output in needed else found._replace(macs=0)
        if isinstance(step, Use):
            found = self.instance(step.instance)
            return found if step.output in needed else found._replace(macs=0)
        if isinstance(step, Group | If):
            return self.steps(step.steps, needed)
        if isinstance(step, Repeat):
            return self.steps(tuple(s for steps in step.iterations for s in steps), needed)
        if isinstance(step, Merge):
            return self.steps(tuple(s for path in step.paths for s in path.steps), needed)
        if isinstance(step, Again):
            return Costs(macs=self.step(step.step, needed).macs)
        return Costs()

    @staticmethod
    def leaf(step: Leaf) -> Costs:
        shape = step.input.shape
        if shape is None:
            return Costs()
        shape = plain_shape(shape)
        params = buffers = 0
        for weight in step.layer.weights(shape):
            if weight.trained:
                params += weight.elements
            else:
                buffers += weight.elements
        return Costs(int(params), int(buffers), int(step.layer.macs(shape)))

    def instance(self, instance: Instance) -> Costs:
        found = self.instances.get(id(instance))
        if found is None:
            found = self.steps(instance.steps, live(instance.steps, {instance.output}))
            self.instances[id(instance)] = found
        return found
