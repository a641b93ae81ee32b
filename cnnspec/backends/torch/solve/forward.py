"""The forward of a class: the wiring, written once for all rows of the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

from cnnspec.backends.torch.solve.classes import Returns
from cnnspec.backends.torch.solve.columns import Frame, Loop, Part
from cnnspec.backends.torch.solve.joins import activation_of, added, places, written
from cnnspec.backends.torch.solve.solutions import Return, Turns, agree, branch
from cnnspec.backends.torch.solve.statements import Expression, Statements, read
from cnnspec.backends.torch.solve.variables import read_by
from cnnspec.backends.torch.steps import (
    attribute_kind,
    idle,
    is_container,
    is_method,
    is_parameter,
    outputs_of,
    repeat_of,
    unlabelled,
)
from cnnspec.backends.torch.unify import Unaligned, align, align_iterations, turns
from cnnspec.backends.writer import Text, behind, call, flat
from cnnspec.graph.tree import Again, From, If, Leaf, Merge, Path, Repeat, Use, Value
from cnnspec.graph.walk import Steps, own_name

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
            self.statements.append(Return(call(returns.everything, *everything)))
        if differs:
            kept = [self.variable([output.value]) for output in outputs if not output.train]
            made = call(returns.evaluation, *kept) if returns.evaluation else kept[0]
            self.statements.append(Return(made))

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
        with self.chain(self.branch_name()), self.under("self.training"):
            self.variables.training = True
            yield
            self.flush()
        self.variables.training = False

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
        wish = own_name(first.name)
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
            inputs, outputs = [step.input for step in steps], [step.output for step in steps]
            self.call(flat(self.access(steps, frame)), inputs, outputs, own_name(steps[0].name))
        else:
            self.walk([unlabelled(step) for step in steps], frame)

    def branches(self, steps: list[If], frame: Frame) -> None:
        """An `if` that some rows take: it ends in one variable, whatever each of its branches does."""
        taken = [step.taken for step in steps]
        if agree(taken):
            self.walk([step.steps for step in steps], frame)
            return
        self.flush()
        entering, ends = [step.input for step in steps], [step.output for step in steps]
        acting = [i for i, step in enumerate(steps) if step.output is not step.input]
        end = self.end_of(steps, entering, acting, len(acting) < len(steps))
        blocks = []
        for way in (True, False):
            rows = [i for i, step in enumerate(steps) if step.taken is way]
            with self.chain(end, ends), self.aside() as lines, self.variables.part(rows):
                self.walk([steps[i].steps for i in rows], Part(frame, rows))
                self.flush()
                if not self.live.isdisjoint(ends):
                    self.settle([ends[i] for i in rows], end)
            blocks.append(lines)
        flag = self.plan.flag(steps[0].span, dict(zip(frame.numbers, taken, strict=True)))
        self.statements += branch(f"self.{flag}", *blocks)

    def end_of(self, steps: list[Any], entering: list[Value], acting: list[int], holds: bool) -> str:
        """The variable that branches or turns end in, that of what arrives if acting rows may write over it.

        `holds`: it has what arrives in it before they begin.
        """
        besides = self.reads_in(steps)
        source = self.variables.find(entering)
        with self.variables.part(acting):
            if source and source not in self.named and self.variables.is_free(source, None, besides):
                return source
        end = self.place(None, None if holds else besides)
        if holds and source and end != source:
            self.assign(end, entering, source)
        return end

    def repeat(self, steps: list[Repeat], frame: Frame) -> None:
        """The turns in the form that the constructor has for them: a loop goes on in one variable."""
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
        self.flush()
        arriving = [into(step.iterations[first]) for step in steps]
        end = self.end_of(steps, arriving, list(range(len(steps))), True)
        parents, rows = turns(steps, first)
        loop, entering = Loop(frame, parents), [into(iteration) for iteration in rows]
        leaving = [value for step in steps for value in turn_ends(step, first)]
        with (
            self.chain(end, leaving),
            self.speller.loop(loop.index),
            self.aside() as lines,
            self.variables.loop(end, parents, entering, self.reads_in(steps)),
        ):
            self.walk(rows, loop)
            self.settle(leaving, end)
        if lines:
            self.statements.append(Turns(loop.index, lines, str(counts.pop()), []))

    def reads_in(self, steps: list[Any]) -> Counter[Value]:
        return Counter(value for step in steps for value in read_by((step,), self.live, self.plan.like))

    # Joins

    def merge(self, steps: list[Merge], frame: Frame) -> None:
        """The paths of a join one after the other, then the join, where several paths are live."""
        self.flush()
        need = self.need_of([step.output for step in steps])
        columns = [list(column) for column in zip(*(step.paths for step in steps), strict=True)]
        live = [column for column in columns if not all(path.dropped for path in column)]
        adder = self.plan.adder(steps, live)
        at_once = need == "always" or self.variables.training  # the join runs wherever its paths do
        condition, operands = "", dict[int, Expression]()  # of the paths whose ends nothing is assigned from
        passing = self.variables.find([step.input for step in steps]) in self.named
        outer = self.target
        with self.chain(outer):
            for number, column in enumerate(live):
                last, rows = number == len(live) - 1, present(column)
                passing = passing or any(column[i].output is steps[i].input for i in range(len(steps)))
                if len(rows) < len(column):
                    condition = self.optional(steps, live, column, frame)
                own = len(live) == 1 or (last and at_once and not passing)
                held = at_once and (last or (adder is None and all(map(is_passive, live[number + 1 :]))))
                self.target = outer if own else self.branch_name()
                self.path(column, frame, condition, number == adder, held)
                if held and len(live) > 1 and self.pending is not None:
                    if last or self.fits(steps, live):
                        operands[number], self.pending = self.pending.made, None
                    else:
                        self.flush()
        if need != "none" and len(live) > 1:
            with self.at_training(need):
                self.join(steps, frame, live, adder, condition, operands)

    def path(self, column: list[Path], frame: Frame, condition: str, adds: bool, held: bool) -> None:
        """A path's lines; what it ends in may be `held` back. `adds`: its end runs in the join."""
        rows = present(column)
        inside = [column[i].steps[: -1 if adds else None] for i in rows]
        if len(rows) == len(column):
            self.walk(inside, frame)
            if not (held and self.is_operand()):
                self.flush()
            return
        with self.variables.part(rows), self.aside() as lines:
            self.walk(inside, Part(frame, rows))
            if lines or not (held and self.is_operand()):
                self.flush()
        self.statements += branch(condition, lines, [])

    def is_operand(self) -> bool:
        """Whether what is pending can stand in a join's expression, and nobody else reads it."""
        pending, reads = self.pending, self.variables.reads
        return (
            pending is not None and pending.made.atomic and all(reads[value] < 2 for value in pending.values)
        )

    def fits(self, steps: list[Merge], live: list[list[Path]]) -> bool:
        """Whether the join's expression has room for what is pending beside variables."""
        room = self.room - len("x = ") - 8 * len(live)
        room -= 12 * (not steps[0].layer.symbol)
        return self.pending is not None and len(flat(self.pending.made.text)) <= room

    def join(
        self,
        steps: list[Merge],
        frame: Frame,
        live: list[list[Path]],
        adder: int | None,
        condition: str,
        held: dict[int, Expression],
    ) -> None:
        operands = []
        for number, column in enumerate(live):
            rows = present(column)
            ends = [column[i].steps[-2].output if number == adder else column[i].output for i in rows]
            with self.variables.part(rows):
                operands.append(held.get(number) or Expression(self.variable(ends)))
            self.variables.read(read(ends, [steps[i].output for i in rows]))
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
        made = Expression(text, depth, atomic, typed and not condition)
        self.produce([step.output for step in steps], made, own_name(steps[0].path))
        if condition:
            self.flush()

    def optional(self, steps: list[Merge], live: list[list[Path]], column: list[Path], frame: Frame) -> str:
        """The condition of a path that not all rows have: the second of two."""
        if len(live) != 2 or column is not live[1]:
            raise Unaligned
        there = {number: not path.dropped for number, path in zip(frame.numbers, column, strict=True)}
        return f"self.{self.plan.flag(column[0].span, there)}"


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
