"""The run forth of a plain NumPy program: a line for each step, short definitions where they serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.backends.names import Names
from cnnspec.backends.numpy.kernel_sources import (
    Definition,
    by_axis,
    definitions,
    general,
    reached,
    shortened,
)
from cnnspec.backends.numpy.lowering import lower, lower_node
from cnnspec.backends.numpy.program import left_out, quote, text
from cnnspec.backends.writer import WIDTH, Arguments, Text, Writer, call, flat
from cnnspec.graph.tree import Network
from cnnspec.layers.base import Construction
from cnnspec.passes.inference import NOISE

LINE = 88 - 8 - len("x = ")
"""Columns for an expression in a method."""


class Statement(NamedTuple):
    """A line of the program: `kernel(*sources, *tensors, **arguments)` makes the value of a node."""

    node: Node
    kernel: str
    sources: tuple[str, ...]
    arguments: dict[str, Any]

    @property
    def operator(self) -> str:
        """What is written between its values, if it is no call."""
        operator: str = definitions()[self.kernel].facts.get("operator", "")
        return operator

    @property
    def keys(self) -> dict[str, str]:
        """The keys in `params` by the names of its tensors."""
        # a scale's one tensor bears the step's own name, "scale1", and arrives as `weight`
        return {weight.name or "weight": key for key, weight in self.node.by_key.items()}

    @property
    def learned(self) -> dict[str, str]:
        """The keys of its trained tensors by their names."""
        weights = self.node.by_key
        return {name: key for name, key in self.keys.items() if weights[key].trained}

    def given(self, taken: tuple[str, ...] | None = None) -> list[tuple[str, Text]]:
        """The tensors and arguments of a call: all of them, or those of the names that are taken."""
        keys = {name: key for name, key in self.keys.items() if taken is None or name in taken}
        # running_norm(x, **of(p, "bn1")) in place of four keys that all begin with "bn1."
        if len(keys) == len(self.keys) > 2:
            items: list[tuple[str, Text]] = [("**", f"of(p, {quote(self.node.first)})")]
        else:
            # weight, then bias, stand where kernels take them; a bias alone must say its name
            named = list(keys) != ["weight", "bias"][: len(keys)]
            items = [(f"{name}=" if named else "", f"p[{quote(key)}]") for name, key in keys.items()]
        return items + [
            (f"{name}=", text(value))
            for name, value in self.arguments.items()
            if taken is None or name in taken
        ]


class ProgramLines(NamedTuple):
    """The lines of a run, and by what source an output is made: what does nothing is no line."""

    steps: list[Statement]
    outputs: tuple[tuple[str, str, bool], ...]


# Which definitions serve


def choose(*graphs: Graph) -> dict[str, Definition]:
    """All definitions that the programs of graphs may take: short ones, where they serve all calls."""
    lacking: set[str] = set()
    # a norm is running_norm in evaluation, batch_norm in training
    for inference in (True, False):
        for node in (node for graph in graphs for node in graph.nodes):
            kernel, arguments, tensors = lower_node(node, inference)
            if kernel not in shortened():
                # standardized_conv2d calls conv2d with pads and groups, which the short conv2d does not take
                lacking |= called(kernel)
            elif abridged(kernel, arguments) is None:
                lacking |= {kernel, f"{kernel}_backward"}
            # the short `weighted` knows no init=, weights=, gain=
            if tensors and tensors.name == "weighted" and set(tensors.kwargs) - {"bias", "frozen"}:
                lacking.add("weighted")
    short = {name: found for name, found in shortened().items() if name not in lacking}
    layers = {name: found for name, found in short.items() if found.module == "windowed"}
    rest = {name: found for name, found in (definitions() | general()).items() if name not in short}
    # in this order they stand in the file: layers first, files of tensors and training last
    return layers | rest | short


def called(kernel: str) -> set[str]:
    """What a kernel and its gradient call, with all arguments: kernels and their gradients."""
    everything = definitions()
    own = (everything[name] for name in (kernel, f"{kernel}_backward") if name in everything)
    found = reached({name for each in own for name in each.reads}, everything)
    return found | {f"{name}_backward" for name in found}


def abridged(kernel: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments as the short definition takes them: one number for both axes; None: it does not."""
    short = shortened()[kernel]
    assumed = short.facts.get("assumed", {})
    found = {}
    for name, value in arguments.items():
        # size=(1, 1) is all that the short adaptive_avg_pool2d does: it needs no argument
        if assumed.get(name) == value:
            continue
        if name in by_axis():
            # stride=1x2, or a pad above alone
            if len(set(value)) > 1:
                return None
            name, value = ("pad" if name == "pads" else name), value[0]
        if name not in short.parameters:
            return None
        found[name] = value
    return found


def flow(graph: Graph, inference: bool, everything: dict[str, Definition]) -> ProgramLines:
    """The lines of a graph: in training those that its outputs need."""
    same = {name: name for name, _ in graph.inputs}
    steps = []
    for node in graph.nodes:
        kernel, arguments, _ = lower_node(node, inference)
        sources = tuple(same[name] for name in node.inputs)
        if kernel == "identity":
            same[node.path] = sources[0]
            continue
        same[node.path] = node.path
        if everything[kernel] is shortened().get(kernel):
            arguments = abridged(kernel, arguments) or {}
        steps.append(Statement(node, kernel, sources, arguments))
    outputs = tuple((name, same[at], train) for name, at, train in graph.outputs)
    return ProgramLines(live(steps, {at for _, at, _ in outputs}), outputs)


def live(steps: list[Statement], wanted: set[str]) -> list[Statement]:
    """The steps that the wanted values need."""
    found = []
    for step in reversed(steps):
        if step.node.path in wanted:
            wanted = wanted | set(step.sources)
            found.append(step)
    return found[::-1]


# The class


def write_start(network: Network, graph: Graph, inference: bool, body: Writer) -> None:
    """The tensors, and files of them."""
    sizes = " and ".join(str(shape) for _, shape in graph.inputs)
    spare = left_out(network, graph)
    body.line(f'"""{network.name} for {sizes}; `params` are its tensors by their keys in PyTorch."""')
    body.line()
    with body.block("def __init__(self, seed: int = 0) -> None"):
        body.line("rng = np.random.default_rng(seed)")
        owners = [node for node in graph.nodes if node.weights and not node.shared]
        rows = tuple(("**", start) for node in owners for start in starts_of(node))
        body.expression(Arguments("", rows, "{", "}"), "self.params: dict[str, Array] = ")
        if not inference and any(node.layer.name in NOISE for node in graph.nodes):
            body.line("self.rng = rng")
    methods = [("load", "read", "Read `params` from", spare)]
    methods += [] if inference else [("save", "write", "Write `params` to", ())]
    for name, function, words, rest in methods:
        body.line()
        with body.block(f"def {name}(self, path: str) -> None"):
            body.line(f'"""{words} a .safetensors or .npz file."""')
            body.expression(call(f"{function}_tensors", "self.params", "path", *map(text, rest)))


def starts_of(node: Node) -> Iterator[Text]:
    """What makes the tensors of a layer, by their keys."""
    tensors = lower(node.layer, node.shapes[0]).tensors
    assert tensors is not None
    if tensors.name == "filled":
        for key, value in zip(node.by_key, tensors.kwargs.values(), strict=True):
            yield text(Construction("filled", (key, *tensors.args), {"value": value}))
        return
    given = ["rng"] if tensors.name == "weighted" else []
    shape = [text(item) for item in (node.first, *tensors.args)]
    # frozen tensors start as others do; loss_and_grads just has no gradient for them
    options = [(f"{key}=", text(value)) for key, value in tensors.kwargs.items() if key != "frozen"]
    yield Arguments(tensors.name, (*(("", item) for item in (*given, *shape)), *options))


def write_forward(
    graph: Graph, run: ProgramLines, tuples: dict[str, str], names: Names, body: Writer
) -> None:
    """A line for each step; what only the next one takes may stand within it."""
    taken = variables(graph, names)
    result = tuples.get("named", "Array")
    given = "".join(f", {variable}: Array" for variable in taken.values())
    body.line()
    with body.block(f"def __call__(self{given}) -> {result}"):
        body.line(f'"""{"The outputs" if "named" in tuples else "The output"} of evaluation."""')
        write_arrival(graph, taken, bool(run.steps) and any(step.keys for step in run.steps), body)
        kept = [at for _, at, _ in run.outputs]
        lines = nested(run.steps, kept)
        registers = Registers(taken, lines, kept, names)
        for i, line in enumerate(lines):
            value = line.expression(registers.at)
            if i == len(lines) - 1 and kept == [line.path] and result == "Array":
                body.expression(value, "return ")
            else:
                write_value(registers.place(i), value, body)
        if "named" in tuples:
            body.line(f"return {result}({', '.join(registers.at[at] for at in kept)})")
        elif not lines or kept != [lines[-1].path]:
            body.line(f"return {registers.at[kept[0]]}")


def variables(graph: Graph, names: Names) -> dict[str, str]:
    """The parameters of a run: x, or the names of several inputs."""
    if len(graph.inputs) == 1:
        names.taken.add("x")
        return {graph.inputs[0][0]: "x"}
    return {name: names.local(name) for name, _ in graph.inputs}


def write_arrival(graph: Graph, taken: dict[str, str], has_tensors: bool, body: Writer) -> None:
    """What arrives becomes floats of the right shapes."""
    if has_tensors:
        body.line("p = self.params")
    for name, shape in graph.inputs:
        sizes = ", ".join(map(str, shape.dimensions))
        body.line(f"{taken[name]} = floats({taken[name]}, {sizes})")
    if len(taken) > 1:
        body.line(f"check_counts({', '.join(taken.values())})")


class Infix(str):
    """`a * b * c`; its rows are `a`, `* b` and `* c`."""

    rows: list[str]

    def __new__(cls, sign: str, values: Sequence[str]) -> Infix:
        made = super().__new__(cls, f" {sign} ".join(values))
        made.rows = [values[0], *(f"{sign} {value}" for value in values[1:])]
        return made


def write_value(variable: str, value: Text, body: Writer) -> None:
    """`variable = value`; an operation that does not fit a line stands in brackets, as ruff has it."""
    room = WIDTH - 4 * body.depth
    if not isinstance(value, Infix) or len(f"{variable} = {value}") <= room:
        body.expression(value, f"{variable} = ")
        return
    body.line(f"{variable} = (")
    with body.indented():
        for row in [value] if len(value) <= room - 4 else value.rows:
            body.line(row)
    body.line(")")


class Nesting(NamedTuple):
    """Steps of which each takes the one before alone: written within one another."""

    steps: tuple[Statement, ...]

    @property
    def path(self) -> str:
        return self.steps[-1].node.path

    @property
    def sources(self) -> tuple[str, ...]:
        return self.steps[0].sources

    def expression(self, at: dict[str, str]) -> Text:
        """The call, or calls, on variables."""
        found: Text = ""
        for i, step in enumerate(self.steps):
            values = [at[name] for name in step.sources] if i == 0 else [found]
            if step.kernel == "flatten":
                found = call(f"{values[0]}.reshape", f"len({values[0]})", str(step.node.output.channels))
            elif step.operator:
                found = Infix(step.operator, [*map(flat, values)])
            else:
                items = tuple(("", value) for value in values) + tuple(step.given())
                found = Arguments(definitions()[step.kernel].facts.get("spelled", step.kernel), items)
        return found


def nested(steps: list[Statement], kept: list[str]) -> list[Nesting]:
    """The lines of steps: a call without arguments of its own goes around what it alone takes."""
    # an output has a taker before any step: a value that leaves needs a variable
    takers: dict[str, int] = dict.fromkeys(kept, 1)
    for name in (name for step in steps for name in step.sources):
        takers[name] = takers.get(name, 0) + 1
    lines: list[Nesting] = []
    for step in steps:
        if lines and step.sources == (lines[-1].path,) and takers[lines[-1].path] == 1 and is_around(step):
            line = Nesting((*lines[-1].steps, step))
            # variables get their names later: a line is measured with names of eight letters
            names = dict.fromkeys(line.sources, "x" * 8)
            if not lines[-1].steps[0].operator and len(flat(line.expression(names))) <= LINE:
                lines[-1] = line
                continue
        lines.append(Nesting((step,)))
    return lines


def is_around(step: Statement) -> bool:
    """Whether a step may be written around what it takes, and names that once."""
    return not step.given() and step.kernel != "flatten" and not step.operator


class Registers:
    """Which variable a value lies in: one whose own is not needed any more, or a fresh one."""

    def __init__(self, at: dict[str, str], lines: list[Nesting], kept: list[str], names: Names) -> None:
        self.at, self.lines, self.names = dict(at), lines, names
        self.free: list[str] = []
        # the dict keeps the last line that reads each value
        last = {name: i for i, line in enumerate(lines) for name in line.sources}
        self.ending: dict[int, list[str]] = {}
        for name, i in last.items():
            if name not in kept:
                self.ending.setdefault(i, []).append(name)

    def place(self, i: int) -> str:
        """The variable for the value of a line, whose sources may go."""
        # what this line reads last may be written over by it: x = relu(x)
        self.free += [self.at[name] for name in self.ending.get(i, ())]
        # x first: a chain goes on in it
        self.free.sort(key=lambda name: (name != "x", name))
        if self.free:
            variable = self.free.pop(0)
        else:
            wish = next((wish for wish in "xyz" if wish not in self.names.taken), "")
            # x, y and z are taken: the value bears its step's name
            variable = wish or self.names.local(self.lines[i].path.replace(".", "_"))
            self.names.taken.add(variable)
        self.at[self.lines[i].path] = variable
        return variable
