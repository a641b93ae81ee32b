"""The forward of a class: the wiring, written once for all rows of the class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.columns import Frame, Part, Unaligned, agree
from cnnspec.backends.torch.construct import INDICES, align_iterations, attribute_kind, is_parameter
from cnnspec.backends.torch.expressions import item, opening, split
from cnnspec.backends.torch.joins import added, written
from cnnspec.backends.torch.loops import Loop
from cnnspec.backends.torch.structure import (
    Plan,
    Steps,
    align,
    idle,
    is_container,
    outputs_of,
    repeat_of,
    unlabelled,
)
from cnnspec.backends.writer import WIDTH, Arguments, Writer, layout
from cnnspec.graph import Again, From, If, Leaf, Merge, Repeat, Use, Value

DEEPEST = 3  # calls within calls on one line
BRANCHES = ("y", "z", "u", "v", "w")


class Pending:
    """An expression that nothing has been assigned from yet."""

    def __init__(self, values: list[Value], text: str, depth: int, atomic: bool) -> None:
        self.values, self.text, self.depth, self.atomic = values, text, depth, atomic


class Forward:
    """Writes the statements of `forward`.

    `texts` holds the variable of every value that has one. `target` is the variable that the current
    chain is kept in; values that a wire leads to get variables of their own.
    """

    def __init__(self, plan: Plan, writer: Writer, names: Names) -> None:
        self.plan, self.writer, self.names = plan, writer, names
        self.texts: dict[Value, str] = {}
        self.pending: Pending | None = None
        self.target = "x"
        self.declared: set[str] = set()
        self.busy: set[str] = set()
        self.evaluated: set[Value] | None = None  # what evaluation needs, and …
        self.trained: set[Value] | None = None  # … what training needs: None: everything
        self.training = False
        self.loop_depth = 0

    # Values and variables

    def variable(self, values: list[Value]) -> str:
        """The variable that holds a value, assigned now if it is pending."""
        if self.pending is not None and values[0] in self.pending.values:
            self.flush()
        if any(value not in self.texts for value in values):
            raise Unaligned
        found = {self.texts[value] for value in values}
        if len(found) > 1:
            raise Unaligned
        return found.pop()

    def take(self, values: list[Value]) -> tuple[str, int, bool]:
        """An expression for a value: what is pending itself, or its variable."""
        if self.pending is not None and values[0] in self.pending.values:
            if any(value not in self.pending.values for value in values):
                raise Unaligned
            pending, self.pending = self.pending, None
            return pending.text, pending.depth, pending.atomic
        return self.variable(values), 0, True

    def flush(self, variable: str | None = None) -> None:
        """Assign what is pending."""
        if self.pending is None:
            return
        pending, self.pending = self.pending, None
        variable = variable or self.target
        new = variable not in self.declared and (variable == "x" or variable in self.names.taken)
        self.declared.add(variable)
        self.assign(f"{variable}: Tensor" if new else variable, pending.text)
        for value in pending.values:
            self.texts[value] = variable

    def assign(self, target: str, text: str) -> None:
        line = f"{target} = {text}"
        if len(line) + 4 * self.writer.depth <= WIDTH or not text.endswith(")"):
            self.writer.line(line)
            return
        place = opening(text)
        head, inside = text[:place], text[place + 1 : -1]
        self.writer.lines += layout(
            Arguments(head, tuple(map(item, split(inside)))), 4 * self.writer.depth, f"{target} = "
        )

    def produce(self, values: list[Value], text: str, depth: int, wish: str, atomic: bool = True) -> None:
        """A new value: kept pending, or assigned at once where a wire leads to it."""
        self.pending = Pending(values, text, depth, atomic)
        if any(value in self.plan.kept for value in values):
            name = self.names.local(wish)
            while name in self.busy or name == self.target:
                name = self.names.local(wish)
            self.flush(name)

    def call(self, callee: str, inputs: list[Value], outputs: list[Value], wish: str) -> None:
        """`callee(value)`, nested into what is pending as long as it reads well."""
        text, depth, _ = self.take(inputs)
        made = f"{callee}({text})"
        room = WIDTH - 4 * self.writer.depth - len(self.target) - 3
        if depth and (depth >= DEEPEST or len(made) > room):
            self.pending = Pending(inputs, text, depth, True)
            self.flush()
            made, depth = f"{callee}({self.variable(inputs)})", 0
        self.produce(outputs, made, depth + 1, wish)

    # Steps

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
        if need != "training" or self.training:
            yield
            return
        self.flush()
        before = self.target
        self.target = self.branch_name()
        self.training = True
        with self.writer.condition("self.training"):
            yield
            self.flush()
        self.training = False
        self.target = before

    def need(self, steps: list[Any]) -> str:
        return self.need_of([value for step in steps for value in outputs_of(step)])

    def need_of(self, values: list[Value]) -> str:
        """What some values are wanted for: always, training, none."""
        if self.evaluated is None or self.trained is None or not values:
            return "always"
        if not self.evaluated.isdisjoint(values):
            return "always"
        return "none" if self.trained.isdisjoint(values) else "training"

    def step(self, steps: list[Any], frame: Frame) -> None:
        first = steps[0]
        if isinstance(first, Leaf | Use):
            self.module(steps, frame)
        elif isinstance(first, From):
            self.leave()
        elif isinstance(first, Again):
            self.again(steps, frame)
        elif isinstance(first, Merge):
            self.merge(steps, frame)
        elif is_container(first):
            self.container(steps, frame)
        elif isinstance(first, If):
            self.branches(steps, frame)
        elif isinstance(first, Repeat) and not idle(steps):
            self.repeat(steps, frame)

    def leave(self) -> None:
        """The chain ends here and another goes on: what is pending is either kept or wanted by nobody."""
        if self.pending is not None:
            self.flush()

    def module(self, steps: list[Any], frame: Frame) -> None:
        first = steps[0]
        callee = self.access(steps, frame)
        wish = first.name.rpartition(".")[2]
        inputs, outputs = [s.input for s in steps], [s.output for s in steps]
        if is_parameter(first):
            variable = self.variable(inputs)
            self.produce(outputs, f"{variable} * {callee}", 1, wish, atomic=False)
        else:
            self.call(callee, inputs, outputs, wish)

    def access(self, steps: list[Any], frame: Frame) -> str:
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
        return f"self.{getter}({frame.string(names)})"

    def again(self, steps: list[Again], frame: Frame) -> None:
        inner = [step.step for step in steps]
        kept = self.plan.kept
        if isinstance(inner[0], From):
            raise Unaligned
        self.step(inner, frame)
        self.plan.kept = kept

    def container(self, steps: list[Any], frame: Frame) -> None:
        if idle(steps):
            return
        if self.plan.bare.isdisjoint(step.name for step in steps):
            wish = steps[0].name.rpartition(".")[2]
            self.call(self.access(steps, frame), [s.input for s in steps], [s.output for s in steps], wish)
        else:
            self.walk([unlabelled(step) for step in steps], frame)

    def branches(self, steps: list[If], frame: Frame) -> None:
        taken = [step.taken for step in steps]
        if agree(taken):
            self.walk([step.steps for step in steps], frame)
            return
        source = self.variable([step.input for step in steps])
        self.move(source)
        for step in steps:
            self.texts[step.input] = self.target
        flag = self.plan.flag(steps[0].span, "branch")
        otherwise = f"if not self.{flag}"
        for branch in (True, False):
            rows = [i for i, step in enumerate(steps) if step.taken is branch]
            inside = [steps[i].steps for i in rows]
            if not any(inside):
                continue
            with self.writer.block(f"if self.{flag}" if branch else otherwise):
                self.walk(inside, Part(frame, rows))
                self.flush()
            otherwise = "else"
        for step in steps:
            self.texts[step.input] = source
            self.texts[step.output] = self.target

    def move(self, source: str) -> None:
        """Go on from another variable in the chain's own."""
        if source != self.target:
            annotation = ": Tensor" if self.target == "x" and "x" not in self.declared else ""
            self.declared.add(self.target)
            self.writer.line(f"{self.target}{annotation} = {source}")

    def repeat(self, steps: list[Repeat], frame: Frame) -> None:
        form, first = self.plan.loops.get(repeat_of(steps), ("unrolled", 0))
        if form == "unrolled":
            for rows in align_iterations(steps):
                self.walk(rows, frame)
            return
        if first:
            self.walk([step.iterations[0] for step in steps], frame)
        counts = {len(step.iterations) - first for step in steps}
        if len(counts) != 1:
            raise Unaligned
        source = self.variable([into(step.iterations[first]) for step in steps])
        self.move(source)
        parents = [p for p, step in enumerate(steps) for _ in step.iterations[first:]]
        rows = [iteration for step in steps for iteration in step.iterations[first:]]
        for iteration in rows:
            self.texts[into(iteration)] = self.target
        taken = set(self.names.taken)
        index = self.names.local(INDICES[self.loop_depth % len(INDICES)])
        loop = Loop(frame, parents, index, False, self.names)
        self.loop_depth += 1
        lines, self.writer.lines = self.writer.lines, []
        kept, ends = self.plan.kept, [step.output for step in steps]
        self.plan.kept = kept - set(ends)  # a loop goes on in one variable: its end is kept behind it
        try:
            with self.writer.indented():
                self.walk(rows, loop)
                self.flush()
            body = self.writer.lines
        finally:
            self.writer.lines = lines
            self.loop_depth -= 1
            self.names.taken = taken
            self.plan.kept = kept
        used = loop.index if loop.uses_index else "_"
        if body:
            self.writer.line(f"for {used} in range({counts.pop()}):")
            self.writer.lines += body
        for step in steps:
            self.texts[into(step.iterations[first])] = source
            self.texts[step.output] = self.target
        if not kept.isdisjoint(ends):
            self.produce(ends, self.target, 0, steps[0].name.rpartition(".")[2] or "end")

    # Joins

    def merge(self, steps: list[Merge], frame: Frame) -> None:
        source = self.arriving([step.input for step in steps])
        outer, texts = self.target, list[str]()
        busy = list({outer, source} - self.busy)  # no path's variable
        self.busy.update(busy)
        need = self.need_of([step.output for step in steps])
        paths = [list(column) for column in zip(*(step.paths for step in steps), strict=True)]
        live = [column for column in paths if not all(path.dropped for path in column)]
        condition, adder = "", self.plan.adder(steps, live)
        for number, column in enumerate(live):
            rows = [i for i, path in enumerate(column) if not path.dropped]
            final = number == len(live) - 1 and (need == "always" or self.training)
            overwrite = final and source not in texts and source not in self.kept_variables()
            self.target = outer if overwrite or len(live) == 1 else self.branch_name()
            part = frame if len(rows) == len(column) else Part(frame, rows)
            inside, outputs = [column[i].steps for i in rows], [column[i].output for i in rows]
            if number == adder:  # its convolution runs when the other path has run
                outputs, inside = [row[-1].input for row in inside], [row[:-1] for row in inside]
            if any(inside) and self.target not in self.busy:
                busy.append(self.target)
                self.busy.add(self.target)
            self.walk(inside, part)
            if need == "none" or len(live) == 1:
                continue
            if len(rows) < len(column):
                condition = self.optional(live, final, column)
            text = self.operand(outputs, final)
            texts.append(text)
            if text.isidentifier() and text not in self.busy:  # as `at_training` chose it
                busy.append(text)
                self.busy.add(text)
        self.target = outer
        self.busy.difference_update(busy)
        if not texts:
            return
        layer = steps[0].layer
        wish = steps[0].path.rpartition(".")[2]
        if adder is not None:
            callee = self.access([path.steps[-1] for path in live[adder]], frame)
            joined, atomic = added(callee, steps, texts[adder], texts[1 - adder]), True
        else:
            joined, atomic = written(steps, texts), not layer.symbol and not condition
        if condition:
            joined = f"{joined} if {condition} else {texts[0]}"
        with self.at_training(need):
            depth = DEEPEST if atomic else 1
            self.produce([step.output for step in steps], joined, depth, wish, atomic)
            if condition:
                self.flush()

    def arriving(self, inputs: list[Value]) -> str:
        """The variable of a join's input; "" where no path of it starts there, and no variable is left."""
        if self.pending is None or inputs[0] not in self.pending.values:
            if inputs[0] not in self.texts:
                return ""
            if any(self.texts.get(value) != self.texts[inputs[0]] for value in inputs):
                raise Unaligned
        return self.variable(inputs)

    def operand(self, outputs: list[Value], final: bool) -> str:
        """A path's value in a join: its variable, or, for the last one, what is pending."""
        if final and self.pending is not None and self.pending.atomic and outputs[0] in self.pending.values:
            return self.take(outputs)[0]
        return self.variable(outputs)

    def optional(self, live: list[Any], final: bool, column: list[Any]) -> str:
        """The condition of a path that not all rows have: the second of two, and nothing but a value."""
        if len(live) != 2 or not final:
            raise Unaligned
        return f"self.{self.plan.flag(column[0].span, 'residual')}"

    def kept_variables(self) -> set[str]:
        return {text for value, text in self.texts.items() if value in self.plan.kept}

    def branch_name(self) -> str:
        """A variable for a path that runs while the join's input is still wanted."""
        number = 1
        while True:
            for name in BRANCHES:
                wish = name if number == 1 else f"{name}{number}"
                if wish not in self.busy and wish not in self.names.taken and wish != self.target:
                    return wish
            number += 1


def into(steps: Steps) -> Value:
    """The value that arrives at some steps."""
    first = steps[0]
    return first.value if isinstance(first, From) else first.input
