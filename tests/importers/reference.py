"""Published networks of Caffe and Darknet, which lie beside the project, with the figures known of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cnnspec.importers.caffe import read as caffe
from cnnspec.importers.caffe.layers import layers_of
from cnnspec.importers.caffe.net import CaffeNet
from cnnspec.importers.caffe.prototxt import parse
from cnnspec.importers.darknet import read as darknet
from cnnspec.importers.darknet.cfg import parse as parse_cfg
from cnnspec.importers.darknet.net import DarknetNet
from cnnspec.importers.model import Model
from cnnspec.importers.reading.text_files import read_text
from cnnspec.values.shapes import Shape

FOLDER = Path(__file__).parents[3] / "shared" / "reference"

HEADS = ("Gaussian_yolo", "detection", "local", "region", "yolo")
"""Sections without a layer: what lies before the first of them is imported."""

LONGER = {"pjreddie/cfg_go.cfg"}
"""Its `[reorg]` with `extra=1` adds a number; the table is of a Darknet that does not know the option."""

TRACKED = "num_batches_tracked"


class Sizes(NamedTuple):
    """A model, and the size of what each layer of the source makes, in the order of the source."""

    model: Model
    sizes: list[tuple[str, Shape | None]]


@cache
def table(kind: str) -> dict[str, Any]:
    """What is known of the networks, by their files; nothing where they are not there."""
    path = FOLDER / f"{kind}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def read(kind: str, file: str) -> Sizes:
    """Raises Refused."""
    return read_caffe(file) if kind == "caffe" else read_darknet(file, first_head(table(kind)[file]))


def read_caffe(file: str) -> Sizes:
    """Raises Refused."""
    fields = parse(file, read_text(FOLDER / "caffe" / file))
    net = CaffeNet(file)
    model = caffe.read(net, fields, [], "Net")
    made = [
        (part.name, value.shape if (value := net.values[part.tops[0]]) is not None else None)
        for part in layers_of(fields, caffe.ROWS)
        if part.kind != "Input"
    ]
    return Sizes(model, made)


def read_darknet(file: str, until: str) -> Sizes:
    """Raises Refused."""
    sections = parse_cfg(file, read_text(FOLDER / "darknet" / file))
    net = DarknetNet(file)
    model = darknet.read(net, sections, [], "Net", until)
    kinds = [section.kind for section in sections[1:]]
    made = zip(kinds, net.values, strict=False)
    return Sizes(model, [(kind, None if value is None else value.shape) for kind, value in made])


def first_head(row: dict[str, Any]) -> str:
    """The number of a Darknet network's first section without a layer; "" where it has none."""
    places = [place for place, layer in enumerate(row["layers"]) if layer[0] in HEADS]
    return str(places[0]) if places else ""


def macs(model: Model) -> int:
    return sum(o.layer.macs(o.inputs[0].shape) for o in model.operations if not o.layer.is_join)


def weights(model: Model) -> dict[str, int]:
    """How many numbers each tensor has, by its key."""
    return {key: size for operation in model.operations for key, size in sizes_of(operation)}


def sizes_of(operation: Any) -> Iterator[tuple[str, int]]:
    if operation.keys:
        for weight in operation.layer.weights(operation.inputs[0].shape):
            yield operation.keys[weight.name], weight.elements


def difference(kind: str, file: str, found: Sizes) -> str:
    """How a network differs from its table: in which layer's size, or in its sums."""
    row = table(kind)[file]
    caffe = kind == "caffe"
    until = "" if caffe else first_head(row)
    layers = row["layers"][: int(until) if until else None]
    if file in LONGER:
        layers = layers[:-2]
    for (name, shape), (known, *_, output) in zip(found.sizes, layers, strict=file not in LONGER):
        sizes = output[1:] if caffe else output
        if name != known or dimensions(shape, sizes) != sizes:
            return f"`{name}` makes {shape}, not {sizes}"
    if until:
        return ""
    # Caffe keeps a factor for each batch norm, where we have the count of batches; Darknet nothing.
    numbers = {key: n for key, n in weights(found.model).items() if caffe or not key.endswith(TRACKED)}
    sums = (macs(found.model) if caffe else round(2e-9 * macs(found.model), 3), sum(numbers.values()))
    wanted = (row["macs"], row["params"]) if caffe else (row["bflops"], row["weights_floats"])
    return "" if sums == wanted else f"operations and weights are {sums}, not {wanted}"


def dimensions(shape: Shape | None, wanted: list[int]) -> list[int] | None:
    """The sizes of a shape; Darknet keeps a height and a width of what is a vector for us."""
    if shape is None:
        return None
    if not shape.is_map and len(wanted) == 3 and shape.features == wanted[0] * wanted[1] * wanted[2]:
        return wanted
    return shape.dimensions
