"""What a graph or a function holds, as data: operators, constants, tensors, and names of their values.

Nothing here knows the onnx package: messages.py makes messages of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnspec.analysis.unroll import BlockRun, Node
from cnnspec.layers.pads import Sides
from cnnspec.text.source import Span
from cnnspec.values.shapes import Shape

Array = NDArray[Any]

Dimensions = list[int | str | None]
"""Of a value, but for the batch: sizes, names of free axes, None for one that has no name."""


class EnclosingStep(NamedTuple):
    """A step that others lie in, or the layer itself: its path, and what it is: a block, a layer, a group."""

    path: str
    kind: str


class Op(NamedTuple):
    """An operator with one output; with a `body`, the call of the function that it is.

    `scopes` are the steps that it lies in, the outermost first; the last is its own. `before` is an output of
    its own before that one, which nothing reads.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    name: str
    attributes: Mapping[str, Any] = {}
    body: Body | None = None
    scopes: tuple[EnclosingStep, ...] = ()
    span: Span | None = None
    before: str = ""


class Body:
    """The operators of the graph, or of a function for a block, whose paths begin with `prefix`.

    Paths and keys are written without the prefix, so that blocks that compute alike have equal bodies.
    `inputs` and `outputs` are names of values here, with their names in the flat graph.
    """

    def __init__(
        self,
        opset: int,
        inputs: Iterable[tuple[str, str]],
        outputs: Iterable[tuple[str, str]],
        prefix: str = "",
        keys: Iterable[str] = (),
    ) -> None:
        self.opset, self.prefix = opset, prefix
        self.ops: list[Op] = []
        self.constants: dict[str, Array] = {}
        # ("int64:0,-1", its bytes) -> "int64:0,-1", or "int64:0,-1:value" where a tensor is called so.
        self.names: dict[tuple[str, bytes], str] = {}  # of constants, by what they are
        self.tensors: dict[str, tuple[int, ...]] = {}  # shapes by their keys, in the order of their use
        self.dimensions: dict[str, Dimensions] = {}  # of inputs and of what layers and blocks make
        self.taken = set(keys)
        self.runs: Counter[str] = Counter()
        self.inputs = [self.free(name) for name, _ in inputs]
        self.values = {at: name for (_, at), name in zip(inputs, self.inputs, strict=True)}
        self.outputs = [(self.free(name), at) for name, at in outputs]
        # Of a value that is output twice the first output is the value; `close` makes the second of it.
        self.wanted = {at: name for name, at in reversed(self.outputs)}

    def free(self, name: str) -> str:
        """A name for a value that no other bears: a scale's is its tensor's key already, and a label may be
        anything."""
        while name in self.taken:
            name += ":value"
        self.taken.add(name)
        return name

    def path(self, path: str, first: str) -> str:
        """A path without the prefix. In a function runs with the same weights are counted anew."""
        # Outside of functions paths in the flat graph are unlike already: "conv1 (2)" is a second run.
        if not self.prefix:
            return path
        own = first.removeprefix(self.prefix)
        self.runs[own] += 1
        return own if self.runs[own] == 1 else f"{own} ({self.runs[own]})"

    def scopes(self, path: str, kind: str, within: Iterable[BlockRun]) -> tuple[EnclosingStep, ...]:
        """The steps that one lies in here, itself last; `within` are the runs of blocks among them."""
        blocks = {run.path: run.block for run in within}
        dots = [i for i, letter in enumerate(path) if letter == "." and i >= len(self.prefix)]
        # `layer1.0.conv1` lies in `layer1` and in `layer1.0`: a scope ends at each dot.
        steps = [(path[:i], blocks.get(path[:i], "group")) for i in dots] + [(path, kind)]
        return tuple(EnclosingStep(each.removeprefix(self.prefix), kind) for each, kind in steps)

    def tensor(self, key: str, shape: tuple[int, ...]) -> str:
        """A tensor of the net by its key, without the prefix."""
        self.tensors.setdefault(key, shape)
        return key

    def constant(self, what: str, numbers: Array) -> str:
        """A constant, which is there once, however often it is wanted."""
        # By its numbers too: a pool's "b.1:rows" are others where `again` runs it on a larger map.
        own = what, numbers.tobytes()
        if own not in self.names:
            self.names[own] = self.free(what)
            self.constants[self.names[own]] = numbers
        return self.names[own]

    def finish(self, ops: list[Op], name: str, at: str, shape: Shape) -> None:
        """Take operators over, of which the last makes the value known as `at` in the flat graph."""
        # What is an output is called so at once, without an Identity behind it.
        value = self.wanted.get(at) or self.free(name)
        self.values[at], self.dimensions[value] = value, [*shape.dimensions]
        # The last operator is called as the layer, "conv1", the others after it, "conv1/Pad".
        self.ops += [*ops[:-1], ops[-1]._replace(name=name, output=value)]

    def close(self) -> None:
        """Give outputs their names where they are another value: an input, or one that is output twice."""
        for name, at in self.outputs:
            if self.values[at] != name:
                self.ops.append(Op("Identity", (self.values[at],), name, f"{name}/Identity"))


class Lowering:
    """One layer in its place: makes its operators, one after the other. The last makes its value."""

    def __init__(self, body: Body, node: Node) -> None:
        self.body, self.node = body, node
        self.layer: Any = node.layer
        self.name = body.path(node.path, node.first)
        self.inputs = tuple(body.values[at] for at in node.inputs)
        self.x, self.shape, self.output = self.inputs[0], node.shapes[0], node.output
        self.opset = body.opset
        # A layer that runs again, "conv1 (2)", lies where its weights do, in "conv1".
        self.scopes = body.scopes(node.first, self.layer.name, node.within)
        # (16,), under the key "conv1.bias", of the layer's own "bias".
        self.tensors = {weight.name: (key, weight.shape) for key, weight in node.by_key.items()}
        self.ops: list[Op] = []
        self.kinds: Counter[str] = Counter()

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The value of an operator, "" being an input that it does without."""
        self.kinds[kind] += 1
        number = f"_{self.kinds[kind]}" if self.kinds[kind] > 1 else ""
        name = self.body.free(f"{self.name}/{kind}{number}")
        self.ops.append(Op(kind, inputs, name, name, attributes, None, self.scopes, self.node.span))
        return name

    def second(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The value of the second output of an operator."""
        name = self.op(kind, *inputs, **attributes)
        self.ops[-1] = self.ops[-1]._replace(before=self.body.free(f"{name}:first"))
        return name

    def window(self, sides: Sides | None = None) -> dict[str, list[int]]:
        """The attributes of an operator that walks over the map as the layer does, with these pads."""
        found = {"kernel_shape": list(self.layer.kernel_of()), "strides": list(self.layer.stride)}
        if sides is not None:
            top, bottom, left, right = sides
            # ONNX has the pads of all axes at their beginnings first, then those at their ends.
            found["pads"] = [top, left, bottom, right]
        return found

    def has(self, name: str) -> bool:
        """Whether the layer has a tensor of that name."""
        return name in self.tensors

    def tensor(self, name: str) -> str:
        """The value of a tensor of the layer."""
        key, shape = self.tensors[name]
        return self.body.tensor(key.removeprefix(self.body.prefix), tuple(map(int, shape)))

    def optional(self, name: str) -> list[str]:
        """The tensor of that name, if the layer has it."""
        return [self.tensor(name)] if self.has(name) else []

    def spread(self, name: str) -> str:
        """A tensor of a number a channel, laid out to meet the channels of the layer's input."""
        return self.by_channel(self.tensor(name))

    def by_channel(self, numbers: str) -> str:
        return self.op("Reshape", numbers, self.integers(-1, 1, 1)) if self.shape.is_map else numbers

    def integers(self, *values: int) -> str:
        name = "int64:" + ",".join(map(str, values))
        return self.body.constant(name, np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A number, as a tensor without axes."""
        return self.body.constant(f"float32:{value!r}", np.array(value, np.float32))

    def array(self, name: str, numbers: Any) -> str:
        """Fixed numbers of the layer that have no key: floats, or integers where they are places."""
        array = np.asarray(numbers)
        own = f"{self.node.first.removeprefix(self.body.prefix)}:{name}"
        return self.body.constant(own, array.astype(np.int64 if array.dtype.kind == "i" else np.float32))

    def reduce(self, kind: str, x: str, *axes: int, keepdims: int = 1) -> str:
        """A reduction along axes; since opset 18 they are an input."""
        if self.opset >= 18:
            return self.op(kind, x, self.integers(*axes), keepdims=keepdims)
        return self.op(kind, x, axes=list(axes), keepdims=keepdims)
