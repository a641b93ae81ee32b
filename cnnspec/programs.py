"""Emitted programs, loaded: the only module that runs what was emitted.

PyTorch and NumPy are imported here, by those who run nets.
"""

from __future__ import annotations

import sys
from collections import Counter
from types import ModuleType
from typing import Any, Protocol

from numpy.typing import NDArray

from cnnspec.analysis.unroll import Graph
from cnnspec.backends import emit
from cnnspec.graph import Network
from cnnspec.passes.rewrite import owner

Array = NDArray[Any]


class Program(Protocol):
    """An emitted program, loaded. Its tensors start at random, always the same."""

    def state(self) -> dict[str, Array]:
        """Its tensors, by their keys in PyTorch."""

    def put(self, state: dict[str, Array]) -> None:
        """Take other tensors, of the same keys and shapes; their type is that of images to come."""

    def run(self, images: list[Array]) -> dict[str, Array]:
        """The values of layers by path, and of outputs as `output NAME`.

        `images` holds an array (N, C, H, W) for each input, of the tensors' type.
        """


def load(backend: str, network: Network, graph: Graph, layers: bool = True, **options: bool) -> Program:
    """The program of a back end, built with these options; `graph` is what it is to be a program of.

    `layers`: the values of layers are wanted, not only the outputs. Raises ImportError where the
    framework is not installed.
    """
    made = TorchProgram if backend == "torch" else NumpyProgram
    return made(network, graph, layers, **options)


def module_of(backend: str, network: Network, **options: bool) -> ModuleType:
    """The emitted program as a module."""
    name = f"cnnspec_loaded_{backend}"
    module = sys.modules[name] = ModuleType(name)
    text = emit(backend, network, "net.cnn", **options)
    exec(compile(text, f"<{backend}>", "exec"), module.__dict__)
    return module


class NumpyProgram:
    """The plain path gives every layer's value; the fast path, taken where none is wanted, the outputs."""

    def __init__(self, network: Network, graph: Graph, layers: bool = True, **options: bool) -> None:
        module = module_of("numpy", network, **options)
        classes = [item for item in vars(module).values() if isinstance(item, type)]
        net = [item for item in classes if issubclass(item, module.BaseNet)][-1]
        self.net: Any = net(seed=0, fast=not layers)
        self.graph = graph

    def state(self) -> dict[str, Array]:
        return dict(self.net.params)

    def put(self, state: dict[str, Array]) -> None:
        self.net.params = {name: tensor.copy() for name, tensor in state.items()}
        self.net.refresh()

    def run(self, images: list[Array]) -> dict[str, Array]:
        if self.net.fast:
            return outputs(self.graph, self.net(*images))
        found: dict[str, Array] = self.net.features(*images)
        results = [found[name] for name in self.net.outputs]
        return found | outputs(self.graph, results if len(results) > 1 else results[0])


class TorchProgram:
    """Hooks see the value of every layer that is a module."""

    def __init__(self, network: Network, graph: Graph, layers: bool = True, **options: bool) -> None:
        import torch

        module = module_of("torch", network, **options)
        classes = [item for item in vars(module).values() if isinstance(item, type)]
        torch.manual_seed(0)
        self.net: Any = [item for item in classes if issubclass(item, torch.nn.Module)][-1]().eval()
        self.graph = graph
        self.seen: dict[str, Array] = {}
        self.runs: Counter[str] = Counter()
        if layers:
            runs: dict[str, list[str]] = {}
            for node in graph.nodes:
                if not node.train:
                    runs.setdefault(owner(node), []).append(node.path)
            for path, inner in self.net.named_modules():
                if path in runs:
                    inner.register_forward_hook(self.watch(path, runs[path]))

    def watch(self, path: str, names: list[str]) -> Any:
        """A hook that keeps what a module makes, by the names of the runs that evaluation needs."""
        import torch

        def hook(module: Any, arriving: Any, value: Any) -> None:
            name = names[self.runs[path]]
            self.runs[path] += 1
            if isinstance(value, torch.Tensor) and len(arriving) == 1:  # else a sum's, which it adds up
                self.seen[name] = value.numpy().copy()

        return hook

    def state(self) -> dict[str, Array]:
        return {name: tensor.numpy().copy() for name, tensor in self.net.state_dict().items()}

    def put(self, state: dict[str, Array]) -> None:
        import torch

        tensors = {name: torch.from_numpy(x.copy()) for name, x in state.items()}
        self.net.load_state_dict(tensors, assign=True)

    def run(self, images: list[Array]) -> dict[str, Array]:
        import torch

        self.seen.clear()
        self.runs.clear()
        given = [torch.from_numpy(x) for x in images]
        self.net.to(given[0].dtype)  # buffers without keys, too
        with torch.no_grad():
            result = self.net(*given)
        single = isinstance(result, torch.Tensor)
        arrays = result.numpy() if single else [tensor.numpy() for tensor in result]
        return self.seen | outputs(self.graph, arrays)


def outputs(graph: Graph, result: Any) -> dict[str, Array]:
    """The outputs of evaluation as `output NAME`."""
    names = [name for name, _, train in graph.outputs if not train]
    values = [result] if len(names) == 1 else list(result)
    return {f"output {name}": value for name, value in zip(names, values, strict=True)}
