"""Sizes of other maps: a constant keeps one where the map is, and a layer behind it makes as large a one."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.importers.structure.arrange import Keep, Meeting, Node, PlacedItem, Wire, lists, walk

NAME = "size"


class Gap(NamedTuple):
    """Between two nodes of a chain: before the node of this number."""

    nodes: list[Node]
    before: int


class Keeper:
    """Finds for the steps of a scope the value whose size they take, and keeps the sizes that they need.

    A constant is seen to the end of its braces or of its path. Where no such value is seen, a wire fetches
    one that stands in other braces, best one that a wire fetches anyway.
    """

    def __init__(self, nodes: list[Node], entry: int) -> None:
        self.entry = entry
        self.takers: list[tuple[PlacedItem, int]] = []
        self.kept: dict[int, Gap] = {}  # by value, where it is seen
        self.fetched: list[tuple[int, Gap, PlacedItem]] = []
        self.in_braces: list[int] = []  # values so far that a wire can fetch
        self.wired = {node.output for node in walk(nodes) if isinstance(node, Wire)}
        self.visit(nodes, {entry: Gap(nodes, 0)})
        self.insert()
        self.name(nodes)

    def visit(self, nodes: list[Node], seen: dict[int, Gap], in_path: bool = False) -> None:
        """Find what the steps of a chain take; `seen` are the values before it."""
        # a copy: what braces or a path make is not seen behind them
        seen = dict(seen)
        for number, node in enumerate(nodes):
            if isinstance(node, PlacedItem):
                self.take(node, seen, Gap(nodes, number))
            for inner in lists(node):
                self.visit(inner, seen, in_path or isinstance(node, Meeting))
            if not isinstance(node, Wire):
                seen.setdefault(node.output, Gap(nodes, number + 1))
                self.in_braces += [] if in_path else [node.output]

    def take(self, step: PlacedItem, seen: dict[int, Gap], here: Gap) -> None:
        sized = step.item.operation.sized if step.item.operation is not None else ()
        known = [value for value in seen if value in sized]
        others = [value for value in self.in_braces if value in sized]
        if known:
            value = self.entry if self.entry in known else known[-1]
            self.kept.setdefault(value, seen[value])
        elif others:
            value = next((each for each in reversed(others) if each in self.wired), others[-1])
            self.fetched.append((value, here, step))
        else:
            return
        self.takers.append((step, value))

    def insert(self) -> None:
        """Put the constants into the chains."""
        news: list[tuple[Gap, list[Node]]] = []
        for value, place in self.kept.items():
            news.append((place, [Keep(value)]))
        for value, place, step in self.fetched:
            nodes: list[Node] = [Wire(value), Keep(value)]
            # `from a, size = …, from b, upsample size=size`: the way back is the step's own wire or a new one
            if place.before and isinstance(place.nodes[place.before - 1], Wire):
                place = place._replace(before=place.before - 1)
            else:
                nodes.append(Wire(step.item.inputs[0]))
            news.append((place, nodes))
        # from behind, so that the places before stay what they are
        for place, nodes in sorted(news, key=lambda new: -new[0].before):
            place.nodes[place.before : place.before] = nodes

    def name(self, nodes: list[Node]) -> None:
        """Name the constants in the order of the text, and tell the steps that take them."""
        kept = dict.fromkeys(node.output for node in walk(nodes) if isinstance(node, Keep))
        names = {value: f"{NAME}{number}" if number > 1 else NAME for number, value in enumerate(kept, 1)}
        for node in walk(nodes):
            if isinstance(node, Keep):
                node.name = names[node.output]
        for step, value in self.takers:
            step.size = names[value]
