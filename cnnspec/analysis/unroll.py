"""The flat graph: every layer of every block and repeat, in the order of execution."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.graph import Again, From, Group, If, Leaf, Merge, Network, Repeat, Step, Use, Value, live
from cnnspec.layers.base import Layer, Weight
from cnnspec.shapes import Shape
from cnnspec.source import Span


class Node(NamedTuple):
    """A layer in its place. `path` is its state_dict path; `inputs` name nodes or inputs of the net.

    `shared`: it runs again with the weights of the earlier node of the same path, and `call` tells the
    runs apart. `train`: no output of evaluation needs it.
    """

    path: str
    layer: Layer
    inputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    output: Shape
    span: Span
    shared: bool
    train: bool

    @property
    def weights(self) -> tuple[Weight, ...]:
        return () if self.layer.is_join else self.layer.weights(self.shapes[0])


class Graph(NamedTuple):
    """The nodes of a network, and by what names its inputs and outputs are known."""

    inputs: tuple[tuple[str, Shape], ...]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, str, bool], ...]  # name, node or input, train-only


def unroll(network: Network) -> Graph:
    """The flat graph of a network whose shapes are all known. Repeated runs are named `path (2)`, …"""
    walker = Walker()
    names: dict[Value, str] = {}
    inputs = []
    for given in network.inputs:
        names[given.value] = given.name
        inputs.append((given.name, known(given.value)))
    needed = live(network.steps, {output.value for output in network.outputs if not output.train})
    walker.steps(network.steps, "", names, needed, False, False)
    outputs = tuple((output.name, names[output.value], output.train) for output in network.outputs)
    return Graph(tuple(inputs), tuple(walker.nodes), outputs)


def known(value: Value) -> Shape:
    if value.shape is None:
        raise ValueError("only a network without faults can be unrolled")
    return value.shape


class Walker:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.runs: dict[str, int] = {}

    def steps(
        self,
        steps: tuple[Step, ...],
        prefix: str,
        names: dict[Value, str],
        needed: set[Value],
        shared: bool,
        train: bool,
    ) -> None:
        for step in steps:
            self.step(step, prefix, names, needed, shared, train)

    def step(
        self, step: Step, prefix: str, names: dict[Value, str], needed: set[Value], shared: bool, train: bool
    ) -> None:
        if isinstance(step, Leaf):
            path = prefix + step.name
            train = train or step.output not in needed
            names[step.output] = self.add(
                path, step.layer, (step.input,), step.output, step.span, names, shared, train
            )
        elif isinstance(step, Use):
            inner = {step.instance.input: names[step.input]}
            train = train or step.output not in needed
            within = live(step.instance.steps, {step.instance.output})
            self.steps(step.instance.steps, f"{prefix}{step.name}.", inner, within, shared, train)
            names[step.output] = inner[step.instance.output]
        elif isinstance(step, Group | If):
            self.steps(step.steps, prefix, names, needed, shared, train)
        elif isinstance(step, Repeat):
            for iteration in step.iterations:
                self.steps(iteration, prefix, names, needed, shared, train)
        elif isinstance(step, Merge):
            self.merge(step, prefix, names, needed, shared, train)
        elif isinstance(step, Again):
            self.step(step.step, prefix, names, needed, True, train)
            names.setdefault(
                step.output, names[step.step.value if isinstance(step.step, From) else step.step.output]
            )

    def merge(
        self, step: Merge, prefix: str, names: dict[Value, str], needed: set[Value], shared: bool, train: bool
    ) -> None:
        for path in step.paths:
            self.steps(path.steps, prefix, names, needed, shared, train)
        if len(step.live) > 1:
            values = tuple(path.output for path in step.live)
            train = train or step.output not in needed
            where = prefix + step.path
            names[step.output] = self.add(
                where, step.layer, values, step.output, step.span, names, shared, train
            )

    def add(
        self,
        path: str,
        layer: Layer,
        values: tuple[Value, ...],
        output: Value,
        span: Span,
        names: dict[Value, str],
        shared: bool,
        train: bool,
    ) -> str:
        run = self.runs[path] = self.runs.get(path, 0) + 1
        name = path if run == 1 else f"{path} ({run})"
        inputs = tuple(names[value] for value in values)
        shapes = tuple(known(value) for value in values)
        self.nodes.append(Node(name, layer, inputs, shapes, known(output), span, shared, train))
        return name
