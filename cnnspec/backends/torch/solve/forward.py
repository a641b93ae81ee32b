"""The forward of a class: the wiring, written once for all rows of the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

from cnnspec.backends.torch.solve.classes import Returns
from cnnspec.backends.torch.solve.columns import Frame, Part
from cnnspec.backends.torch.solve.expressions import Expression, behind, call
from cnnspec.backends.torch.solve.joins import activation_of, added, places, written
from cnnspec.backends.torch.solve.loops import Loop
from cnnspec.backends.torch.solve.solutions import Return, Turns, branch
from cnnspec.backends.torch.solve.statements import Statements, is_same
from cnnspec.backends.torch.solve.values import agree
from cnnspec.backends.torch.solve.variables import read_by
from cnnspec.backends.torch.steps import (
    attribute_kind,
    idle,
    is_container,
    is_method,
    is_parameter,
    key_of,
    outputs_of,
    repeat_of,
    unlabelled,
)
from cnnspec.backends.torch.unify import Unaligned, align, align_iterations, turns
from cnnspec.backends.writer import Text, flat
from cnnspec.graph.tree import Again, From, If, Leaf, Merge, Path, Repeat, Use, Value
from cnnspec.graph.walk import Steps

NEEDS = ("always", "training", "none")


class Forward(Statements):
    """Writes the steps of a class, one after the other."""

    def solve(self) -> Forward:
        """Write all statements. Raises Unaligned where they differ from row to row."""
        plan = self.plan
        self.begin()
        self.walk([row.steps for row in plan.rows], plan.root)
        if plan.returns and plan.returns.everything:
            self.return_several(plan.returns)
        else:
            self.leave([row.outputs[0] for row in plan.rows], "x" if self.inputs == ["x"] else None)
        return self

    def return_several(self, returns: Returns) -> None:
        self.flush()
        outputs = self.plan.program.network.outputs
        differs = returns.evaluation is not None
        with self.at_training("training" if differs else "always"):
            everything = [self.variable([output.value]) for output in outputs]
            self.body.statements.append(Return(call(returns.everything, *everything)))
        if differs:
            kept = [self.variable([output.value]) for output in outputs if not output.train]
            made = call(returns.evaluation, *kept) if returns.evaluation else kept[0]
            self.body.statements.append(Return(made))

    def walk(self, rows: list[Steps], frame: Frame) -> None:
        """The steps; under `if self.training` what only training needs, not at all what nothing does."""
        needed = [(need, steps) for steps in align(rows) if (need := self.need(steps)) != "none"]
        for need, run in groupby(needed, itemgetter(0)):
            with self.at_training(need):
                for _, steps in run:
                    self.step(steps, frame)

    @contextmanager
    def at_training(self, need: str) -> Iterator[None]:
        """What is written now stands under `if self.training`, where only training needs it."""
        if need != "training" or self.variables.training:
            yield
            return
        self.flush()
        before = self.target
        self.target = self.branch_name()
        self.variables.training = True
        with self.body.under("self.training"):
            yield
            self.flush()
        self.variables.training = False
        self.target = before

    def need(self, steps: list[Any]) -> str:
        """What some steps are wanted for: always, training, none. Raises Unaligned where a row wants more."""
        wanted = [self.need_of(outputs_of(step)) for step in steps]
        if not agree(wanted) and not isinstance(steps[0], If):
            raise Unaligned
        return min(wanted, key=NEEDS.index)

    def need_of(self, values: list[Value]) -> str:
        if not values or not self.evaluated.isdisjoint(values):
            return "always"
        return "none" if self.live.isdisjoint(values) else "training"

    def step(self, steps: list[Any], frame: Frame) -> None:
        first = steps[0]
        if isinstance(first, Leaf | Use):
            self.module(steps, frame)
        elif isinstance(first, From):
            self.flush()  # the chain ends here and another goes on
        elif isinstance(first, Again):
            self.step([step.step for step in steps], frame)
        elif isinstance(first, Merge):
            self.merge(steps, frame)
        elif is_container(first):
            self.container(steps, frame)
        elif isinstance(first, If):
            self.branches(steps, frame)
        elif isinstance(first, Repeat) and not idle(steps):
            self.repeat(steps, frame)

    def module(self, steps: list[Any], frame: Frame) -> None:
        first = steps[0]
        wish = first.name.rpartition(".")[2]
        inputs, outputs = [s.input for s in steps], [s.output for s in steps]
        if not agree([(is_method(step), is_parameter(step)) for step in steps]):
            raise Unaligned  # one is a call, another an expression
        if is_method(first):
            self.flatten(inputs, outputs, wish)
        elif len(sizes := [size for step in steps if (size := self.plan.like(step))]) == len(steps):
            self.crop(inputs, outputs, sizes, wish)
        elif is_parameter(first):
            variable = self.variable(inputs)
            self.variables.read(inputs)
            parameter = spread(self.access(steps, frame), steps)
            self.produce(outputs, Expression(behind(f"{variable} * ", parameter), 1, False), wish)
        else:
            self.call(flat(self.access(steps, frame)), inputs, outputs, wish)

    def crop(self, inputs: list[Value], outputs: list[Value], sizes: list[Value], wish: str) -> None:
        """`crop(map, like)`: the middle of a map, as large as another."""
        arriving, like = self.variable(inputs), self.variable(sizes)
        self.variables.read(inputs)
        self.variables.read(sizes)
        self.produce(outputs, Expression(call("crop", arriving, like)), wish)

    def access(self, steps: list[Any], frame: Frame) -> Text:
        """The module of a step: an attribute, or found by its path."""
        names = [step.name for step in steps]
        parameter = is_parameter(steps[0])
        head, _, rest = names[0].partition(".")
        if agree(names):
            kind, weighted = attribute_kind(steps[0])
            attribute = self.plan.attribute(head, kind, weighted or bool(rest))
            if attribute is not None and not rest:
                return f"self.{attribute}"
        getter = "get_parameter" if parameter else "get_submodule"
        return call(f"self.{getter}", self.speller.word(frame.string(names)))

    def container(self, steps: list[Any], frame: Frame) -> None:
        if idle(steps):
            return
        if self.plan.bare.isdisjoint(step.name for step in steps):
            wish = steps[0].name.rpartition(".")[2]
            self.call(
                flat(self.access(steps, frame)), [s.input for s in steps], [s.output for s in steps], wish
            )
        else:
            self.walk([unlabelled(step) for step in steps], frame)

    def branches(self, steps: list[If], frame: Frame) -> None:
        """An `if` that some rows take: it ends in one variable, whatever each of its branches does."""
        taken = [step.taken for step in steps]
        if agree(taken):
            self.walk([step.steps for step in steps], frame)
            return
        self.flush()
        ends = [step.output for step in steps]
        end = self.end_of(steps)
        around, kept, self.kept = self.target, self.kept, self.kept.difference(ends)
        self.target = end
        blocks = []
        for way in (True, False):
            rows = [i for i, step in enumerate(steps) if step.taken is way]
            with self.body.aside() as lines, self.variables.part(rows):
                self.walk([steps[i].steps for i in rows], Part(frame, rows))
                self.flush()
                if not self.live.isdisjoint(ends):
                    self.settle([ends[i] for i in rows], end)
            blocks.append(lines)
        self.target, self.kept = around, kept
        flag = self.plan.flag(key_of(steps), dict(zip(frame.numbers, taken, strict=True)))
        self.body.statements += branch(f"self.{flag}", *blocks)

    def end_of(self, steps: list[If]) -> str:
        """The variable that all branches end in: a row that does nothing has in it what arrives."""
        entering, besides = [step.input for step in steps], self.reads_in(steps)
        source = self.variables.find(entering)
        passing = any(step.output is step.input for step in steps)
        acting = [i for i, step in enumerate(steps) if step.output is not step.input]
        with self.variables.part(acting):
            if source and source not in self.named and self.variables.is_free(source, None, besides):
                return source
        end = self.place() if passing else self.place(None, besides)
        if passing and source and end != source:
            self.assign(end, entering, source)
        return end

    def reads_in(self, steps: list[Any]) -> Counter[Value]:
        return Counter(value for step in steps for value in read_by((step,), self.live, self.plan.like))

    def repeat(self, steps: list[Repeat], frame: Frame) -> None:
        first = self.plan.loops.get(repeat_of(steps))
        if first is None:
            for rows in align_iterations(steps):
                self.walk(rows, frame)
            return
        if first:
            self.walk([step.iterations[0] for step in steps], frame)
        counts = {len(step.iterations) - first for step in steps}
        if len(counts) != 1:
            raise Unaligned
        entering = [into(step.iterations[first]) for step in steps]
        source, besides = self.variable(entering), self.reads_in(steps)
        end = source
        if source in self.named or not self.variables.is_free(source, None, besides):
            end = self.place()
            self.assign(end, entering, source)
        body = self.turns(steps, first, end, frame, besides, counts.pop())
        if body is not None:
            self.body.statements.append(body)

    def turns(
        self,
        steps: list[Repeat],
        first: int,
        end: str,
        frame: Frame,
        besides: Counter[Value],
        count: int,
    ) -> Turns | None:
        """A loop that goes on in one variable; None where its turns do nothing."""
        parents, rows = turns(steps, first)
        loop = Loop(frame, parents)
        entering = [into(iteration) for iteration in rows]
        leaving = [value for step in steps for value in turn_ends(step, first)]
        around, kept = self.target, self.kept
        self.target, self.kept = end, kept.difference(leaving)
        with (
            self.speller.loop(loop.index),
            self.body.aside() as lines,
            self.variables.loop(end, parents, entering, besides),
        ):
            self.walk(rows, loop)
            self.settle(leaving, end)
        self.target, self.kept = around, kept
        return Turns(loop.index, lines, str(count), []) if lines else None

    # Joins

    def merge(self, steps: list[Merge], frame: Frame) -> None:
        self.flush()
        source = self.variables.find([step.input for step in steps])
        outer, need = self.target, self.need_of([step.output for step in steps])
        paths = [list(column) for column in zip(*(step.paths for step in steps), strict=True)]
        live = [column for column in paths if not all(path.dropped for path in column)]
        adder, condition, passing = self.plan.adder(steps, live), "", source in self.named
        aside: dict[int, Expression] = {}  # paths' ends that stand in the join's expression
        for number, column in enumerate(live):
            final = number == len(live) - 1 and (need == "always" or self.variables.training)
            passing = passing or any(
                path.output is step.input for path, step in zip(column, steps, strict=True)
            )
            self.target = outer if len(live) == 1 or (final and not passing) else self.branch_name()
            if any(path.dropped for path in column):
                condition = self.optional(steps, live, column, frame)
            alone = (
                adder is None
                and all(map(is_passive, live[number + 1 :]))
                and (need == "always" or self.variables.training)
            )
            self.path(column, frame, condition, number == adder, final or alone)
            if alone and not final and self.pending is not None:
                if self.fits(steps, live):
                    aside[number], self.pending = self.pending.made, None
                else:
                    self.flush()
        self.target = outer
        if need == "none" or len(live) == 1:
            return
        with self.at_training(need):
            self.join(steps, frame, live, adder, condition, aside)

    def path(self, column: list[Path], frame: Frame, condition: str, adds: bool, final: bool) -> None:
        """A path's lines; what the last one ends in may stay pending. `adds`: its end runs in the join."""
        rows = present(column)
        inside = [column[i].steps[: -1 if adds else None] for i in rows]
        if len(rows) == len(column):
            self.walk(inside, frame)
            if not (final and self.is_operand()):
                self.flush()
            return
        with self.variables.part(rows), self.body.aside() as lines:
            self.walk(inside, Part(frame, rows))
            if lines or not self.is_operand():
                self.flush()
        self.body.statements += branch(condition, lines, [])

    def is_operand(self) -> bool:
        """Whether what is pending can stand in a join's expression, and nobody else reads it."""
        pending, reads = self.pending, self.variables.reads
        return (
            pending is not None and pending.made.atomic and all(reads[value] < 2 for value in pending.values)
        )

    def fits(self, steps: list[Merge], live: list[list[Path]]) -> bool:
        """Whether the join's expression has room for what is pending beside variables."""
        room = self.body.room - len("x = ") - 8 * len(live)
        room -= 12 * (not steps[0].layer.symbol)
        return self.pending is not None and len(flat(self.pending.made.text)) <= room

    def join(
        self,
        steps: list[Merge],
        frame: Frame,
        live: list[list[Path]],
        adder: int | None,
        condition: str,
        aside: dict[int, Expression],
    ) -> None:
        operands = []
        for number, column in enumerate(live):
            rows = present(column)
            ends = [column[i].steps[-2].output if number == adder else column[i].output for i in rows]
            with self.variables.part(rows):
                operands.append(aside.get(number) or self.operand(ends))
            self.variables.read(
                [end for i, end in zip(rows, ends, strict=True) if end is not steps[i].output]
            )
        texts, symbol = [each.text for each in operands], steps[0].layer.symbol
        if adder is not None:
            callee = flat(self.access([path.steps[-1] for path in live[adder]], frame))
            text, atomic, typed = added(callee, steps, texts[adder], texts[1 - adder]), True, False
        else:
            text, atomic = written(steps, texts), not symbol and not condition
            typed = not activation_of(steps) and (not symbol or operands[(places(steps) or [0])[0]].typed)
        if condition:
            text = behind(f"{flat(text)} if {condition} else ", texts[0])
        depth = max(each.depth for each in operands) + 1 if atomic else 1
        wish = steps[0].path.rpartition(".")[2]
        made = Expression(text, depth, atomic, typed and not condition)
        self.produce([step.output for step in steps], made, wish)
        if condition:
            self.flush()

    def operand(self, ends: list[Value]) -> Expression:
        """A path's value in a join: what is pending, or its variable."""
        pending = self.pending
        if pending is not None and is_same(pending.values, ends):
            self.pending = None
            return pending.made
        found = self.variables.find(ends)
        if found is None:
            raise Unaligned
        return Expression(found)

    def optional(self, steps: list[Merge], live: list[list[Path]], column: list[Path], frame: Frame) -> str:
        """The condition of a path that not all rows have: the second of two."""
        if len(live) != 2 or column is not live[1]:
            raise Unaligned
        there = {number: not path.dropped for number, path in zip(frame.numbers, column, strict=True)}
        return f"self.{self.plan.flag(key_of(steps, column[0].span), there)}"


def is_passive(column: list[Path]) -> bool:
    """Whether a path hands on a value that is there, in all rows."""
    return all(not path.dropped and all(isinstance(step, From) for step in path.steps) for path in column)


def present(column: list[Path]) -> list[int]:
    """The rows that have a path."""
    return [i for i, path in enumerate(column) if not path.dropped]


def into(steps: Steps) -> Value:
    """The value that arrives at some steps."""
    first = steps[0]
    return first.value if isinstance(first, From) else first.input


def turn_ends(step: Repeat, first: int) -> list[Value]:
    """What leaves each turn of a loop: what arrives at the next."""
    return [*map(into, step.iterations[first + 1 :]), step.output]


def spread(parameter: Text, steps: list[Any]) -> Text:
    """A scale's tensor so that it weighs channels. Raises Unaligned where rows differ in that."""
    views = [step.layer.spread(step.input.shape) for step in steps]
    if not agree(views):
        raise Unaligned
    return call(f"{flat(parameter)}.reshape", *map(str, views[0])) if views[0] else parameter
