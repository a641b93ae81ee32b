"""Emitted programs, loaded: with onnx_program.py the only module that runs what was emitted.

PyTorch and NumPy are imported here, by those who run nets.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

from numpy.typing import NDArray

from cnnspec.analysis.unroll import Graph
from cnnspec.backends import emit
from cnnspec.graph.tree import Network
from cnnspec.run import OutOfMemory, output_key

Array = NDArray[Any]

Given = Callable[[str], Array]
"""The value of an input or a layer, by its path."""

See = Callable[[str, Array | None], None]
"""Takes what a program makes of a layer, by its path; None: the program does not run it."""


class LoadedProgram(Protocol):
    """An emitted program, loaded. Its tensors start at random, always the same."""

    def state(self) -> dict[str, Array]:
        """Its tensors, by their keys in PyTorch."""

    def put(self, state: dict[str, Array]) -> None:
        """Take other tensors, of the same keys and shapes; their type is that of images to come."""

    def run(self, images: list[Array]) -> dict[str, Array]:
        """The values of outputs as `output NAME`.

        `images` holds an array (N, C, H, W) for each input, of the tensors' type.
        """

    def follow(self, given: Given, see: See) -> None:
        """Show what every layer makes of the given values: what it makes itself goes no further."""


def load(backend: str, network: Network, graph: Graph, **options: bool) -> LoadedProgram:
    """The program of a back end, built with these options; `graph` is what it is to be a program of.

    Raises ImportError where the framework is not installed.
    """
    made: Callable[..., LoadedProgram] = TorchProgram if backend == "torch" else NumpyProgram
    if backend == "onnx":
        made = import_module("cnnspec.run.onnx_program").OnnxProgram
    return made(network, graph, **options)


def module_of(backend: str, network: Network, **options: bool) -> ModuleType:
    """The emitted program as a module."""
    name = f"cnnspec_loaded_{backend}"
    # In sys.modules, where numpy_engine finds the program's optimisers by the module of the net's class.
    module = sys.modules[name] = ModuleType(name)
    text = emit(backend, network, "net.cnn", **options)
    exec(compile(text, f"<{backend}>", "exec"), module.__dict__)
    return module


def numpy_class(network: Network, **options: bool) -> type[Any]:
    """The class of the net in its NumPy program."""
    module = module_of("numpy", network, **options)
    return last_class(module, module.BaseNet)


def torch_class(network: Network, **options: bool) -> type[Any]:
    """The class of the net in its PyTorch program."""
    from torch import nn

    return last_class(module_of("torch", network, **options), nn.Module)


def last_class(module: ModuleType, base: type) -> type[Any]:
    """The net's own: it stands behind what it uses."""
    return [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, base)][-1]


class NumpyProgram:
    """Takes the fast path to the outputs, unless `net.fast` is unset; layers are always run one by one."""

    def __init__(self, network: Network, graph: Graph, **options: bool) -> None:
        self.net: Any = numpy_class(network, **options)(seed=0)
        self.layers = {layer.name: layer for layer in self.net.layers}
        self.graph = graph

    def state(self) -> dict[str, Array]:
        return dict(self.net.params)

    def put(self, state: dict[str, Array]) -> None:
        """Take other tensors; those that are not given stay."""
        self.net.params |= {name: tensor.copy() for name, tensor in state.items()}
        self.net.refresh()

    def run(self, images: list[Array]) -> dict[str, Array]:
        made = self.net(*images)
        return outputs(self.graph, made if isinstance(made, tuple) else [made])

    def features(self, images: list[Array]) -> dict[str, Array]:
        """The values of inputs and layers by path, and of outputs by their keys."""
        found: dict[str, Array] = self.net.features(*images)
        return found | outputs(self.graph, [found[name] for name in self.net.outputs])

    def follow(self, given: Given, see: See) -> None:
        for node in self.graph.nodes:
            if not node.train:
                see(node.path, self.step(node.path, given) if node.path in self.layers else None)

    def step(self, name: str, given: Given) -> Array:
        """What a layer makes of the given values."""
        layer = self.layers[name]
        made: Array = layer.kernel(*(given(at) for at in layer.of), **self.net.keywords(layer))
        return made


class TorchProgram:
    """Hooks see, and replace, the value of every layer that is a module."""

    def __init__(self, network: Network, graph: Graph, **options: bool) -> None:
        import torch

        torch.manual_seed(0)
        self.net: Any = torch_class(network, **options)().eval()
        self.graph = graph

    def state(self) -> dict[str, Array]:
        return {name: tensor.numpy().copy() for name, tensor in self.net.state_dict().items()}

    def put(self, state: dict[str, Array]) -> None:
        import torch

        tensors = {name: torch.from_numpy(x.copy()) for name, x in state.items()}
        # Without `assign` the numbers would be copied into parameters of float32, and float64 be lost.
        self.net.load_state_dict(tensors, assign=True)

    def run(self, images: list[Array]) -> dict[str, Array]:
        import torch

        given = [torch.from_numpy(x) for x in images]
        self.net.to(given[0].dtype)  # buffers without keys, too
        with torch.no_grad():
            made = self.net(*given)
        return outputs(self.graph, [x.numpy() for x in ([made] if isinstance(made, torch.Tensor) else made)])

    def follow(self, given: Given, see: See) -> None:
        """Joins are no modules: what they make goes on to the next layer, and shows there."""
        runs: dict[str, list[str]] = {}
        for node in self.graph.nodes:
            if not node.train and not node.layer.is_join:  # its label names the modules on its paths
                # Of `d: conv …` and `again d`: {"d": ["d", "d (2)"]}.
                runs.setdefault(node.first, []).append(node.path)
        watches = [
            Watch(runs[path], given, see, inner) for path, inner in self.net.named_modules() if path in runs
        ]
        self.run([given(name) for name, _ in self.graph.inputs])
        for watch in watches:
            watch.end()


class Watch:
    """A hook on a module: it shows what the module makes, and hands on what was to be made.

    `names` are the runs that evaluation needs, in their order.
    """

    def __init__(self, names: list[str], given: Given, see: See, module: Any) -> None:
        self.names, self.given, self.see = names, given, see
        self.runs = 0
        self.handle = module.register_forward_hook(self.hook)

    def hook(self, module: Any, arriving: Any, value: Any) -> Any:
        import torch

        self.runs += 1
        # A module of `again` runs once for each name; one run more is of a program that repeats it wrongly.
        if self.runs > len(self.names):
            self.see(self.names[-1], None)
        elif isinstance(value, torch.Tensor) and len(arriving) == 1:  # else a sum's, which it adds up
            name = self.names[self.runs - 1]
            self.see(name, value.numpy())
            wanted = torch.from_numpy(self.given(name))
            if wanted.shape == value.shape:
                return torch.empty_like(value).copy_(
                    wanted
                )  # laid out as the module did; others' memory stays
        return None

    def end(self) -> None:
        """Take the hook away, and tell of runs that were left out."""
        self.handle.remove()
        for name in self.names[self.runs :]:
            self.see(name, None)


def tensors_of(graph: Graph) -> int:
    """How many numbers the tensors of a net hold."""
    return sum(weight.elements for weight in graph.weights.values())


def check_memory(network: str, need: int) -> None:
    """Raises OutOfMemory, before anything is allocated, where a net needs more bytes than there are."""
    here = memory()
    if need > here:
        raise OutOfMemory(
            f"{network} needs at least {need / 1e9:,.1f} GB of memory, there are {here / 1e9:,.1f}"
        )


def memory() -> float:
    """Bytes that this process may have: of the machine, or of the limits that it runs under."""
    found = [math.inf]
    try:
        import resource

        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            found.append(limit)
    except (ImportError, OSError, ValueError):  # Windows: what is too much shows as it is allocated
        pass
    return min(found)


@contextmanager
def report_memory(network: str) -> Iterator[None]:
    """Raises OutOfMemory where memory ends, in PyTorch too."""
    try:
        yield
    except OutOfMemory:
        raise
    except (MemoryError, RuntimeError) as problem:
        if not is_of_memory(problem):
            raise
        raise OutOfMemory(f"{network} needs more memory than there is") from None


def is_of_memory(problem: Exception) -> bool:
    """Whether memory has ended, in PyTorch too."""
    # PyTorch raises a RuntimeError: "DefaultCPUAllocator: can't allocate memory: you tried to allocate …".
    return isinstance(problem, MemoryError) or "allocate memory" in str(problem)


def outputs(graph: Graph, values: Iterable[Array]) -> dict[str, Array]:
    """The outputs of evaluation by their keys."""
    return dict(zip(map(output_key, graph.lasting), values, strict=True))
