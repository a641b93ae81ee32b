"""The size program of a network: every layer's own `output`, asked once for each size that arrives.

A map's height does not depend on its width, nor either of them on the channels. So layers of the same window
share their answers, and few are asked: behind a stride of 2 there are half as many sizes left.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import zip_longest
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

Side = dict[int, int | None]
"""What becomes of heights, or of widths; None: they do not fit."""

FAULT = None, None  # what becomes of a height and of a width that do not fit
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
        self.tables: dict[Hashable, dict[Any, Any]] = {}
        self.behaviours: dict[int, Hashable] = {}
        self.sides: dict[Hashable, tuple[Side, Side]] = {}
        self.lost: dict[Hashable, tuple[Side, Side]] = {}
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

    def along(
        self, layer: Layer, written: Shape, heights: set[int], widths: set[int], lost: bool = False
    ) -> tuple[Side, Side]:
        """What becomes of heights and of widths, of which a layer is asked about one each at a time.

        Neither matters to the other; where the layer does not take the two, it is asked about each with the
        `written` other, which it takes. `lost`: how many rows and columns a stride leaves out of them, no
        more than were asked about before. Raises TooMuch.
        """
        tables = self.lost if lost else self.sides
        key = self.behaviour(layer)
        if key not in tables:
            down: Side = {}
            tables[key] = down, down if is_even(layer) else {}
        down, across = tables[key]
        rows, columns = list(heights.difference(down)), list(widths.difference(across))
        if down is across:
            sides = list({*rows, *columns})
            rows, columns = sides[::2], sides[1::2]
        self.spend(0 if lost else len(rows) + len(columns))
        channels, look = int(written.channels), self.left_out if lost else self.answer

        def ask(row: int | None, column: int | None) -> tuple[int | None, int | None]:
            return look(layer, channels, (row or written.height, column or written.width)) or FAULT

        for row, column in zip_longest(rows, columns):
            height, width = ask(row, column)
            if height is None and row and column:
                height, width = ask(row, None)[0], ask(None, column)[1]
            if row:
                down[row] = height
            if column:
                across[column] = width
        return down, across

    @staticmethod
    def left_out(layer: Layer, channels: int | None, place: Any) -> tuple[int, int] | None:
        """How many rows and columns a layer leaves out; None where the value does not fit."""
        try:
            return layer.unread(shape_of(channels, place))
        except Misfit:
            return None

    @staticmethod
    def answer(layer: Layer, channels: int | None, place: Any) -> Any:
        """What a layer makes of a value; None where it does not fit."""
        try:
            return place_of(layer.output(shape_of(channels, place)))
        except Misfit:
            return None

    @staticmethod
    def joined(join: Join, channels: Sequence[int | None], places: tuple[Any, ...]) -> Any:
        if None in places:
            return None
        try:
            return place_of(join.join(tuple(map(shape_of, channels, places))))
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
