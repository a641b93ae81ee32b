"""What the constructor of a class does, solved as data: every module under the name that its weights bear."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from cnnspec.backends.names import is_plain
from cnnspec.backends.torch.solve.classes import Class, Flag
from cnnspec.backends.torch.solve.frames import Frame
from cnnspec.backends.torch.solve.literals import ClassName, literal
from cnnspec.backends.torch.solve.loops import LoopFrame, TableFrame
from cnnspec.backends.torch.solve.solutions import (
    IS_GIVEN,
    Added,
    Assign,
    Branch,
    For,
    Given,
    Items,
    Make,
    Phrase,
    Solution,
    Solved,
    Statement,
    Variable,
    append,
    append_to,
    leaves,
    replace,
)
from cnnspec.backends.torch.unify.columns import Body, ByRow, Column, Unaligned, Way, unify
from cnnspec.backends.torch.unify.steps import (
    construction,
    implicit,
    is_chain,
    is_container,
    is_method,
    is_parameter,
    is_part,
    modules_in,
    parts_in,
    unlabelled,
    wish_of,
)
from cnnspec.graph.tree import If, Leaf, Merge, Repeat, Step, Use
from cnnspec.graph.walk import children, own_name

RESIDUAL = "residual"
LEAST_ROWS = 4  # of a table that says what turns of a repeat are
LONGEST_LISTED = 48  # modules that turns of a repeat may be, to be listed one by one

Owner = str | Variable
"""What modules are put into: `self`, an attribute, a local variable; "" for the arguments of a call."""


class Holder(NamedTuple):
    """Where modules go, and under which names: those of nn.Sequential if they are not `named`."""

    owner: Owner
    named: bool
    wired: bool  # forward runs them one by one

    @property
    def is_list(self) -> bool:
        return self.owner == ""

    @property
    def is_self(self) -> bool:
        return self.owner == "self" and self.named


ARGUMENTS = Holder("", named=False, wired=False)


class Constructor:
    """Solves the body of `__init__` for all rows of a class at once."""

    def __init__(self, cls: Class) -> None:
        self.cls = cls
        self.frame: Frame = cls.frame  # or the loop around
        self.owners: dict[str, Owner] = {}  # the modules of braces that are opened at several places, by path

    def solve(self) -> Solved:
        """All statements. Raises Unaligned where no one constructor is right for all rows."""
        cls, body = self.cls, self.cls.body()
        numbered = cls.is_chain and cls.is_numbered
        items, body = self.list_modules(body) if numbered else ((), body)
        begun = Assign(Make("super().__init__", items))
        holder = Holder("self", not numbered, not cls.is_chain)
        heads = self.part_modules((step for row in cls.rows for step in row.steps), "self")
        statements = self.walk(body, holder)
        # named last: whether a flag is `residual` shows only where its last way is defined
        for flag in cls.flags:
            flag.variable.name = cls.attributes.local(flag.variable.wish)
        return [begun, *heads, *statements]

    # Where modules go

    def put(self, holder: Holder, column: Column, made: Solution) -> Statement:
        """`self.conv1 = …`, or add_module where the name is no identifier; an argument as it is."""
        owner, names = holder.owner, column.of("name")
        if holder.is_list:
            return Assign(made)
        if not holder.named:
            return append_to(owner, made)
        # in its own module "features.conv1" is conv1
        if not holder.is_self:
            names = {row: own_name(name) for row, name in names.items()}
        elif attribute := self.cls.attribute(column):
            return Assign(made, f"self.{attribute}")
        first, *others = dict.fromkeys(names.values())
        if self.cls.is_keyed(column.name) and not is_parameter(column.first):
            return Assign(made, Phrase((owner, f"[{literal(first)}]")))
        if not others and is_plain(first):
            return Assign(made, Phrase((owner, f".{first}")))
        # add_module takes any name, as "0", and one that a loop counts along, as f"denselayer{i + 1}"
        method = "register_parameter" if is_parameter(column.first) else "add_module"
        items = ("", self.frame.string(names)), ("", made)
        return Assign(Make(Phrase((owner, f".{method}")), items))

    def bare_module(self, column: Column) -> Solution:
        """The module of a scope that forward reaches into: a dict, unless a name in it is a method of one."""
        scopes = {step.name for step in column.steps}
        self.cls.bare_scopes |= scopes
        return Make("nn.ModuleDict" if scopes.isdisjoint(self.cls.clashing) else "nn.Module", ())

    def part_modules(self, steps: Iterable[Step], owner: Owner) -> Solved:
        """A bare module for braces that are opened at several places, as labels with dots do.

        It stands at the head of their scope, whose own module is the owner.
        """
        found: Solved = []
        for step in parts_in(steps):
            # the labels "a.b.c" and "a.b.d" open a.b twice: it has one module
            if step.name in self.owners:
                found += self.part_modules(step.steps, self.owners[step.name])
                continue
            column, holder = Column({0: step}), Holder(owner, True, True)
            self.owners[step.name], before, after = self.open(self.bare_module(column), column, holder)
            found += [*before, *after]
        return found

    # Statements

    def walk(self, body: Body, holder: Holder) -> Solved:
        """Construct what some steps need, each in its place."""
        solved = Solved()
        for column in body:
            for statement in self.step(column, holder):
                append(solved, statement)
        return solved

    def list_modules(self, body: Body) -> tuple[Items, Body]:
        """The arguments of an nn.Sequential, up to the first column that takes statements, and the rest."""
        found, count = Solved(), 0
        # super().__init__(conv, bn), then `if act is not None: self.append(act())`: an `if` is no argument
        with suppress(Unaligned):
            for column in body:
                found += self.step(column, ARGUMENTS)
                count += 1
        return tuple(("", each) for each in found), body[count:]

    def step(self, column: Column, holder: Holder) -> Solved:
        first = column.first
        if isinstance(first, Leaf | Use):
            # forward writes x.flatten(1), or crop(x, a): it needs no module
            if holder.wired and (is_method(first) or all(map(self.cls.like, column.steps))):
                return []
            return [self.put(holder, column, self.module(column))]
        if is_container(first):
            return self.container(column, holder)
        if isinstance(first, If):
            return self.branches(column, holder)
        if isinstance(first, Repeat):
            return self.repeat(column, holder)
        return self.merge(column, holder) if isinstance(first, Merge) else []

    def module(self, column: Column) -> Solution:
        """The construction of a layer or of a block's class."""
        if isinstance(column.first, Use):
            return self.frame.solve(column.each(self.cls.program.call))
        calls = column.each(construction)
        return self.as_parameters(column, calls) or self.frame.solve(calls)

    def as_parameters(self, column: Column, calls: ByRow) -> Solution | None:
        """`act()`, where the author's word for a layer is a parameter that the class takes."""
        name, cls, frame = column.first.span.text, self.cls, self.frame
        classes = {row: ClassName(call.name) for row, call in calls.items()}
        # the step's own text is the parameter's name, `act`, and its classes are the arguments of all rows
        is_theirs = cls.frame.is_class(name) and frame.is_given(name, classes)
        if not is_theirs or not all(map(frame.is_bare, calls.values())):
            return None
        first, *others = dict.fromkeys(classes.values())
        # one class alone, nn.ReLU: act() only if the class takes act for another place, else nn.ReLU()
        return Make(Given(name, "" if others else first), ())

    def container(self, column: Column, holder: Holder) -> Solved:
        """Labelled braces: an nn.Sequential where they are a chain, else a bare module with their steps."""
        steps = column.steps
        if is_part(column.first):  # its module stands at the head of the scope
            if not column.name:
                raise Unaligned
            return self.walk(column.inside(), Holder(self.owners[column.name], True, True))
        chain = all(is_chain(unlabelled(step), self.cls.kept, step.output) for step in steps)
        body = column.inside()
        numbered = chain and all(implicit(unlabelled(step)) for step in steps)
        items, body = self.list_modules(body) if numbered else ((), body)
        made = Make("nn.Sequential", items) if chain else self.bare_module(column)
        if numbered and not body:
            return [self.put(holder, column, made)]
        owner, before, after = self.open(made, column, holder)
        inner = Holder(owner, not numbered, holder.wired and not chain)
        return [*before, *self.walk(body, inner), *after]

    def open(self, made: Solution, column: Column, holder: Holder) -> tuple[Owner, Solved, Solved]:
        """A container that statements fill, and what stands before and after them.

        It is the attribute itself where it has one, else a variable first.
        """
        if holder.is_list:
            raise Unaligned
        plain = holder.is_self and is_plain(column.name)
        owner: Owner = f"self.{column.name}"
        if not plain:
            # where rows have body0 and body1, the variable is `body`
            owner = Variable(column.wish if column.name else column.wish.rstrip("0123456789"))
        inside = [each for step in column.steps for each in children(step)]
        before = [Assign(made, owner), *self.part_modules(inside, owner)]
        return owner, before, [] if plain else [self.put(holder, column, owner)]

    def branches(self, column: Column, holder: Holder) -> Solved:
        then, otherwise = column.ways()
        if then.is_everywhere or otherwise.is_everywhere:
            return self.walk(then.body or otherwise.body, holder)
        if column.is_idle:
            return []
        if holder.is_list:
            raise Unaligned
        defined, test = Solved(), self.frame.condition(then, "variant")
        done, other = self.walk(then.body, holder), self.walk(otherwise.body, holder)
        if not other:
            test, done = self.presence(then, test, done)
        if holder.wired:
            defined, test = self.define(then, test, "has_" + wish_of(column.steps))
        return [*defined, Branch(test, done, other)]

    def presence(self, way: Way, test: Solution, done: Solved) -> tuple[Solution, Solved]:
        """`squeeze is not None` in place of a flag, where the class takes a number for these rows alone."""
        taken = {row for row, there in way.there.items() if there}
        is_flag = isinstance(test, Given | Added) or (isinstance(test, Phrase) and test.parts[0] == "bool(")
        is_flag &= self.frame is self.cls.frame  # whose rows are those of its parameters
        for read in leaves(done) if is_flag else ():
            # SqueezeExcite(hidden, squeeze) in some rows: `squeeze: int | None` tells which, without a flag
            if isinstance(read, Added) and read.column.keys() == taken:
                number = Added(dict.fromkeys(way.there) | dict(read.column), read.hint)
                return Phrase((number, IS_GIVEN)), replace(done, read, number)
        return test, done

    def define(self, way: Way, condition: Solution, wish: str) -> tuple[Solved, Solution]:
        """What tells which rows go a way: an attribute, set here if it is not known yet."""
        flags, defined = self.cls.flags, Solved()
        flag = next((known for known in flags if known.tells(way) or known.condition == condition), None)
        if flag is None:
            flag = Flag(condition, Variable(condition.name if isinstance(condition, Given) else wish))
            flags.append(flag)
            defined = [Assign(condition, flag.attribute)]
        flag.ways.append(way)
        if wish == RESIDUAL:
            flag.variable.wish = wish  # says more than what is in a path
        # mypy takes `act` for a class behind `act is not None`, not behind what remembers that
        narrows = isinstance(condition, Phrase) and condition.parts[-1] == IS_GIVEN
        return defined, condition if narrows else flag.attribute

    def merge(self, column: Column, holder: Holder) -> Solved:
        before, after = Solved(), Solved()
        if column.first.name:
            owner, before, after = self.open(self.bare_module(column), column, holder)
            holder = holder._replace(owner=owner, named=True)
        paths = Solved()
        for path in column.paths():
            if path.is_everywhere:
                paths += self.walk(path.body, holder)
            else:
                defined, flag = self.define(path, self.frame.condition(path, RESIDUAL), RESIDUAL)
                paths += [*defined, Branch(flag, self.walk(path.body, holder), [])]
        return [*before, *paths, *after]

    # Repeats

    def repeat(self, column: Column, holder: Holder) -> Solved:
        """The first form of a loop that is right, else all iterations one by one."""
        for first, kind in self.loops(column, holder):
            with suppress(Unaligned):
                return self.loop(column, holder, first, kind)
        if holder.is_list and modules_in(children(column.first)) > LONGEST_LISTED:
            raise Unaligned
        return self.walk(column.unrolled(), holder)

    def loops(self, column: Column, holder: Holder) -> list[tuple[int, type[LoopFrame]]]:
        """The loops that a repeat may be, by how many iterations stand before them and kind, the best first.

        What forward runs one by one stands here one by one, too.
        """
        counts = [len(step.iterations) for step in column.steps]
        least, most = min(counts), max(counts)
        found: list[tuple[int, type[LoopFrame]]] = []
        if not holder.wired:
            # a repeat of 1 in all rows is no loop; of 1 and 3 it is
            found += [(0, LoopFrame)] if most > 1 or least < most else []
            # the first iteration often differs from the others: by its stride, or by what arrives at it
            found += [(1, LoopFrame)] if least and most > 1 and (least < most or most > 2) else []
        is_lone = self.frame is self.cls.frame and len(column.rows) == 1
        # 5 turns of 3 modules each: a table has 5 rows, a list 15 lines
        if holder.is_list and is_lone and modules_in(children(column.first)) > 2 * most >= 2 * LEAST_ROWS:
            found.append((0, TableFrame))  # which takes fewer lines
        return found

    def loop(self, column: Column, holder: Holder, first: int, kind: type[LoopFrame]) -> Solved:
        before = self.walk(column.iteration(0), holder) if first else []
        # of repeats of 2 and 3 in two uses: [(0, a), (0, b), (1, a), (1, b), (1, c)], five rows of the loop
        turns = [(row, turn) for row, step in column.rows.items() for turn in step.iterations[first:]]
        if not turns:
            return before
        # symbols are subtracted, too: `for i in range(n - 1)` behind a first turn of its own
        around, counts = self.frame, column.each(lambda step: step.times - first)
        times = around.solve(counts, "repeats" if first else "depth")
        loop = self.frame = kind(around, [row for row, _ in turns])
        try:
            body = self.walk(unify(dict(enumerate(turn for _, turn in turns))), holder)
        finally:
            self.frame = around
        # *(nn.Conv2d(4, 4, 1) for _ in range(k)) holds one expression
        if holder.is_list and (len(body) != 1 or not isinstance(body[0], Assign)):
            raise Unaligned
        table = loop.cells() if isinstance(loop, TableFrame) else []
        return [*before, For(loop.index, body, times, table)] if body else before
