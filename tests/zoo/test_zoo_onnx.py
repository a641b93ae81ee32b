"""The zoo in ONNX: ONNX Runtime computes what PyTorch does, and no graph is larger than PyTorch's own."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")
import onnx
import torch

from cnnspec.analysis.unroll import unroll
from cnnspec.backends import emit
from cnnspec.run.onnx_program import session_of
from cnnspec.run.programs import load
from tests.zoo.shipped import FILES, LONG, small

pytestmark = pytest.mark.slow

SLICE = (
    *("DenseNet121", "Edges", "EfficientNetB0", "GoogLeNet", "LeNet1998", "MNASNet05", "MobileNetV3Small"),
    *("RegNetY400MF", "ResNet18", "ResUNet", "ShuffleNetV2x05", "SqueezeNet"),
)
"""Nets with few weights, of many kinds; CNNSPEC_LONG tries all."""

TOO_LARGE = "RegNetY128GF"
"""No ONNX file holds its weights."""

NETS = [net for net in FILES if net in SLICE or (LONG and net != TOO_LARGE)]


@pytest.mark.parametrize("net", NETS)
def test_onnx_runtime_computes_what_pytorch_does(net: str) -> None:
    checked = small(net)
    program: Any = load("torch", checked, unroll(checked))
    rng = np.random.default_rng(0)
    state = program.state()
    for key in state:
        if key.endswith(("running_mean", "running_var")):
            state[key] = rng.uniform(0.5, 1.5, state[key].shape).astype("float32")
    program.put(state)
    images = [rng.standard_normal((2, *x.value.shape.dimensions)).astype("float32") for x in checked.inputs]
    wanted = program.run(images).values()
    for options in ({}, {"optimize": True}, {"functions": True}):
        model = onnx.ModelProto.FromString(emit("onnx", checked, "net.cnn", weights=state, **options))
        session = session_of(model)
        names = [given.name for given in session.get_inputs()]
        found = session.run(None, dict(zip(names, images, strict=True)))
        for made, theirs in zip(found, wanted, strict=True):
            assert np.abs(made - theirs).max() <= 1e-5 * np.abs(theirs).max(), options


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("net", ["MobileNetV2", "ResNet18", "ResUNet"])
def test_no_graph_is_larger_than_pytorch_s(net: str) -> None:
    checked = small(net)
    program: Any = load("torch", checked, unroll(checked))
    images = tuple(torch.zeros(1, *given.value.shape.dimensions) for given in checked.inputs)
    file = io.BytesIO()
    torch.onnx.export(program.net, images, file, dynamo=False)
    model = onnx.ModelProto.FromString(emit("onnx", checked, "net.cnn", optimize=True))
    nodes = onnx.ModelProto.FromString(file.getvalue()).graph.node
    theirs = [node for node in nodes if node.op_type != "Identity"]  # for tensors that are equal by chance
    assert len(model.graph.node) <= len(theirs)
