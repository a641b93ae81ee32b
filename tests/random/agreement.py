"""What a checked network says, held to PyTorch: sizes on the meta device, numbers on both back ends."""

from __future__ import annotations

from collections import Counter
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from cnnspec.analysis.costs import costs
from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.backends import emit
from cnnspec.graph.tree import Network
from cnnspec.run import programs
from cnnspec.run.programs import load as program
from cnnspec.run.programs import module_of
from cnnspec.run.verdict import Report, table
from cnnspec.run.verification import verify
from tests.backends.interpreter import Interpreter

IMAGES = 2


def sizes(network: Network) -> int:
    """Assert that PyTorch, on its meta device, has every size and tensor that the network has.

    The built program runs with an eye on every module; so does each layer by itself, one after the other.
    How many sizes were compared.
    """
    graph = unroll(network)
    with torch.device("meta"):
        classes = [c for c in vars(module_of("torch", network)).values() if isinstance(c, type)]
        model: nn.Module = [c for c in classes if issubclass(c, nn.Module)][-1]()
        images = [torch.empty(IMAGES, *shape.dimensions) for _, shape in graph.inputs]
        compared = 0
        for training in (True, False):
            compared += watched(countless(model.train(training)), graph, images)
            oracle = Interpreter(network, dict(model.state_dict()), training)
            for module in oracle.modules.values():
                countless(module)
            oracle(*images)
    tensors(model, network, graph)
    return compared + sum(1 for node in graph.nodes if not node.train)


def countless(module: Any) -> Any:
    """A module whose batch norms need not read how many batches there were: no number is known here."""
    for inner in module.modules() if isinstance(module, nn.Module) else ():
        if isinstance(inner, nn.modules.batchnorm._NormBase) and inner.momentum is None:
            inner.momentum = 0.1
    return module


def watched(model: nn.Module, graph: Graph, images: list[Tensor]) -> int:
    """Run a model and hold what each of its layers takes and makes to the graph."""
    wanted = [at for _, at, train in graph.outputs if model.training or not train]
    nodes: dict[str, list[Node]] = {}
    for node in needed(graph, wanted):
        nodes.setdefault(node.first, []).append(node)
    runs: Counter[str] = Counter()

    def hook(path: str) -> Any:
        def compare(module: nn.Module, arriving: Any, value: Any) -> None:
            node = nodes[path][runs[path]]
            runs[path] += 1
            assert [list(arriving[0].shape[1:])] == [x.dimensions for x in node.shapes], path
            assert list(value.shape[1:]) == node.output.dimensions, path

        return compare

    hooks = [inner.register_forward_hook(hook(p)) for p, inner in model.named_modules() if p in nodes]
    with torch.no_grad():
        result = model(*images)
    for one in hooks:
        one.remove()
    outputs = [result] if isinstance(result, Tensor) else list(result)
    shapes = {**dict(graph.inputs), **{node.path: node.output for node in graph.nodes}}
    assert [list(output.shape[1:]) for output in outputs] == [shapes[at].dimensions for at in wanted]
    return sum(runs.values()) + len(outputs)


def needed(graph: Graph, wanted: list[str]) -> list[Node]:
    """The nodes that some values are computed from, in the order of execution: all that a program runs."""
    names, found = set(wanted), []
    for node in reversed(graph.nodes):
        if node.path in names:
            names.update(node.inputs)
            found.append(node)
    return found[::-1]


def tensors(model: nn.Module, network: Network, graph: Graph) -> None:
    """Keys, shapes, counts of parameters and buffers."""
    state = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    assert state == dict(pair for node in graph.nodes for pair in weights(node))
    found = costs(network)
    assert sum(p.numel() for p in model.parameters()) == found.params
    assert sum(map(len_of, state.values())) == found.params + found.buffers


def len_of(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=int))


def weights(node: Node) -> list[tuple[str, tuple[int, ...]]]:
    path = node.first
    return [(f"{path}.{w.name}" if w.name else path, tuple(map(int, w.shape))) for w in node.weights]


def numbers(network: Network) -> float:
    """Assert that both back ends compute the same on random weights and images, as `cnnspec verify` has it.

    The largest difference in float64.
    """
    report = verify(network, ("torch", "numpy"), IMAGES)
    assert is_exact(report), table(report)
    worst = report.worst("float64")
    return worst.error if worst else 0.0


def optimised(network: Network) -> None:
    """Assert that what is optimised computes the same as what is not.

    In PyTorch oneDNN computes small convolutions, too, so that sums are written over wherever they may.
    """

    def packing(backend: str, *given: Any, **options: bool) -> str:
        text = emit(backend, *given, **options)
        changed = text.replace("least = 1 << 10", "least = 0")
        assert (changed != text) is ("class PackedConv2d" in text)
        return changed

    with mock.patch.object(programs, "emit", packing):
        report = verify(network, ("torch", "numpy"), IMAGES, optimize=True)
    assert is_exact(report), table(report)


def in_onnx(network: Network) -> None:
    """Assert that ONNX Runtime computes what NumPy does, also optimised, and of functions what of none."""
    for optimize in (False, True):
        report = verify(network, ("numpy", "onnx"), IMAGES, optimize=optimize)
        faults = [fault for fault in report.faults if fault.program.startswith("onnx")]
        assert not faults and not report.stopped, table(report)
    whole, parts = (program("onnx", network, unroll(network), functions=flag) for flag in (False, True))
    rng = np.random.default_rng(0)
    shapes = [given.value.shape.dimensions for given in network.inputs if given.value.shape]
    images = [rng.standard_normal((IMAGES, *shape)).astype("float32") for shape in shapes]
    made = parts.run(images)
    for name, value in whole.run(images).items():
        assert np.allclose(made[name], value, rtol=1e-4, atol=1e-4 * np.abs(value).max(), equal_nan=True)


def is_exact(report: Report) -> bool:
    """Whether all programs run and agree in float64; norms of flat maps ask too much of float32."""
    return not report.stopped and all(fault.kind != "float64" for fault in report.faults)
