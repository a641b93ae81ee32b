"""What the rows of sections work on: a section with the values before it, and the places of tensors."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.importers.model import Value
from cnnspec.importers.reading.builder import ModelBuilder, Unjudged
from cnnspec.importers.reading.fields import Field, Fields
from cnnspec.importers.refusals import Refuse
from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape


class WeightSlot(NamedTuple):
    """A tensor of the .weights. `may_turn`: some files have its columns first.

    `variance` is the key of the variance that a batch norm divides by, where this is its factor.
    """

    key: str
    shape: tuple[int, ...]
    may_turn: bool = False
    variance: str = ""


class DarknetNet(ModelBuilder):
    """A model in the making. `slots` are those of the .weights, in its order."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.slots: list[WeightSlot] = []
        self.values: list[Value | None] = []  # of the sections; None: a refused one's
        self.owners_of: dict[int, tuple[str, str]] = {}  # by section: the labels of its layer and its norm

    def own(self, layer: Layer, value: Value, label: str) -> dict[str, WeightSlot]:
        """The tensors of a layer under a label, by their names."""
        return {
            weight.name: WeightSlot(f"{label}.{weight.name}", tuple(map(int, weight.shape)))
            for weight in layer.weights(value.shape)
        }


class SectionReading(NamedTuple):
    """A section that is being read. `input` is what the section before makes; None: it is not known."""

    net: DarknetNet
    kind: str
    fields: Fields
    input: Value | None

    @property
    def value(self) -> Value:
        """What the section before makes. Raises Unjudged."""
        if self.input is None:
            raise Unjudged
        return self.input

    @property
    def shape(self) -> Shape:
        return self.value.shape

    def place(self, number: int, field: Field) -> int:
        """The section that a number means: from this one backwards, or from the first. Raises Refuse."""
        # -1 is the section before this one, whose value is the last so far.
        place = number + len(self.net.values) if number < 0 else number
        if not 0 <= place < len(self.net.values):
            raise Refuse("E1001", f"`{field.name}={number}` is no section before this one", field.line)
        return place

    def earlier(self, number: int, field: Field) -> Value:
        """What another section makes. Raises Refuse, Unjudged."""
        value = self.net.values[self.place(number, field)]
        if value is None:
            raise Unjudged
        return value

    def add(self, layer: Layer, *inputs: Value, label: str = "") -> Value:
        return self.net.emit(layer, *inputs, label=label)


def numbers_of(field: Field) -> list[int]:
    """Integers between commas. Raises Refuse."""
    return [Field(field.name, part, field.line).integer() for part in field.scalar.rstrip(",").split(",")]
