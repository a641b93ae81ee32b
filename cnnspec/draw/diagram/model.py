"""The diagram model: boxes in clusters, and edges that carry shapes. Passes make a new one from an old one.

Boxes are numbered in the order of execution, so the boxes of a cluster are a run of numbers, and every
edge leads from a smaller number to a larger one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape

Arguments = tuple[tuple[str, object], ...]  # names and values

K = TypeVar("K")
V = TypeVar("V")


class Count(NamedTuple):
    """Parameters or multiply-accumulates: of all copies together, and of a single one, which may vary."""

    total: int = 0
    least: int = 0
    most: int = 0

    @staticmethod
    def of(number: int) -> Count:
        return Count(number, number, number)

    def beside(self, other: Count) -> Count:
        """Of two layers in one box."""
        return Count(self.total + other.total, self.least + other.least, self.most + other.most)


class VaryingNumber(NamedTuple):
    """A number that copies may differ in, of a part by its place in a box: of them the least and the most.

    It is a dropout's probability, or how many channels are picked.
    """

    part: int
    layer: Layer
    least: float
    most: float

    def words(self) -> str:
        span = f"{self.least:g}" if self.least == self.most else f"{self.least:g}…{self.most:g}"
        return span if self.layer.name != "pick" else f"{span} channels"


class Box(NamedTuple):
    """One or more layers, a join, an input or an output.

    `parts` are the layers' words, the first of which gives the box its kind; `briefs` are the same
    without kernels, strides and the like. A box of `times` copies counts them all.
    """

    number: int
    kind: str
    parts: tuple[str, ...]
    briefs: tuple[str, ...]
    label: str = ""  # as the author named it, if he did
    params: Count = Count()
    macs: Count = Count()
    times: int = 1
    others: tuple[int, ...] = ()  # numbers of the boxes that passes made one with it
    shared: bool = False  # the weights of an earlier box, once more
    idle: str = ""  # why evaluation does without it
    window: tuple[int, int] | None = None  # height and width of the kernel that slides over what arrives
    transposed: bool = False  # each pixel puts its kernel down instead
    variables: tuple[VaryingNumber, ...] = ()


class Cluster(NamedTuple):
    """Boxes that belong together: a block's use, labelled braces, or one iteration of a repeat.

    An iteration and a path of a join have no name of their own: they are drawn only where several were
    folded into one. `arguments` are those of a block's use that are not its defaults, by name.
    """

    kind: str  # "block", "group", "iteration" or "path"
    name: str  # the block's name, or the braces' label
    label: str  # a use's label, if its author gave it one
    items: tuple[Item, ...]
    times: int = 1
    shared: bool = False
    idle: str = ""
    arguments: Arguments = ()


Item = Box | Cluster


class Edge(NamedTuple):
    """A value on its way. Where copies are folded it goes from the `first` copy's shape to the `last`'s.

    `route`: "skip" where it passes by the layers of a join's other paths, "projection" where it does so
    with a single convolution, which fits its shape to theirs. `fault`: why the value cannot go this way.
    `times`: how many such values it stands for.
    """

    tail: int
    head: int
    first: Shape
    last: Shape
    route: str = ""
    idle: str = ""
    fault: str = ""
    times: int = 1


class Port(NamedTuple):
    """An input or output of the network."""

    name: str
    shape: Shape


class Diagram(NamedTuple):
    """A drawn network. `heads` are the first boxes of the columns after the first that it is laid out in.

    `severed` are edges, by tail and head, that are cut in two even within a column.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]  # those of evaluation
    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    heads: tuple[int, ...] = ()
    severed: frozenset[tuple[int, int]] = frozenset()

    def is_severed(self, edge: Edge) -> bool:
        return (edge.tail, edge.head) in self.severed


class Totals(NamedTuple):
    params: int
    macs: int

    def __str__(self) -> str:
        return f"{self.params:,} parameters, {self.macs:,} MACs"


def boxes(items: Iterable[Item]) -> Iterator[Box]:
    """All boxes, in the order of execution."""
    for item in items:
        if isinstance(item, Box):
            yield item
        else:
            yield from boxes(item.items)


def clusters(items: Iterable[Item]) -> Iterator[Cluster]:
    """All clusters, the outer before the inner."""
    for item in items:
        if isinstance(item, Cluster):
            yield item
            yield from clusters(item.items)


def clusters_by_depth(items: Iterable[Item]) -> list[list[Cluster]]:
    """The outermost clusters, those right within these, and so on."""
    found: list[list[Cluster]] = []
    while inner := [item for item in items if isinstance(item, Cluster)]:
        found.append(inner)
        items = [item for cluster in inner for item in cluster.items]
    return found


def group_pairs(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """By each first member of the pairs their second members, as the boxes that feed one by its number."""
    found: dict[K, list[V]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def totals(diagram: Diagram) -> Totals:
    """Parameters and multiply-accumulates. No pass changes them."""
    found = list(boxes(diagram.items))
    return Totals(sum(box.params.total for box in found), sum(box.macs.total for box in found))
