"""A model in ONNX, run by ONNX Runtime, which this module alone imports."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from cnnspec.analysis.unroll import Graph
from cnnspec.backends import emit
from cnnspec.graph.tree import Network
from cnnspec.passes.inference import NOISE, evaluation
from cnnspec.run.programs import Array, Given, See, outputs

ONLY_ERRORS = 3
"""What ONNX Runtime is to say."""


class OnnxProgram:
    """Its tensors are the model's, of float32 always, and zeros for those that inference never reads."""

    def __init__(self, network: Network, graph: Graph, **options: bool) -> None:
        content = emit("onnx", network, "net.cnn", **options)
        self.model: Any = onnx.ModelProto.FromString(content)
        self.graph = graph
        self.session: Any = None

    def state(self) -> dict[str, Array]:
        stored = {tensor.name: tensor for tensor in self.model.graph.initializer}
        return {
            key: numpy_helper.to_array(stored[key])
            if key in stored
            else np.zeros(tuple(map(int, weight.shape)), np.float32)
            for key, weight in self.graph.weights.items()
        }

    def put(self, state: dict[str, Array]) -> None:
        self.session = None
        for tensor in self.model.graph.initializer:
            if tensor.name in state:
                tensor.raw_data = state[tensor.name].astype("<f4").tobytes()

    def run(self, images: list[Array]) -> dict[str, Array]:
        self.session = self.session or session_of(self.model)
        names = [given.name for given in self.session.get_inputs()]
        return outputs(self.graph, self.session.run(None, dict(zip(names, images, strict=True))))

    def follow(self, given: Given, see: See) -> None:
        """One run of a model in which every layer reads what is given, and shows what it makes."""
        # In the same order. Of a layer that runs first in training alone
        # evaluation calls the next run the first, and so by the first one's name.
        live = [node for node in self.graph.nodes if not node.train and node.layer.name not in NOISE]
        names = {new.path: old.path for new, old in zip(evaluation(self.graph).nodes, live, strict=True)}
        cut, read, made = cut_apart(self.model, set(names), [name for name, _ in self.graph.inputs])
        names |= {name: name for name, _ in self.graph.inputs}
        if not made:
            return
        arrays = {name: given(names[at]) for name, at in read.items()}
        for at, value in zip(made, session_of(cut).run(None, arrays), strict=True):
            see(names[at], value)


def cut_apart(model: Any, layers: set[str], inputs: list[str]) -> tuple[Any, dict[str, str], list[str]]:
    """A model whose layers, nodes of these names, read inputs alone: each value goes in and comes out.

    Also which value each of its inputs is, and which each of its outputs, by names of layers and inputs.
    """
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    graph = cut.graph
    known = {each.name: each for each in (*graph.value_info, *graph.input, *graph.output)}
    makers = {node.output[0]: node.name for node in graph.node if node.name in layers}
    values = {each.name: name for each, name in zip(graph.input, inputs, strict=True)} | makers
    # Of a conv and its relu: {"given input": "input", "given conv1": "conv1"}, and `made` [conv1, relu1].
    read: dict[str, str] = {}
    # Every value that a layer reads becomes an input of the model, so that nothing made here goes further.
    for node in graph.node:
        for i, value in enumerate(node.input):
            if value in values:
                node.input[i] = f"given {value}"
                read[node.input[i]] = values[value]
    types = {name: known[name.removeprefix("given ")].type for name in read}
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.extend(helper.make_value_info(name, kind) for name, kind in types.items())
    graph.output.extend(known[value] for value in makers)
    return cut, read, list(makers.values())


def session_of(model: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ONLY_ERRORS
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
