"""Small ONNX graphs, read, and run by ONNX Runtime and by what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from cnnspec.importers.model import Model
from cnnspec.importers.onnx.model_file import open_model
from cnnspec.importers.onnx.read import read
from cnnspec.importers.write import specify
from cnnspec.values.shapes import Shape
from tests.importers.running import Net

onnxruntime.set_default_logger_severity(3)

CLOSE = 1e-5


def weight(*shape: int, seed: int = 0) -> Any:
    """Numbers from 0.5 to 1.5."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape).astype(np.float32)


def node(text: str, **attributes: Any) -> Any:
    """A node, as `y = Conv x w`; `_` stands for an input that is left out."""
    outputs, _, call = text.partition(" = ")
    operator, *inputs = call.split()
    given = ["" if name == "_" else name for name in inputs]
    return helper.make_node(operator, given, outputs.split(), **attributes)


def graph(
    nodes: Sequence[Any],
    shape: Sequence[int | str] = (2, 4, 6, 6),
    opset: int = 17,
    outputs: Sequence[str] = ("y",),
    **tensors: Any,
) -> ModelProto:
    """A model whose input is `x`."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()]
    inner = helper.make_graph(list(nodes), "test", [x], made, held)
    version = 8 if opset < 20 else 10
    return helper.make_model(inner, opset_imports=[helper.make_opsetid("", opset)], ir_version=version)


def save(model: ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def read_model(
    model: ModelProto, inputs: Sequence[Shape] = (), folder: Path = Path()
) -> tuple[Model, Mapping[str, Any]]:
    """What is read of a model, and its weights by the model's keys."""
    found = read(model, folder, inputs, "Net")
    return found.model, {key: tensor.array for key, tensor in found.tensors.items()}


def layers(model: ModelProto) -> list[str]:
    """The layers that are read of a model, whose text proves itself and whose outputs are right."""
    found = agree(model)
    return [operation.layer.name for operation in found.operations]


def agree(model: ModelProto, scale: float = 3.0) -> Model:
    """Hold what is read of a model against ONNX Runtime."""
    found, arrays = read_model(model)
    specify(found)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    sizes = [size if isinstance(size, int) else 2 for size in given.shape]
    x = (np.random.default_rng(1).standard_normal(sizes) * scale).astype(np.float32)
    wanted = session.run(None, {given.name: x})
    is_last = len(sizes) == 4 and list(found.inputs[0].value.shape.dimensions) != sizes[1:]
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).copy() if is_last else x)
    net = Net(found, {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()})
    with torch.no_grad():
        made = [each.numpy() for each in net(images)]
    for ours, theirs in zip(made, wanted, strict=True):
        turned = ours.transpose(0, 2, 3, 1) if is_last and ours.ndim == 4 else ours
        assert turned.shape == theirs.shape
        assert np.abs(turned - theirs).max() <= CLOSE * max(np.abs(theirs).max(), 1e-30)
    return found


def open_bytes(content: bytes, folder: Path) -> ModelProto:
    path = folder / "net.onnx"
    path.write_bytes(content)
    return open_model(path)
