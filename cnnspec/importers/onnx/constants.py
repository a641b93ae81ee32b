"""Nodes of numbers alone are computed by ONNX's reference: exporters write the sizes of reshapes as such."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from cnnspec.importers.onnx.attributes import attributes_of
from cnnspec.importers.onnx.inferred_shapes import SMALL, dimensions
from cnnspec.importers.onnx.model_file import array, as_read
from cnnspec.importers.reading.arrays import Array
from cnnspec.importers.refusals import Refuse

MOST_ELEMENTS = 1 << 26
"""So many numbers a computed tensor may have: files say sizes, and nothing else bounds them."""

# fmt: off
FOLDED = frozenset({
    "Abs", "Add", "And", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Constant",
    "ConstantOfShape", "Div", "Equal", "Exp", "Expand", "Flatten", "Floor", "Gather", "Greater",
    "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Log", "Max", "Min", "Mod", "Mul", "Neg", "Not",
    "Or", "Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "Reshape", "Round", "Shape", "Sign", "Size", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Tile",
    "Transpose", "Unsqueeze", "Where",
})
# fmt: on
"""Operators that are computed. None of them runs a graph, draws by chance, or opens a file."""


def compute(node: Any, arrays: Sequence[Array | None], opset: int) -> list[Array] | None:
    """What a node makes of numbers; None where its operator is none of `FOLDED`. Raises Refuse, Refused."""
    if node.op_type not in FOLDED:
        return None
    attributes = attributes_of(node)
    for value in attributes.values():
        if isinstance(value, onnx.TensorProto):
            array(value, None)  # raises where it is not whole, or lies in another file
    from onnx.reference.ops import load_op  # which takes its time

    try:
        # Before it is computed: a file may ask for a tensor larger than memory.
        check_sizes(node, arrays, opset)
        with np.errstate(all="ignore"):
            found = load_op("", node.op_type, opset).eval(*arrays, n_outputs=len(node.output), **attributes)
    except Refuse:
        raise
    except Exception as problem:  # of NumPy, of ONNX's inference, of its reference
        raise Refuse("E1004", f"`{node.op_type}` cannot be computed: {problem}") from None
    return [as_read(np.asarray(each)) for each in (found if isinstance(found, list | tuple) else [found])]


def check_sizes(node: Any, arrays: Sequence[Array | None], opset: int) -> None:
    """Raises Refuse where what a node makes is too large or of no known size, and what the inference does."""
    given = {name: each for name, each in zip(node.input, arrays, strict=True) if each is not None}
    kinds = {name: helper.np_dtype_to_tensor_dtype(each.dtype) for name, each in given.items()}
    types = {name: helper.make_tensor_type_proto(kinds[name], each.shape) for name, each in given.items()}
    small = {name: numpy_helper.from_array(each) for name, each in given.items() if each.size <= SMALL}
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    versions = [helper.make_opsetid("", opset)]
    found = shape_inference.infer_node_outputs(schema, node, types, small, opset_imports=versions)
    for made in found.values():
        sizes = dimensions(made)
        if None in sizes or math.prod(size for size in sizes if size is not None) > MOST_ELEMENTS:
            raise Refuse("E1006", f"a computed tensor of shape {sizes} is too large")
