"""Proof that the programs of back ends mean the same: equal weights, equal images, all layers compared.

The only module that runs what was emitted. PyTorch and NumPy are imported here, by those who verify.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cnnspec.analysis.unroll import Graph, unroll
from cnnspec.backends import emit
from cnnspec.graph import Network

Array = NDArray[Any]

LEAST_BOUND = 1e-5
GAPS = 4
"""A difference is allowed to be so many times PyTorch's own between float32 and float64."""


class Row(NamedTuple):
    """A layer or an output: its shape, the largest error of each back end, PyTorch's own gap."""

    name: str
    shape: str
    errors: tuple[float, ...]
    gap: float


class Report(NamedTuple):
    """What was found. `names` are the columns of the rows' errors."""

    network: str
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    gap: float
    bound: float

    @property
    def first_fault(self) -> Row | None:
        """The first row with an error above the bound, or with something that is no number."""
        for row in self.rows:
            if not all(error <= self.bound for error in row.errors):
                return row
        return None


class Program(Protocol):
    """An emitted program, loaded."""

    def state(self) -> dict[str, Array]:
        """Its tensors."""

    def run(self, state: dict[str, Array], images: list[Array]) -> dict[str, Array]:
        """The values of layers by path, and of outputs as `output NAME`."""


def verify(network: Network, backends: tuple[str, ...], images: int = 2, seed: int = 0) -> Report:
    """Compare back ends on random weights and images. The first one is the measure of the others."""
    graph = unroll(network)
    programs = {name: load(name, network, graph) for name in backends}
    measure = programs[backends[0]]
    state = calibrated(measure.state(), seed)
    rng = np.random.default_rng(seed)
    given = [rng.standard_normal((images, *shape.dimensions)).astype(np.float32) for _, shape in graph.inputs]
    wanted = measure.run(state, given)
    exact = measure.run(as_type(state, np.float64), [x.astype(np.float64) for x in given])
    others = {name: programs[name].run(state, given) for name in backends[1:]}
    if "numpy" in programs:
        others["numpy, fast"] = NumpyProgram(network, graph, fast=True).run(state, given)
    shapes = {node.path: str(node.output) for node in graph.nodes}
    shapes |= {f"output {name}": shapes.get(at, "") for name, at, train in graph.outputs if not train}
    rows = []
    for name, shape in shapes.items():
        if name in wanted:
            errors = tuple(distance(found.get(name), wanted[name]) for found in others.values())
            rows.append(Row(name, shape, errors, distance(wanted[name], exact[name])))
    gap = max((row.gap for row in rows), default=0.0)
    return Report(network.name, tuple(others), tuple(rows), gap, max(LEAST_BOUND, GAPS * gap))


def distance(made: Array | None, wanted: Array) -> float:
    """The largest difference, relative to the largest number; 0 where there is nothing to compare."""
    if made is None:
        return 0.0
    if made.shape != wanted.shape:
        return float("inf")
    return float(np.abs(made - wanted).max(initial=0) / max(np.abs(wanted).max(initial=0), 1e-30))


def calibrated(state: dict[str, Array], seed: int) -> dict[str, Array]:
    """Weights that keep the scale of what goes through, and statistics that are no zeros and ones."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor = rng.normal(0, 0.1, tensor.shape)
        elif name.endswith("running_var"):
            tensor = rng.uniform(0.5, 1.5, tensor.shape)
        elif tensor.ndim > 1 and tensor.std() > 0:
            spread = np.sqrt(2 / np.prod(tensor.shape[1:]))
            tensor = rng.standard_normal(tensor.shape) * spread
        found[name] = np.asarray(tensor).astype(state[name].dtype)
    return found


def as_type(state: dict[str, Array], dtype: Any) -> dict[str, Array]:
    return {
        name: tensor.astype(dtype) if tensor.dtype.kind == "f" else tensor for name, tensor in state.items()
    }


def load(backend: str, network: Network, graph: Graph) -> Program:
    """The program of a back end. Raises ImportError where its framework is not installed."""
    return TorchProgram(network, graph) if backend == "torch" else NumpyProgram(network, graph)


def module_of(backend: str, network: Network) -> ModuleType:
    """The emitted program as a module."""
    name = f"cnnspec_verified_{backend}"
    module = sys.modules[name] = ModuleType(name)
    exec(compile(emit(backend, network, "net.cnn"), f"<{backend}>", "exec"), module.__dict__)
    return module


class NumpyProgram:
    """The plain path gives every layer's value; the fast path only the outputs."""

    def __init__(self, network: Network, graph: Graph, fast: bool = False) -> None:
        module = module_of("numpy", network)
        classes = [item for item in vars(module).values() if isinstance(item, type)]
        self.net = [item for item in classes if issubclass(item, module.BaseNet)][-1](seed=0)
        self.graph, self.fast = graph, fast

    def state(self) -> dict[str, Array]:
        return dict(self.net.params)

    def run(self, state: dict[str, Array], images: list[Array]) -> dict[str, Array]:
        self.net.params = {name: tensor.copy() for name, tensor in state.items()}
        self.net.refresh()
        self.net.fast = self.fast
        found = {} if self.fast else self.net.features(*images)
        return found | outputs(self.graph, self.net(*images))


class TorchProgram:
    """Hooks see the value of every layer that is a module."""

    def __init__(self, network: Network, graph: Graph) -> None:
        import torch

        module = module_of("torch", network)
        classes = [item for item in vars(module).values() if isinstance(item, type)]
        self.net: Any = [item for item in classes if issubclass(item, torch.nn.Module)][-1]().eval()
        self.graph = graph

    def state(self) -> dict[str, Array]:
        return {name: tensor.numpy().copy() for name, tensor in self.net.state_dict().items()}

    def run(self, state: dict[str, Array], images: list[Array]) -> dict[str, Array]:
        import torch

        given = [torch.from_numpy(x) for x in images]
        self.net.to(given[0].dtype)
        self.net.load_state_dict({name: torch.from_numpy(x.copy()) for name, x in state.items()})
        seen: dict[str, Array] = {}
        runs: dict[str, int] = {}

        def watch(path: str) -> Any:
            def hook(module: Any, arriving: Any, value: Any) -> None:
                runs[path] = runs.get(path, 0) + 1
                name = path if runs[path] == 1 else f"{path} ({runs[path]})"
                if isinstance(value, torch.Tensor):
                    seen[name] = value.numpy().copy()

            return hook

        handles = [m.register_forward_hook(watch(path)) for path, m in self.net.named_modules() if path]
        try:
            with torch.no_grad():
                result = self.net(*given)
        finally:
            for handle in handles:
                handle.remove()
        single = isinstance(result, torch.Tensor)
        arrays = result.numpy() if single else [tensor.numpy() for tensor in result]
        return seen | outputs(self.graph, arrays)


def outputs(graph: Graph, result: Any) -> dict[str, Array]:
    """The outputs of evaluation as `output NAME`."""
    names = [name for name, _, train in graph.outputs if not train]
    values = [result] if len(names) == 1 else list(result)
    return {f"output {name}": value for name, value in zip(names, values, strict=True)}


def table(report: Report) -> str:
    """The report as text: a line a layer, then the verdict."""
    width = max(len(row.name) for row in report.rows)
    middle = max(len(row.shape) for row in report.rows)
    head = "".join(f"{name:>14}" for name in report.names)
    lines = [f"{'layer':{width}}  {'output':{middle}}{head}{'float64':>14}"]
    for row in report.rows:
        errors = "".join(
            f"{'' if skipped(name, row) else format(error, '.1e'):>14}"
            for name, error in zip(report.names, row.errors, strict=True)
        )
        lines.append(f"{row.name:{width}}  {row.shape:{middle}}{errors}{row.gap:14.1e}")
    worst = max((error for row in report.rows for error in row.errors), default=0.0)
    fault = report.first_fault
    verdict = f"first differs at {fault.name}" if fault else "agree"
    lines.append(
        f"{report.network}: {verdict}; largest error {worst:.1e}, bound {report.bound:.1e}"
        f" ({GAPS} x the float32-float64 gap {report.gap:.1e}, at least {LEAST_BOUND:.0e})"
    )
    return "\n".join(lines)


def skipped(name: str, row: Row) -> bool:
    """The fast path shows nothing of what happens inside."""
    return name.endswith("fast") and not row.name.startswith("output ")
