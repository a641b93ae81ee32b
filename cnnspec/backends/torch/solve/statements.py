"""The statements of a `forward`: which variable holds which value, and what is nested into what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count
from typing import NamedTuple

from cnnspec.backends.names import Names
from cnnspec.backends.torch.solve.classes import Class
from cnnspec.backends.torch.solve.solutions import Assign, Branch, Solved, append
from cnnspec.backends.torch.unify.columns import ByRow, Column, Unaligned
from cnnspec.backends.writer import WIDTH, Text, behind, call, flat
from cnnspec.graph.tree import Value

DEEPEST = 3  # calls within calls on one line
IMPORTED = {"Any", "F", "Module", "NamedTuple", "Tensor", "math", "model", "nn", "torch"}
BRANCHES = ("y", "z", "u", "v", "w")


State = dict[str, Value]
"""The value that each variable of a row holds; what was written last comes last."""

Reads = Mapping[tuple[int, Value], int]
"""How often each value of a row is read."""

NO_READS: Reads = {}


class Variables:
    """The variables of every row of a class, in evaluation and in training, as the lines so far leave them.

    A line changes the rows that run it and no others: under `if self.wide` only those where it holds, under
    `if self.training` only what they hold in training. So a name is right for a read if it holds the wanted
    value in each of these; and it may be written over if nothing that it holds there is still to be read.
    """

    def __init__(self, size: int, reads: Counter[tuple[int, Value]]) -> None:
        self.states = {(row, training): State() for row in range(size) for training in (False, True)}
        self.reads = reads  # those that are still to come

    @property
    def is_training(self) -> bool:
        """Whether the next line runs in training alone."""
        return all(training for _, training in self.states)

    def assign(self, name: str, values: ByRow) -> None:
        for (row, _), state in self.states.items():
            # written anew, it comes last: find() looks for what was written last first
            state.pop(name, None)
            state[name] = values[row]

    def find(self, values: ByRow) -> str | None:
        """The variable, the last one written, that holds each row's value."""
        first, *_ = self.states.values()
        # a name must hold it in all states, so those of any one are enough to look through
        return next((name for name in reversed(first) if self.holds(name, values)), None)

    def holds(self, name: str, values: ByRow) -> bool:
        """Whether the variable holds each row's value."""
        return all(state.get(name) is values[row] for (row, _), state in self.states.items())

    def is_free(self, name: str, values: ByRow | None = None, besides: Reads = NO_READS) -> bool:
        """Whether a name may be written over, `besides` these reads, and no row loses anything.

        `values`: what is to be written, row by row.
        """
        for (row, _), state in self.states.items():
            held = state.get(name)
            # it holds nothing, or what is to be written, or what another name holds, too
            if held is None or (values and values[row] is held) or [*state.values()].count(held) > 1:
                continue
            if self.reads[row, held] > besides.get((row, held), 0):
                return False
        return True

    @contextmanager
    def run_by(self, rows: Container[int] | None, training: bool = False) -> Iterator[None]:
        """Lines that only these rows run (all: None), or only in training."""
        around = self.states
        self.states = {
            (row, mode): state
            for (row, mode), state in around.items()
            if (rows is None or row in rows) and (mode or not training)
        }
        yield
        self.states = around


class Expression(NamedTuple):
    """What computes a value, in each row: `depth` calls within calls; without a text, a variable holds it.

    mypy takes it for a tensor where it takes these `variables` for tensors; None: it never does, since what
    a module returns may be anything, and so may any sum with it.
    """

    values: ByRow
    text: Text = ""
    depth: int = 0
    atomic: bool = True  # it binds as a call does, and may stand beside an operator
    variables: tuple[str, ...] | None = None


class Statements:
    """The statements of a `forward`, and the variables that its values are kept in.

    What a step computes stays an expression as long as the next step can read it in its place. `target` is
    the variable that the current chain is kept in, as long as nothing else in it is wanted; values that a
    wire leads to get variables of their own.
    """

    def __init__(self, cls: Class) -> None:
        self.cls, rows, network = cls, cls.rows, cls.program.network
        self.names = Names(cls.names.taken | IMPORTED)
        self.statements: Solved = []
        self.depth = 2  # how far in the next one stands
        reads = ((n, value) for n, row in enumerate(rows) for value in (*cls.reads(row.steps), *row.outputs))
        self.variables = Variables(len(rows), Counter(reads))
        self.kept = {(n, value) for n, row in enumerate(rows) for value in row.kept}
        self.named: set[str] = set()  # variables of values that a wire leads to
        self.inputs = ["x"]
        if len(rows[0].inputs) > 1:
            self.inputs = [self.names.local(given.name) for given in network.inputs]
        self.target = "x"
        self.noted = ""

    def begin(self) -> Expression:
        """Know the arguments of `forward` in every row. Returns the first of them."""
        columns = [
            dict(enumerate(column)) for column in zip(*(row.inputs for row in self.cls.rows), strict=True)
        ]
        for name, arriving in zip(self.inputs, columns, strict=True):
            self.variables.assign(name, arriving)
            # y = self.conv1(x), then y + x: a wire leads to what arrives, so the chain goes on in y
            if name == "x" and not self.kept.isdisjoint(arriving.items()):
                self.target = "y"
            shape = arriving[0].shape
            if self.cls.is_net and self.cls.program.optimised and shape is not None and shape.is_map:
                packed = f"{name}.contiguous(memory_format=torch.channels_last)"
                self.statements.append(Assign(packed, name))
        return Expression(columns[0])

    # Where statements stand

    @property
    def room(self) -> int:
        return WIDTH - 4 * self.depth

    @contextmanager
    def inside(
        self, target: str, rows: Container[int] | None = None, leaving: Iterable[tuple[int, Value]] = ()
    ) -> Iterator[Solved]:
        """Statements of a branch, which these rows run (all, in training alone: None), kept apart.

        The chain goes on in the target, which is all that the values that leave the branch are kept in.
        """
        around = self.statements, self.target, self.kept
        self.statements, self.target, self.kept = [], target, self.kept.difference(leaving)
        self.depth += 1
        with self.variables.run_by(rows, training=rows is None):
            yield self.statements
        self.depth -= 1
        self.statements, self.target, self.kept = around

    def at_need(self, need: str, x: Expression, run: Callable[[Expression], Expression]) -> Expression:
        """What comes of an expression; under `if self.training`, where only training needs it."""
        # within an `if self.training` there is no need for another
        if need == "always" or self.variables.is_training:
            return run(x)
        x = self.hold(x)
        with self.inside(self.free_variable(is_branch=True)) as lines:
            x = self.hold(run(x))
        append(self.statements, Branch("self.training", lines, []))
        return x

    # Values

    def variable(self, values: ByRow) -> str:
        """The variable that holds a value. Raises Unaligned where none does in all rows."""
        found = self.variables.find(values)
        if found is None:
            raise Unaligned
        return found

    def held(self, values: ByRow) -> Expression:
        """The variable that holds a value, as an expression."""
        name = self.variable(values)
        return Expression(values, name, variables=(name,))

    def read(self, x: Expression, values: ByRow, reading: ByRow) -> Expression:
        """The value that these rows read now: the expression, if nothing else reads it, or its variable."""
        reads = self.variables.reads
        if not x.text or any(reads[place] > 1 for place in reading.items()):
            self.hold(x)
            x = self.held(values)
        reads.subtract(reading.items())
        return x

    def hold(self, x: Expression, name: str | None = None) -> Expression:
        """See to it that a variable, this one or one that is free, holds what is computed."""
        if x.text:
            self.assign(name or self.free_variable(x.values), x.values, x.text)
        return Expression(x.values)

    def assign(self, name: str, values: ByRow, text: Text) -> None:
        """The only line that changes a variable. Raises Unaligned where what it holds is still to be read."""
        if not self.variables.is_free(name, values):
            raise Unaligned
        self.variables.assign(name, values)
        self.statements.append(Assign(text, name, self.note(values)))

    def note(self, values: ByRow) -> str:
        """The size of a net's value, where it is another than that before."""
        value, *others = values.values()
        # a block's sizes differ from use to use
        note = str(value.shape) if self.cls.is_net and not others else ""
        before, self.noted = self.noted, note
        return note if note != before else ""

    def leave(self, name: str, columns: Sequence[ByRow], x: Expression) -> Expression:
        """Return values in a tuple of this name, or one ("") as it is, if mypy knows it to be a tensor."""
        values, left = columns[0], x
        reads_well = x.atomic or len("return " + flat(x.text)) <= self.room
        if name:
            self.hold(x)
            left = Expression(values, call(name, *map(self.variable, columns)), variables=())
        elif x.values != values or x.variables is None or len(self.untyped(x)) > 1 or not reads_well:
            # mypy takes what a module returns for Any; x is declared a Tensor, another name is just below
            self.hold(x, "x" if self.variables.is_free("x", values) else None)
            left = self.held(values)
        for variable in self.untyped(left):
            declare(variable, self.statements)
        note = self.note(values) if left is x else ""
        self.statements.append(Assign(behind("return ", left.text), comment=note))
        return x

    def untyped(self, x: Expression) -> set[str]:
        """The variables that need an annotation for mypy to take an expression for a tensor."""
        return {name for name in x.variables or () if name not in self.inputs}

    def free_variable(
        self, values: ByRow | None = None, besides: Reads = NO_READS, is_branch: bool = False
    ) -> str:
        """A variable to go on in: the chain's own, if it is free besides these reads and no branch begins."""
        taken = self.names.taken | {self.target}
        others = (f"{name}{number}" for number in chain([""], count(2)) for name in BRANCHES)
        wishes = chain([] if is_branch else [self.target], (name for name in others if name not in taken))
        return next(name for name in wishes if self.variables.is_free(name, values, besides))

    def produce(self, column: Column, x: Expression) -> Expression:
        """What a step computes, assigned at once where a wire leads to it in all rows."""
        if not self.kept.issuperset(x.values.items()):
            return x
        name = self.names.local(column.wish)
        # a step labelled y may meet a chain's y that is still to be read: local() hands out y2 next
        while name == self.target or not self.variables.is_free(name):
            name = self.names.local(column.wish)
        self.named.add(name)
        return self.hold(x, name)

    def apply(
        self, column: Column, x: Expression, write: Callable[[str], Text], is_method: bool = False
    ) -> Expression:
        """A function of a value, which is nested into it as long as it reads well.

        A method stands behind what is one call itself, however deep.
        """
        inputs, room = column.inputs, self.room - len(self.target) - len(" = ")
        x = self.read(x, inputs, values_read(inputs, column.outputs))
        made = write(flat(x.text))
        nests = x.atomic if is_method else x.depth < DEEPEST
        # too deep, or too long: x = self.relu1(self.bn1(self.conv1(x))), and the next step on the next line
        if x.depth and not (nests and len(flat(made)) <= room):
            name = self.free_variable(inputs)
            self.assign(name, inputs, x.text)
            x, made = self.held(inputs), write(name)
        depth, variables = (x.depth, x.variables) if is_method else (x.depth + 1, None)
        return self.produce(column, Expression(column.outputs, made, depth, variables=variables))


def declare(name: str, statements: Solved) -> bool:
    """Annotate the first line that assigns a variable. Returns whether there is one."""
    for number, statement in enumerate(statements):
        if isinstance(statement, Branch):
            if declare(name, statement.then) or declare(name, statement.otherwise):
                return True
        elif isinstance(statement, Assign) and statement.target == name:
            statements[number] = statement._replace(target=f"{name}: Tensor")
            return True
    return False


def values_read(inputs: ByRow, outputs: ByRow) -> ByRow:
    """The values that are read: not those that are handed on as they are."""
    return {row: value for row, value in inputs.items() if outputs[row] is not value}
