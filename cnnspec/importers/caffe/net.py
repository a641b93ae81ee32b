"""What the rows of layers work on: a layer with the values that it reads, and where its weights are."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.importers.caffe.layers import CaffeLayer
from cnnspec.importers.model import Value
from cnnspec.importers.reading.builder import ModelBuilder, Unjudged
from cnnspec.importers.reading.fields import Fields
from cnnspec.importers.refusals import Refuse
from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape

FILLERS = ("bias_filler", "filler", "weight_filler")
SILENT = (*FILLERS, "engine", "force_nd_im2col", "moving_average_fraction", "stable_prod_grad")
"""Parameters of how a layer is computed and trained: they say nothing about what it makes."""


class Blob(NamedTuple):
    """Where a tensor is: the blob of a layer, and what becomes of it.

    `how`: "average", a sum that the layer's third blob divides; "transposed", columns first.
    """

    layer: str
    number: int
    how: str = ""


class CaffeNet(ModelBuilder):
    """A model in the making."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.values: dict[str, Value | None] = {}  # by blob; None: a refused layer would have made it
        self.blobs: dict[str, Blob] = {}  # by key
        # "w" -> ("conv1", ("w", "b")): label and all names, for it is shared by all its names or not at all.
        self.shared: dict[str, tuple[str, tuple[str, ...]]] = {}  # by a parameter's name, who owns it

    def owner(self, part: CaffeLayer) -> str:
        """The label of a layer's tensors: that of an earlier layer whose parameters it shares.

        Raises Refuse where it shares some of them.
        """
        known = {self.shared[name] for name in part.shared if name in self.shared}
        if not known:
            label = self.label(part.name)
            self.shared |= {name: (label, part.shared) for name in part.shared if name}
            return label
        if known != {(next(iter(known))[0], part.shared)}:
            raise Refuse("E1008", "it shares some of its weights with another layer, not all")
        return next(iter(known))[0]


class LayerReading(NamedTuple):
    """A layer that is being read. `inputs` has None for what a refused layer would have made.

    `scale` is the Scale behind a batch norm.
    """

    net: CaffeNet
    part: CaffeLayer
    inputs: tuple[Value | None, ...]
    scale: CaffeLayer | None = None

    @property
    def value(self) -> Value:
        """The one value that it reads. Raises Refuse, Unjudged."""
        (value,) = self.values(1)
        return value

    @property
    def shape(self) -> Shape:
        """Raises Refuse, Unjudged."""
        return self.value.shape

    def values(self, count: int = 0) -> list[Value]:
        """The values that it reads, so many, or any number from one. Raises Refuse, Unjudged."""
        if not self.inputs or len(self.inputs) != (count or len(self.inputs)):
            raise Refuse("E1001", f"a `{self.part.kind}` with {len(self.inputs)} bottoms")
        found = [value for value in self.inputs if value is not None]
        if len(found) < len(self.inputs):
            raise Unjudged
        return found

    def fields(self, name: str) -> Fields:
        """The layer's own parameters, which are used by this, those that say nothing included."""
        found = self.part.fields.part(name)
        found.skip(*SILENT)
        return found

    def add(self, layer: Layer, *inputs: Value, **blobs: Blob) -> Value:
        """Add a layer without tensors, or with those of `blobs`, by their names. Raises Refuse."""
        label = self.net.owner(self.part) if blobs else ""
        made = self.net.emit(layer, *inputs, label=label)
        for name, blob in blobs.items():
            # "own" is a Scale's one tensor, which has no name: a keyword has to have one.
            self.net.blobs.setdefault(f"{label}.{name}" if name != "own" else label, blob)
        return made

    def lacks(self, what: str, fields: Fields) -> None:
        """Refuse what has no layer, where the shape of what it makes is known, so that all else is judged."""
        self.net.refuse(Refuse("E1003", f"{what} has no layer", fields.line))

    def blob(self, number: int, how: str = "") -> Blob:
        return Blob(self.part.name, number, how)
