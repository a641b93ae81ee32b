"""The flat graph: every layer of every block and repeat, in the order of execution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cnnspec.extents import Extent, mapped
from cnnspec.graph import (
    Again,
    Claim,
    Decision,
    Findings,
    From,
    Group,
    If,
    Leaf,
    Lost,
    Merge,
    Network,
    Repeat,
    Step,
    Use,
    Value,
    live,
)
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
    following: Mapping[str, Any] | None = None  # its arguments where they follow sizes; as in Graph.findings

    @property
    def weights(self) -> tuple[Weight, ...]:
        return () if self.layer.is_join else self.layer.weights(self.shapes[0])


class Blank(NamedTuple):
    """A layer that a fault keeps from having a shape, or what is left of a step without a meaning.

    `place` is the number of nodes that run before it; `fault`: all that arrives is known, so this is where
    the fault lies.
    """

    path: str
    words: str  # the layer's name, or what the author wrote
    place: int
    span: Span
    fault: bool
    layer: Layer | None = None
    inputs: tuple[str, ...] = ()  # as far as they are known


class Graph(NamedTuple):
    """The nodes of a network, and by what names its inputs and outputs are known.

    `blocks` tells which paths are blocks', and of what name. Only a network with faults has `blanks`.
    `findings` are those of the net and of every use of a block; values are known in them by their names.
    """

    inputs: tuple[tuple[str, Shape], ...]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, str, bool], ...]  # name, node or input, train-only
    blocks: Mapping[str, str] = {}
    blanks: tuple[Blank, ...] = ()
    findings: Findings = Findings()

    def in_order(self) -> Iterator[Node | Blank]:
        """The nodes in the order of execution, and where they run the blanks."""
        done = 0
        for blank in self.blanks:
            yield from self.nodes[done : blank.place]
            yield blank
            done = blank.place
        yield from self.nodes[done:]


def unroll(network: Network) -> Graph:
    """The flat graph of a network. Repeated runs are named `path (2)`, …"""
    graph = walk(network, False)
    return walk(network, True) if graph.blanks else graph


def walk(network: Network, partial: bool) -> Graph:
    """`partial`: nothing is for training only, since what no output needs may be needed behind a fault."""
    walker = Walker(partial)
    names: dict[Value, str] = {}
    inputs = []
    for given in network.inputs:
        if given.value.shape is not None:
            names[given.value] = given.name
            inputs.append((given.name, given.value.shape))
    needed = live(network.steps, {output.value for output in network.outputs if not output.train})
    walker.steps(network.steps, "", names, needed, False, False)
    walker.find(network.findings, names)
    outputs = tuple((o.name, names[o.value], o.train) for o in network.outputs if o.value in names)
    findings = Findings(tuple(walker.assumed), tuple(walker.decisions), tuple(walker.claims))
    return Graph(tuple(inputs), tuple(walker.nodes), outputs, walker.blocks, tuple(walker.blanks), findings)


class Walker:
    def __init__(self, partial: bool) -> None:
        self.partial = partial
        self.nodes: list[Node] = []
        self.blocks: dict[str, str] = {}
        self.blanks: list[Blank] = []
        self.runs: dict[str, int] = {}
        self.assumed: list[Extent] = []
        self.decisions: list[Decision] = []
        self.claims: list[Claim] = []

    def find(self, findings: Findings, names: Mapping[Value, str]) -> None:
        """Keep what was found, as far as faults leave the values a name."""

        def known(value: Any) -> Any:
            return mapped(value, lambda extent: extent.renamed(names.get))

        self.assumed += map(known, findings.assumed)
        for decision in findings.decisions:
            if decision.value in names:
                given = {name: known(value) for name, value in decision.names.items()}
                self.decisions.append(decision._replace(value=names[decision.value], names=given))
        self.claims += [
            claim._replace(value=names[claim.value]) for claim in findings.claims if claim.value in names
        ]

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
            train = train or self.idle(step.output, needed)
            self.add(path, step.layer, (step.input,), step.output, step.span, names, shared, train)
            if step.following is not None and step.output in names:
                given = {
                    name: mapped(value, lambda extent: extent.renamed(names.get))
                    for name, value in step.following.items()
                }
                self.nodes[-1] = self.nodes[-1]._replace(following=given)
        elif isinstance(step, Use):
            self.blocks[prefix + step.name] = step.instance.block.name.name
            inner = {step.instance.input: names[step.input]} if step.input in names else {}
            train = train or self.idle(step.output, needed)
            within = live(step.instance.steps, {step.instance.output})
            self.steps(step.instance.steps, f"{prefix}{step.name}.", inner, within, shared, train)
            self.find(step.instance.findings, inner)
            self.same(step.output, step.instance.output, names, inner)
        elif isinstance(step, Group | If):
            self.steps(step.steps, prefix, names, needed, shared, train)
        elif isinstance(step, Repeat):
            for iteration in step.iterations:
                self.steps(iteration, prefix, names, needed, shared, train)
        elif isinstance(step, Merge):
            self.merge(step, prefix, names, needed, shared, train)
        elif isinstance(step, Again):
            self.step(step.step, prefix, names, needed, True, train)
            made = step.step.value if isinstance(step.step, From) else step.step.output
            self.same(step.output, made, names, names)
        elif isinstance(step, Lost):
            words = step.span.text.split(maxsplit=1) or ["?"]
            where, known = prefix + (step.name or words[0]), step.input in names
            self.blanks.append(Blank(where, words[0], len(self.nodes), step.span, known))

    def idle(self, value: Value, needed: set[Value]) -> bool:
        return value not in needed and not self.partial

    @staticmethod
    def same(value: Value, made: Value, names: dict[Value, str], inner: dict[Value, str]) -> None:
        """Know a value by the name of what makes it, unless a fault hides that."""
        if made in inner:
            names.setdefault(value, inner[made])

    def merge(
        self, step: Merge, prefix: str, names: dict[Value, str], needed: set[Value], shared: bool, train: bool
    ) -> None:
        for path in step.paths:
            self.steps(path.steps, prefix, names, needed, shared, train)
        if len(step.live) > 1:
            values = tuple(path.output for path in step.live)
            train = train or self.idle(step.output, needed)
            where = prefix + step.path
            self.add(where, step.layer, values, step.output, step.span, names, shared, train)

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
    ) -> None:
        run = self.runs[path] = self.runs.get(path, 0) + 1
        name = path if run == 1 else f"{path} ({run})"
        shapes = tuple(value.shape for value in values if value.shape is not None)
        inputs = tuple(names[value] for value in values if value in names)
        known = len(inputs) == len(values)
        if output.shape is None or not known:
            self.blanks.append(Blank(name, layer.name, len(self.nodes), span, known, layer, inputs))
            return
        self.nodes.append(Node(name, layer, inputs, shapes, output.shape, span, shared, train))
        names[output] = name
