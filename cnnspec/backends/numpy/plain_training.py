"""Training in plain NumPy programs: a run forth and back, written out."""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph
from cnnspec.backends.names import Names
from cnnspec.backends.numpy.kernel_sources import Definition
from cnnspec.backends.numpy.plain_forward import (
    Infix,
    Nesting,
    ProgramLines,
    Statement,
    variables,
    write_arrival,
    write_value,
)
from cnnspec.backends.numpy.program import quote
from cnnspec.backends.writer import WIDTH, Arguments, Text, Writer, call


class Training:
    """`at` are the variables of values, `slopes` those of their gradients; `done` keys have theirs."""

    def __init__(
        self, graph: Graph, run: ProgramLines, everything: dict[str, Definition], names: Names, body: Writer
    ) -> None:
        self.graph, self.run, self.everything, self.body = graph, run, everything, body
        self.names = Names(names.taken)
        self.names.taken |= {"labels", "auxiliary", "loss", "share", "seed"}
        self.at = variables(graph, self.names)
        self.slopes: dict[str, str] = {}
        self.done: set[str] = set()
        self.more: dict[str, tuple[tuple[str, Text], ...]] = {}  # arguments that only training has
        self.learning = learning(run.steps)

    def write(self) -> None:
        self.body.line()
        several = any(train for _, _, train in self.run.outputs)
        parameters = [f"{variable}: Array" for variable in (*self.at.values(), "labels")]
        parameters += ["auxiliary: float = 0.3"] if several else []
        head = call("def loss_and_grads", "self", *parameters)
        self.body.expression(head, after=" -> tuple[float, dict[str, Array]]:")
        with self.body.indented():
            self.body.line('"""The mean softmax cross-entropy of a batch, and the gradients of `params`."""')
            write_arrival(self.graph, self.at, any(step.keys for step in self.run.steps), self.body)
            for step in self.run.steps:
                self.forth(step)
            self.losses()
            self.body.line("g: dict[str, Any] = {}")
            for step in reversed(self.run.steps):
                # before the first trained tensor nothing learns; without a slope no loss depends on the step
                if step.node.path in self.learning and step.node.path in self.slopes:
                    self.back(step)
            self.body.line("return loss, g")

    def forth(self, step: Statement) -> None:
        """A line of the run forth, every value in a variable of its own."""
        taken = self.everything[step.kernel].parameters
        more: list[tuple[str, Text]] = []
        if "training" in taken:
            more.append(("training=", "True"))
        if "seed" in taken:
            seed = self.names.local("seed")
            self.body.line(f"{seed} = int(self.rng.integers(2**63))")
            more.append(("seed=", seed))
        self.more[step.node.path] = tuple(more)
        value = Nesting((step,)).expression(self.at)
        if isinstance(value, Arguments):
            value = value._replace(items=(*value.items, *more))
        self.at[step.node.path] = variable = self.names.local(step.node.path.replace(".", "_"))
        write_value(variable, value, self.body)

    def losses(self) -> None:
        """The loss of each output, of the logits of a softmax; those of training alone weigh less."""
        by_path = {step.node.path: step for step in self.run.steps}
        for i, (_, at, train) in enumerate(self.run.outputs):
            step = by_path.get(at)
            # cross_entropy takes the softmax itself: of a net that ends in one it is given what arrives there
            if step is not None and step.kernel in ("softmax", "log_softmax"):
                at = step.sources[0]
            # an output that no trained tensor reaches has a loss, but nobody needs its gradient
            slope = self.fresh(at) if at in self.learning else "_"
            found = f"cross_entropy({self.at[at]}, labels)"
            if i == 0 and not train:
                self.body.line(f"loss, {slope} = {found}")
            else:
                self.body.line(f"share, {slope} = {found}")
                weight = "auxiliary * " if train else ""
                self.body.line(f"loss {'+=' if i else '='} {weight}share")
                if train and slope != "_":
                    self.body.line(f"{slope} = auxiliary * {slope}")
            self.add(at, slope)

    def fresh(self, path: str) -> str:
        """A new variable for a gradient."""
        return self.names.local(f"d{self.at[path]}")

    def add(self, path: str, slope: str) -> None:
        """What comes to the gradient of a value."""
        if slope == "_":
            return
        if path in self.slopes:
            write_value(self.slopes[path], Infix("+", (self.slopes[path], slope)), self.body)
        else:
            self.slopes[path] = slope

    def back(self, step: Statement) -> None:
        """A line of the run back: the gradients of what a step takes, and of its tensors."""
        path = step.node.path
        slopes = [self.fresh(name) if name in self.learning else "_" for name in step.sources]
        if step.kernel == "flatten":
            shape = f"{self.at[step.sources[0]]}.shape"
            self.body.expression(call(f"{self.slopes[path]}.reshape", shape), f"{slopes[0]} = ")
        else:
            self.call_back(step, slopes)
        for name, slope in zip(step.sources, slopes, strict=True):
            self.add(name, slope)

    def call_back(self, step: Statement, slopes: list[str]) -> None:
        """The call of a backward kernel, with what it takes of all there is."""
        path, function = step.node.path, self.everything[f"{step.kernel}_backward"]
        taken = function.parameters
        y = [self.at[path]] if "y" in taken else []
        arriving = [self.at[source] for source in step.sources]
        values = [("", value) for value in [self.slopes[path], *arriving, *y]]
        more = [(name, value) for name, value in self.more[path] if name.rstrip("=") in taken]
        back = Arguments(f"{step.kernel}_backward", (*values, *step.given(taken), *more))
        # conv2d(x, weight, bias, stride, …) back gives 3 for one path: 1 + 3 - 1 ends behind weight and bias
        own = self.everything[step.kernel].parameters[1 : 1 + function.results(len(slopes)) - len(slopes)]
        self.assign(back, slopes, [step.learned.get(tensor, "") for tensor in own])

    def assign(self, value: Arguments, slopes: list[str], keys: list[str]) -> None:
        """`dx, g["a.weight"] = value`: one by one where that is long, or where a tensor runs again."""
        targets = [*slopes, *(f"g[{quote(key)}]" if key else "_" for key in keys)]
        head = f"{', '.join(targets)} = "
        again = {f"g[{quote(key)}]" for key in self.done.intersection(keys)}
        # a layer that runs again adds to its gradient: g["c.weight"] = g["c.weight"] + back[1]
        self.done |= {key for key in keys if key}
        if not again and len(f"{head}{value.head}(") <= WIDTH - 4 * self.body.depth:
            self.body.expression(value, head)
            return
        back = self.names.local("back")
        self.body.expression(value, f"{back} = ")
        for i, target in enumerate(targets):
            part = f"{back}[{i}]" if len(targets) > 1 else back
            if target != "_":
                write_value(target, Infix("+", (target, part)) if target in again else part, self.body)


def learning(steps: list[Statement]) -> set[str]:
    """The values that depend on trained tensors."""
    found: set[str] = set()
    for step in steps:
        if step.learned or found & set(step.sources):
            found.add(step.node.path)
    return found
