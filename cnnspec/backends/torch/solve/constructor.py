"""What the constructor of a class does, solved as data: every module under the name that its weights bear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnspec.backends.names import is_plain
from cnnspec.backends.torch.solve.classes import Plan, shape_note
from cnnspec.backends.torch.solve.columns import Frame, Part
from cnnspec.backends.torch.solve.loops import Loop
from cnnspec.backends.torch.solve.parts import Owner, PartedBraces
from cnnspec.backends.torch.solve.roots import as_class
from cnnspec.backends.torch.solve.solutions import (
    Attribute,
    Define,
    Either,
    Every,
    Given,
    Items,
    Line,
    Make,
    Present,
    Remark,
    Solution,
    Solved,
    Statement,
    Turns,
    Variable,
    branch,
)
from cnnspec.backends.torch.solve.values import ClassName, agree
from cnnspec.backends.torch.steps import (
    attribute_kind,
    escapes,
    implicit,
    inside_of,
    is_chain,
    is_container,
    is_method,
    is_parameter,
    is_part,
    key_of,
    labelled,
    modules_in,
    repeat_of,
    unlabelled,
    wish_of,
)
from cnnspec.backends.torch.unify import Unaligned, align, align_iterations, turns
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import From, If, Leaf, Merge, Path, Repeat, Use
from cnnspec.graph.walk import Steps
from cnnspec.layers.base import Call
from cnnspec.values.symbols import add, constant, make, polynomial

LONGEST_UNROLLED = 8
LONGEST_LISTED = 24  # modules that turns of a repeat may be, to be listed one by one

To = Callable[[Frame, list[Any], Solution, str], Statement]
"""Puts a module into its place."""


class NotSimple(Exception):
    """The modules of a container need statements, not just an expression."""


class Constructor:
    """Solves the body of `__init__` for all rows of a class at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.wired = not plan.is_chain  # forward runs these steps one by one
        self.parted = PartedBraces(plan.root)

    def solve(self) -> Solved:
        """All statements. Raises Unaligned where no one constructor is right for all rows."""
        columns, start = align([row.steps for row in self.plan.rows]), 0
        items: Items = []
        numbered = self.plan.is_chain and self.plan.is_numbered
        if numbered:
            items, start = self.chain(columns, self.plan.root)
        put = self.to_container("self", named=False) if numbered else self.to_self
        begun = Line(Make("super().__init__", tuple(items)))
        heads = self.parted.heads((step for row in self.plan.rows for step in row.steps), "self")
        return [begun, *heads, *self.each(columns[start:], self.plan.root, put)]

    # Where modules go

    def to_self(self, frame: Frame, steps: list[Any], made: Solution, comment: str) -> Statement:
        """`self.conv1 = …`, or add_module where the name is no identifier."""
        first = steps[0]
        names = [step.name for step in steps]
        if agree(names):
            kind, weighted = attribute_kind(first)
            attribute = self.plan.attribute(names[0], kind, weighted)
            if attribute is not None:
                return Line(made, f"self.{attribute}")
        return self.add("self", frame, names, made, comment, is_parameter(first))

    def to_container(self, owner: Owner, named: bool) -> To:
        def put(frame: Frame, steps: list[Any], made: Solution, comment: str) -> Statement:
            if named:
                names = [step.name.rpartition(".")[2] for step in steps]
                return self.add(owner, frame, names, made, comment, is_parameter(steps[0]))
            return Line(Make(Attribute(owner, "append"), (("", made),)), "", comment)

        return put

    def add(
        self,
        owner: Owner,
        frame: Frame,
        names: list[str],
        made: Solution,
        comment: str,
        parameter: bool,
    ) -> Statement:
        if agree(names) and is_plain(names[0]):
            return Line(made, Attribute(owner, names[0]), comment)
        method = "register_parameter" if parameter else "add_module"
        arguments = ("", frame.string(names)), ("", made)
        return Line(Make(Attribute(owner, method), arguments), "", comment)

    # Statements

    def walk(self, rows: list[Steps], frame: Frame, put: To) -> Solved:
        """Construct what some steps need, each by `put`."""
        return self.each(align(rows), frame, put)

    def each(self, columns: list[list[Any]], frame: Frame, put: To) -> Solved:
        return [statement for steps in columns for statement in self.step(steps, frame, put)]

    def chain(self, columns: list[list[Any]], frame: Frame) -> tuple[Items, int]:
        """The arguments of an nn.Sequential up to the first column that takes statements, and its number."""
        varied = (isinstance(steps[0], If) and not agree([s.taken for s in steps]) for steps in columns)
        number = next((i for i, varies in enumerate(varied) if varies), len(columns))
        try:
            return self.items(columns[:number], frame), number
        except NotSimple:
            return [], 0

    def step(self, steps: list[Any], frame: Frame, put: To) -> Solved:
        first = steps[0]
        if isinstance(first, Leaf | Use):
            if self.wired and (is_method(first) or all(map(self.plan.like, steps))):
                return []
            return [put(frame, steps, self.module(steps, frame), self.note(steps, frame))]
        if is_container(first):
            return self.container(steps, frame, put)
        if isinstance(first, If):
            return self.branches(steps, frame, put)
        if isinstance(first, Repeat):
            return self.repeat(steps, frame, put)
        return self.merge(steps, frame, put) if isinstance(first, Merge) else []

    def note(self, steps: list[Any], frame: Frame) -> str:
        """The size of what some steps of a net make, where it is another than what arrives.

        Where forward runs them one by one, sizes stand there.
        """
        if self.wired or not self.plan.is_net or all(step.output.shape == step.input.shape for step in steps):
            return ""
        return shape_note([step.output for step in steps], frame)

    def module(self, steps: list[Any], frame: Frame) -> Solution:
        """The construction of a layer or of a block's class."""
        if isinstance(steps[0], Use):
            return frame.text([self.plan.program.call(step) for step in steps])
        calls = [self.plan.program.module(step) for step in steps]
        return self.as_parameters(steps, calls, frame) or frame.text(calls)

    def as_parameters(self, steps: list[Leaf], calls: list[Call], frame: Frame) -> Solution | None:
        """`act()`, where the author's word for a layer is a parameter that the class takes."""
        name, root = steps[0].span.text, self.plan.root
        if not isinstance(root.arguments[0].get(name), LayerName) or not all(map(frame.is_bare, calls)):
            return None
        names = [ClassName(call.name) for call in calls]
        given = [as_class(root.arguments[number].get(name)) for number in frame.numbers]
        if given != names or not root.is_writable(name):
            return None
        return Make(Either(name, names[0]) if agree(names) else Given(name), ())

    def part(self, steps: list[Any], frame: Frame) -> Solved:
        """What one opening of braces puts into their module, which stands at the head of the scope."""
        names = [step.name for step in steps]
        if not agree(names):
            raise Unaligned
        self.plan.bare.update(names)
        around, self.wired = self.wired, True
        try:
            put = self.to_container(self.parted.owners[names[0]], named=True)
            return self.walk([unlabelled(step) for step in steps], frame, put)
        finally:
            self.wired = around

    def container(self, steps: list[Any], frame: Frame, put: To) -> Solved:
        """Labelled braces: an nn.Sequential where they are a chain, else a bare module with their steps."""
        if is_part(steps[0]):
            return self.part(steps, frame)
        rows = [unlabelled(step) for step in steps]
        chain = all(is_chain(row, self.plan.kept, s.output) for row, s in zip(rows, steps, strict=True))
        self.plan.bare.update(step.name for step in steps if not chain)
        columns, start, made = align(rows), 0, Make("nn.Sequential" if chain else "nn.Module", ())
        if plain := chain and all(implicit(row) for row in rows):
            items, start = self.chain(columns, frame)
            made = Make("nn.Sequential", tuple(items))
            if start == len(columns):
                return [put(frame, steps, made, "")]
        around, self.wired = self.wired, self.wired and not chain
        try:
            return self.filled(
                made,
                steps,
                frame,
                put,
                lambda target: self.each(columns[start:], frame, self.to_container(target, not plain)),
            )
        finally:
            self.wired = around

    def filled(
        self,
        made: Solution,
        steps: list[Any],
        frame: Frame,
        put: To,
        fill: Callable[[Owner], Solved],
    ) -> Solved:
        """A container that statements fill: the attribute itself where it has one, else a variable first."""
        names, wish = [step.name for step in steps], steps[0].name.rpartition(".")[2]
        if put == self.to_self and agree(names) and is_plain(names[0]):
            heads = self.parted.heads(inside_of(steps), f"self.{names[0]}")
            return [Line(made, Attribute("self", names[0])), *heads, *fill(f"self.{names[0]}")]
        target = Variable(wish if agree(names) else wish.rstrip("0123456789"))
        heads = self.parted.heads(inside_of(steps), target)
        return [Line(made, target), *heads, *fill(target), put(frame, steps, target, "")]

    def branches(self, steps: list[If], frame: Frame, put: To) -> Solved:
        taken = [step.taken for step in steps]
        if agree(taken):
            return self.walk([step.steps for step in steps], frame, put)
        if self.wired and in_loop(frame):
            raise Unaligned  # one flag cannot tell every turn
        condition = frame.condition([step.test for step in steps], taken, "variant")
        defined: Solved = []
        if self.wired:
            answers = dict(zip(frame.numbers, taken, strict=True))
            flag = f"self.{self.plan.add_flag(key_of(steps), answers, 'has_' + wish_of(steps))}"
            defined.append(Define(flag, condition, frame is self.plan.root))
            condition = condition if isinstance(condition, Present) else flag
        blocks = []
        for way in (True, False):
            rows = [i for i, step in enumerate(steps) if step.taken is way]
            blocks.append(self.walk([steps[i].steps for i in rows], Part(frame, rows), put))
        return [*defined, *branch(condition, *blocks)]

    def merge(self, steps: list[Merge], frame: Frame, put: To) -> Solved:
        if len({len(step.paths) for step in steps}) > 1 or not agree([step.layer.name for step in steps]):
            raise Unaligned
        if not steps[0].name:
            return self.paths(steps, frame, put)
        return self.filled(
            Make("nn.Module", ()),
            steps,
            frame,
            put,
            lambda target: self.paths(steps, frame, self.to_container(target, named=True)),
        )

    def paths(self, steps: list[Merge], frame: Frame, put: To) -> Solved:
        return [
            statement
            for paths in zip(*(step.paths for step in steps), strict=True)
            for statement in self.path(steps, paths, frame, put)
        ]

    def path(self, steps: list[Merge], paths: tuple[Path, ...], frame: Frame, put: To) -> Solved:
        there = [not path.dropped for path in paths]
        rows = [i for i, present in enumerate(there) if present]
        if not rows or len(rows) == len(paths):
            return self.walk([path.steps for path in paths], frame, put) if rows else []
        if in_loop(frame):
            raise Unaligned  # one flag cannot tell every turn
        answers = dict(zip(frame.numbers, there, strict=True))
        name = self.plan.add_flag(key_of(steps, paths[0].span), answers, "residual")
        flag = f"self.{name}"
        condition = frame.condition([path.test for path in paths], there, name)
        inside = self.walk([paths[i].steps for i in rows], Part(frame, rows), put)
        return [Define(flag, condition, frame is self.plan.root), *branch(flag, inside, [])]

    # Repeats

    def repeat(self, steps: list[Repeat], frame: Frame, put: To) -> Solved:
        """A loop over all iterations, or over all but the first, or none: the first form that is right."""
        for first, tables in self.forms(steps):
            try:
                solved = self.loop(steps, frame, put, first, tables)
            except Unaligned:
                continue
            self.plan.loops[repeat_of(steps)] = first
            return solved
        self.plan.loops[repeat_of(steps)] = None
        return [done for rows in align_iterations(steps) for done in self.walk(rows, frame, put)]

    def forms(self, steps: list[Repeat]) -> list[tuple[int, bool]]:
        counts = [len(step.iterations) for step in steps]
        if not any(iteration for step in steps for iteration in step.iterations):
            return []
        if max(counts) < 2:
            return [] if len(set(counts)) == 1 else [(0, False)]
        own = self.wired
        if own and (self.plan.unrolled or len(set(counts)) > 1 or escapes(steps, self.plan.kept)):
            return []  # forward unrolls what wires lead into, or out of
        forms = [(0, False)] if not own or max(counts) > 2 else []
        if min(counts) and (len(set(counts)) > 1 or max(counts) > 2):
            forms.append((1, False))
        few_named = max(counts) <= LONGEST_UNROLLED and any(labelled(s) for r in steps for s in r.iterations)
        if len(steps) == 1 and not few_named:
            forms.append((0, True))
        return forms

    def loop(self, steps: list[Repeat], frame: Frame, put: To, first: int, tables: bool) -> Solved:
        before = self.walk([step.iterations[0] for step in steps], frame, put) if first else []
        parents, rows = turns(steps, first)
        loop = Loop(frame, parents, tables)
        body = self.walk(rows, loop, put) if rows else []
        if not body:
            return before
        table = loop.table()
        times = "" if table else self.times(steps, frame, first)
        return [*before, Turns(loop.index, body, times, table)]

    @staticmethod
    def times(steps: list[Repeat], frame: Frame, first: int) -> Solution:
        """How many turns a loop takes."""
        counts = [make(len(s.iterations) - first, add(polynomial(s.times), constant(-first))) for s in steps]
        return frame.text(counts, "depth")

    # Expressions

    def items(self, columns: list[list[Any]], frame: Frame) -> Items:
        """The arguments of an nn.Sequential. Raises NotSimple where it takes statements, else Unaligned."""
        found: Items = []
        for steps in columns:
            first = steps[0]
            if isinstance(first, From):
                continue
            if isinstance(first, Leaf | Use):
                found.append(("", Remark(self.module(steps, frame), self.note(steps, frame))))
            elif is_container(first):
                within = [unlabelled(step) for step in steps]
                if not all(map(implicit, within)):
                    raise NotSimple
                inside = self.items(align(within), frame)
                found.append(("", Remark(Make("nn.Sequential", tuple(inside)), "")))
            elif isinstance(first, If):
                if not agree([step.taken for step in steps]):
                    raise NotSimple
                found += self.items(align([step.steps for step in steps]), frame)
            elif isinstance(first, Repeat):
                found += self.repeated(steps, frame)
        return found

    def repeated(self, steps: list[Repeat], frame: Frame) -> Items:
        """The items of a repeat, as a generator where they are one module an iteration."""
        counts = {len(step.iterations) for step in steps}
        if counts == {1}:
            return self.items(align([step.iterations[0] for step in steps]), frame)
        if all(len(iteration) == 1 for step in steps for iteration in step.iterations):
            for first in (0, 1):
                if min(counts) < first or (len(counts) == 1 and max(counts) - first < 2):
                    continue
                try:
                    return self.generated(steps, frame, first)
                except (NotSimple, Unaligned):
                    continue
        if len(counts) == 1 and sum(map(modules_in, steps[0].iterations)) <= LONGEST_LISTED:
            return [item for rows in align_iterations(steps) for item in self.items(align(rows), frame)]
        raise NotSimple

    def generated(self, steps: list[Repeat], frame: Frame, first: int) -> Items:
        head = self.items(align([step.iterations[0] for step in steps]), frame) if first else []
        parents, rows = turns(steps, first)
        loop = Loop(frame, parents)
        inside = self.items(align(rows), loop)
        module = inside[0][1] if len(inside) == 1 else None
        if not isinstance(module, Remark) or isinstance(module.made, Every):
            raise NotSimple
        every = Every(loop.index, module.made, self.times(steps, frame, first))
        return [*head, ("", Remark(every, module.comment))]


def in_loop(frame: Frame) -> bool:
    """Whether the rows are turns of a loop, or some of them."""
    return isinstance(frame, Loop) or (isinstance(frame, Part) and in_loop(frame.parent))
