"""Read the graph of an ONNX file: lower its nodes, and name what they make."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from onnx import ModelProto

from cnnspec.backends.onnx.messages import MEAN, STD
from cnnspec.importers.model import Input, Model, Operation, Output, Value, needed
from cnnspec.importers.onnx.inferred_shapes import infer_shapes
from cnnspec.importers.onnx.lower import Lowering
from cnnspec.importers.onnx.net import NodeOperation, WeightArray
from cnnspec.importers.onnx.values import GraphNode, Opaque
from cnnspec.importers.onnx.weight_names import named
from cnnspec.importers.reading.arrangement import axes_of, permute
from cnnspec.importers.reading.as_maps import without_reshapes
from cnnspec.importers.reading.sizes import STEPS, larger, may_follow, unify
from cnnspec.importers.reading.tidy import with_own_pads
from cnnspec.importers.refusals import Refuse, Refused, refused
from cnnspec.layers.base import Misfit
from cnnspec.values.shapes import Shape

BATCH = 5
"""So many images where the file does not say how many: a number that no other axis is likely to have."""
IMAGE = Shape(3, 224, 224)
"""What an image is where neither the file nor the user says it."""


class WeighedModel(NamedTuple):
    """A network, and the numbers of its weights by the model's keys."""

    model: Model
    tensors: dict[str, WeightArray]


class GraphInput(NamedTuple):
    """An input of the graph: its name, its shape in the language, its sizes in the file."""

    name: str
    shape: Shape
    sizes: tuple[int, ...]
    is_channels_last: bool


def read(model: ModelProto, folder: Path, inputs: Sequence[Shape], name: str) -> WeighedModel:
    """The network of a model for inputs of these shapes, without any for the file's own. Raises Refused.

    Where the file says no number of images, it is read for several of them, or, if it takes but one, for one.
    Where it leaves rows and columns open, it is read at other sizes, too.
    """
    given = inputs_of(model)
    batches = [BATCH, 1] if any(is_open(each, 0) for each in given) else [0]
    try:
        return graph(model, folder, inputs, name, batches[0])
    except Refused:
        # If it does not take one image either, the refusals are those of the reading for several.
        for batch in batches[1:]:
            with suppress(Refused):
                return graph(model, folder, inputs, name, batch)
        raise


def graph(model: ModelProto, folder: Path, inputs: Sequence[Shape], name: str, batch: int) -> WeighedModel:
    """The network of a model for so many images. Raises Refused."""
    reader = GraphReader(model, folder, inputs, batch)
    operations, outputs = reader.run()
    has_sizes = not any(is_open(each, 2) or is_open(each, 3) for each in inputs_of(model))
    others = []
    # A crop or a resize by a number may follow the size of the input: other sizes tell.
    for step in () if has_sizes or not any(map(may_follow, operations)) else STEPS:
        # Another size may not fit, as where a linear layer follows a flatten: then the first reading is all.
        with suppress(Refused, Misfit):
            shapes = larger([each.shape for each in reader.inputs], step)
            others.append(GraphReader(model, folder, shapes, batch).run()[0])
    return reader.finished(name, unify(operations, others) if others else operations, outputs)


def inputs_of(model: ModelProto) -> list[Any]:
    """The inputs of a graph that no tensor of the file is."""
    held = {tensor.name for tensor in model.graph.initializer}
    return [given for given in model.graph.input if given.name not in held]


def noted_numbers(given: Any, key: str, channels: int) -> tuple[float, ...]:
    """Numbers that cnnspec noted with an input, one in all or one a channel; none where it did not."""
    texts = {each.key: each.value for each in given.metadata_props}
    try:
        found = json.loads(texts.get(key, "[]"))
    except (ValueError, RecursionError):
        return ()
    is_whole = isinstance(found, list) and all(type(n) is float and isfinite(n) for n in found)
    is_right = is_whole and len(found) in (1, channels) and (key == MEAN or min(found) > 0)
    return tuple(found) if is_right else ()


def is_open(given: Any, place: int) -> bool:
    """Whether an input leaves the size of an axis to the user."""
    sizes = given.type.tensor_type.shape.dim
    return len(sizes) <= place or sizes[place].dim_value < 1


class GraphReader:
    """One reading of a graph, for so many images; 0: as many as the file says."""

    def __init__(self, model: ModelProto, folder: Path, inputs: Sequence[Shape], batch: int) -> None:
        self.model = model
        given = list(self.given(inputs, batch))
        shapes = infer_shapes(model, {each.name: each.sizes for each in given})
        self.net = Lowering(model, folder, given[0].sizes[0], shapes)
        self.inputs = given
        self.is_channels_last = any(each.is_channels_last for each in given)
        self.names = [
            Input(
                label(each.name) if len(given) > 1 else "",
                self.net.start(each.name, each.shape, each.is_channels_last),
                *(noted_numbers(message, key, each.shape.channels) for key in (MEAN, STD)),
            )
            for each, message in zip(given, inputs_of(model), strict=True)
        ]

    def given(self, inputs: Sequence[Shape], batch: int) -> Iterator[GraphInput]:
        """The inputs of the graph, each as the user or the file has it. Raises Refused."""
        found = inputs_of(self.model)
        if not found:
            raise refused("the graph has no input")
        if inputs and len(inputs) != len(found):
            raise refused(f"the graph has {len(found)} inputs, and {len(inputs)} are given")
        for place, each in enumerate(found):
            dims = each.type.tensor_type.shape.dim
            sizes = [size.dim_value if size.dim_value > 0 else 0 for size in dims]
            if len(sizes) not in (2, 4):
                raise refused(f"the input `{each.name}` has {len(sizes)} axes: it is no map and no vector")
            is_last = len(sizes) == 4 and is_turned(self.model, each.name)
            # The places of channels, rows and columns in the file's sizes.
            order = (1, 2, 3) if not is_last else (3, 1, 2)
            own = [sizes[axis] for axis in (order if len(sizes) == 4 else (1,))]
            wanted = inputs[place] if inputs else completed(own)
            if len(wanted.dimensions) != len(own):
                raise refused(f"the input `{each.name}` has {len(sizes)} axes, and {wanted} is given")
            given = wanted.dimensions
            turned = given if not is_last else [*given[1:], given[0]]
            yield GraphInput(each.name, wanted, (batch or sizes[0], *turned), is_last)

    def run(self) -> tuple[list[Operation], list[Value]]:
        """The operations of the graph, and its outputs. Raises Refused with all reasons."""
        net = self.net
        net.run(self.model.graph.node)
        # Before all is refused: what the outputs lack is told with the rest.
        values = [self.output(output.name) for output in self.model.graph.output]
        if net.refusals:
            raise Refused(net.refusals)
        made = [value for value in values if value is not None]
        found, made = without_reshapes(net.value, [each.operation for each in net.made.values()], made)
        operations = needed(found, made)
        return with_own_pads(operations, [value.number for value in made]), made

    def finished(self, name: str, operations: list[Operation], values: list[Value]) -> WeighedModel:
        """The model with the source's names, or with free ones."""
        made = [self.maker(operation) for operation in operations]
        words = named(made)
        own = words or [operation._replace(scopes=()) for operation in operations]
        tensors = {
            key: each.tensors[weight]
            for each, operation in zip(made, own, strict=True)
            for weight, key in operation.keys.items()
        }
        outputs = [
            Output(label(output.name) if len(values) > 1 else "", value)
            for output, value in zip(self.model.graph.output, values, strict=True)
        ]
        inputs = tuple(self.names)
        return WeighedModel(Model(name, inputs, tuple(own), tuple(outputs), words is not None), tensors)

    def maker(self, operation: Operation) -> NodeOperation:
        """An operation with its node and its weights, which it may share with one that came before."""
        found = self.net.made.get(operation.output.number)
        if found is None and operation.keys:  # a vector that was lifted to a map
            found = next(each for each in self.net.made.values() if each.operation.keys == operation.keys)
        found = found or NodeOperation(operation, GraphNode("", "", (), ()), {})
        return found._replace(operation=operation)

    def output(self, name: str) -> Value | None:
        """What the graph returns, as a map or a vector; None, and a refusal, where it is neither.

        Of a graph whose images have their channels last, maps have them, too.
        """
        net = self.net
        net.node = GraphNode("output", name, (name,), (name,))
        try:
            known = net.look(name)
            if isinstance(known, Opaque):
                # Nothing was refused before: it is what a row does not make, or made of that.
                if not net.refusals:
                    raise Refuse("E1003", f"`{name}` is made by no layer, as the mask of a `Dropout` is not")
                return None
            flow = net.flow(known)
            natural = axes_of(flow.value.shape, net.batch)
            if self.is_channels_last and len(natural) == 4 and flow.axes == permute(natural, (0, 2, 3, 1)):
                return flow.value
            return net.map(flow)
        except Refuse as refuse:
            net.refuse(refuse)
            return None


def completed(own: Sequence[int]) -> Shape:
    """The shape of an image, where a file leaves sizes open."""
    if len(own) == 1:
        return Shape(own[0] or IMAGE.channels)
    return Shape(*(size or usual for size, usual in zip(own, IMAGE.dimensions, strict=True)))


def is_turned(model: ModelProto, name: str) -> bool:
    """Whether all that read an input turn it from N, H, W, C to N, C, H, W."""
    readers = [node for node in model.graph.node if name in node.input]
    # A row a reader: [[0, 3, 1, 2]] of such a Transpose, [] of what is none.
    orders = [[list(each.ints) for each in node.attribute if each.name == "perm"] for node in readers]
    return bool(readers) and all(order == [[0, 3, 1, 2]] for order in orders)


def label(name: str) -> str:
    """A name as a label may be."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
