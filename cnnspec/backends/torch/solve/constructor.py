"""What the constructor of a class does, solved as data: every module under the name that its weights bear."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from cnnspec.backends.names import is_plain
from cnnspec.backends.torch.solve.classes import Plan
from cnnspec.backends.torch.solve.columns import Frame, Loop, Part
from cnnspec.backends.torch.solve.roots import as_class
from cnnspec.backends.torch.solve.solutions import (
    Attribute,
    ClassName,
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
    agree,
    branch,
)
from cnnspec.backends.torch.steps import (
    attribute_kind,
    escapes,
    implicit,
    is_chain,
    is_container,
    is_method,
    is_parameter,
    is_part,
    labelled,
    modules_in,
    parts_in,
    repeat_of,
    unlabelled,
    wish_of,
)
from cnnspec.backends.torch.unify import Unaligned, align, align_iterations, turns
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import If, Leaf, Merge, Path, Repeat, Step, Use
from cnnspec.graph.walk import Steps, children, own_name
from cnnspec.layers.base import Call
from cnnspec.values.symbols import add, constant, make, polynomial

LONGEST_UNROLLED = 8
LONGEST_LISTED = 24  # modules that turns of a repeat may be, to be listed one by one

Owner = str | Variable
"""What modules are put into: `self`, an attribute, a local variable; "" for the arguments of a call."""


class Scope(NamedTuple):
    """Where modules go, and under which names: those of nn.Sequential if they are not `named`."""

    owner: Owner
    named: bool
    wired: bool  # forward runs them one by one
    noted: bool  # their sizes stand behind them: there is no line of forward for them

    @property
    def is_list(self) -> bool:
        return self.owner == ""

    @property
    def is_self(self) -> bool:
        return self.owner == "self" and self.named


class Constructor:
    """Solves the body of `__init__` for all rows of a class at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.owners: dict[str, Owner] = {}  # the modules of braces that are opened at several places, by path

    def solve(self) -> Solved:
        """All statements. Raises Unaligned where no one constructor is right for all rows."""
        plan, columns = self.plan, align([row.steps for row in self.plan.rows])
        numbered, items = plan.is_chain and plan.is_numbered, Items()
        scope = Scope("self", not numbered, not plan.is_chain, False)
        if numbered:
            items, columns = self.arguments(columns, plan.root, scope)
        begun = Line(Make("super().__init__", tuple(items)))
        heads = self.heads((step for row in plan.rows for step in row.steps), "self")
        return [begun, *heads, *self.each(columns, plan.root, scope)]

    # Where modules go

    def put(
        self, scope: Scope, steps: list[Any], frame: Frame, made: Solution, comment: str = ""
    ) -> Statement:
        """`self.conv1 = …`, or add_module where the name is no identifier; an argument as it is."""
        owner, names = scope.owner, [step.name for step in steps]
        if scope.is_list:
            return Line(made, "", comment)
        if not scope.named:
            return Line(Make(Attribute(owner, "append"), (("", made),)), "", comment)
        if scope.is_self:
            attribute = self.plan.attribute(names[0], *attribute_kind(steps[0])) if agree(names) else None
            if attribute is not None:
                return Line(made, f"self.{attribute}", comment)
        else:
            names = [own_name(name) for name in names]
        if agree(names) and is_plain(names[0]):
            return Line(made, Attribute(owner, names[0]), comment)
        method = "register_parameter" if is_parameter(steps[0]) else "add_module"
        return Line(Make(Attribute(owner, method), (("", frame.string(names)), ("", made))), "", comment)

    def heads(self, steps: Iterable[Step], owner: Owner) -> Solved:
        """A bare module for braces that are opened at several places, as labels with dots do.

        It stands at the head of their scope, whose own module is the owner.
        """
        found: Solved = []
        for step in parts_in(steps):
            if step.name not in self.owners:
                name, made = own_name(step.name), Make("nn.Module", ())
                plain = is_plain(name) and owner == "self"
                target = self.owners[step.name] = f"self.{name}" if plain else Variable(name)
                found.append(Line(made, target))
                if not plain:
                    items = ("", self.plan.root.string([name])), ("", target)
                    found.append(Line(Make(Attribute(owner, "add_module"), items)))
            found += self.heads(step.steps, self.owners[step.name])
        return found

    # Statements

    def walk(self, rows: list[Steps], frame: Frame, scope: Scope) -> Solved:
        """Construct what some steps need, each in its place."""
        return self.each(align(rows), frame, scope)

    def each(self, columns: list[list[Any]], frame: Frame, scope: Scope) -> Solved:
        return [statement for steps in columns for statement in self.step(steps, frame, scope)]

    def arguments(
        self, columns: list[list[Any]], frame: Frame, scope: Scope
    ) -> tuple[Items, list[list[Any]]]:
        """The arguments of an nn.Sequential up to the first column that takes statements, and the rest."""
        varied = (isinstance(steps[0], If) and not agree([s.taken for s in steps]) for steps in columns)
        number = next((i for i, varies in enumerate(varied) if varies), len(columns))
        try:
            listed = self.each(columns[:number], frame, Scope("", False, False, scope.noted))
            return [("", argument(statement)) for statement in listed], columns[number:]
        except Unaligned:
            return [], columns

    def step(self, steps: list[Any], frame: Frame, scope: Scope) -> Solved:
        first = steps[0]
        if isinstance(first, Leaf | Use):
            if scope.wired and (is_method(first) or all(map(self.plan.like, steps))):
                return []
            note = self.note(steps, frame) if scope.noted else ""
            return [self.put(scope, steps, frame, self.module(steps, frame), note)]
        if is_container(first):
            return self.container(steps, frame, scope)
        if isinstance(first, If):
            return self.branches(steps, frame, scope)
        if isinstance(first, Repeat):
            return self.repeat(steps, frame, scope)
        return self.merge(steps, frame, scope) if isinstance(first, Merge) else []

    @staticmethod
    def note(steps: list[Any], frame: Frame) -> str:
        """The size of what some steps make, where it is not that of what arrives; over a loop, two."""
        if all(step.output.shape == step.input.shape for step in steps):
            return ""
        first, final = str(steps[0].output.shape), str(steps[-1].output.shape)
        looping = isinstance(frame, Loop) and frame.parent.size == 1
        return f"{first} … {final}" if looping and first != final else first

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

    def container(self, steps: list[Any], frame: Frame, scope: Scope) -> Solved:
        """Labelled braces: an nn.Sequential where they are a chain, else a bare module with their steps."""
        rows = [unlabelled(step) for step in steps]
        if is_part(steps[0]):
            return self.part(steps, rows, frame)
        chain = all(is_chain(row, self.plan.kept, s.output) for row, s in zip(rows, steps, strict=True))
        if not chain:
            self.plan.bare.update(step.name for step in steps)
        columns, made = align(rows), Make("nn.Sequential" if chain else "nn.Module", ())
        numbered = chain and all(map(implicit, rows))
        if numbered:
            items, columns = self.arguments(columns, frame, scope)
            made = Make("nn.Sequential", tuple(items))
            if not columns:
                return [self.put(scope, steps, frame, made)]
        wired = scope.wired and not chain
        noted = self.plan.is_net and not wired
        return self.filled(
            made,
            steps,
            frame,
            scope,
            lambda owner: self.each(columns, frame, Scope(owner, not numbered, wired, noted)),
        )

    def part(self, steps: list[Any], rows: list[Steps], frame: Frame) -> Solved:
        """What one opening of braces puts into their module, which stands at the head of the scope."""
        names = [step.name for step in steps]
        if not agree(names):
            raise Unaligned
        self.plan.bare.update(names)
        return self.walk(rows, frame, Scope(self.owners[names[0]], True, True, False))

    def filled(
        self,
        made: Solution,
        steps: list[Any],
        frame: Frame,
        scope: Scope,
        fill: Callable[[Owner], Solved],
    ) -> Solved:
        """A container that statements fill: the attribute itself where it has one, else a variable first."""
        if scope.is_list:
            raise Unaligned
        names, wish = [step.name for step in steps], own_name(steps[0].name)
        plain = scope.is_self and agree(names) and is_plain(names[0])
        owner: Owner = f"self.{names[0]}"
        if not plain:
            owner = Variable(wish if agree(names) else wish.rstrip("0123456789"))
        inside = [each for step in steps for each in children(step)]
        solved = [Line(made, owner), *self.heads(inside, owner), *fill(owner)]
        return solved if plain else [*solved, self.put(scope, steps, frame, owner)]

    def branches(self, steps: list[If], frame: Frame, scope: Scope) -> Solved:
        taken = [step.taken for step in steps]
        if agree(taken):
            return self.walk([step.steps for step in steps], frame, scope)
        if scope.is_list or (scope.wired and in_loop(frame)):
            raise Unaligned  # one flag cannot tell every turn
        condition = frame.condition([step.test for step in steps], taken, "variant")
        defined: Solved = []
        if scope.wired:
            answers = dict(zip(frame.numbers, taken, strict=True))
            flag = f"self.{self.plan.add_flag(steps[0].span, answers, 'has_' + wish_of(steps))}"
            defined.append(Define(flag, condition, frame is self.plan.root))
            condition = condition if isinstance(condition, Present) else flag
        blocks = []
        for way in (True, False):
            rows = [i for i, step in enumerate(steps) if step.taken is way]
            blocks.append(self.walk([steps[i].steps for i in rows], Part(frame, rows), scope))
        return [*defined, *branch(condition, *blocks)]

    def merge(self, steps: list[Merge], frame: Frame, scope: Scope) -> Solved:
        if len({len(step.paths) for step in steps}) > 1 or not agree([step.layer.name for step in steps]):
            raise Unaligned
        if not steps[0].name:
            return self.paths(steps, frame, scope)
        return self.filled(
            Make("nn.Module", ()),
            steps,
            frame,
            scope,
            lambda owner: self.paths(steps, frame, Scope(owner, True, scope.wired, scope.noted)),
        )

    def paths(self, steps: list[Merge], frame: Frame, scope: Scope) -> Solved:
        return [
            statement
            for paths in zip(*(step.paths for step in steps), strict=True)
            for statement in self.path(steps, paths, frame, scope)
        ]

    def path(self, steps: list[Merge], paths: tuple[Path, ...], frame: Frame, scope: Scope) -> Solved:
        there = [not path.dropped for path in paths]
        rows = [i for i, present in enumerate(there) if present]
        if not rows or len(rows) == len(paths):
            return self.walk([path.steps for path in paths], frame, scope) if rows else []
        if in_loop(frame):
            raise Unaligned  # one flag cannot tell every turn
        answers = dict(zip(frame.numbers, there, strict=True))
        name = self.plan.add_flag(paths[0].span, answers, "residual")
        flag = f"self.{name}"
        condition = frame.condition([path.test for path in paths], there, name)
        inside = self.walk([paths[i].steps for i in rows], Part(frame, rows), scope)
        return [Define(flag, condition, frame is self.plan.root), *branch(flag, inside, [])]

    # Repeats

    def repeat(self, steps: list[Repeat], frame: Frame, scope: Scope) -> Solved:
        """A loop over all iterations, or over all but the first, or none: the first form that is right."""
        for first, tables in self.forms(steps, scope):
            try:
                solved = self.loop(steps, frame, scope, first, tables)
            except Unaligned:
                continue
            self.plan.loops[repeat_of(steps)] = first
            return solved
        if scope.is_list and modules_in(children(steps[0])) > LONGEST_LISTED:
            raise Unaligned
        self.plan.loops[repeat_of(steps)] = None
        return [done for rows in align_iterations(steps) for done in self.walk(rows, frame, scope)]

    def forms(self, steps: list[Repeat], scope: Scope) -> list[tuple[int, bool]]:
        """What a loop may be, the best first: the first iteration of it, and whether tables are allowed."""
        iterations = [iteration for step in steps for iteration in step.iterations]
        counts = [len(step.iterations) for step in steps]
        least, most = min(counts), max(counts)
        if most < 2 or not any(iterations):
            return [] if least == most or not any(iterations) else [(0, False)]
        if scope.is_list:
            lone = all(len(iteration) == 1 for iteration in iterations)
            firsts = (0, 1) if least and (least < most or most > 2) else (0,)
            return [(first, False) for first in firsts] if lone else []
        if scope.wired and (self.plan.unrolled or least < most or escapes(steps, self.plan.kept)):
            return []  # forward unrolls what wires lead into, or out of
        forms = [(0, False)] if not scope.wired or most > 2 else []
        if least and (least < most or most > 2):
            forms.append((1, False))
        if len(steps) == 1 and not (most <= LONGEST_UNROLLED and any(map(labelled, iterations))):
            forms.append((0, True))
        return forms

    def loop(self, steps: list[Repeat], frame: Frame, scope: Scope, first: int, tables: bool) -> Solved:
        before = self.walk([step.iterations[0] for step in steps], frame, scope) if first else []
        parents, rows = turns(steps, first)
        loop = Loop(frame, parents, tables)
        body = self.walk(rows, loop, scope) if rows else []
        if scope.is_list and (len(body) != 1 or not isinstance(body[0], Line)):
            raise Unaligned
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


def argument(statement: Statement) -> Solution:
    """A module as an argument of nn.Sequential; a loop of them as a generator."""
    if isinstance(statement, Turns):
        (line,) = statement.body
        assert isinstance(line, Line)
        return Remark(Every(statement.turn, line.made, statement.times), line.comment)
    assert isinstance(statement, Line)
    return Remark(statement.made, statement.comment)


def in_loop(frame: Frame) -> bool:
    """Whether the rows are turns of a loop, or some of them."""
    return isinstance(frame, Loop) or (isinstance(frame, Part) and in_loop(frame.parent))
