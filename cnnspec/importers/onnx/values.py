"""What a value of the graph may be, once it is known what made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnspec.importers.reading.arrangement import Axes
from cnnspec.importers.reading.arrays import Array
from cnnspec.importers.reading.flows import Flow, PoolPlaces, Repeated
from cnnspec.importers.reading.layer_formulas import Computation


@dataclass(frozen=True, eq=False)
class ConstantArray:
    """Numbers that depend on no input; `name` is the tensor's that holds them as they are, or "" ."""

    array: Array
    name: str = ""


class FormulaPart(NamedTuple):
    """What arithmetic makes that is no layer yet; `axes` are those of the value that it goes through."""

    computation: Computation
    axes: Axes


class Affine(NamedTuple):
    """A value times numbers plus numbers, each one in all or one a channel."""

    flow: Flow
    scale: Array
    shift: Array


class Opaque(NamedTuple):
    """What a refused node made, or what depends on it: nothing more is said of it."""


Known = Flow | ConstantArray | Repeated | PoolPlaces | FormulaPart | Affine | Opaque


class GraphNode(NamedTuple):
    """A node of the graph: attributes as Python has them; `properties` are what exporters note with it."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = {}
    properties: Mapping[str, str] = {}


class WindowAttributes(NamedTuple):
    """What a node says of the windows that it lays over a map; None of what it does not say."""

    auto_pad: str = "NOTSET"
    dilations: Any = None
    kernel_shape: Any = None
    pads: Any = None
    strides: Any = None
