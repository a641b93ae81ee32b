"""Names for the values that a wire or an output takes up, and the terms that chains of nodes become."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from cnnspec.importers.model import Model
from cnnspec.importers.structure.arrange import (
    Keep,
    Mark,
    Meeting,
    Node,
    NodeGroup,
    PlacedItem,
    Wire,
    arrange,
    lists,
    walk,
)
from cnnspec.importers.structure.kept import Keeper
from cnnspec.importers.structure.scopes import Item
from cnnspec.importers.terms.formulas import ConstantName, Items
from cnnspec.importers.terms.formulas import name as name_
from cnnspec.importers.terms.terms import (
    IDENTITY,
    Again,
    Braces,
    Call,
    Chain,
    Constant,
    From,
    Join,
    Label,
    Term,
    chains,
    label_text,
    parse_label,
)
from cnnspec.importers.wording.arguments import spell
from cnnspec.importers.wording.labels import Target

Path = tuple[str, ...]

SIZE = Items((name_("in.height"), name_("in.width")))
RESIZES = ("size", "factor", "sides")
"""Arguments that say how large a map becomes."""


FEWEST_ALIKE = 3
"""So many wires to steps of one numbered label may be a loop."""


class NetChain(NamedTuple):
    """The chain behind the inputs of a net, and the labels by which its inputs and its outputs are known.

    A single input, and a single output without a name, need none.
    """

    chain: Chain
    inputs: tuple[Label, ...]
    outputs: tuple[Target, ...]


def net_chain(items: Sequence[Item], model: Model) -> NetChain:
    """The chain of a net. Raises Refused."""
    arriving = [given.value.number for given in model.inputs]
    words: list[str] = []
    if len(arriving) > 1:
        words = [given.name or f"input{place}" for place, given in enumerate(model.inputs, 1)]
    names = {value: (word,) for value, word in zip(arriving, words, strict=False)}
    outputs = list(dict.fromkeys(output.value.number for output in model.outputs))
    single = len(model.outputs) == 1 and not model.outputs[0].name
    nodes = arrange(items, arriving[-1], outputs, outputs[0] if single else None)
    namer = Namer(nodes, arriving[-1], names)
    paths = [namer.name_output(o.value.number, o.name) for o in model.outputs if not single]
    targets = tuple(tuple(map(parse_label, path)) for path in paths)
    return NetChain(namer.chain(), tuple(map(parse_label, words)), targets)


def scope_chain(item: Item) -> Chain:
    """The chain of the items in a scope."""
    nodes = arrange(item.inner, item.inputs[0], [item.output], item.output)
    return Namer(nodes, item.inputs[0], {}).chain()


class Spot(NamedTuple):
    """Where a node stands: its chain, its place there, and the labels of the braces around it."""

    nodes: list[Node]
    place: int
    around: Path

    @property
    def node(self) -> Node:
        return self.nodes[self.place]


class Namer:
    """Names values in the chain of one scope, and makes terms of it."""

    def __init__(self, nodes: list[Node], entry: int, names: Mapping[int, Path]) -> None:
        Keeper(nodes, entry)
        self.nodes, self.entry, self.names = nodes, entry, dict(names)
        self.outputs: set[int] = set()
        self.read = {wire.output for _, wire in wires(nodes)}
        self.taken = {*filter(None, map(label_of, walk(nodes))), *(path[-1] for path in names.values())}
        self.inner = {  # what stands in modules, by the identity of their items
            id(node.item): scope_chain(node.item)
            for node in walk(nodes)
            if isinstance(node, PlacedItem) and node.item.operation is None and not node.item.again
        }

    def chain(self) -> Chain:
        for node in walk(self.nodes):
            if isinstance(node, Meeting):
                self.spell_alike(node)
        for _, wire in wires(self.nodes):
            self.name(wire.output)
        paths = {*paths_of(tuple(map(self.term, self.nodes)), ())}
        for around, wire in wires(self.nodes):
            if seen_from(around, self.names[wire.output], paths) is None:
                maker = next(self.makers(wire.output))
                self.taken |= {path[-1] for path in paths}
                # a label nearer by hides it: an identity behind it bears a name that is free
                own = self.free("skip")
                maker.nodes.insert(maker.place + 1, Mark(own, wire.output))
                self.names[wire.output] = (*maker.around, own)
                paths.add((*maker.around, own))
        for around, wire in wires(self.nodes):
            wire.path = seen_from(around, self.names[wire.output], paths) or self.names[wire.output]
        return tuple(map(self.term, self.nodes))

    def spell_alike(self, meeting: Meeting) -> None:
        """Where wires lead to numbered steps, and what arrives is one of them, a wire leads there, too."""
        ends = [
            path[-1].output if path else value
            for path, value in zip(meeting.paths, meeting.item.inputs, strict=True)
        ]
        words = [self.numbered(value) for value in ends]
        for path, value, word in zip(meeting.paths, meeting.item.inputs, words, strict=True):
            if not path and word and words.count(word) >= FEWEST_ALIKE:
                # a loop, `for j in 3 { | from c{j+1} }`, of `| from c1 | from c2 | identity` behind c3
                path.append(Wire(value))

    def numbered(self, value: int) -> str:
        """The path of what makes a value, without its digits; "" where no label says it."""
        maker = next(self.makers(value), None)
        if maker is None:  # what enters
            return ""
        own = label_of(maker.node)
        # layer1.0.conv2: layer#.#.conv#
        return re.sub(r"\d+", "#", ".".join((*maker.around, own))) if own else ""

    def name(self, value: int, wanted: str = "") -> None:
        """Give a value a name, if it has none: the label of what makes it, or one of its own."""
        if value in self.names:
            return
        if value == self.entry:
            own = wanted or self.free("start")
            self.nodes.insert(0, Mark(own, value))
            self.names[value] = (own,)
            return
        maker = next(self.makers(value))
        node = maker.node
        own = label_of(node)
        if not own or (wanted and own != wanted):
            own = wanted or self.free("skip")
            # a step without tensors takes the name itself; behind any other an identity bears it
            if isinstance(node, PlacedItem) and not node.label and not node.name:
                node.name = own
            else:
                maker.nodes.insert(maker.place + 1, Mark(own, value))
        self.taken.add(own)
        self.names[value] = (*maker.around, own)

    def name_output(self, value: int, wanted: str) -> Path:
        """The path of an output, named as the source does where that name is free."""
        if value in self.outputs:  # by another name
            own = self.free("output") if wanted in self.taken or not wanted else wanted
            self.nodes += [Wire(value), Mark(own, value)]
            self.taken.add(own)
            return (own,)
        self.outputs.add(value)
        if value not in self.names:
            has_it = value != self.entry and label_of(next(self.makers(value)).node) == wanted
            self.name(value, wanted if has_it or wanted not in self.taken else "")
        return self.names[value]

    def makers(self, value: int) -> Iterator[Spot]:
        """What makes a value, the outermost first; braces only where no other value in them is read."""
        for spot in spots(self.nodes):
            node = spot.node
            makes_it = node.output == value and not isinstance(node, Wire | Mark | Keep)
            # beside `from s.x` the end of s is `from s.y`, in the same form, not `from s`
            if makes_it and not (isinstance(node, NodeGroup) and holds_other(node, value, self.read)):
                yield spot

    def free(self, word: str) -> str:
        own = next(f"{word}{n}" for n in count(1) if f"{word}{n}" not in self.taken)
        self.taken.add(own)
        return own

    def term(self, node: Node) -> Term:
        if isinstance(node, Wire):
            return From(tuple(map(parse_label, node.path)))
        if isinstance(node, Mark):
            return Call(IDENTITY, (), parse_label(node.name))
        if isinstance(node, Keep):
            return Constant(node.name, SIZE)
        if isinstance(node, NodeGroup):
            return Braces(parse_label(node.label), tuple(map(self.term, node.body)))
        if isinstance(node, Meeting):
            assert node.item.operation is not None
            paths = tuple(tuple(map(self.term, path)) for path in node.paths)
            name, arguments = spell(node.item.operation.layer, node.item.operation.inputs[0].shape)
            return Join(name, paths, arguments=arguments)
        return self.step(node)

    def step(self, step: PlacedItem) -> Term:
        item = step.item
        if item.again:
            return Again(tuple(map(parse_label, item.label)), parse_label(step.name))
        label: Label = parse_label(step.label[0] if step.label else step.name)
        if item.operation is None:
            return Braces(label, self.inner[id(item)], item.kind, item.channels, item.leaving)
        name, arguments = spell(item.operation.layer, item.operation.inputs[0].shape)
        if step.size:
            arguments = (("size", ConstantName(step.size)), *(a for a in arguments if a[0] not in RESIZES))
        return Call(name, arguments, label, bool(item.operation.keys), item.channels)


def spots(nodes: list[Node], around: Path = ()) -> Iterator[Spot]:
    """All nodes of a chain in the order of the text, each before those that it holds."""
    for place, node in enumerate(nodes):
        yield Spot(nodes, place, around)
        inside = (*around, node.label) if isinstance(node, NodeGroup) else around
        for inner in lists(node):
            yield from spots(inner, inside)


def wires(nodes: list[Node]) -> list[tuple[Path, Wire]]:
    """The wires in a chain, each with the labels of the braces around it."""
    return [(spot.around, spot.node) for spot in spots(nodes) if isinstance(spot.node, Wire)]


def paths_of(chain: Chain, prefix: Path) -> Iterator[Path]:
    """The paths of all labels in a chain of terms."""
    for term in chain:
        own = label_text(term.label) if isinstance(term, Call | Braces | Again) else ""
        inside = (*prefix, own) if own else prefix
        if own:
            yield inside
        for inner in chains(term):
            yield from paths_of(inner, inside)


def seen_from(around: Path, path: Path, paths: Collection[Path]) -> Path | None:
    """The end of a path by which its step is seen in some braces, the shortest that leaves out their labels.

    None: each is another step's, for it is looked for in the innermost braces first.
    """
    shared = next(
        (k for k, pair in enumerate(zip(around, path[:-1], strict=False)) if pair[0] != pair[1]), None
    )
    # from within braces a.b, a.c.d is `c.d` where there is no a.b.c.d, which would be nearer; else `a.c.d`
    for begin in range(min(len(around), len(path) - 1) if shared is None else shared, -1, -1):
        tries = ((*around[:depth], *path[begin:]) for depth in range(len(around), -1, -1))
        if next((each for each in tries if each in paths), path[begin:]) == path:
            return path[begin:]
    return None


def label_of(node: Node) -> str:
    if isinstance(node, PlacedItem):
        return node.label[0] if node.label else node.name
    return node.label if isinstance(node, NodeGroup) else node.name if isinstance(node, Mark) else ""


def holds_other(group: NodeGroup, value: int, read: Collection[int]) -> bool:
    made = {node.output for node in walk(group.body) if not isinstance(node, Wire | Mark | Keep)}
    return any(other in made for other in read if other != value)
