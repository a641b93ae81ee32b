"""Open an ONNX file: nothing in it runs, nothing outside its folder is read, and sizes are bounded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from cnnspec.importers.onnx.inlining import Endless, growth, inlined
from cnnspec.importers.reading.arrays import Array
from cnnspec.importers.refusals import Refused, refused

# Before opset 7 Add and its like broadcast by attributes of their own, not as NumPy does.
OLDEST = 7
MOST_NODES = 100_000
MOST_BYTES = 1 << 31
"""What protobuf can hold."""

DOMAINS = ("", "ai.onnx")
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
SIGNED = (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64)
UNSIGNED = (TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64)
NUMBERS = (*FLOATS, *SIGNED, *UNSIGNED, TensorProto.BOOL)


def open_model(path: Path) -> ModelProto:
    """The model of a file, its functions written out where they are called. Raises Refused."""
    if not path.is_file():
        raise refused(f"there is no file {path}")
    if path.stat().st_size > MOST_BYTES:
        raise refused(f"{path} has more than {MOST_BYTES:,} bytes")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as problem:  # protobuf's error, which comes from one of several packages
        raise refused(f"{path} is no ONNX file, or a broken one: {problem}") from None
    # To protobuf an empty file is a message, too: one without fields.
    if not model.graph.node and not model.graph.output:
        raise refused(f"{path} is no ONNX file, or not all of it: it holds no network")
    if not all(isinstance(text, str) for text in texts(model)):
        raise refused(f"{path} is broken: a name in it is no text")
    opset(model)
    if model.functions:
        try:
            if growth(model) > MOST_NODES:
                raise refused(f"its functions come to more than {MOST_NODES:,} nodes")
            model = inlined(model)
        except Endless as endless:
            raise refused(f"the function `{endless}` calls itself, or calls nest too deep") from None
        except Refused:
            raise
        except Exception as problem:
            raise refused(f"{path} calls functions that do not fit: {problem}") from None
    if len(model.graph.node) > MOST_NODES:
        raise refused(f"{path} has {len(model.graph.node):,} nodes, more than {MOST_NODES:,}")
    if model.graph.sparse_initializer or model.graph.quantization_annotation:
        raise refused(f"{path} has sparse or quantised weights, which are not read")
    return model


def texts(message: Any) -> Iterator[Any]:
    """All strings of a message and of those in it; bytes where one is no UTF-8."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for each in [value] if hasattr(value, "ListFields") else value:
                yield from texts(each)
        elif field.type == field.TYPE_STRING:
            yield from [value] if isinstance(value, str | bytes) else value


def opset(model: ModelProto) -> int:
    """The version of the operators. Raises Refused."""
    versions = [each.version for each in model.opset_import if each.domain in DOMAINS]
    newest = onnx.defs.onnx_opset_version()
    if len(versions) != 1 or not OLDEST <= versions[0] <= newest:
        said = " and ".join(map(str, versions)) or "none"
        raise refused(f"the file's opset is {said}, and {OLDEST} to {newest} are read")
    return int(versions[0])


def elements(tensor: TensorProto) -> int:
    """How many numbers a tensor says that it has. Raises Refused."""
    if any(size < 0 for size in tensor.dims) or tensor.data_type not in NUMBERS:
        raise refused(f"`{tensor.name}` is no tensor of numbers")
    return math.prod(tensor.dims)


def array(tensor: TensorProto, folder: Path | None) -> Array:
    """The numbers of a tensor, floating ones in single precision at least. Raises Refused.

    `folder` is where it may have them in a file of their own; None: nowhere.
    """
    count = elements(tensor)
    try:
        if tensor.data_location == TensorProto.EXTERNAL:
            found = external(tensor, count, folder)
        else:
            if tensor.HasField("raw_data") or count:
                check_length(tensor, count)
            found = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OSError) as problem:
        raise refused(f"`{tensor.name}` cannot be read: {problem}") from None
    return as_read(found)


def as_read(found: Array) -> Array:
    """Numbers, those of 16 bits with a point in single precision."""
    # float16 and bfloat16; the latter is no type of NumPy's own, and of its kind "V".
    is_short = found.dtype.itemsize == 2 and found.dtype.kind not in "iu"
    return found.astype(np.float32) if is_short else found


def check_length(tensor: TensorProto, count: int) -> None:
    """Raises ValueError where a tensor does not hold as many numbers as its shape says."""
    size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    # Not //: 7 bytes of float32 are 1.75 numbers, which no shape has.
    held = len(tensor.raw_data) / size
    if not tensor.HasField("raw_data"):
        field: Any = getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type))
        held = len(field)
    if held != count:
        raise ValueError(f"it holds {held:g} numbers, and its shape says {count}")


def external(tensor: TensorProto, count: int, folder: Path | None) -> Array:
    """The numbers of a tensor in a file of their own, which lies in the folder.

    Raises ValueError, OSError.
    """
    fields = {entry.key: entry.value for entry in tensor.external_data}
    if folder is None:
        raise ValueError("a node keeps its numbers in another file")
    # Resolved first, so that neither `..` nor a link leads out of the folder.
    place = (folder / fields.get("location", "")).resolve()
    if not fields.get("location") or not place.is_relative_to(folder.resolve()):
        raise ValueError(f"its file {fields.get('location', '')!r} is not beside the model")
    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    start, length = int(fields.get("offset", 0)), count * dtype.itemsize
    if int(fields.get("length", length)) != length or start < 0:
        raise ValueError(f"its shape takes {length} bytes, and the file says {fields.get('length')}")
    with place.open("rb") as file:
        # Before it is read, which takes so much memory.
        if place.stat().st_size < start + length:
            raise ValueError(f"{place.name} ends before it")
        file.seek(start)
        held = file.read(length)
    return np.frombuffer(held, dtype).reshape(tuple(tensor.dims))


def shortest(number: float) -> float:
    """A number of single precision with as few digits as tell it from its neighbours."""
    return float(str(np.float32(number)))


def names_in(graph: Any) -> Iterator[str]:
    """The names that the nodes of a graph read, those of graphs within it, too."""
    for node in graph.node:
        yield from node.input
        for given in node.attribute:
            if given.HasField("g"):
                yield from names_in(given.g)
                # An `If` reads what its branches return.
                yield from (output.name for output in given.g.output)
