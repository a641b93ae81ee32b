"""Two networks, compared: what was changed in the second, what merely follows from it, what it costs.

A layer is changed where what the author says of it is: its arguments, its label, what it reads. One that says
the same but gets other shapes is affected. A layer of only one network is added or removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cnnspec.analysis.components import Change, Difference, Signs, arguments, component_tree, layers
from cnnspec.analysis.costs import costs
from cnnspec.analysis.memory import Peak, peak
from cnnspec.analysis.pairing import twins
from cnnspec.analysis.receptive import ReceptiveField, fields
from cnnspec.analysis.state_tensors import StateTensors, tensors
from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.elaborate.special_values import freeze
from cnnspec.graph.tree import Network
from cnnspec.graph.walk import own_name
from cnnspec.values.shapes import Shape


class PortChange(NamedTuple):
    """An input or output of the nets, by its name; a side that lacks it has no shape."""

    kind: str  # "input", "output"
    name: str
    before: Shape | None
    after: Shape | None
    changes: tuple[Change, ...]


class Figures(NamedTuple):
    """The numbers of one network. `field` is that of the last map of more than one pixel, if there is one."""

    layers: int
    params: int
    buffers: int
    macs: int
    field: ReceptiveField | None
    peak: Peak


class Comparison(NamedTuple):
    before: Network
    after: Network
    whole: Difference
    ports: tuple[PortChange, ...]
    figures: tuple[Figures, Figures]
    tensors: StateTensors

    @property
    def same(self) -> bool:
        """Whether nothing differs, not even a key."""
        ports = all(port.before == port.after and not port.changes for port in self.ports)
        return ports and all(each.status == "same" for each in layers(self.whole))


def compare(before: Network, after: Network) -> Comparison:
    """Compare two networks without faults."""
    graphs, signs = (unroll(before), unroll(after)), Signs()
    tree = twins(component_tree(before, graphs[0], signs), component_tree(after, graphs[1], signs))
    finder = ChangeFinder(tree, *graphs)
    return Comparison(
        before,
        after,
        finder.with_changes(tree),
        (*input_ports(before, after), *finder.output_ports()),
        (figures(before, graphs[0]), figures(after, graphs[1])),
        tensors(*graphs, finder.names),
    )


class ChangeFinder:
    """Tells causes from consequences; `names` are the later names of the values that both networks have."""

    def __init__(self, tree: Difference, before: Graph, after: Graph) -> None:
        self.before, self.after = before, after
        self.names = {
            each.before.path: each.after.path for each in layers(tree) if each.before and each.after
        }
        inputs = match_inputs(before, after)
        # Both in the names of the second net. Where only one net has a dropout
        # behind conv1, that is {"conv1"}.
        self.sources = (
            sources(before, self.names | inputs),
            sources(after, {name: name for name in (*self.names.values(), *inputs.values())}),
        )

    def with_changes(self, part: Difference) -> Difference:
        inner = tuple(map(self.with_changes, part.inner))
        return part._replace(inner=inner, changes=tuple(self.changes(part)))

    def changes(self, part: Difference) -> Iterator[Change]:
        one, two = part.before, part.after
        # Nets may be called as one likes; joins and their paths have no name to compare.
        if one is None or two is None or not two.path:
            return
        if one.label != two.label:
            yield Change("label", own_name(one.path), own_name(two.path))
        if one.kind == "block" and one.name != two.name:
            yield Change("block", one.name, two.name)
        if one.node is not None and two.node is not None:
            yield from self.layer_changes(one.node, two.node)

    def layer_changes(self, one: Node, two: Node) -> Iterator[Change]:
        if not (one.shared and two.shared):  # what runs again is changed where it runs first
            before, after = arguments(one.layer), arguments(two.layer)
            for name in before:
                if freeze(before[name]) != freeze(after[name]):
                    yield Change(name, before[name], after[name])
        if len(one.inputs) != len(two.inputs):
            yield Change("paths", len(one.inputs), len(two.inputs))
        else:
            for theirs, ours in zip(one.inputs, two.inputs, strict=True):
                if self.differ(theirs, ours):
                    yield Change("reads", theirs, ours)
        if one.shared != two.shared:
            yield Change("shared", one.shared, two.shared)
        if one.train != two.train:
            yield Change("idle", one.idle, two.idle)

    def differ(self, one: str, two: str) -> bool:
        """Whether two values come from different ones, what was added or removed on the way aside."""
        # A conv that now reads what was added behind its old source reads that source still.
        return self.sources[0][one].isdisjoint(self.sources[1][two])

    def output_ports(self) -> Iterator[PortChange]:
        one = {name: (at, train) for name, at, train in self.before.outputs}
        two = {name: (at, train) for name, at, train in self.after.outputs}
        shapes = self.before.shapes, self.after.shapes
        for name in dict.fromkeys((*one, *two)):
            before, after = one.get(name), two.get(name)
            found = []
            if before is not None and after is not None:
                if self.differ(before[0], after[0]):
                    found.append(Change("reads", before[0], after[0]))
                if before[1] != after[1]:
                    found.append(Change("train", before[1], after[1]))
            sides = [s[side[0]] if side else None for s, side in zip(shapes, (before, after), strict=True)]
            yield PortChange("output", name, sides[0], sides[1], tuple(found))


def sources(graph: Graph, names: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The named values that each value is, or, being none, is made of."""
    found = {name: frozenset([names[name]] if name in names else []) for name, _ in graph.inputs}
    for node in graph.nodes:
        if node.path in names:
            found[node.path] = frozenset([names[node.path]])
        elif len(node.inputs) == 1:
            found[node.path] = found[node.inputs[0]]
        else:
            found[node.path] = frozenset().union(*(found[name] for name in node.inputs))
    return found


def match_inputs(before: Graph, after: Graph) -> dict[str, str]:
    """The inputs of the second net that are those of the first: of the same name, the others in order."""
    one, two = dict(before.inputs), dict(after.inputs)
    rest = zip((n for n in one if n not in two), (n for n in two if n not in one), strict=False)
    return {name: name for name in one if name in two} | dict(rest)


def input_ports(first: Network, second: Network) -> Iterator[PortChange]:
    one, two = ({given.name: given for given in net.inputs} for net in (first, second))
    for name in dict.fromkeys((*one, *two)):
        ours, theirs = one.get(name), two.get(name)
        found = []
        for what in ("mean", "std") if ours and theirs else ():
            before, after = (list(getattr(given, what)) for given in (ours, theirs))
            if before != after:
                found.append(Change(what, before, after))
        yield PortChange(
            "input", name, ours and ours.value.shape, theirs and theirs.value.shape, tuple(found)
        )


def figures(network: Network, graph: Graph) -> Figures:
    total, found = costs(network), fields(graph)
    maps = [node.path for node in graph.nodes if not node.train and node.output.is_map]
    # Behind global pooling every field is the whole image, which tells nothing of a net.
    wide = [n.path for n in graph.nodes if not n.train and n.output.is_map and n.output.size != (1, 1)]
    field = found[(wide or maps)[-1]] if maps else None
    return Figures(len(graph.nodes), *total, field, peak(graph))
