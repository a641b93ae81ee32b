"""The flat graph: every layer of every block and repeat, in the order of execution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cnnspec.graph.tree import (
    TRAINING,
    UNREAD,
    Again,
    Claim,
    Decision,
    Findings,
    Leaf,
    Lost,
    Merge,
    Network,
    Step,
    Use,
    Value,
)
from cnnspec.graph.walk import arriving, children, live
from cnnspec.layers.base import Layer, Weight
from cnnspec.text.source import Span
from cnnspec.values.extents import Extent, map_extents
from cnnspec.values.shapes import Shape, plain_shape


class BlockRun(NamedTuple):
    """One run of a block, by its name, in its place: of a use with that path, the first, second, … run."""

    path: str
    number: int
    block: str
    span: Span


class Node(NamedTuple):
    """A layer in its place. `path` is its state_dict path; `inputs` name nodes or inputs of the net.

    `first` is the path of the node whose weights it runs with: its own, or that of the earliest run that
    faults leave. `train`: no output of evaluation needs it; `dead`: no output of training either. `within`:
    the runs of blocks that it is part of, the outermost first.
    """

    path: str
    layer: Layer
    inputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    output: Shape
    span: Span
    first: str
    train: bool
    following: Mapping[str, Any] | None = None  # its arguments where they follow sizes; as in Graph.findings
    dead: bool = False
    within: tuple[BlockRun, ...] = ()

    @property
    def idle(self) -> str:
        """Why evaluation does without it; "" where an output of evaluation needs it."""
        return UNREAD if self.dead else TRAINING if self.train else ""

    @property
    def shared(self) -> bool:
        """Whether it runs again, with the weights of an earlier node."""
        return self.first != self.path

    @property
    def weights(self) -> tuple[Weight, ...]:
        return () if self.layer.is_join else self.layer.weights(self.shapes[0])

    @property
    def by_key(self) -> dict[str, Weight]:
        """Its weights by their keys in the state_dict."""
        return {f"{self.first}.{w.name}" if w.name else self.first: w for w in self.weights}

    @property
    def params(self) -> int:
        """The numbers that training changes; shared ones count where they run first."""
        return 0 if self.shared else sum(weight.elements for weight in self.weights if weight.trained)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image in evaluation, of convolutions and linear layers."""
        return 0 if self.train or self.layer.is_join else int(self.layer.macs(plain_shape(self.shapes[0])))


class Surroundings(NamedTuple):
    """Where steps stand: what their paths begin with, how values are known here, and what outputs need."""

    prefix: str
    names: dict[Value, str]
    evaluated: set[Value]  # outputs of evaluation need them
    needed: set[Value]  # outputs of evaluation or training need them
    shared: bool = False
    train: bool = False
    dead: bool = False
    within: tuple[BlockRun, ...] = ()

    def around(self, value: Value, partial: bool) -> Surroundings:
        """The place of the step that makes a value. In a `partial` network no step is idle."""
        if partial:
            return self
        train, dead = self.train or value not in self.evaluated, self.dead or value not in self.needed
        alike = (train, dead) == (self.train, self.dead)
        return self if alike else self._replace(train=train, dead=dead)


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

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of the values of inputs and nodes, by their names."""
        return dict(self.inputs) | {node.path: node.output for node in self.nodes}

    @property
    def weights(self) -> dict[str, Weight]:
        """All weights by their keys, those of nodes that run again once."""
        return {key: weight for node in self.nodes if not node.shared for key, weight in node.by_key.items()}

    @property
    def lasting(self) -> dict[str, str]:
        """The outputs of evaluation by their names: the nodes or inputs whose values they are."""
        return {name: at for name, at, train in self.outputs if not train}

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
    # What is idle is known of a whole network only: where blanks show that it is none, it is walked again.
    graph = Unroller(partial=False).graph(network)
    return Unroller(partial=True).graph(network) if graph.blanks else graph


class Unroller:
    """`partial`: no step is idle, since what no output needs may be needed behind a fault."""

    def __init__(self, partial: bool) -> None:
        self.partial = partial
        self.nodes: list[Node] = []
        self.blocks: dict[str, str] = {}
        self.blanks: list[Blank] = []
        self.runs: dict[str, int] = {}
        self.firsts: dict[str, str] = {}  # by path without a run's number
        self.assumed: list[Extent] = []
        self.decisions: list[Decision] = []
        self.claims: list[Claim] = []

    def graph(self, network: Network) -> Graph:
        inputs = [(given, shape) for given in network.inputs if (shape := given.value.shape) is not None]
        names = {given.value: given.name for given, _ in inputs}
        evaluated = live(network.steps, {output.value for output in network.outputs if not output.train})
        needed = live(network.steps, {output.value for output in network.outputs})
        self.steps(network.steps, Surroundings("", names, evaluated, needed))
        self.keep_findings(network.findings, names)
        return Graph(
            tuple((given.name, shape) for given, shape in inputs),
            tuple(self.nodes),
            tuple((o.name, names[o.value], o.train) for o in network.outputs if o.value in names),
            self.blocks,
            tuple(self.blanks),
            Findings(tuple(self.assumed), tuple(self.decisions), tuple(self.claims)),
        )

    def keep_findings(self, findings: Findings, names: Mapping[Value, str]) -> None:
        """Keep what was found, as far as faults leave the values a name."""

        def known(value: Any) -> Any:
            return map_extents(value, lambda extent: extent.renamed(names.get))

        self.assumed += map(known, findings.assumed)
        for decision in findings.decisions:
            if decision.value in names:
                given = {name: known(value) for name, value in decision.names.items()}
                self.decisions.append(decision._replace(value=names[decision.value], names=given))
        self.claims += [
            claim._replace(value=names[claim.value]) for claim in findings.claims if claim.value in names
        ]

    def steps(self, steps: Iterable[Step], place: Surroundings) -> None:
        for step in steps:
            self.step(step, place)

    def step(self, step: Step, place: Surroundings) -> None:
        if isinstance(step, Leaf):
            self.leaf(step, place.around(step.output, self.partial))
        elif isinstance(step, Use):
            self.use(step, place.around(step.output, self.partial))
        elif isinstance(step, Again):
            self.step(step.step, place._replace(shared=True))
            self.name_alike(step.output, step.step.output, place.names, place.names)
        elif isinstance(step, Lost):
            words = step.span.text.split(maxsplit=1) or ["?"]
            where = place.prefix + (step.name or words[0])
            known = (place.names[step.input],) if step.input in place.names else ()
            self.blanks.append(Blank(where, words[0], len(self.nodes), step.span, bool(known), inputs=known))
        else:
            self.steps(children(step), place)
            if isinstance(step, Merge) and step.runs:
                self.add(step, step.path, place.around(step.output, self.partial))

    def leaf(self, step: Leaf, place: Surroundings) -> None:
        self.add(step, step.name, place)
        # `add` may have made a blank instead: then the last node is another one.
        if step.following is not None and step.output in place.names:
            given = {
                name: map_extents(value, lambda extent: extent.renamed(place.names.get))
                for name, value in step.following.items()
            }
            self.nodes[-1] = self.nodes[-1]._replace(following=given)

    def use(self, step: Use, place: Surroundings) -> None:
        instance, path = step.instance, place.prefix + step.name
        self.blocks[path] = instance.block.name.name
        names = {instance.input: place.names[step.input]} if step.input in place.names else {}
        # Inside, the block's one output counts; whether the use itself is idle, `place` brings along.
        needed = live(instance.steps, {instance.output})
        number = self.runs[f"{path}."] = self.runs.get(f"{path}.", 0) + 1  # no layer's path ends in a dot
        within = (*place.within, BlockRun(path, number, instance.block.name.name, step.span))
        inner = place._replace(prefix=f"{path}.", names=names, evaluated=needed, needed=needed, within=within)
        self.steps(instance.steps, inner)
        # Only now: before its steps ran, `names` had the block's input alone.
        self.keep_findings(instance.findings, names)
        self.name_alike(step.output, instance.output, place.names, names)

    @staticmethod
    def name_alike(value: Value, made: Value, names: dict[Value, str], inner: dict[Value, str]) -> None:
        """Know a value by the name of what makes it, unless a fault hides that."""
        if made in inner:
            names.setdefault(value, inner[made])

    def add(self, step: Leaf | Merge, own: str, place: Surroundings) -> None:
        """A layer or a join under its `own` path in its scope: a node, or where a fault hides it a blank."""
        path, names, layer, output = place.prefix + own, place.names, step.layer, step.output
        values, span = arriving(step), step.span
        run = self.runs[path] = self.runs.get(path, 0) + 1
        name = path if run == 1 else f"{path} ({run})"
        shapes = tuple(value.shape for value in values if value.shape is not None)
        inputs = tuple(names[value] for value in values if value in names)
        known = len(inputs) == len(values)
        if output.shape is None or not known:
            self.blanks.append(Blank(name, layer.name, len(self.nodes), span, known, layer, inputs))
            return
        if not place.shared:
            self.firsts[path] = name
        first = self.firsts.setdefault(path, name)
        train, dead, within = place.train, place.dead, place.within
        self.nodes.append(
            Node(name, layer, inputs, shapes, output.shape, span, first, train, None, dead, within)
        )
        names[output] = name
