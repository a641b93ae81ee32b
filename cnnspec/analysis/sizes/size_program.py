"""The size program of a network: every layer's own `output`, asked until its pace tells the sizes to come.

A map's height does not depend on its width, nor either of them on the channels. So layers of the same window
share their answers, and few are asked: behind a stride of 2 there are half as many sizes left.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.elaborate.special_values import freeze
from cnnspec.layers.base import Join, Layer, Misfit
from cnnspec.values.kinds import Filter
from cnnspec.values.limits import Limits
from cnnspec.values.shapes import Shape

WIDTHS = ("count", "list", "numbers", "text")
"""Kinds of arguments that no height and no width depends on."""

MOST_WORK = 200_000
"""So many answers a program computes, some microseconds each."""

Side = dict[int, Any]
"""What becomes of heights, or of widths; None: they do not fit."""

NO_LIMITS = Limits()


class TooMuch(Exception):
    """The program is too long for so many sizes."""


def shape_of(channels: int | None, place: Any) -> Shape:
    return Shape(place) if channels is None else Shape(channels, *place)


def place_of(shape: Shape) -> Any:
    return shape.size if shape.is_map else int(shape.channels)


def is_even(layer: Layer) -> bool:
    """Whether a layer does along its width as it does along its height."""
    for name, argument in layer.arguments.items():
        value = layer.value(name)
        if argument.kind == "filter":
            value = value.kernel
        if argument.kind in ("size", "factor", "filter", "pad") and type(value) is tuple:
            half = len(value) // 2
            if value[:half] != value[half:]:
                return False
    return True


class SizeProgram:
    """The program of a flat graph, and what its layers have answered."""

    def __init__(self, graph: Graph, limits: Limits = NO_LIMITS, work: int = MOST_WORK) -> None:
        self.graph, self.limits, self.left = graph, limits, work
        self.nodes = {node.path: node for node in graph.nodes}
        # By layer what it made of places: {((7, 9),): (4, 5)}; of a join with a place for each path.
        self.tables: dict[Hashable, dict[Any, Any]] = {}
        self.behaviours: dict[int, Hashable] = {}
        # Of heights of a 3x3 with stride 2 and pad 1: {1: 1, 2: 1, 3: 2, …}, and by the remainder of 2 the
        # least height that was asked about: {1: 1, 0: 2}.
        self.sides: dict[Hashable, tuple[Side, dict[int, int]]] = {}
        self.made: dict[Hashable, Layer | None] = {}

    def spend(self, work: int) -> None:
        """Raises TooMuch."""
        self.left -= work
        if self.left < 0:
            raise TooMuch

    def is_even(self) -> bool:
        """Whether all is along widths as it is along heights, where the inputs are squares."""
        text = self.graph.findings.assumed or self.graph.findings.decisions
        layers = {id(node.layer): node.layer for node in self.graph.nodes}.values()
        squares = all(len(set(shape.dimensions[1:])) < 2 for _, shape in self.graph.inputs)
        follows = any(node.following is not None for node in self.graph.nodes)
        return squares and not text and not follows and all(map(is_even, layers))

    def behaviour(self, layer: Layer) -> Hashable:
        """What layers have in common that make the same of a height and a width."""
        key = id(layer)
        if key not in self.behaviours:
            values = [layer.value(name) for name, a in layer.arguments.items() if a.kind not in WIDTHS]
            self.behaviours[key] = (
                type(layer),
                *(value.kernel if isinstance(value, Filter) else value for value in values),
            )
        return self.behaviours[key]

    def along(self, layer: Layer, written: Shape, axis: int, sides: set[int], lost: bool = False) -> Side:
        """What becomes of heights (axis 0) or widths, each asked about with the `written` other side.

        That matters not, but is one that the layer takes. Where it takes a map it takes larger ones, and what
        it makes of them follows from its pace, so few are asked about. `lost`: how many rows or columns a
        stride leaves out of them. Raises TooMuch.
        """
        # One table for both axes where they are alike: False is the key 0 of heights.
        key = self.behaviour(layer), axis and not is_even(layer), lost
        table, starts = self.sides.setdefault(key, ({}, {}))
        pace, look = layer.paces()[axis], self.left_out if lost else self.answer
        # Rising, so that of each remainder the least size that fits is asked about.
        for n in sorted(sides.difference(table)):
            # f(n + step) = f(n) + gain: one answer for each remainder tells all larger sizes.
            start = starts.get(n % pace.step) if pace else None
            if pace and start is not None and n >= start:
                # What a stride leaves out repeats: of 7, 9 and 11 rows a 2x2 pool never sees one.
                table[n] = table[start] + (0 if lost else (n - start) // pace.step * pace.gain)
                continue
            self.spend(1)
            place = (n, written.width) if axis == 0 else (written.height, n)
            found = look(layer, (int(written.channels),), (place,))
            table[n] = found and found[axis]
            if pace and found:
                starts[n % pace.step] = n
        return table

    @staticmethod
    def left_out(
        layer: Layer, channels: Sequence[int | None], places: tuple[Any, ...]
    ) -> tuple[int, int] | None:
        """How many rows and columns a layer leaves out; None where the value does not fit."""
        try:
            return layer.unread(*map(shape_of, channels, places))
        except Misfit:
            return None

    @staticmethod
    def answer(layer: Layer, channels: Sequence[int | None], places: tuple[Any, ...]) -> Any:
        """What a layer makes of a value, a join of its paths'; None where these do not fit."""
        if None in places:
            return None
        shapes = tuple(map(shape_of, channels, places))
        try:
            return place_of(layer.join(shapes) if isinstance(layer, Join) else layer.output(*shapes))
        except Misfit:
            return None

    def layer(self, node: Node, given: dict[str, Any]) -> Layer | None:
        """A layer with arguments that follow sizes, as they are at one size; None: they are none."""
        key = type(node.layer), *((name, freeze(value)) for name, value in given.items())
        if key not in self.made:
            try:
                self.made[key] = type(node.layer)(**given)
            except Misfit:
                self.made[key] = None
        return self.made[key]
