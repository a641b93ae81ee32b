"""From a checked network to its diagram in full: a box for every layer that runs."""

from __future__ import annotations

from typing import Any, NamedTuple

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
    Variable,
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
from cnnspec.graph.walk import live, own_name, rows
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


class Surroundings(NamedTuple):
    """Where steps stand: the boxes by the values that they make, and what holds for all of the steps."""

    makers: dict[Value, int]
    evaluated: set[Value]  # outputs of evaluation need them
    needed: set[Value]  # outputs of evaluation or training need them
    shared: bool = False
    idle: str = ""


def build(network: Network) -> Diagram:
    """The diagram of a network; of one with faults, as far as they let it go."""
    made = Builder().diagram(network)
    # only the drawn boxes tell that a fault is met; then what no output needs must not be called idle
    if any(box.kind == "fault" for box in boxes(made.items)):
        made = Builder(partial=True).diagram(network)
    return made


class End(NamedTuple):
    """What a path brings to its join, and the edges on it."""

    value: Value
    empty: bool
    convolutions: int
    edges: range


class Builder:
    """Numbers boxes as they run and gathers the edges between them.

    In a `partial` network no step is idle: what no output needs may be needed behind a fault.
    """

    def __init__(self, partial: bool = False) -> None:
        self.partial = partial
        self.count = 0
        self.edges: list[Edge] = []
        self.words: dict[int, tuple[str, str]] = {}

    def diagram(self, network: Network) -> Diagram:
        evaluated = live(network.steps, {output.value for output in network.outputs if not output.train})
        outer = Surroundings({}, evaluated, live(network.steps, {output.value for output in network.outputs}))
        items: list[Item] = []
        for given in network.inputs:
            outer.makers[given.value] = self.count
            items.append(Box(self.number(), "input", (given.name,), (given.name,)))
        waiting = list(network.outputs)
        # None: an output may be an input itself, which no step makes
        for step in (None, *network.steps):
            items += self.step(step, outer) if step is not None else []
            # An output stands right behind what makes it: nothing has to be led past the rest of the net.
            items += [self.output(output, outer) for output in waiting if output.value in outer.makers]
            waiting = [output for output in waiting if output.value not in outer.makers]
        arriving = tuple(Port(given.name, are_known(given.value)) for given in network.inputs)
        made = [(output.name, output.value.shape) for output in network.outputs if not output.train]
        leaving = tuple(Port(name, shape) for name, shape in made if shape is not None)
        return Diagram(network.name, arriving, leaving, tuple(items), tuple(self.edges))

    def output(self, output: Output, outer: Surroundings) -> Box:
        shape = are_known(output.value)
        tail = outer.makers[output.value]
        fault = claim_words(output.value)
        idle = TRAINING if output.train else ""
        self.edges.append(Edge(tail, self.count, shape, shape, idle=idle, fault=fault))
        parts = (output.name, idle) if idle else (output.name,)
        return Box(self.number(), "output", parts, parts, idle=idle)

    def number(self) -> int:
        self.count += 1
        return self.count - 1

    def steps(self, steps: tuple[Step, ...], outer: Surroundings) -> list[Item]:
        return [item for step in steps for item in self.step(step, outer)]

    def step(self, step: Step, outer: Surroundings) -> list[Item]:
        """The items of a step; none behind a fault, where nothing arrives."""
        # braces, joins and runs again are gone into: what they hold may begin at another value, by `from`
        if isinstance(step, Leaf | Lost | Use) and step.input not in outer.makers:
            return []
        if isinstance(step, Lost):
            return [self.fault(step.span.text, "", step.input, outer)]
        if isinstance(step, Leaf):
            return [self.leaf(step, outer)]
        if isinstance(step, Use):
            return self.use(step, outer)
        if isinstance(step, Braces):
            return self.braces(step, outer)
        if isinstance(step, Merge):
            return self.merge(step, outer)
        if isinstance(step, Again):
            return self.again(step, outer)
        return []

    def idle(self, value: Value, outer: Surroundings) -> str:
        """Why evaluation does without a value; "" where an output of evaluation needs it."""
        if self.partial or outer.idle == UNREAD or value in outer.evaluated:
            return outer.idle
        return TRAINING if value in outer.needed else UNREAD

    def fault(self, words: str, why: str, value: Value, outer: Surroundings) -> Box:
        """The box where a network with faults ends."""
        shape, tail = are_known(value), outer.makers[value]
        self.edges.append(Edge(tail, self.count, shape, shape, fault=why or "?"))
        return Box(self.number(), "fault", (words,), (words,))

    def leaf(self, step: Leaf, outer: Surroundings) -> Box:
        shape, layer = are_known(step.input), step.layer
        if step.output.shape is None:
            return self.fault(layer_words(layer), misfit(layer, shape), step.input, outer)
        idle = self.idle(step.output, outer)
        tail = outer.makers[step.input]
        self.edges.append(Edge(tail, self.count, shape, shape, idle=idle, fault=claim_words(step.input)))
        outer.makers[step.output] = self.count
        params = 0 if outer.shared else sum(int(w.elements) for w in layer.weights(shape) if w.trained)
        words, brief = self.layer_words(layer)
        return Box(
            self.number(),
            KINDS.get(layer.name, "other"),
            (words,),
            (brief,),
            given_label(step.name, layer.name),
            Count.of(params),
            Count.of(0 if idle else int(layer.macs(shape))),
            shared=outer.shared,
            idle=idle,
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

    def use(self, step: Use, outer: Surroundings) -> list[Item]:
        instance, name = step.instance, step.instance.block.name.name
        idle = self.idle(step.output, outer)
        makers = {instance.input: outer.makers[step.input]}
        # in a block all that its output needs is needed; whether anybody needs that output, `idle` tells
        within = live(instance.steps, {instance.output})
        inner = Surroundings(makers, within, within, outer.shared, idle)
        items = self.steps(instance.steps, inner)
        if instance.output in makers:
            outer.makers[step.output] = makers[instance.output]
        label = given_label(step.name, name.lower())
        return self.cluster("block", name, label, items, inner, given_arguments(instance))

    def braces(self, step: Braces, outer: Surroundings) -> list[Item]:
        items: list[Item] = []
        for row in rows(step):
            inner = self.steps(row, outer)
            items += self.cluster("iteration", "", "", inner, outer) if isinstance(step, Repeat) else inner
        return self.cluster("group", braces_label(step), "", items, outer)

    def merge(self, step: Merge, outer: Surroundings) -> list[Item]:
        items: list[Item] = []
        ends: list[End] = []
        for path in step.paths:
            start = len(self.edges)
            made = self.steps(path.steps, outer)
            items += self.cluster("path", "", "", made, outer)
            if not path.dropped:
                convolutions = sum(box.kind == "conv" for box in boxes(made))
                ends.append(End(path.output, not made, convolutions, range(start, len(self.edges))))
        if len(ends) < 2 or any(end.value not in outer.makers for end in ends):
            return items
        idle = self.idle(step.output, outer)
        tails = [outer.makers[end.value] for end in ends]
        number = self.number()
        # in a sum a lone convolution fits one shape to another; in a concat it is a path like others
        most = max(end.convolutions for end in ends) if step.layer.name == "add" else 0
        fits = step.output.shape is not None
        for tail, end in zip(tails, ends, strict=True):
            shape, others = are_known(end.value), set(tails) - {tail}
            # `| identity`, or `| from x`: its value also goes through the layers of another path
            route = "skip" if end.empty and self.leads_on(tail, others) else ""
            # ResNet's `| conv, conv, conv | conv 1x1 /2, batchnorm`: the second, all edges on it
            if end.convolutions == 1 < most and self.leads_on(self.edges[end.edges[0]].tail, others):
                route = "projection"
                for key in end.edges:
                    self.edges[key] = self.edges[key]._replace(route=route)
            why = claim_words(end.value) if fits else unlike(shape, ends)
            self.edges.append(Edge(tail, number, shape, shape, route, idle, why))
        words, brief = ((each,) for each in self.layer_words(step.layer))
        if not fits:
            return [*items, Box(number, "fault", words, brief)]
        outer.makers[step.output] = number
        return [*items, Box(number, KINDS[step.layer.name], words, brief, shared=outer.shared, idle=idle)]

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

    def again(self, step: Again, outer: Surroundings) -> list[Item]:
        inner = step.step.output
        # what the run makes is needed where the value that it hands on is
        evaluated, needed = (
            live((step.step,), known | {inner}) if step.output in known else known
            for known in (outer.evaluated, outer.needed)
        )
        items = self.step(step.step, outer._replace(evaluated=evaluated, needed=needed, shared=True))
        if inner in outer.makers:
            outer.makers.setdefault(step.output, outer.makers[inner])
        return items

    @staticmethod
    def cluster(
        kind: str, name: str, label: str, items: list[Item], outer: Surroundings, arguments: Arguments = ()
    ) -> list[Item]:
        """The items in a cluster; unlabelled braces make none."""
        if not items or (kind == "group" and not name):
            return items
        return [Cluster(kind, name, label, tuple(items), 1, outer.shared, reason(items), arguments)]


def reason(items: list[Item]) -> str:
    """Why evaluation does without all of the items; "" where it needs one."""
    reasons = {box.idle for box in boxes(items)}
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


def variables(layer: Layer) -> tuple[Variable, ...]:
    """What copies of a layer may differ in."""
    if layer.name == "pick":
        count = len(layer.value("channels"))
        return (Variable(0, layer, count, count),)
    p = layer.value("p") if layer.name in FAMILIES["dropout"] else None
    return () if p is None else (Variable(0, layer, p, p),)


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
