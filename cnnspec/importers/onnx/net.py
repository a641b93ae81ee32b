"""What rows of ONNX's operators say and ask: layers are added, inputs are known or refused."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from onnx import ModelProto

from cnnspec.importers.model import Operation, Value, output_of, sign_of
from cnnspec.importers.onnx.model_file import array, names_in, opset
from cnnspec.importers.onnx.values import Affine, ConstantArray, FormulaPart, GraphNode, Known
from cnnspec.importers.reading.arrangement import Axes
from cnnspec.importers.reading.arrays import Array
from cnnspec.importers.reading.flows import Flow, Flows, Repeated
from cnnspec.importers.refusals import Refuse
from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape

COUNTER = "num_batches_tracked"


class WeightArray(NamedTuple):
    """The numbers of a weight, laid out as the layer has them; `source` is the file's tensor, or "" ."""

    array: Array
    source: str = ""


class NodeOperation(NamedTuple):
    """An operation, the node that made it, and its weights by name."""

    operation: Operation
    node: GraphNode
    tensors: dict[str, WeightArray]


class GraphFlows(Flows):
    """The state of lowering one graph, for so many images. Rows are given it, and the node's inputs."""

    def __init__(self, model: ModelProto, folder: Path, batch: int) -> None:
        super().__init__(batch)
        self.folder = folder
        self.held = {tensor.name: tensor for tensor in model.graph.initializer}
        self.opset = opset(model)
        self.readers = Counter(names_in(model.graph))
        # An output is read, too: a convolution that is one takes in no Add behind it.
        self.readers.update(output.name for output in model.graph.output)
        self.known: dict[str, Known] = {}
        self.made: dict[int, NodeOperation] = {}  # by the number of the output
        self.names: dict[int, set[str]] = {}  # of the graph's values that are this value, however laid out
        # (a layer's sign, the file's tensors ("w", "b")) -> [3, 7], by the number of the output, as `made` is
        self.shared: dict[Any, list[int]] = {}  # the layers whose filters may be shared
        self.settled: dict[Any, tuple[Flow, Known]] = {}  # what arithmetic was made
        self.inputs: list[Value] = []
        self.node: GraphNode

    @property
    def operator(self) -> str:
        return self.node.operator

    @abstractmethod
    def run(self, nodes: Sequence[Any]) -> None:
        """Lower nodes in their order, as the file holds them; what cannot be said is among the refusals."""

    @abstractmethod
    def make(self, known: FormulaPart | Affine) -> Flow:
        """Make the layers of what arithmetic left open. Raises Refuse."""

    def note(self, name: str, known: Known) -> None:
        self.known[name] = known
        if isinstance(known, Flow):
            self.names.setdefault(known.value.number, set()).add(name)

    def look(self, name: str) -> Known:
        """What a value of the graph is known to be. Raises Refuse."""
        known = self.known.get(name)
        if known is None:
            if name not in self.held:
                raise Refuse("E1001", f"`{name}` is used before anything makes it")
            known = self.known[name] = ConstantArray(array(self.held[name], self.folder), name)
        return known

    def emit(self, layer: Layer, *inputs: Value, **tensors: WeightArray | None) -> Value:
        """Add a layer; `tensors` are its weights by name, None where it has none. Raises Misfit, Refuse."""
        shapes = tuple(value.shape for value in inputs)
        output = self.value(output_of(layer, shapes))
        given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        if not layer.is_join:
            given = self.checked(layer, shapes[0], given)
        keys = self.keys_of(layer, inputs[0], output, given)
        self.made[output.number] = NodeOperation(Operation(layer, inputs, output, keys), self.node, given)
        return output

    def maker(self, value: Value) -> Operation | None:
        made = self.made.get(value.number)
        return made.operation if made is not None else None

    def checked(self, layer: Layer, x: Shape, given: Mapping[str, WeightArray]) -> dict[str, WeightArray]:
        """The weights that a layer has, in their order. Raises Refuse where others are given."""
        found = {}
        for weight in layer.weights(x):
            tensor = given.get(weight.name)
            # PyTorch counts batches in it; no file of ONNX has the number.
            if weight.name == COUNTER:
                tensor = WeightArray(np.zeros((), np.int64))
            if tensor is None or tensor.array.shape != tuple(map(int, weight.shape)):
                has = "none is there" if tensor is None else f"not {tensor.array.shape}"
                raise Refuse("E1006", f"`{layer.name}` needs a {weight.name} of shape {weight.shape}, {has}")
            if weight.name != COUNTER and tensor.array.dtype.kind != "f":
                raise Refuse("E1006", f"the {weight.name} of a `{layer.name}` holds {tensor.array.dtype}")
            found[weight.name] = tensor
        return found

    def keys_of(
        self, layer: Layer, x: Value, output: Value, given: Mapping[str, WeightArray]
    ) -> dict[str, str]:
        """Keys that tell the weights from all others; those of the same layer where it runs again.

        Exporters merge vectors that are equal, so that only a layer with a kernel, or one behind such, is.
        """
        sources = tuple(tensor.source for name, tensor in given.items() if name != COUNTER)
        first = self.made.get(x.number)
        behind = first is not None and first.operation.keys and not is_own(first.operation)
        if sources and all(sources):
            alike = self.shared.setdefault((sign_of(layer), sources), [])
            # conv, norm, conv, norm of the same tensors: the last norm is behind a kernel that runs again.
            if behind or any(each.array.ndim > 1 for each in given.values()):
                for number in reversed(alike):
                    if self.has(number, layer, given):
                        return dict(self.made[number].operation.keys)
            alike.append(output.number)
        return {name: f"{output.number}.{name}" for name in given}

    def has(self, number: int, layer: Layer, given: Mapping[str, WeightArray]) -> bool:
        """Whether an operation is this layer with these numbers, of one tensor, now.

        Gemm(x, B) and Gemm(x, B, alpha=2) are not; nor is a convolution that has since taken in a scale.
        """
        made = self.made[number]
        return sign_of(made.operation.layer) == sign_of(layer) and all(
            np.array_equal(made.tensors[name].array, given[name].array) for name in given
        )

    def change(self, made: NodeOperation, layer: Layer, **tensors: WeightArray) -> None:
        """Give an operation another layer of the same output, with these weights besides its own."""
        operation = made.operation
        given = self.checked(layer, operation.inputs[0].shape, made.tensors | tensors)
        keys = self.keys_of(layer, operation.inputs[0], operation.output, given)
        changed = operation._replace(layer=layer, keys=keys)
        self.made[operation.output.number] = made._replace(operation=changed, tensors=given)

    def alone(self, flow: Flow) -> NodeOperation | None:
        """What made a value that is used here alone, and shares its weights with nothing; else None."""
        made = self.made.get(flow.value.number)
        if made is None or not is_own(made.operation):
            return None
        keys, names = made.operation.keys, self.names.get(flow.value.number, set())
        # A layer whose weights run again elsewhere is none to change here.
        runs_again = bool(keys) and sum(keys == each.operation.keys for each in self.made.values()) > 1
        # A convolution, a reshape, an Add: the value has two names, and each one is read once.
        return made if all(self.readers[name] == 1 for name in names) and not runs_again else None

    def numbers(self, known: object, what: str) -> ConstantArray:
        """An input that has to be numbers. Raises Refuse."""
        if not isinstance(known, ConstantArray):
            raise Refuse("E1006", f"the {what} of `{self.operator}` is a value of the network")
        return known

    def integers(self, known: object, what: str) -> list[int]:
        """An input, or an attribute, that has to be a list of whole numbers. Raises Refuse."""
        if isinstance(known, list):
            return [int(each) for each in known]
        if not isinstance(known, ConstantArray):
            raise Refuse("E1007", f"the {what} of `{self.operator}` depends on the numbers of a value")
        if known.array.dtype.kind not in "iub" or known.array.ndim > 1:
            self.deny(what, f"{known.array.dtype} {known.array.shape}")
        return [int(each) for each in known.array.reshape(-1)]

    def flow(self, known: object) -> Flow:
        """An input that has to be a value of the network. Raises Refuse."""
        if isinstance(known, Flow):
            return known
        if isinstance(known, FormulaPart | Affine):
            return self.make(known)
        if isinstance(known, Repeated):
            raise Refuse("E1003", "a value that is repeated along an axis has no layer")
        raise Refuse("E1005", f"`{self.operator}` of a tensor that is no value of the network")

    def axes_of(self, known: object) -> Axes | None:
        """The axes of a value, repeated or not, or of a formula; None of numbers."""
        known = known.flow if isinstance(known, Affine | Repeated) else known
        return known.axes if isinstance(known, Flow | FormulaPart) else None


def is_own(operation: Operation) -> bool:
    """Whether an operation's weights are not those of an earlier one."""
    return all(key.startswith(f"{operation.output.number}.") for key in operation.keys.values())
