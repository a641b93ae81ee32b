"""Skeletons: what the nodes of a bare graph have in common, as far as blocks are told apart by it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from cnnspec.importers.model import Operation
from cnnspec.importers.patterns.align import ACTIVATIONS
from cnnspec.importers.structure.arrange import Meeting, Node, NodeGroup, PlacedItem, Wire, lists
from cnnspec.importers.wording.arguments import as_depthwise

FILTERS = ("conv", "depthwise", "convtranspose")
NORMS = ("batchnorm", "instancenorm", "groupnorm")
NOISE = ("dropout", "stochasticdepth")
POOLS = ("globalavgpool", "adaptiveavgpool")

ACT = ("act",)
SHUFFLE = ("channelshuffle",)

Symbol = tuple[object, ...]
"""What nodes of one skeleton have in common; a filter says whether it is pointwise."""


class MadeClass:
    """A class that is made up. `word` is what such a block is called; the name tells it from others."""

    def __init__(self, word: str) -> None:
        self.word = self.name = word


class SkeletonInstance(NodeGroup):
    """An instance of a class; `symbol` is what it is in the skeleton around it, None: it is passed over."""

    def __init__(self, kind: MadeClass, body: list[Node], symbol: Symbol | None) -> None:
        super().__init__("", body)
        self.kind, self.symbol = kind, symbol


class Neighbours(NamedTuple):
    """Nodes of a chain that stand side by side."""

    chain: list[Node]
    start: int
    stop: int

    def widened(self, before: int, behind: int) -> Neighbours:
        return self._replace(start=self.start - before, stop=self.stop + behind)

    def nodes(self) -> list[Node]:
        return self.chain[self.start : self.stop]


def every_chain(chain: list[Node]) -> Iterator[list[Node]]:
    """A chain and all chains in it, those first that hold others."""
    yield chain
    for node in chain:
        for inner in lists(node):
            yield from every_chain(inner)


class Skeletons:
    """Tells skeletons; a node that makes one of the values of `barriers` is like no other."""

    def __init__(self, barriers: Collection[int]) -> None:
        self.barriers = barriers

    def of(self, chain: Sequence[Node]) -> tuple[Symbol, ...]:
        # conv 1x1, relu, conv 3x3, dropout: (("conv", True), ("act",), ("conv", False))
        return tuple(symbol for node in chain if (symbol := self.symbol(node)) is not None)

    def symbol(self, node: Node) -> Symbol | None:
        """What a node is in a skeleton; None: noise and gates are passed over, any block may have some."""
        if isinstance(node, SkeletonInstance):
            return node.symbol
        if isinstance(node, Wire):
            return "wire", node.output
        if node.output in self.barriers:
            return "shared", node.output
        if isinstance(node, Meeting):
            return None if is_gate(node) else ("join", node.item.joins, len(node.paths))
        name = layer_name(node)
        if name in NOISE:
            return None
        if name in ACTIVATIONS:
            return ACT
        return (name, is_pointwise(node)) if name in FILTERS else (name,)

    def word(self, meeting: Meeting) -> str:
        """What a block with this join is called in the literature."""
        paths = sorted(map(self.of, meeting.paths), key=len)
        names = [symbol for symbol in paths[-1] if symbol[0] in FILTERS]
        if meeting.item.joins == "mul":
            return "SqueezeExcite" if any(s[0] in POOLS for path in paths for s in path) else "Gate"
        if meeting.item.joins == "concat":
            if any(symbol[0] == "slice" for path in paths for symbol in path):
                return "ShuffleUnit"
            return "DenseLayer" if not paths[0] else "Inception" if len(paths) > 2 else "Fork"
        if any(name == "depthwise" for name, *_ in names) and names[0] == ("conv", True):
            return "InvertedResidual"
        # pointwise, 3x3, pointwise
        return "Bottleneck" if [s[1] for s in names] == [True, False, True] else "Residual"


def unit_stop(chain: Sequence[Node], start: int) -> int:
    """Where a convolution with its norm ends that begins at a place; 0 where none does."""
    names = [layer_name(node) if isinstance(node, PlacedItem) else "" for node in chain[start : start + 3]]
    if len(names) < 2 or names[0] not in FILTERS[:2] or names[1] not in NORMS:
        return 0
    # of two steps the last is the norm
    return start + (3 if names[-1] in ACTIVATIONS else 2)


def operation_of(node: Node) -> Operation:
    """The operation of a step: in a bare graph nothing is in a module yet."""
    assert isinstance(node, PlacedItem) and node.item.operation is not None
    return node.item.operation


def layer_name(step: Node) -> str:
    operation = operation_of(step)
    return as_depthwise(operation.layer, int(operation.inputs[0].shape.channels)).name


def is_filter(node: Node) -> bool:
    return isinstance(node, PlacedItem) and layer_name(node) in FILTERS


def is_of_one_pixel(node: Node) -> bool:
    """Whether what arrives is a map of one pixel, as in gates."""
    return operation_of(node).inputs[0].shape.size == (1, 1)


def is_pointwise(step: Node) -> bool:
    layer = operation_of(step).layer
    name = "filter" if "filter" in layer.arguments else "kernel"
    value = layer.value(name)
    return bool(getattr(value, "kernel", value) == (1, 1))


def is_gate(meeting: Meeting) -> bool:
    """Whether a value is multiplied by what is computed from it."""
    return meeting.item.joins == "mul" and not all(meeting.paths)
