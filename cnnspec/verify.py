"""Proof that the programs of back ends mean the same: equal weights, equal images, all layers compared.

NumPy is imported here, by those who verify.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

import numpy as np

from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.backends import BACKENDS
from cnnspec.graph import Network
from cnnspec.layers.base import Weight
from cnnspec.passes.fold_batchnorm import TAKERS
from cnnspec.passes.optimize import fold_weights, twins
from cnnspec.passes.optimize import optimize as optimised
from cnnspec.programs import Array, Program, load

LEAST_BOUND = 1e-5
GAPS = 4
"""A difference is allowed to be so many times the measure's own between float32 and float64."""


class Row(NamedTuple):
    """A layer or an output: its shape, the error of each back end that has it, the measure's own gap."""

    name: str
    shape: str
    errors: dict[str, float]
    gap: float

    @property
    def worst(self) -> float:
        """The largest error; NaN counts as infinite."""
        return max((math.inf if math.isnan(error) else error for error in self.errors.values()), default=0.0)


class Report(NamedTuple):
    """What was found: differences from `measure` in float32, relative to the largest number of a layer."""

    network: str
    images: int
    measure: str
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    compared: str = "the back ends"

    @property
    def gap(self) -> float:
        """The largest difference of the measure from itself in float64."""
        return max((row.gap for row in self.rows if math.isfinite(row.gap)), default=0.0)

    @property
    def bound(self) -> float:
        return max(LEAST_BOUND, GAPS * self.gap)

    @property
    def first_fault(self) -> Row | None:
        """The first row with an error above the bound, or with something that is no number."""
        for row in self.rows:
            if row.worst > self.bound or not math.isfinite(row.gap):
                return row
        return None


class Trial(NamedTuple):
    """A program to compare; `graph` is what it computes, `twins` the network's own names for its nodes."""

    program: Program
    graph: Graph
    twins: Mapping[str, str]


def verify(
    network: Network, backends: tuple[str, ...], images: int = 2, seed: int = 0, optimize: bool = False
) -> Report:
    """Compare back ends on random weights and images; `optimize`: what is optimised with what is not.

    PyTorch is the measure of NumPy; NumPy alone is that of its fast path. Raises ImportError where
    the framework of a back end is not installed.
    """
    graph = unroll(network)
    names = tuple(name for name in BACKENDS if name in backends)
    measure = names[0]
    trials = optimised_trials(network, names) if optimize else plain_trials(network, graph, names)
    program = load(measure, network, graph)
    rng = np.random.default_rng(seed)
    given = [rng.standard_normal((images, *shape.dimensions)).astype(np.float32) for _, shape in graph.inputs]
    state = randomised(program.state(), graph, seed)
    wanted = values(program, state, given)
    exact = values(program, state, [x.astype(np.float64) for x in given])
    gaps = distances(exact, wanted)
    exact.clear()  # the values of all layers are large
    folded = fold_weights(network, state) if optimize else {}
    errors = {}
    for name, trial in trials.items():
        own = trial.program.state()
        state = with_said(own, trial.graph, folded) if optimize else randomised(own, graph, seed)
        made = values(trial.program, state, given)
        errors[name] = distances({trial.twins.get(at, at): x for at, x in made.items()}, wanted)
    shapes = {node.path: str(node.output) for node in graph.nodes}
    shapes |= {f"output {name}": shapes.get(at, "") for name, at, train in graph.outputs if not train}
    rows = (
        Row(name, shape, {other: found[name] for other, found in errors.items() if name in found}, gaps[name])
        for name, shape in shapes.items()
        if name in gaps
    )
    what = "the optimised programs" if optimize else "the back ends"
    return Report(network.name, images, measure, tuple(trials), tuple(rows), what)


def plain_trials(network: Network, graph: Graph, names: tuple[str, ...]) -> dict[str, Trial]:
    """The programs of all back ends but the measure, and NumPy's by its fast path."""
    found = {name: load(name, network, graph) for name in names[1:]}
    if "numpy" in names:
        found["numpy, fast"] = load("numpy", network, graph, layers=False)
    return {name: Trial(program, graph, {}) for name, program in found.items()}


def optimised_trials(network: Network, names: tuple[str, ...]) -> dict[str, Trial]:
    """The optimised programs, NumPy's by both paths."""
    found = {}
    for name in names:
        graph, same = unroll(optimised(network, name)), twins(network, name)
        for path in (True, False)[: 2 if name == "numpy" else 1]:
            program = load(name, network, graph, layers=path, optimize=True)
            found[f"{name}, optimised" + ("" if path else ", fast")] = Trial(program, graph, same)
    return found


def values(program: Program, state: dict[str, Array], images: list[Array]) -> dict[str, Array]:
    """What a program computes with these tensors, in the images' type."""
    dtype = images[0].dtype
    program.put({key: x.astype(dtype) if x.dtype.kind == "f" else x for key, x in state.items()})
    with np.errstate(over="ignore", invalid="ignore"):  # the report says where numbers end
        return program.run(images)


def distances(made: dict[str, Array], wanted: dict[str, Array]) -> dict[str, float]:
    """How far the values are from those that are wanted, where there are both."""
    return {name: distance(made[name], wanted[name]) for name in wanted if name in made}


def distance(made: Array, wanted: Array) -> float:
    """The largest difference, relative to the largest number."""
    if made.shape != wanted.shape:
        return math.inf
    with np.errstate(invalid="ignore"):  # inf - inf
        return float(np.abs(made - wanted).max(initial=0) / max(np.abs(wanted).max(initial=0), 1e-30))


def randomised(state: dict[str, Array], graph: Graph, seed: int) -> dict[str, Array]:
    """The tensors drawn anew, each from a seed of its own.

    Each program keeps its own numbers where the specification gives them, so that they are compared.
    """
    found = dict(state)
    for node in graph.nodes:
        for weight in () if node.shared else node.weights:
            key = f"{node.path}.{weight.name}" if weight.name else node.path
            rng = np.random.default_rng([seed, crc32(key.encode())])
            found[key] = drawn(node, weight, state[key], rng)
    return found


def with_said(own: dict[str, Array], graph: Graph, tensors: dict[str, Array]) -> dict[str, Array]:
    """The tensors for a program, but its own where the specification gives the numbers."""
    said = {
        f"{node.path}.{weight.name}"
        for node in graph.nodes
        for weight in node.weights
        if is_said(node, weight) and not node.shared
    }
    assert own.keys() == tensors.keys(), own.keys() ^ tensors.keys()
    return {key: own[key] if key in said else tensors[key] for key in own}


def drawn(node: Node, weight: Weight, start: Array, rng: np.random.Generator) -> Array:
    """Weights ~ N(0, 2/fan_in), which keep the scale (He et al. 2015); all others off their start."""
    if weight.name == "num_batches_tracked" or is_said(node, weight):
        return start
    if weight.name == "running_var":
        return rng.uniform(0.5, 1.5, start.shape)
    if weight.name in ("running_mean", "bias"):
        return rng.normal(0, 0.1, start.shape)
    if node.layer.name in TAKERS:
        return rng.normal(0, math.sqrt(2 / math.prod(start.shape[1:])), start.shape)
    return start * rng.uniform(0.5, 1.5, start.shape)


def is_said(node: Node, weight: Weight) -> bool:
    """Whether the specification gives the numbers."""
    argument = {"weight": "weights", "bias": "biases"}.get(weight.name, "")
    return argument in node.layer.arguments and node.layer.value(argument) is not None


# The report as text

LONG = 40
"""Up to so many rows are shown; of more, the outputs and the WORST."""

WORST = 10


def table(report: Report, every: bool = False) -> str:
    """The report as text: a line a layer, then the verdict. `every`: all layers of a long one, too."""
    rows = report.rows if every or len(report.rows) <= LONG else picked(report)
    width = max(len("layer"), *(len(row.name) for row in rows))
    middle = max(len("output"), *(len(row.shape) for row in rows))
    columns = (*report.names, f"{report.measure}, float64")
    lines = [
        f"{report.network} on {report.images} random images: the largest difference from {report.measure}"
        " in float32,",
        "relative to the largest number",
        "",
        f"{'layer':{width}}  {'output':{middle}}" + "".join(f"{name:>{width_of(name)}}" for name in columns),
    ]
    for row in rows:
        numbers = [row.errors.get(name) for name in report.names] + [row.gap]
        cells = "".join(
            f"{'' if number is None else format(number, '.1e'):>{width_of(name)}}"
            for name, number in zip(columns, numbers, strict=True)
        )
        lines.append(f"{row.name:{width}}  {row.shape:{middle}}{cells}")
    if len(rows) < len(report.rows):
        lines.append(f"the worst of {len(report.rows)}, and the outputs; --all shows all")
    return "\n".join([*lines, "", *verdict(report)])


def width_of(column: str) -> int:
    return max(16, len(column) + 2)


def picked(report: Report) -> list[Row]:
    """The rows with the largest errors, the first fault and the outputs, in the order of the network."""
    wanted = set(sorted(range(len(report.rows)), key=lambda i: -report.rows[i].worst)[:WORST])
    return [
        row
        for i, row in enumerate(report.rows)
        if i in wanted or row == report.first_fault or row.name.startswith("output ")
    ]


def verdict(report: Report) -> list[str]:
    worst = max(report.rows, key=lambda row: row.worst)
    fault = report.first_fault
    if fault is None:
        found = f"{report.compared} agree"
    elif math.isfinite(fault.gap):
        found = f"{report.compared} differ, first at {fault.name}"
    else:
        found = f"{report.measure} itself gives no number at {fault.name}"
    return [
        f"{report.network}: {found}",
        f"largest error {worst.worst:.1e}, at {worst.name}",
        f"bound {report.bound:.1e}: {GAPS} times the gap of {report.gap:.1e} between {report.measure}"
        f" in float32 and in float64, at least {LEAST_BOUND:.0e}",
    ]
