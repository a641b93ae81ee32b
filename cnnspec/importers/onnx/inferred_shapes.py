"""The shapes of all values, as ONNX itself infers them: what is read is held against them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import onnx
from onnx import GraphProto, ModelProto, helper, shape_inference

from cnnspec.importers.refusals import refused

SMALL = 1024
"""So many numbers of a tensor are shapes, axes and the like, which the inference reads."""

Dimensions = tuple[int | None, ...]


def infer_shapes(model: ModelProto, inputs: Mapping[str, Sequence[int]]) -> dict[str, Dimensions]:
    """The shapes of the values of a model by name, for inputs of these shapes. Raises Refused."""
    # Before version 4 of the format a tensor that is no input, too, has no shape for the inference.
    light = ModelProto(ir_version=max(model.ir_version, 4))
    light.opset_import.extend(model.opset_import)
    known = {each.domain for each in model.opset_import}
    for domain in sorted({node.domain for node in model.graph.node} - known):
        light.opset_import.append(helper.make_opsetid(domain, 1))  # its operators will be refused by name
    light.graph.CopyFrom(graph_without_numbers(model.graph, inputs))
    try:
        # data_prop: sizes that Shape, Gather and Concat make are followed to the Reshape that they are for.
        found = shape_inference.infer_shapes(light, data_prop=True)
    except Exception as problem:  # InferenceError, and what protobuf raises
        raise refused(f"its shapes do not fit: {problem}") from None
    values = (*found.graph.value_info, *found.graph.output)
    return {value.name: dimensions(value.type) for value in values if value.type.HasField("tensor_type")}


def graph_without_numbers(graph: GraphProto, inputs: Mapping[str, Sequence[int]]) -> GraphProto:
    """A graph with inputs of these shapes, its large tensors inputs, too; nothing is said of other shapes."""
    made = GraphProto(name=graph.name or "graph")
    made.node.extend(graph.node)
    kinds = {given.name: given.type.tensor_type.elem_type for given in graph.input}
    for name, shape in inputs.items():
        made.input.append(helper.make_tensor_value_info(name, kinds[name], shape))
    for tensor in graph.initializer:
        # Large ones are weights, which no shape depends on; without them the copy is small.
        if math.prod(tensor.dims) > SMALL or tensor.data_location == onnx.TensorProto.EXTERNAL:
            made.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        else:
            made.initializer.append(tensor)
    # Without the file's sizes, which are those of the export: this reading may be of other inputs.
    for output in graph.output:
        made.output.append(
            helper.make_tensor_value_info(output.name, output.type.tensor_type.elem_type, None)
        )
    return made


def dimensions(kind: onnx.TypeProto) -> Dimensions:
    shape = kind.tensor_type.shape
    if not kind.tensor_type.HasField("shape"):
        # How many axes it has is not known; (None,) would be one axis of any size.
        return (-1,)
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in shape.dim)


def fits(found: Sequence[int], wanted: Dimensions | None) -> bool:
    """Whether a shape is the one that is inferred, as far as this is known."""
    if wanted is None or wanted == (-1,):
        return True
    return len(found) == len(wanted) and all(w in (None, f) for f, w in zip(found, wanted, strict=True))
