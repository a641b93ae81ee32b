"""Proof that the programs of back ends mean the same: equal weights, equal images, all layers compared.

NumPy is imported here, by those who verify.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cnnspec.analysis.unroll import unroll
from cnnspec.graph import Network
from cnnspec.programs import Array, NumpyProgram, Program, load

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


def verify(network: Network, backends: tuple[str, ...], images: int = 2, seed: int = 0) -> Report:
    """Compare back ends on random weights and images. The first one is the measure of the others."""
    graph = unroll(network)
    programs = {name: load(name, network, graph) for name in backends}
    measure = programs[backends[0]]
    state = calibrated(measure.state(), seed)
    rng = np.random.default_rng(seed)
    given = [rng.standard_normal((images, *shape.dimensions)).astype(np.float32) for _, shape in graph.inputs]
    wanted = values(measure, state, given)
    exact = values(measure, as_type(state, np.float64), [x.astype(np.float64) for x in given])
    others = {name: values(programs[name], state, given) for name in backends[1:]}
    if "numpy" in programs:
        others["numpy, fast"] = values(NumpyProgram(network, graph, layers=False), state, given)
    shapes = {node.path: str(node.output) for node in graph.nodes}
    shapes |= {f"output {name}": shapes.get(at, "") for name, at, train in graph.outputs if not train}
    rows = []
    for name, shape in shapes.items():
        if name in wanted:
            errors = tuple(distance(found.get(name), wanted[name]) for found in others.values())
            rows.append(Row(name, shape, errors, distance(wanted[name], exact[name])))
    gap = max((row.gap for row in rows), default=0.0)
    return Report(network.name, tuple(others), tuple(rows), gap, max(LEAST_BOUND, GAPS * gap))


def values(program: Program, state: dict[str, Array], images: list[Array]) -> dict[str, Array]:
    """What a program computes with these tensors."""
    program.put(state)
    return program.run(images)


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
