"""From a checked network to its diagram in full: a box for every layer that runs."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnspec.analysis.unroll import Blank, Node, unroll
from cnnspec.draw.diagram.box_text import brief_words, layer_words
from cnnspec.draw.diagram.model import (
    Arguments,
    Box,
    Cluster,
    Count,
    Diagram,
    Edge,
    Item,
    Port,
    VaryingNumber,
    boxes,
)
from cnnspec.graph.tree import (
    TRAINING,
    UNREAD,
    Again,
    Braces,
    Group,
    Instance,
    Leaf,
    Lost,
    Merge,
    Network,
    Output,
    Repeat,
    Step,
    Use,
    Value,
)
from cnnspec.graph.walk import own_name, rows
from cnnspec.layers import FAMILIES
from cnnspec.layers.base import Layer, Misfit
from cnnspec.text.syntax import Literal
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape

KINDS = {layer: family for family, layers in FAMILIES.items() for layer in layers}
KINDS |= {"flatten": "shape", "scale": "norm", "shift": "norm", "normalize": "norm", "channelconv": "conv"}
KINDS |= dict.fromkeys((*FAMILIES["resize"], "unflatten", "slice", "pick"), "shape")
KINDS |= dict.fromkeys(FAMILIES["merge"], "join")
"""What kind of box a layer is: its family, but for a few."""


class End(NamedTuple):
    """What a path brings to its join, and the edges on it."""

    value: Value
    empty: bool
    convolutions: int
    edges: range


def build(network: Network) -> Diagram:
    """The diagram of a network; of one with faults, as far as they let it go."""
    return DiagramBuilder(network).diagram()


class DiagramBuilder:
    """Numbers boxes as they run and gathers the edges between them.

    `drawn` tells of each box which input or layer it draws, by its place: inputs first, then layers as they
    run; an output shows what makes it.

    The steps tell what stands in which braces; the flat graph, of which each layer is taken as its step is
    met, what feeds it, what it costs and whether evaluation does without it.
    """

    def __init__(self, network: Network) -> None:
        self.network, self.graph = network, unroll(network)
        self.layers = enumerate(self.graph.in_order(), len(network.inputs))
        self.makers: dict[str, int] = {}  # boxes by the names of their values in the flat graph
        self.drawn: list[int] = []
        self.edges: list[Edge] = []
        self.words: dict[int, tuple[str, str]] = {}

    def diagram(self) -> Diagram:
        network, items = self.network, list[Item]()
        for place, given in enumerate(network.inputs):
            self.makers[given.name] = self.number(place)
            items.append(Box(place, "input", (given.name,), (given.name,)))
        sources = {name: source for name, source, _ in self.graph.outputs}
        waiting = [output for output in network.outputs if output.name in sources]
        # None: an output may be an input itself, which no step makes
        for step in (None, *network.steps):
            items += self.step(step, False) if step is not None else []
            # An output stands right behind what makes it: nothing has to be led past the rest of the net.
            items += [self.output(o, sources[o.name]) for o in waiting if sources[o.name] in self.makers]
            waiting = [output for output in waiting if sources[output.name] not in self.makers]
        arriving = tuple(Port(given.name, are_known(given.value)) for given in network.inputs)
        made = [(output.name, output.value.shape) for output in network.outputs if not output.train]
        leaving = tuple(Port(name, shape) for name, shape in made if shape is not None)
        return Diagram(network.name, arriving, leaving, tuple(items), tuple(self.edges))

    def output(self, output: Output, source: str) -> Box:
        idle = TRAINING if output.train else ""
        self.lead(source, output.value, idle=idle, fault=claim_words(output.value))
        parts = (output.name, idle) if idle else (output.name,)
        number = self.number(self.drawn[self.makers[source]])
        return Box(number, "output", parts, parts, idle=idle)

    def number(self, place: int) -> int:
        """The number of the next box, which draws the input or layer of that place."""
        self.drawn.append(place)
        return len(self.drawn) - 1

    def lead(self, source: str, value: Value, route: str = "", idle: str = "", fault: str = "") -> None:
        """An edge to the box that is made next, from the one that makes a value."""
        shape = are_known(value)
        self.edges.append(Edge(self.makers[source], len(self.drawn), shape, shape, route, idle, fault))

    def steps(self, steps: tuple[Step, ...], shared: bool) -> list[Item]:
        return [item for step in steps for item in self.step(step, shared)]

    def step(self, step: Step, shared: bool) -> list[Item]:
        """The items of a step, with `shared` weights where it runs again; none behind a fault."""
        if isinstance(step, Leaf | Lost):
            return self.layer(step)
        if isinstance(step, Use):
            items = self.steps(step.instance.steps, shared)
            name = step.instance.block.name.name
            label = given_label(step.name, name.lower())
            return self.cluster("block", name, label, items, shared, given_arguments(step.instance))
        if isinstance(step, Braces):
            return self.braces(step, shared)
        if isinstance(step, Merge):
            return self.merge(step, shared)
        return self.step(step.step, True) if isinstance(step, Again) else []

    def layer(self, step: Leaf | Lost) -> list[Item]:
        """The box of a layer, or the one where a network with faults ends; none where nothing arrives."""
        place, node = next(self.layers)
        if isinstance(node, Node) and isinstance(step, Leaf):
            self.lead(node.inputs[0], step.input, idle=node.idle, fault=claim_words(step.input))
            return [self.box(place, node, given_label(step.name, node.layer.name))]
        if not (isinstance(node, Blank) and node.fault):
            return []
        words, why = step.span.text, ""
        if isinstance(step, Leaf):
            words, why = layer_words(step.layer), misfit(step.layer, are_known(step.input))
        self.lead(node.inputs[0], step.input, fault=why or "?")
        return [Box(self.number(place), "fault", (words,), (words,))]

    def box(self, place: int, node: Node, label: str = "") -> Box:
        """The box of a layer or a join."""
        layer = node.layer
        words, brief = self.layer_words(layer)
        number = self.makers[node.path] = self.number(place)
        return Box(
            number,
            KINDS.get(layer.name, "other"),
            (words,),
            (brief,),
            label,
            Count.of(node.params),
            Count.of(node.macs),
            shared=node.shared,
            idle=node.idle,
            window=window(layer),
            transposed=layer.name == "convtranspose",
            variables=variables(layer),
        )

    def layer_words(self, layer: Layer) -> tuple[str, str]:
        """Kept by the layer's identity: a block used a thousand times has its words made once."""
        found = self.words.get(id(layer))
        if found is None:
            found = self.words[id(layer)] = (layer_words(layer), brief_words(layer))
        return found

    def braces(self, step: Braces, shared: bool) -> list[Item]:
        items: list[Item] = []
        for row in rows(step):
            inner = self.steps(row, shared)
            items += self.cluster("iteration", "", "", inner, shared) if isinstance(step, Repeat) else inner
        return self.cluster("group", braces_label(step), "", items, shared)

    def merge(self, step: Merge, shared: bool) -> list[Item]:
        items: list[Item] = []
        ends: list[End] = []
        for path in step.paths:
            start = len(self.edges)
            made = self.steps(path.steps, shared)
            items += self.cluster("path", "", "", made, shared)
            if not path.dropped:
                convolutions = sum(box.kind == "conv" for box in boxes(made))
                ends.append(End(path.output, not made, convolutions, range(start, len(self.edges))))
        if not step.runs:
            return items
        place, node = next(self.layers)
        if isinstance(node, Blank) and not node.fault:
            return items
        # in a sum a lone convolution fits one shape to another; in a concat it is a path like others
        most = max(end.convolutions for end in ends) if step.layer.name == "add" else 0
        idle = node.idle if isinstance(node, Node) else ""
        tails = [self.makers[source] for source in node.inputs]
        for tail, source, end in zip(tails, node.inputs, ends, strict=True):
            others = set(tails) - {tail}
            # `| identity`, or `| from x`: its value also goes through the layers of another path
            route = "skip" if end.empty and self.leads_on(tail, others) else ""
            # ResNet's `| conv, conv, conv | conv 1x1 /2, batchnorm`: the second, all edges on it
            if end.convolutions == 1 < most and self.leads_on(self.edges[end.edges[0]].tail, others):
                route = "projection"
                for key in end.edges:
                    self.edges[key] = self.edges[key]._replace(route=route)
            why = claim_words(end.value) if isinstance(node, Node) else unlike(are_known(end.value), ends)
            self.lead(source, end.value, route, idle, why)
        if isinstance(node, Node):
            return [*items, self.box(place, node)]
        words, brief = self.layer_words(step.layer)
        return [*items, Box(self.number(place), "fault", (words,), (brief,))]

    def leads_on(self, start: int, ends: set[int]) -> bool:
        """Whether the value of a box reaches one of the ends by way of others. Edges are sorted by head."""
        reached = set(ends)
        for edge in reversed(self.edges):
            if edge.head <= start:
                break
            if edge.head in reached:
                if edge.tail == start:
                    return True
                reached.add(edge.tail)
        return False

    @staticmethod
    def cluster(
        kind: str, name: str, label: str, items: list[Item], shared: bool, arguments: Arguments = ()
    ) -> list[Item]:
        """The items in a cluster; unlabelled braces make none."""
        if not items or (kind == "group" and not name):
            return items
        return [Cluster(kind, name, label, tuple(items), 1, shared, reason(items), arguments)]


def reason(items: list[Item]) -> str:
    """Why evaluation does without all of the items; "" where it needs one."""
    reasons = {item.idle for item in items}
    return "" if "" in reasons else TRAINING if TRAINING in reasons else UNREAD


def are_known(value: Value) -> Shape:
    """The shape of a value that a box makes: what a fault hides, none does."""
    assert value.shape is not None
    return value.shape


def misfit(layer: Layer, shape: Shape) -> str:
    """Why a layer does not take a shape, with both numbers."""
    try:
        layer.output(shape)
        layer.weights(shape)
    except Misfit as why:
        return why.formula or why.message
    return "does not fit"


def unlike(shape: Shape, ends: list[End]) -> str:
    """The shapes that one does not agree with."""
    others = (are_known(end.value) for end in ends)
    return "≠ " + " ".join(dict.fromkeys(str(other) for other in others if other != shape))


def claim_words(value: Value) -> str:
    """What the author says of a value falsely, if he does."""
    before = value.before.believed if value.before else None
    # what is made of a wrongly claimed value is believed other than it is, too: the claim is told once
    return "" if value.believed is None or before is not None else f"≠ {value.believed}"


def window(layer: Layer) -> tuple[int, int] | None:
    """Height and width of a layer's kernel, if it has one."""
    for name in ("filter", "kernel", "window"):
        if name in layer.arguments and layer.arguments[name].kind in ("filter", "size"):
            value = layer.value(name)
            return value.kernel if isinstance(value, Filter) else value
    return None


def variables(layer: Layer) -> tuple[VaryingNumber, ...]:
    """What copies of a layer may differ in."""
    if layer.name == "pick":
        count = len(layer.value("channels"))
        return (VaryingNumber(0, layer, count, count),)
    p = layer.value("p") if layer.name in FAMILIES["dropout"] else None
    return () if p is None else (VaryingNumber(0, layer, p, p),)


def given_arguments(instance: Instance) -> Arguments:
    """A use's arguments that are not the block's defaults."""
    found = []
    for parameter in instance.block.parameters:
        name, default = parameter.name.name, parameter.default
        value = instance.arguments[name]
        # a default that is worked out, as `hidden=4*width`, may come to another value in each use: it is told
        if not isinstance(default, Literal) or default.value != value:
            found.append((name, value))
    return tuple(found)


def braces_label(step: Braces) -> str:
    """The label of braces; of such as a label with dots opens, the whole label: `convs.0`."""
    # `"convs.0": { … }` is braces `convs` around braces whose path is `convs.0`
    inner: Any = step
    while isinstance(inner, Group) and inner.is_part and len(inner.steps) == 1:
        inner = inner.steps[0]
    path: str = getattr(inner, "name", step.name)  # what runs again bears none
    return own_name(step.name) + path[len(step.name) :]


def given_label(path: str, kind: str) -> str:
    """The label that the author gave; "" where the step is named by its place or its kind and number."""
    name = own_name(path)
    # of a conv `conv` and `conv2` are names by place; `proj` and `conv_a` are the author's
    rest = name.removeprefix(kind)
    return name if rest and not rest.isdecimal() else ""
