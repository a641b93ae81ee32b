"""A network as a tree of parts to be compared: layers, in blocks, in labelled braces, in the paths of joins.

What is found of two such trees is one tree of Differences.
Braces without a label make no part: whether a chain is written out or repeated is the same network.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.elaborate.special_values import freeze
from cnnspec.graph.tree import Braces, Leaf, Merge, Network, Step, Use
from cnnspec.graph.walk import children
from cnnspec.layers.base import Layer
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape, plain_shape


class Component(NamedTuple):
    """A layer in its place, or a scope with the parts in it.

    Kinds: `layer`, `block`, `braces`, `join`, `path`. `name` is the layer's or the block's. `path` is that
    of the tensors' keys, "" where there is none. `label` is the author's, "" where place or kind give the
    name. `size` counts the layers. Parts of one `sign` differ in nothing but what arrives and the number
    in their names.
    """

    kind: str
    name: str
    path: str
    label: str
    parts: tuple[Component, ...]
    node: Node | None
    size: int
    sign: int


class Change(NamedTuple):
    """What an author changed: an argument; or `label`, `block`, `reads`, `paths`, `shared`, `train`."""

    what: str
    before: Any
    after: Any


class Difference(NamedTuple):
    """A part of both networks or of one, and what was changed of it; `inner` are those in it, in order."""

    before: Component | None
    after: Component | None
    inner: tuple[Difference, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def status(self) -> str:
        """Of a layer: added, removed, changed, affected by other shapes, moved to other keys, or the same."""
        if self.before is None or self.after is None:
            return "removed" if self.before else "added"
        if self.changes:
            return "changed"
        one, two = self.before.node, self.after.node
        assert one is not None and two is not None
        if node_shapes(one) != node_shapes(two):
            return "affected"
        return "same" if one.path == two.path else "moved"


def layers(difference: Difference) -> Iterator[Difference]:
    """The layers of both networks, each once."""
    part = difference.before or difference.after
    if part is not None and part.kind == "layer":
        yield difference
    for inner in difference.inner:
        yield from layers(inner)


def node_shapes(node: Node) -> tuple[Shape, ...]:
    """All that arrives and what leaves."""
    return tuple(map(plain_shape, (*node.shapes, node.output)))


class Signs(dict[Hashable, int]):
    """Numbers for whatever is equal, handed out at the first sight of it."""

    def __missing__(self, key: Hashable) -> int:
        self[key] = found = len(self)
        return found


def component_tree(network: Network, graph: Graph, signs: Signs) -> Component:
    """The tree of a network without faults; networks that are compared share their signs."""
    builder = ComponentBuilder(graph, signs)
    return builder.scope("block", network.name, "", "", builder.steps(network.steps, ""))


def leaves(part: Component) -> Iterator[Component]:
    """The layers of a part in the order of execution."""
    if part.kind == "layer":
        yield part
    for inner in part.parts:
        yield from leaves(inner)


def arguments(layer: Layer) -> dict[str, Any]:
    """What makes the layer what it is: its arguments, filters apart from their kernel, without claims."""
    found: dict[str, Any] = {}
    for name in layer.arguments:
        value = layer.value(name)
        if isinstance(value, Filter):
            found |= {"filters": int(value.count), "kernel": value.kernel}
        elif name != "in":
            # A Symbol or an Extent is an int with a history: its number alone counts.
            found[name] = int(value) if type(value) not in (bool, int) and isinstance(value, int) else value
    return found


class ComponentBuilder:
    """Walks the steps as the graph was unrolled, so its nodes come one by one."""

    def __init__(self, graph: Graph, signs: Signs) -> None:
        self.nodes = iter(graph.nodes)
        self.signs = signs
        self.meanings: dict[int, int] = {}

    def steps(self, steps: Iterable[Step], prefix: str) -> tuple[Component, ...]:
        return tuple(part for step in steps for part in self.step(step, prefix))

    def step(self, step: Step, prefix: str) -> tuple[Component, ...]:
        if isinstance(step, Leaf):
            return (self.layer(next(self.nodes)),)
        if isinstance(step, Use):
            name, path = step.instance.block.name.name, prefix + step.name
            inner = self.steps(step.instance.steps, path + ".")
            return (self.scope("block", name, path, label(path, name), inner),)
        if isinstance(step, Merge):
            inner = tuple(
                self.scope("path", "", "", "", self.steps(path.steps, prefix)) for path in step.paths
            )
            if step.runs:
                inner += (self.layer(next(self.nodes)),)
            return self.braces(step.name, prefix, (self.scope("join", "", "", "", inner),))
        inner = self.steps(children(step), prefix)
        return self.braces(step.name, prefix, inner) if isinstance(step, Braces) else inner

    def braces(self, name: str, prefix: str, inner: tuple[Component, ...]) -> tuple[Component, ...]:
        if not name:
            return inner
        path = prefix + name
        return (self.scope("braces", "", path, label(path, ""), inner),)

    def scope(self, kind: str, name: str, path: str, given: str, inner: tuple[Component, ...]) -> Component:
        # ("block", "Basic", "", 4, 7): the kind, the name, the label, then the signs of the parts.
        sign = self.signs[kind, name, given, *(part.sign for part in inner)]
        return Component(kind, name, path, given, inner, None, sum(part.size for part in inner), sign)

    def layer(self, node: Node) -> Component:
        layer = node.layer
        meaning = self.meanings.get(id(layer))
        if meaning is None:
            values = ((name, freeze(value)) for name, value in arguments(layer).items())
            meaning = self.meanings[id(layer)] = self.signs[layer.name, *values]
        given = label(node.first, layer.name)
        sign = self.signs["layer", meaning, given, node.shared, node.train]
        return Component("layer", layer.name, node.path, given, (), node, 1, sign)


def label(path: str, kind: str) -> str:
    """The last name of a path where it is neither a number nor the kind and a number."""
    # Kind and place make stage1.conv2 of a conv, and stage1.3: no label. stage1.stem has one, `stem`.
    name = path.rpartition(".")[2]
    return "" if name.removeprefix(kind.lower()).isdecimal() else name
