"""The forward of a class: the wiring, written once for all rows of the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

from cnnspec.backends.names import is_plain
from cnnspec.backends.torch.solve.classes import Class
from cnnspec.backends.torch.solve.literals import literal
from cnnspec.backends.torch.solve.program import Returns
from cnnspec.backends.torch.solve.solutions import Assign, Branch, Solved, append
from cnnspec.backends.torch.solve.statements import Expression, Statements, values_read
from cnnspec.backends.torch.unify.columns import Body, Column, Unaligned, Way, agree
from cnnspec.backends.torch.unify.steps import can_add, is_container, is_method, is_parameter, outputs_of
from cnnspec.backends.writer import WIDTH, Arguments, Text, behind, call, flat, joined
from cnnspec.graph.tree import Again, From, If, Leaf, Merge, Output, Path, Repeat, Use, Value

NEEDS = ("always", "training", "none")

Operand = tuple[Way, Expression | None]
"""A path of a join, and what it leaves to the join's expression; None where a variable holds its end."""


class Forward(Statements):
    """Writes the steps of a class, one after the other."""

    def solve(self) -> tuple[list[str], Solved]:
        """The arguments and all statements. Raises Unaligned where they differ from row to row."""
        cls = self.cls
        self.begin()
        self.walk(cls.body())
        if cls.returns and cls.returns.everything:
            self.return_several(cls.returns)
        else:
            self.leave({row: each.outputs[0] for row, each in enumerate(cls.rows)})
        return self.inputs, self.statements

    def return_several(self, returns: Returns) -> None:
        self.flush()
        with self.at_training("always" if returns.evaluation is None else "training"):
            self.leave_tuple(returns.everything, self.cls.program.network.outputs)
        kept = [output for output in self.cls.program.network.outputs if not output.train]
        if returns.evaluation:
            self.leave_tuple(returns.evaluation, kept)
        elif returns.evaluation is not None:
            self.leave({0: kept[0].value})

    def leave_tuple(self, name: str, outputs: Iterable[Output]) -> None:
        made = call(name, *(self.variable({0: output.value}) for output in outputs))
        self.statements.append(Assign(behind("return ", made)))

    def walk(self, body: Body) -> None:
        """The steps; under `if self.training` what only training needs, not at all what nothing does."""
        needed = [(need, column) for column in body if (need := self.need(column)) != "none"]
        for need, run in groupby(needed, itemgetter(0)):
            with self.at_training(need):
                for _, column in run:
                    self.step(column)

    @contextmanager
    def at_training(self, need: str) -> Iterator[None]:
        """What is written now stands under `if self.training`, where only training needs it."""
        if need != "training" or self.variables.is_training:
            yield
            return
        self.flush()
        with self.inside(self.free_variable(is_branch=True)) as lines:
            yield
            self.flush()
        append(self.statements, Branch("self.training", lines, []))

    def need(self, column: Column) -> str:
        """What a step is wanted for: always, training, none. Raises Unaligned where a row wants more."""
        wanted = [self.need_of(outputs_of(step)) for step in column.steps]
        if not agree(wanted) and not isinstance(column.first, If):
            raise Unaligned
        return min(wanted, key=NEEDS.index)

    def need_of(self, values: Collection[Value]) -> str:
        if not values or not self.evaluated.isdisjoint(values):
            return "always"
        return "none" if self.live.isdisjoint(values) else "training"

    def step(self, column: Column) -> None:
        first = column.first
        if isinstance(first, Leaf | Use):
            self.module(column)
        elif isinstance(first, From):
            self.flush()  # the chain ends here and another goes on
        elif isinstance(first, Again):
            self.step(Column(column.of("step")))
        elif isinstance(first, Merge):
            self.merge(column)
        elif column.is_idle:
            return
        elif is_container(first):
            self.container(column)
        elif isinstance(first, If):
            self.branches(column)
        elif isinstance(first, Repeat):
            self.walk(column.unrolled())

    def module(self, column: Column) -> None:
        first, inputs = column.first, column.inputs
        column.agreed(lambda step: (is_method(step), is_parameter(step)))  # a call, or an expression
        if is_method(first):
            self.apply(column, lambda text: call(f"{text}.flatten", "1"), is_method=True)
        elif all((sizes := column.each(self.cls.like)).values()):
            arriving, like = self.variable(inputs), self.variable(sizes)
            self.variables.reads.subtract([*inputs.values(), *sizes.values()])
            self.produce(column, Expression(call("crop", arriving, like)))
        elif is_parameter(first):
            variable = self.variable(inputs)
            self.variables.reads.subtract(inputs.values())
            parameter, symbol = self.access(column), column.agreed(lambda step: step.layer.symbol)
            if shape := column.agreed(lambda step: step.layer.spread(step.input.shape)):  # for each channel
                parameter = call(f"{flat(parameter)}.reshape", *map(str, shape))
            self.produce(column, Expression(behind(f"{variable} {symbol} ", parameter), 1, False))
        else:
            self.run_module(column)

    def run_module(self, column: Column) -> None:
        """`self.conv1(value)`."""
        module = flat(self.access(column))
        self.apply(column, lambda text: call(module, text))

    def access(self, column: Column) -> Text:
        """The module of a step: an attribute, or found by its path."""
        if attribute := self.cls.attribute(column):
            return f"self.{attribute}"
        if not column.name:
            raise Unaligned
        if is_parameter(column.first):
            return call("self.get_parameter", literal(column.name))
        scope, _, name = column.name.rpartition(".")
        if self.cls.is_keyed(column.name) and is_plain(scope):
            return f"self.{scope}[{literal(name)}]"
        return call("self.get_submodule", literal(column.name))

    def container(self, column: Column) -> None:
        if self.cls.bare_scopes.isdisjoint(step.name for step in column.steps):
            self.run_module(column)
        else:
            self.walk(column.inside())

    def branches(self, column: Column) -> None:
        """An `if` that some rows take: it ends in one variable, whatever each of its branches does."""
        then, otherwise = column.ways()
        if then.is_everywhere or otherwise.is_everywhere:
            self.walk(then.body or otherwise.body)
            return
        self.flush()
        acting = [row for row, step in column.rows.items() if step.output is not step.input]
        end = self.end_of(column, acting)
        ends, blocks = column.outputs.values(), []
        for way in (then, otherwise):
            with self.inside(end, way.ends, ends) as lines:
                self.walk(way.body)
                self.flush()
                if not self.live.isdisjoint(ends):
                    self.settle(way.ends, end)
            blocks.append(lines)
        append(self.statements, Branch(self.cls.flag(then), *blocks))

    def end_of(self, column: Column, acting: Collection[int]) -> str:
        """The variable that branches end in, that of what arrives if the acting rows may write over it."""
        besides = Counter(self.cls.reads(column.steps))
        source = self.variables.find(column.inputs)
        with self.variables.run_by(acting):
            if source and source not in self.named and self.variables.is_free(source, None, besides):
                return source
        passes = len(acting) < len(column.rows)  # where no row of a branch acts, the end is what arrives
        end = self.free_variable(None, None if passes else besides)
        if passes and source and end != source:
            self.assign(end, column.inputs, source)
        return end

    # Joins

    def merge(self, column: Column) -> None:
        """The paths of a join one after the other, then the join, where several paths are live."""
        self.flush()
        live, need = column.paths(), self.need_of(column.outputs.values())
        if len(live) == 1 and live[0].is_everywhere:
            self.walk(live[0].body)
            return
        adder = find_adder(self.cls, column, live)
        at_once = need == "always" or self.variables.is_training  # the join runs wherever its paths do
        condition, operands, around = "", list[Operand](), self.target
        for number, path in enumerate(live):
            later = live[number + 1 :]
            if not path.is_everywhere:
                if (number, len(live)) != (1, 2):
                    raise Unaligned
                condition = self.cls.flag(path)
            space = WIDTH
            if later:  # beside variables
                space = self.room - len("x = ") - 8 * len(live) - 12 * (not column.first.layer.symbol)
            holds = at_once and not (later and adder is not None) and all(map(is_passive, later))
            self.target = self.free_variable(is_branch=True)
            operands.append((path, self.path(path, condition, number == adder, space if holds else 0)))
        self.target = around
        if need != "none":
            with self.at_training(need):
                self.join(column, operands, adder, condition)

    def path(self, path: Way, condition: str, adder: bool, space: int) -> Expression | None:
        """A path's lines, and what is left to the join of them. `adder`: its end runs in the join."""
        body = path.body[:-1] if adder else path.body
        if path.is_everywhere:
            self.walk(body)
            return self.operand(space)
        with self.inside(self.target, path.ends) as lines:
            self.walk(body)
            operand = self.operand(0 if lines else space)
        append(self.statements, Branch(condition, lines, []))
        return operand

    def operand(self, space: int) -> Expression | None:
        """What is pending, if it can stand in so much of a join's expression; else it is assigned."""
        pending, reads = self.pending, self.variables.reads
        fits = pending is not None and pending.atomic and len(flat(pending.text)) <= space
        if pending is None or not fits or any(reads[value] > 1 for value in pending.values.values()):
            self.flush()
            return None
        self.pending = None
        return pending

    def join(self, column: Column, paths: list[Operand], adder: int | None, condition: str) -> None:
        operands, symbol, activation = [], column.first.layer.symbol, activation_of(column)
        for number, (path, pending) in enumerate(paths):
            ends = path.body[-1].inputs if number == adder else path.ends
            with self.variables.run_by(path.ends):
                operands.append(pending or Expression(self.variable(ends)))
            self.variables.reads.subtract(values_read(ends, column.outputs))
        texts, deepest = [each.text for each in operands], max(each.depth for each in operands)
        if adder is not None:
            callee, given = flat(self.access(paths[adder][0].body[-1])), [texts[adder], texts[1 - adder]]
            given += [f'"{activation}"'] if activation else []
            made = Expression(call(callee, *map(flat, given)), deepest + 1)
        elif condition:
            if self.join_within(column, paths[0][0], condition, texts):
                return
            either = f"{flat(join_text(column, texts))} if {condition} else "
            made = Expression(behind(either, texts[0]), 1, False)
        else:
            typed = not activation and (not symbol or operands[(in_place(column) or [0])[0]].typed)
            made = Expression(join_text(column, texts), 1 if symbol else deepest + 1, not symbol, typed)
        self.produce(column, made)
        if condition:
            self.flush()

    def join_within(self, column: Column, first: Way, condition: str, texts: list[Text]) -> bool:
        """Join in the branch right before, if that has the condition and a variable holds the first path."""
        last, name = self.statements[-1] if self.statements else None, flat(texts[0])
        if not (isinstance(last, Branch) and last.condition == condition and last.then):
            return False
        if not (self.variables.holds(name, first.ends) and self.variables.is_free(name, column.outputs)):
            return False
        before = last.then[-1]
        made = before.made if isinstance(before, Assign) and before.target == name else ""
        if isinstance(made, Arguments) and " " not in made.head:  # one call may stand beside an operator
            last.then.pop()
            texts = [made, *texts[1:]]
        last.then.append(Assign(join_text(column, texts), name))
        self.variables.assign(name, column.outputs)
        return True


def is_passive(path: Way) -> bool:
    """Whether a path hands on a value that is there, in all rows."""
    return path.is_everywhere and all(isinstance(column.first, From) for column in path.body)


# The expressions of joins, and convolutions that add


def join_text(join: Column, texts: list[Text]) -> Text:
    """The expression of a join; a sum is added to one of its paths where all rows may."""
    symbol, activation = join.first.layer.symbol, activation_of(join)
    made = joined(symbol, texts) if symbol else function_text(join, texts)
    for place in in_place(join)[:1]:
        made = texts[place]
        for text in (*texts[:place], *texts[place + 1 :]):
            made = call(f"{flat(made)}.add_", flat(text))
    return call(f"F.{activation}", flat(made), "inplace=True") if activation else made


def function_text(join: Column, texts: list[Text]) -> Text:
    """A function of all values at once."""
    function = join.first.layer.function
    if function == "torch.cat":
        return call(function, call("", *map(flat, texts)), "dim=1")
    arguments = join.agreed(lambda step: [*step.layer.torch_keywords().values()])
    return call(function, *map(flat, texts), *map(repr, arguments))


def activation_of(join: Column) -> Any:
    """The activation that a join has taken in."""
    return join.agreed(lambda step: getattr(step.layer, "activation", None))


def in_place(join: Column) -> list[int]:
    """The paths that the others may be added to in all rows; one with a single path adds nothing."""
    found = [getattr(step.layer, "in_place", ()) for step in join.steps if len(step.live) > 1]
    return [place for place in found[0] if all(place in other for other in found)] if found else []


def find_adder(cls: Class, join: Column, paths: list[Way]) -> int | None:
    """The one of a sum's two paths whose last convolution adds to the other, and writes over it."""
    for place in in_place(join) if all(len(step.live) == 2 for step in join.steps) else ():
        ends = zip(paths[1 - place].steps.values(), join.steps, strict=True)
        if all(waits(cls, path, step) for path, step in ends):
            return 1 - place
    return None


def waits(cls: Class, path: Path, step: Merge) -> bool:
    """Whether a path's end can add, once the other path has run.

    Until then what arrives at the end must last: nobody else has it, to write over it.
    """
    last = path.steps[-1] if len(path.steps) > 1 else None
    if not isinstance(last, Leaf) or not can_add(cls.program.module(last)):
        return False
    arriving = last.input
    return arriving is not step.input and cls.kept.isdisjoint({arriving, path.output})
