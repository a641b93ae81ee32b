"""ONNX's messages of a body: the only module here that imports the onnx package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import PurePath

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cnnspec import __version__
from cnnspec.backends import NoProgram
from cnnspec.backends.onnx.body import Array, Body, EnclosingStep, Op
from cnnspec.backends.onnx.store import Store
from cnnspec.graph.tree import Input
from cnnspec.text.output import MARK
from cnnspec.text.source import Span

DOMAIN = "cnnspec"
"""Of the functions that blocks are."""

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
"""Metadata of nodes, as PyTorch's exporter writes them: the paths of scopes, and what each of them is."""

MEAN, STD = "cnnspec.mean", "cnnspec.std"
"""Metadata of inputs, lists in JSON: what pixels are prepared by, which is no part of the graph."""

BATCH = "N"
"""The name of the free axis."""

WITH_FUNCTIONS = 8
"""The version of the format since which there are functions."""


def make_model(
    network: str, source: str, body: Body, tensors: Mapping[str, Array], store: Store | None = None
) -> onnx.ModelProto:
    """The model of a body, with the sizes of all values; tensors are float32's, under their keys.

    With a `store` they go there. Raises NoProgram where shape inference finds other sizes.
    """
    maker = NodeMaker(body.opset)
    graph = helper.make_graph(
        maker.nodes(body, network),
        network,
        [value(body, name) for name in body.inputs],
        [value(body, body.values[at], name) for name, at in body.outputs],
        [numpy_helper.from_array(numbers, name) for name, numbers in body.constants.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="cnnspec",
        producer_version=__version__,
        doc_string=f"{MARK} {__version__} from {file_name(source)}",
        opset_imports=maker.opsets(bool(maker.functions)),
        functions=list(maker.functions.values()),
    )
    # The oldest format that has all of it: the package's own newest one is refused by runtimes before it.
    model.ir_version = max(WITH_FUNCTIONS, helper.find_min_ir_version_for(model.opset_import, True))
    add_sizes(model, body)
    for key, shape in body.tensors.items():
        add_tensor(model.graph.initializer.add(), key, shape, tensors[key], store)
    return model


def note_preparation(model: onnx.ModelProto, inputs: Sequence[Input]) -> None:
    """Note with the inputs of a model how images are prepared for those of its network."""
    for message, given in zip(model.graph.input, inputs, strict=True):
        for key, numbers in ((MEAN, given.mean), (STD, given.std)):
            if numbers:
                message.metadata_props.add(key=key, value=json.dumps([*map(float, numbers)]))


def add_tensor(
    message: onnx.TensorProto, key: str, shape: tuple[int, ...], numbers: Array, store: Store | None
) -> None:
    """Fill a message with a tensor: the numbers are copied once, for they may be half of the memory."""
    message.name, message.data_type = key, onnx.TensorProto.FLOAT
    message.dims.extend(shape)
    if store is None:
        message.raw_data = np.asarray(numbers, "<f4").tobytes()
        return
    message.data_location = onnx.TensorProto.EXTERNAL
    for name, value in store.add(numbers).items():
        message.external_data.add(key=name, value=value)


def without_store(product: bytes) -> bytes:
    """The model with inputs in place of the tensors that lie in another file."""
    model = onnx.ModelProto.FromString(product)
    tensors = [*model.graph.initializer]
    del model.graph.initializer[:]
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            model.graph.input.append(info(tensor.name, tensor.dims))
        else:
            model.graph.initializer.append(tensor)
    content: bytes = model.SerializeToString()
    return content


def add_sizes(model: onnx.ModelProto, body: Body) -> None:
    """Say the sizes of all values: ours, and between the operators of a layer those of shape inference.

    The model lacks its tensors, which are inputs to the inference. Raises NoProgram where it finds a size
    that is not ours.
    """
    # Inputs and outputs bear their sizes themselves.
    ends = {*body.inputs, *(name for name, _ in body.outputs)}
    own = [name for name in body.dimensions if name not in ends]
    model.graph.value_info.extend(value(body, name) for name in own)
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    bare.graph.input.extend(info(key, shape) for key, shape in body.tensors.items())
    try:
        found = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as problem:
        raise NoProgram(f"ONNX has other sizes: {problem}") from problem
    model.graph.value_info.extend(each for each in found.graph.value_info if each.name not in own)


def value(body: Body, at: str, name: str | None = None) -> onnx.ValueInfoProto:
    """The size of a value of a body, which may be known by another name."""
    return info(name or at, [BATCH, *body.dimensions[at]])


def info(name: str, dimensions: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dimensions)


class NodeMaker:
    """Makes nodes, and functions of bodies that are called: bodies that hold the same are one function."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.functions: dict[bytes, onnx.FunctionProto] = {}  # by what they hold, names aside
        self.names: set[str] = set()

    def opsets(self, functions: bool) -> list[onnx.OperatorSetIdProto]:
        own = [helper.make_opsetid(DOMAIN, 1)] if functions else []
        return [helper.make_opsetid("", self.opset), *own]

    def nodes(self, body: Body, owner: str) -> list[onnx.NodeProto]:
        """The nodes of a body; `owner` is the net or the block that it is."""
        return [self.node(op, EnclosingStep("", owner)) for op in body.ops]

    def node(self, op: Op, root: EnclosingStep) -> onnx.NodeProto:
        kind = op.kind if op.body is None else self.function(op.kind, op.body)
        node = helper.make_node(
            kind, op.inputs, [*filter(None, (op.before, op.output))], op.name, **op.attributes
        )
        node.domain = DOMAIN if op.body is not None else ""
        scopes = [root, *op.scopes]
        if op.span is not None:
            node.doc_string = doc_string(op.span)
        # The scopes of a call end with the call; those of an operator with its layer, in which it is a step.
        if op.body is None:
            scopes.append(EnclosingStep(op.name, op.kind))
        lists = {SCOPES: [scope.path for scope in scopes], CLASSES: [scope.kind for scope in scopes]}
        helper.set_metadata_props(node, {key: repr(each) for key, each in lists.items()})
        return node

    def function(self, block: str, body: Body) -> str:
        """The name of the function that a body is, made with the first body that holds the same."""
        # A function holds no tensors: its constants are nodes.
        nodes = [constant(name, numbers) for name, numbers in body.constants.items()]
        nodes += self.nodes(body, block)
        calls = any(node.domain == DOMAIN for node in nodes)
        inputs, outputs = [*body.inputs, *body.tensors], [name for name, _ in body.outputs]
        made = helper.make_function(DOMAIN, block, inputs, outputs, nodes, self.opsets(calls))
        # Compared before it has its number: runs of a block that differ in nothing else are one function.
        content = made.SerializeToString(deterministic=True)
        if content not in self.functions:
            made.name = next(name for name in numbered(block) if name not in self.names)
            self.names.add(made.name)
            self.functions[content] = made
        return self.functions[content].name


def numbered(name: str) -> Iterator[str]:
    """Bottleneck, Bottleneck_2, Bottleneck_3, …"""
    yield name
    for i in count(2):
        yield f"{name}_{i}"


def constant(name: str, numbers: Array) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], name, value=numpy_helper.from_array(numbers, name))


def doc_string(span: Span) -> str:
    """The specification's name and line, and what stands there."""
    text = span.text.partition("\n")[0].strip()
    return f"{file_name(span.source.name)}:{span.line}: {encodable(text)}"


def file_name(path: str) -> str:
    return encodable(PurePath(path).name)


def encodable(text: str) -> str:
    """A text in UTF-8: a file's name may hold bytes that are none."""
    return text.encode("utf-8", "replace").decode()
