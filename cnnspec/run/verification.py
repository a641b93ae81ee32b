"""Proof that programs mean the same: the same weights, the same images, layer by layer.

The measure is the plain NumPy program in float64, layer after layer. Each other program is given, at each
of its layers, what the measure has there, so that an error shows where it is made, neither drowned by what
follows nor multiplied by it. Then it runs as a whole, for what it does between layers. In float64 what
means the same agrees but for rounding, however deep the net; in float32 the bounds are wider, and wider
still where what is computed multiplies rounding.

NumPy is imported here, by those who verify.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, cast
from zlib import crc32

import numpy as np

from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.backends import BACKENDS
from cnnspec.graph.tree import Network
from cnnspec.layers.base import Weight
from cnnspec.passes.fold_batchnorm import TAKERS
from cnnspec.passes.inference import evaluation
from cnnspec.passes.optimize import fold_weights, twins
from cnnspec.passes.optimize import optimize as optimised
from cnnspec.run import output_key, output_title
from cnnspec.run.programs import (
    Array,
    LoadedProgram,
    NumpyProgram,
    check_memory,
    is_of_memory,
    load,
    tensors_of,
)
from cnnspec.run.verdict import ROUNDED, TYPES, WHOLE, Deviation, Report

REACH = 3.0
"""The size of what layers make: some of it lies beyond 6 and -3, where relu6 and hardswish turn."""

NOISE = 1e-6
"""Numbers that are smaller are what rounding leaves of 0, behind the norm of a constant map; scaled to REACH,
they would differ from program to program."""

HALF_ULP = 2.0**-24
"""The most that rounding to float32 moves a number, relative to it."""

DRAWS = 8
"""So often is it drawn which numbers are rounded up and which down. In x - tanh(x) of a small x, what is
rounded the same way on both sides cancels: one draw of two would show nothing."""

TINY = 1e-30  # of the size 0 is taken for

Errors = dict[str, dict[str, float]]
"""Of a program, by type and by the name of a layer or an output."""


class Entrant(NamedTuple):
    """A program to compare; `graph` is what it computes, `twins` the network's own names for its nodes.

    `layers`: the types in which its layers are compared; `types`: those that it runs in, all its outputs.
    """

    make: Callable[[], LoadedProgram]
    graph: Graph
    twins: Mapping[str, str] = {}
    layers: tuple[str, ...] = TYPES
    types: tuple[str, ...] = TYPES


RUNS_IN = {"onnx": ("float32",)}
"""The types of programs that do not run in all: ONNX Runtime has no convolution in float64."""


def verify(
    network: Network, backends: tuple[str, ...], images: int = 2, seed: int = 0, optimize: bool = False
) -> Report:
    """Compare programs on random weights and images; `optimize`: those that `build --optimize` writes.

    Raises ImportError where the framework of a back end is not installed, MemoryError where the values of
    all layers take more than there is.
    """
    what = "the optimised programs" if optimize else "the back ends"
    graph = unroll(network)
    values = sum(int(node.output.features) for node in graph.nodes if not node.train)
    # Float64 takes 8 bytes; tensors are held twice: as the measure's state, and in the program that it steps.
    check_memory(network.name, 8 * (images * values + 2 * tensors_of(graph)))
    measure = Baseline(network, seed)
    stopped: dict[str, str] = {}
    with noted(stopped, "numpy"), silent():
        measure.walk(images)
    if stopped:
        return Report(network.name, images, (), (), 0.0, what, stopped)
    names = tuple(name for name in BACKENDS if name in backends)
    entrants = entrants_of(network, measure, names, optimize)
    # A folded batch norm has no tensors: its scale and shift are in the convolution's weight and bias.
    tensors = fold_weights(network, measure.state) if optimize else measure.state
    found: dict[str, Errors] = {}
    for name, entrant in entrants.items():
        # Outside of `noted`: a framework that is not installed is no fault of the program.
        program = entrant.make()
        with noted(stopped, name):
            found[name] = measure.compare(program, entrant, tensors)
    gap = 0.0
    with noted(stopped, "numpy"):
        gap = measure.gap(found.get("numpy"))
    return Report(network.name, images, tuple(entrants), tuple(measure.rows(found)), gap, what, stopped)


@contextmanager
def noted(stopped: dict[str, str], program: str) -> Iterator[None]:
    """Note why a program stops: a wrong one may end in anything."""
    try:
        yield
    except Exception as problem:
        if is_of_memory(problem):
            raise
        reason = str(problem).partition("\n")[0]
        stopped[program] = f"{type(problem).__name__}: {reason}"


def entrants_of(
    network: Network, measure: Baseline, names: tuple[str, ...], optimize: bool
) -> dict[str, Entrant]:
    """The programs, NumPy's by both paths; the plain one's layers in float64 are the measure themselves."""
    found = {}
    for name in names:
        graph, same, title = measure.graph, dict[str, str](), name
        make = partial(load, name, network, graph)
        if optimize:
            graph, same = evaluation(unroll(optimised(network, name))), twins(network, name)
            make, title = partial(load, name, network, graph, optimize=True), f"{name}, optimised"
        if name == "numpy":
            program = cast("NumpyProgram", make()) if optimize else measure.program
            # The plain program in float64 is the measure: against itself its layers would show 0.
            layers = TYPES if optimize else ("float32",)
            found[title] = Entrant(partial(on_path, program, False), graph, same, layers)
            # No layers: the fast path fuses them, and `follow` would run the plain kernels a second time.
            found[f"{title}, fast"] = Entrant(partial(on_path, program, True), graph, same, ())
        else:
            found[title] = Entrant(make, graph, same, types=RUNS_IN.get(name, TYPES))
    return found


def on_path(program: NumpyProgram, fast: bool) -> LoadedProgram:
    program.net.fast = fast
    return program


class Baseline:
    """The values of all inputs and layers in float64, and the weights that they come from.

    All numbers of images and weights are float32's, so that both precisions compute with the same.
    """

    def __init__(self, network: Network, seed: int) -> None:
        self.graph = unroll(network)
        self.program = NumpyProgram(network, self.graph)
        self.nodes = {node.path: node for node in self.graph.nodes}
        # {"output.": "fc", "map.": "decoder.conv3"}
        self.ends = {output_key(name): at for name, at in self.graph.lasting.items()}
        self.seed = seed
        self.state = in_type(self.program.state(), "float64")
        self.program.put(self.state)
        self.images: list[Array] = []
        self.values: dict[str, Array] = {}
        self.sizes: dict[str, float] = {}  # of the numbers that rounding is relative to

    def walk(self, images: int) -> None:
        """Draw images, and go through the layers: their weights are drawn, their values kept."""
        rng = np.random.default_rng(self.seed)
        for name, shape in self.graph.inputs:
            self.images.append(in_float32(rng.standard_normal((images, *shape.dimensions))))
            self.values[name] = self.images[-1]
            self.sizes[name] = largest(self.images[-1])
        for node in self.graph.nodes:
            self.draw(node)
            if not node.train:
                self.values[node.path] = self.made(node)
                self.sizes[node.path] = self.size_left(node)
        for name, at in self.ends.items():
            self.values[name] = self.values[at]

    def size_left(self, node: Node) -> float:
        """The largest number that a node makes; of what rounding leaves of 0, that which it is left of."""
        before, size = max(self.sizes[at] for at in node.inputs), largest(self.values[node.path])
        return before if size < NOISE * min(1.0, before) else size

    def draw(self, node: Node) -> None:
        """Draw the tensors that a node brings along, each from a seed of its own."""
        # None behind the first layer of an auxiliary head, which does not run here: `size` is 1.
        size = size_of(self.values.get(node.inputs[0]))
        for key, weight in ({} if node.shared else node.by_key).items():
            # By the key: a layer more leaves the others' weights. crc32, for hash() differs by process.
            rng = np.random.default_rng([self.seed, crc32(key.encode())])
            self.put(key, np.asarray(draw_tensor(node, weight, self.state[key], size, rng)))

    def put(self, key: str, tensor: Array) -> None:
        self.state[key] = in_float32(tensor)
        self.program.put({key: self.state[key]})

    def made(self, node: Node) -> Array:
        """What a node makes; a weight that was drawn is scaled until that has a size of about REACH."""
        value = self.program.step(node.path, self.values.__getitem__)
        size = size_of(value)
        keys = [key for key, w in node.by_key.items() if w.name == "weight" and not is_said(node, w)]
        # Where rounding alone arrives, as 1e-7 behind a constant map's norm, no weight scales it up to REACH.
        fixed = node.layer.name not in TAKERS or node.shared or not keys
        if fixed or REACH / 2 <= size <= 2 * REACH or largest(self.values[node.inputs[0]]) < NOISE:
            return value
        # But for its bias a layer is linear in its weight: one step will do.
        # Of a size of 12, it takes a quarter.
        self.put(keys[0], self.state[keys[0]] * (REACH / size))
        return self.program.step(node.path, self.values.__getitem__)

    def compare(self, program: LoadedProgram, entrant: Entrant, tensors: Mapping[str, Array]) -> Errors:
        """The errors of a program with these tensors, by type and by the network's names."""
        state = with_said(program.state(), entrant.graph, tensors)
        found: Errors = {kind: {} for kind in TYPES}
        for kind in entrant.types:
            errors = found[kind]

            # A `conv1` that took a relu in makes what the network's own relu makes: {"conv1": "relu1"}.
            def given(own: str, kind: str = kind) -> Array:
                return self.values[entrant.twins.get(own, own)].astype(kind, copy=False)

            def see(own: str, made: Array | None, errors: dict[str, float] = errors) -> None:
                name = entrant.twins.get(own, own)
                errors[name] = max(errors.get(name, 0.0), self.error(name, made))

            program.put(in_type(state, kind))
            with silent():
                if kind in entrant.layers:
                    program.follow(given, see)
                # With what it makes itself from layer to layer, which `follow` never hands on.
                for name, made in program.run([x.astype(kind) for x in self.images]).items():
                    see(name, made)
        return found

    def gap(self, known: Errors | None) -> float:
        """The largest finite error of the program in float32 at an output; `known`: the measure's errors."""
        entrant = Entrant(partial(on_path, self.program, False), self.graph, layers=())
        errors = known or self.compare(entrant.make(), entrant, self.state)
        ends = [error for name, error in errors["float32"].items() if name in self.ends]
        return max(filter(math.isfinite, ends), default=0.0)

    def rows(self, found: Mapping[str, Errors]) -> Iterator[Deviation]:
        """The layers, then the outputs, with the errors of each program."""
        shapes = {node.path: str(node.output) for node in self.graph.nodes}
        shapes |= {name: shapes.get(at, "") for name, at in self.ends.items()}
        titles = {output_key(name): output_title(name) for name in self.graph.lasting}
        for name, shape in shapes.items():
            if name in self.values:
                errors = {
                    kind: {program: each[kind][name] for program, each in found.items() if name in each[kind]}
                    for kind in TYPES
                }
                if any(errors.values()):  # else a layer that no program has as such
                    size, is_output = largest(self.values[name]), name in self.ends
                    row = Deviation(titles.get(name, name), shape, size, errors, is_output=is_output)
                    # Up to DRAWS runs for each: an error below the lowest bound needs no excuse.
                    if row.worst("float32") > min(ROUNDED, WHOLE):
                        row = row._replace(moved=self.moved(name), overflows=self.overflows(name))
                    yield row

    def moved(self, name: str) -> float:
        """The error of a layer in float64 where float32 rounds all that arrives, as far up or down as it may.

        Joins before it are made anew, for a program may compute them on its way; before an output all is.
        """
        at = self.ends.get(name, name)
        # Of a relu behind an add: [add, relu], if add is a join. Of an output: all nodes before it.
        wanted, chain = {at}, []
        for node in reversed(self.graph.nodes):
            if node.path in wanted and (node.layer.is_join or node.path == at or name in self.ends):
                wanted.update(node.inputs)
                chain.append(node)
        self.program.put(self.state)
        errors = [self.error(name, self.rounded(at, chain[::-1], draw)) for draw in range(DRAWS)]
        return max(filter(math.isfinite, errors), default=0.0)

    def rounded(self, at: str, chain: list[Node], draw: int) -> Array:
        """What a layer makes, where all that arrives at it and at a chain before it is rounded."""
        # By path: rounded anew where the chain makes it, else the measure's own value, rounded.
        made: dict[str, Array] = {}

        def arriving(path: str) -> Array:
            x = made.get(path, self.values[path])
            signs = np.random.default_rng([self.seed, crc32(path.encode()), draw]).choice((-1, 1), x.shape)
            return x * (1 + HALF_ULP * signs)

        with silent():
            for node in chain:
                made[node.path] = self.program.step(node.path, arriving)
        return made.get(at, self.values[at])

    def overflows(self, name: str) -> bool:
        """Whether numbers grow too large for float32 in a layer, or on the way to an output."""
        self.program.put(in_type(self.state, "float32"))
        try:
            with np.errstate(over="raise", invalid="ignore"):
                if name in self.ends:
                    made = self.program.run([x.astype("float32") for x in self.images])[name]
                else:
                    made = self.program.step(name, lambda at: self.values[at].astype("float32"))
        except FloatingPointError:
            return True
        return not np.isfinite(made).all()

    def error(self, name: str, made: Array | None) -> float:
        """The largest difference of what a program makes, relative to the largest number there or, for
        rounding has that size, to the largest that arrives at a layer; 0 counts as what it is left of.

        NaN counts as infinite.
        """
        wanted = self.values[name]
        # A layer that a program leaves out is as wrong as it can be.
        if made is None or made.shape != wanted.shape:
            return math.inf
        with silent():  # inf - inf
            if name in self.ends:
                size = self.sizes[self.ends[name]]
            else:
                size = max([largest(wanted), *(self.sizes[at] for at in self.nodes[name].inputs)])
            # A map of zeros has size 0: the error is then relative to what arrives, or to TINY.
            error = float(np.abs(made - wanted).max(initial=0)) / max(size, TINY)
        return math.inf if math.isnan(error) else error


def draw_tensor(node: Node, weight: Weight, start: Array, size: float, rng: np.random.Generator) -> Array:
    """Weights of about the size that `made` makes exact; statistics of numbers of the size that arrives; all
    others off their start, 0 too, which would hide what comes before. What the specification gives stays."""
    if weight.name == "num_batches_tracked" or is_said(node, weight):
        return start
    if weight.name == "running_var":
        return rng.uniform(0.5, 1.5, start.shape) * size**2
    if weight.name == "running_mean":
        return rng.normal(0, 0.1, start.shape) * size
    if weight.name == "bias":
        return rng.normal(0, 0.1, start.shape)
    if node.layer.name in TAKERS:
        # A sum of n products of deviations s and w has deviation s*w*sqrt(n): 3x3 of 64 channels has n = 576.
        return rng.normal(0, REACH * math.sqrt(1 / math.prod(start.shape[1:])) / size, start.shape)
    # A norm, told by its bias, makes size 1 whatever arrives. prelu's slope stays near its start.
    norm = any(other.name == "bias" for other in node.weights)
    return np.where(start == 0, 1.0, start) * rng.uniform(0.5, 1.5, start.shape) * (REACH if norm else 1)


def with_said(own: Mapping[str, Array], graph: Graph, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors for a program, but its own where the specification gives the numbers.

    Raises ValueError where the program has others.
    """
    for key in sorted(own.keys() | tensors.keys()):
        if key not in own or key not in tensors:
            raise ValueError(f"only {'the program' if key in own else 'the network'} has {key}")
        if own[key].shape != tensors[key].shape:
            raise ValueError(f"{key} is {own[key].shape}, not {tensors[key].shape}")
    said = {key for node in graph.nodes for key, weight in node.by_key.items() if is_said(node, weight)}
    return {key: own[key] if key in said else tensors[key] for key in own}


def is_said(node: Node, weight: Weight) -> bool:
    """Whether the specification gives the numbers."""
    argument = {"weight": "weights", "bias": "biases"}.get(weight.name, "")
    return argument in node.layer.arguments and node.layer.value(argument) is not None


def silent() -> np.errstate:
    """Without warnings: the report says where numbers end."""
    return np.errstate(over="ignore", invalid="ignore")


def size_of(x: Array | None) -> float:
    """The root of the mean square; 1 of nothing, of zeros but for rounding, and of what is no number."""
    size = 1.0 if x is None or not x.size else float(np.sqrt(np.mean(x * x)))
    return size if NOISE < size < math.inf else 1.0


def largest(x: Array) -> float:
    return float(np.abs(x).max(initial=0))


def in_type(tensors: Mapping[str, Array], kind: str) -> dict[str, Array]:
    """Tensors in another precision, counts as they are."""
    return {key: x.astype(kind) if x.dtype.kind == "f" else x for key, x in tensors.items()}


def in_float32(x: Array) -> Array:
    """The nearest numbers of float32, as float64; counts as they are."""
    return x.astype(np.float32).astype(np.float64) if x.dtype.kind == "f" else x
