"""Parameters, buffers and multiply-accumulates.

Shared weights count once. MACs are those of convolutions and linear layers, for one image in evaluation:
what only train-only outputs need, or nothing at all, counts in the parameters alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cnnspec.graph.tree import Again, Instance, Leaf, Network, Step, Use, Value
from cnnspec.graph.walk import children, live
from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape, plain_shape


class Costs(NamedTuple):
    params: int = 0
    buffers: int = 0
    macs: int = 0


def costs(network: Network) -> Costs:
    """The totals of a network whose shapes are all known."""
    needed = live(network.steps, {output.value for output in network.outputs if not output.train})
    return CostCounter().steps(network.steps, needed)


class CostCounter:
    """Counts; a block's instance is counted once, however often it is used."""

    def __init__(self) -> None:
        self.instances: dict[int, Costs] = {}
        self.layers: dict[tuple[int, Shape], Costs] = {}

    def steps(self, steps: Iterable[Step], needed: set[Value]) -> Costs:
        found = [self.step(step, needed) for step in steps]
        return Costs(*map(sum, zip(*found, strict=True)))

    def step(self, step: Step, needed: set[Value]) -> Costs:
        if isinstance(step, Leaf | Use):
            found = self.leaf(step) if isinstance(step, Leaf) else self.instance(step.instance)
            return found if step.output in needed else found._replace(macs=0)
        found = self.steps(children(step), needed)
        # What runs again multiplies again, with the same weights.
        return Costs(macs=found.macs) if isinstance(step, Again) else found

    def leaf(self, step: Leaf) -> Costs:
        """Layers are shared where they are equal, so most have been counted before."""
        if step.input.shape is None:
            return Costs()
        key = id(step.layer), step.input.shape
        found = self.layers.get(key)
        if found is None:
            found = self.layers[key] = self.count(step.layer, plain_shape(step.input.shape))
        return found

    @staticmethod
    def count(layer: Layer, shape: Shape) -> Costs:
        weights = layer.weights(shape)
        params = sum(weight.elements for weight in weights if weight.trained)
        buffers = sum(weight.elements for weight in weights if not weight.trained)
        return Costs(int(params), int(buffers), int(layer.macs(shape)))

    def instance(self, instance: Instance) -> Costs:
        found = self.instances.get(id(instance))
        if found is None:
            found = self.steps(instance.steps, live(instance.steps, {instance.output}))
            self.instances[id(instance)] = found
        return found
