"""Items to chains: a join whose paths stand apart holds them, all else runs in order, with `from`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from cnnspec.importers.structure.regions import ItemGraph, Region
from cnnspec.importers.structure.scopes import Item, refuse

DEEPEST = 2
"""Joins within joins that a reader follows; skips that nest deeper are wires."""


class PlacedItem:
    """An item in its place. `name` is a label that a wire needs, where the item has none of its own.

    `size` is the constant that says how large a map it makes; "" where its arguments do.
    """

    def __init__(self, item: Item, label: tuple[str, ...]) -> None:
        self.item, self.label = item, label
        self.output: int = item.output
        self.name = ""
        self.size = ""


class Meeting:
    """A join and its paths."""

    def __init__(self, item: Item, paths: list[list[Node]]) -> None:
        self.item, self.paths = item, paths
        self.output: int = item.output


class NodeGroup:
    """Braces made about steps whose labels begin alike."""

    def __init__(self, label: str, body: list[Node]) -> None:
        self.label, self.body = label, body
        self.output: int = body[-1].output


class Mark:
    """A name for the value that arrives."""

    def __init__(self, name: str, output: int) -> None:
        self.name, self.output = name, output


class Keep:
    """A constant for the size of the value that arrives."""

    def __init__(self, output: int) -> None:
        self.output, self.name = output, ""


class Wire:
    """A value from elsewhere; `path` is how it is called where the wire stands."""

    def __init__(self, output: int) -> None:
        self.output = output
        self.path: tuple[str, ...] = ()


Node = PlacedItem | Meeting | NodeGroup | Mark | Keep | Wire


def lists(node: Node) -> list[list[Node]]:
    """The chains that a node holds."""
    return [node.body] if isinstance(node, NodeGroup) else node.paths if isinstance(node, Meeting) else []


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """All nodes in the order of the text, each before those that it holds."""
    for node in nodes:
        yield node
        for inner in lists(node):
            yield from walk(inner)


class Torn(Exception):
    """The labels of one module would stand in several braces; `prefix` is what they begin with."""

    def __init__(self, prefix: tuple[str, ...]) -> None:
        super().__init__(prefix)
        self.prefix = prefix


def arrange(
    items: Sequence[Item], entry: int, needed: Collection[int], last: int | None = None
) -> list[Node]:
    """The items of a scope as a chain from its entry on, which makes all that is needed and ends in `last`.

    Steps of one module that cannot stand together bear labels with dots.
    """
    graph = ItemGraph(items, needed)
    regions = {}
    for item in items:
        if item.joins and not item.wired and (region := graph.region(item) or graph.tails(item)) is not None:
            regions[item.output] = region
    # a U-Net is a skip within a skip within a skip: as wires, in the order in which it runs, it is readable
    while deep := next((join for join in regions if len(spine(join, regions)) > DEEPEST), None):
        for join in spine(outermost(deep, regions), regions):
            shallow = graph.tails(graph.items[join]) if regions.pop(join).entry is not None else None
            regions |= {join: shallow} if shallow is not None else {}
    # what tears braces apart is given up: first regions, then the order of steps, at last labels, for dots
    while True:
        try:
            nodes = line(items, entry, regions)
            if last not in (None, nodes[-1].output if nodes else entry):
                nodes.append(Wire(last))
            return together(nodes)
        except Torn as torn:
            depth = len(torn.prefix)
            concerned = {item.output for item in items if item.label[:depth] == torn.prefix}
            parting = [join for join, region in regions.items() if concerned & region.members]
            is_spread = any(in_paths(concerned, regions[join]) for join in parting) and not any(
                len(item.label) == depth for item in items if item.output in concerned
            )
            ordered = list(items) if parting else gather(items)
            if is_spread or (not parting and ordered == list(items)):
                return arrange(with_dots(items, torn.prefix), entry, needed, last)
            items = ordered
            for join in parting:
                del regions[join]


def in_paths(values: set[int], region: Region) -> bool:
    """Whether these values stand in the paths of a join, each in another one."""
    paths = [{item.output for item in path} & values for path in region.paths]
    return values == set().union(*paths) and max(map(len, paths)) == 1


def with_dots(items: Sequence[Item], prefix: tuple[str, ...]) -> list[Item]:
    """The items, those of a module by labels with dots, `convs.0`: no braces can hold them all at once."""
    depth = len(prefix)
    found = []
    for item in items:
        if item.label[:depth] == prefix:
            if len(item.label) == depth:
                raise refuse(".".join(prefix), "it runs between operations of modules within it")
            # prefix ("convs",): ("convs", "0", "conv") becomes ("convs.0", "conv")
            joined = ".".join(item.label[depth - 1 : depth + 1])
            item = item._replace(label=(*item.label[: depth - 1], joined, *item.label[depth + 1 :]))
        found.append(item)
    return found


def spine(join: int, regions: dict[int, Region]) -> list[int]:
    """The joins that nest deepest in the region of a join, itself first; one of single steps is a step."""
    spines: dict[int, list[int]] = {}
    for each, region in regions.items():
        if each == join or (each in regions[join].members and not region.is_flat):
            within = [inner for other, inner in spines.items() if other in region.members]
            spines[each] = [each, *max(within, key=len, default=[])]
    return spines[join]


def outermost(join: int, regions: dict[int, Region]) -> int:
    """The last join whose region holds this one, on whose spine it is too deep."""
    around = [each for each, region in regions.items() if join in region.members]
    return max(around, key=lambda each: len(regions[each].members))


def line(items: Iterable[Item], entry: int, regions: dict[int, Region]) -> list[Node]:
    """The items in their order; what is in a region stands in the paths of its join."""
    items = list(items)
    known = {item.output for item in items}
    inside: set[int] = set()
    # the join of an outer region runs behind those in it: what it holds is left to the lines of its paths
    for item in reversed(items):
        if item.output in regions and item.output not in inside:
            inside |= regions[item.output].members - {item.output}
    nodes: list[Node] = []
    current = entry
    for item in items:
        if item.output in inside:
            continue
        if item.joins:
            region = regions.get(item.output)
            if region is None or not region.members <= known:
                region = Region(None, ((),) * len(item.inputs), set())
            # the paths of a tail begin at wires; one that begins at what arrives needs none
            begin = current if region.entry is None else region.entry
            if begin != current:
                nodes.append(Wire(begin))
            paths = [line(path, begin, regions) for path in region.paths]
            for path, value in zip(paths, item.inputs, strict=True):
                if not path and value != begin:
                    path.append(Wire(value))
            nodes.append(Meeting(item, paths))
        else:
            if item.inputs[0] != current:
                nodes.append(Wire(item.inputs[0]))
            nodes.append(PlacedItem(item, () if item.again else item.label))
        current = item.output
    return nodes


def together(nodes: list[Node], prefix: tuple[str, ...] = ()) -> list[Node]:
    """Braces about the steps whose labels begin alike. Raises Torn where they are apart."""
    found: list[Node] = []
    used: set[str] = set()
    place = 0
    while place < len(nodes):
        node, word, stop = nodes[place], beginning(nodes[place]), place + 1
        if word:
            # m.a, relu, m.b are `m: { a: …, relu, b: … }`: what has no label goes into the braces
            stop = 1 + max(i for i, other in enumerate(nodes) if beginning(other) == word)
            if any(own != word for own in words(nodes[place:stop])):
                raise Torn((*prefix, word))
        # a join that no braces go around takes all first words of its labels: none may come again behind it
        for each in {word} if word else set(words([node])):
            if each in used:
                raise Torn((*prefix, each))
            used.add(each)
        if word and not (isinstance(node, PlacedItem) and len(node.label) == 1):
            node = NodeGroup(word, together(strip(nodes[place:stop]), (*prefix, word)))
        elif stop > place + 1:
            raise Torn((*prefix, word))
        elif isinstance(node, Meeting):
            # `| convs.0, x | convs.1, y`: braces `convs` cannot stand in two paths
            if len(every := [w for path in node.paths for w in set(words(path))]) > len(set(every)):
                raise Torn((*prefix, max(every, key=every.count)))
            node.paths = [together(path, prefix) for path in node.paths]
        found.append(node)
        place = stop
    return found


def beginning(node: Node) -> str:
    """What the label of a step begins with; of a join, what all labels in it begin with and go on from."""
    if isinstance(node, PlacedItem):
        return node.label[0] if node.label else ""
    if isinstance(node, Meeting):
        labels = [*labels_in([node])]
        if len({label[0] for label in labels}) == 1 and all(len(label) > 1 for label in labels):
            return labels[0][0]
    return ""


def labels_in(nodes: list[Node]) -> Iterator[tuple[str, ...]]:
    for node in nodes:
        if isinstance(node, PlacedItem) and node.label:
            yield node.label
        elif isinstance(node, Meeting):
            for path in node.paths:
                yield from labels_in(path)


def words(nodes: list[Node]) -> Iterator[str]:
    """What the labels in a chain begin with."""
    return (label[0] for label in labels_in(nodes))


def strip(nodes: list[Node]) -> list[Node]:
    """The nodes with labels that lack their first word."""
    for node in nodes:
        if isinstance(node, PlacedItem):
            node.label = node.label[1:]
        elif isinstance(node, Meeting):
            node.paths = [strip(path) for path in node.paths]
    return nodes


def gather(items: Sequence[Item]) -> list[Item]:
    """The items in another order in which they can run: those of one module as close as can be."""
    makers = {item.output for item in items}
    waiting, done, found = list(items), set[int](), list[Item]()
    while waiting:
        ready = [item for item in waiting if all(v in done or v not in makers for v in item.inputs)]
        last = found[-1].label[:1] if found else ()
        # convs.0, x, convs.1, y of two paths run as convs.0, convs.1, x, y
        chosen = next((item for item in ready if item.label[:1] in (last, ())), ready[0])
        waiting.remove(chosen)
        done.add(chosen.output)
        found.append(chosen)
    return found
