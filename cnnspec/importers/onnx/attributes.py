"""The attributes of a node: as Python has them, and as the newest opset and the rows do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from cnnspec.importers.onnx.model_file import shortest
from cnnspec.importers.onnx.values import ConstantArray, GraphNode, Known, WindowAttributes
from cnnspec.importers.refusals import Refuse


def attributes_of(node: Any) -> dict[str, Any]:
    """The attributes of a node as Python has them; tensors and graphs as they are. Raises ValueError."""
    return dict(map(attribute, node.attribute))


def attribute(given: Any) -> tuple[str, Any]:
    if given.ref_attr_name:
        raise ValueError(f"`{given.name}` is an argument of a function")
    value = helper.get_attribute_value(given)
    if isinstance(value, bytes):
        return given.name, value.decode("utf-8")
    if isinstance(value, float):
        return given.name, shortest(value)
    if isinstance(value, int | onnx.TensorProto | onnx.GraphProto):
        return given.name, value
    listed = list(value)
    return given.name, [shortest(each) if isinstance(each, float) else each for each in listed]


FIXED: dict[str, dict[str, Any]] = {
    "BatchNormalization": {"spatial": 1, "training_mode": 0},
    "ConvTranspose": {"output_shape": None},
    "Gemm": {"transA": 0},
    "GroupNormalization": {"stash_type": 1},
    "HardSigmoid": {"beta": 0.5},
    "LayerNormalization": {"stash_type": 1},
    "MaxPool": {"storage_order": 0},
    "Resize": {"antialias": 0, "exclude_outside": 0, "keep_aspect_ratio_policy": "stretch"},
}
"""Attributes, by operator, that may have one value alone; None: they may not be given at all."""

SILENT = {
    "Cast": ("saturate",),  # of types that are refused
    "Dropout": ("seed",),  # of a training
    "Resize": ("cubic_coeff_a", "extrapolation_value"),  # of modes that are refused
}
"""Attributes, by operator, that say nothing about what a node computes."""

WINDOWED = ("AveragePool", "Conv", "ConvTranspose", "MaxPool")
"""Operators that lay windows over a map: their rows take the attributes of these as one, `window`."""

MOVED = {
    "Clip": ("min", "max"),
    "Dropout": ("ratio",),
    "Pad": ("pads", "value"),
    "ReduceL2": ("axes",),
    "ReduceMax": ("axes",),
    "ReduceMean": ("axes",),
    "ReduceSum": ("axes",),
    "Slice": ("starts", "ends", "axes"),
    "Split": ("split",),
    "Squeeze": ("axes",),
    "Unsqueeze": ("axes",),
    "Upsample": ("scales",),
}
"""Attributes of older opsets that newer ones have as inputs, behind the first one."""


def as_rows_take(node: GraphNode, given: Sequence[Known | None]) -> tuple[list[Known | None], dict[str, Any]]:
    """The inputs and the attributes of a node as its row takes them. Raises Refuse."""
    inputs, attributes = list(given), dict(node.attributes)
    for place, name in enumerate(MOVED.get(node.operator, ()), 1):
        # Clip(x, max=6) of opset 6 -> Clip(x, None, 6).
        if name in attributes and inputs[place : place + 1] in ([], [None]):
            # It may stand behind inputs that are not given.
            inputs += [None] * (place + 1 - len(inputs))
            inputs[place] = ConstantArray(np.asarray(attributes.pop(name)))
    for name, wanted in FIXED.get(node.operator, {}).items():
        if (value := attributes.pop(name, wanted)) != wanted:
            raise Refuse("E1004", f"`{node.operator}` with `{name}={value}`")
    for name in SILENT.get(node.operator, ()):
        attributes.pop(name, None)
    if node.operator in WINDOWED:
        own = {name: attributes.pop(name) for name in WindowAttributes._fields if name in attributes}
        # Not `attributes["window"] = …`: a file's own attribute of that name would be lost.
        attributes = dict(**attributes, window=WindowAttributes(**own))
    return inputs, attributes
