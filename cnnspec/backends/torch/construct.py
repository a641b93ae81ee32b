"""The constructor of a class: every module under the name that its weights bear."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnnspec.backends.names import is_plain
from cnnspec.backends.torch.align import align
from cnnspec.backends.torch.code import Body, Turns
from cnnspec.backends.torch.columns import ClassName, Frame, Part, Unaligned, agree
from cnnspec.backends.torch.expressions import call
from cnnspec.backends.torch.loops import Loop
from cnnspec.backends.torch.roots import as_class
from cnnspec.backends.torch.steps import (
    implicit,
    is_chain,
    is_container,
    is_method,
    key_of,
    referenced,
    repeat_of,
    unlabelled,
    weights,
)
from cnnspec.backends.torch.structure import Plan, shape_note
from cnnspec.backends.writer import Arguments, Each, Noted, Text, flat
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph import walk
from cnnspec.graph.tree import From, Group, If, Leaf, Merge, Repeat, Step, Use
from cnnspec.graph.walk import Steps
from cnnspec.layers.base import Call
from cnnspec.values.symbols import add, constant, make, polynomial

INDICES = ("i", "j", "k", "m", "n")
LONGEST_UNROLLED = 8
LONGEST_LISTED = 24  # modules that turns of a repeat may be, to be listed one by one


class NotSimple(Exception):
    """The modules of a container need statements, not just an expression."""


class Constructor:
    """Writes the body of `__init__` for all rows of a class at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.body = plan, Body()
        self.depth = 0
        self.conditions: dict[str, str] = {}
        self.wired = not plan.is_chain  # forward runs these steps one by one

    # Where modules go

    def to_self(self, frame: Frame, steps: list[Any], text: Text, comment: str) -> None:
        """`self.conv1 = …`, or add_module where the name is no identifier."""
        first = steps[0]
        names = [step.name for step in steps]
        if agree(names):
            kind, weighted = attribute_kind(first)
            attribute = self.plan.attribute(names[0], kind, weighted)
            if attribute is not None:
                self.body.line(text, f"self.{attribute} = ")
                return
        self.add("self", frame, names, text, comment, is_parameter(first))

    def to_container(self, target: str, named: bool) -> Callable[[Frame, list[Any], Text, str], None]:
        def put(frame: Frame, steps: list[Any], text: Text, comment: str) -> None:
            if named:
                names = [step.name.rpartition(".")[2] for step in steps]
                self.add(target, frame, names, text, comment, is_parameter(steps[0]))
            else:
                self.body.line(call(f"{target}.append", text), comment=comment)

        return put

    def add(
        self, target: str, frame: Frame, names: list[str], text: Text, comment: str, parameter: bool
    ) -> None:
        if agree(names) and is_plain(names[0]):
            self.body.line(text, f"{target}.{names[0]} = ", comment)
            return
        method = "register_parameter" if parameter else "add_module"
        self.body.line(call(f"{target}.{method}", frame.string(names), text), comment=comment)

    # Statements

    def walk(self, rows: list[Steps], frame: Frame, put: Any) -> None:
        """Construct what some steps need, each by `put`."""
        self.each(align(rows), frame, put)

    def each(self, columns: list[list[Any]], frame: Frame, put: Any) -> None:
        for steps in columns:
            self.step(steps, frame, put)

    def chain(self, columns: list[list[Any]], frame: Frame) -> tuple[list[tuple[str, Text]], int]:
        """The arguments of an nn.Sequential up to the first column that takes statements, and its number."""
        varied = (isinstance(steps[0], If) and not agree([s.taken for s in steps]) for steps in columns)
        number = next((i for i, varies in enumerate(varied) if varies), len(columns))
        try:
            return self.items(columns[:number], frame), number
        except NotSimple:
            return [], 0

    def step(self, steps: list[Any], frame: Frame, put: Any) -> None:
        first = steps[0]
        if isinstance(first, Leaf | Use):
            if not (self.wired and (is_method(first) or all(map(self.plan.like, steps)))):
                put(frame, steps, self.module(steps, frame), self.note(steps, frame))
        elif is_container(first):
            self.container(steps, frame, put)
        elif isinstance(first, If):
            self.branches(steps, frame, put)
        elif isinstance(first, Repeat):
            self.repeat(steps, frame, put)
        elif isinstance(first, Merge):
            self.merge(steps, frame, put)

    def note(self, steps: list[Any], frame: Frame) -> str:
        """The size of what some steps of a net make, where it is another than what arrives.

        Where forward runs them one by one, sizes stand there.
        """
        if self.wired or not self.plan.is_net or all(step.output.shape == step.input.shape for step in steps):
            return ""
        return shape_note([step.output for step in steps], frame)

    def module(self, steps: list[Any], frame: Frame) -> Text:
        """The construction of a layer or of a block's class."""
        if isinstance(steps[0], Use):
            return frame.text([self.plan.program.call(step) for step in steps])
        calls = [self.plan.program.module(step) for step in steps]
        return self.told(steps, calls, frame) or frame.text(calls)

    def told(self, steps: list[Leaf], calls: list[Call], frame: Frame) -> Text | None:
        """`act()`, where the author's word for a layer is a parameter that the class takes."""
        name, root = steps[0].span.text, self.plan.root
        if not isinstance(root.arguments[0].get(name), LayerName) or not all(map(frame.is_bare, calls)):
            return None
        names = [ClassName(call.name) for call in calls]
        given = [as_class(root.arguments[number].get(name)) for number in frame.numbers]
        if given != names or not root.is_writable(name) or (name not in root.parameters and agree(names)):
            return None
        return Arguments(root.argument(name), ())

    def container(self, steps: list[Any], frame: Frame, put: Any) -> None:
        """Labelled braces: an nn.Sequential where they are a chain, else a bare module with their steps."""
        rows = [unlabelled(step) for step in steps]
        chain = all(is_chain(row, self.plan.kept, s.output) for row, s in zip(rows, steps, strict=True))
        self.plan.bare.update(step.name for step in steps if not chain)
        columns, start, made = align(rows), 0, Arguments("nn.Sequential" if chain else "nn.Module", ())
        if plain := chain and all(implicit(row) for row in rows):
            items, start = self.chain(columns, frame)
            made = Arguments("nn.Sequential", tuple(items))
            if start == len(columns):
                put(frame, steps, made, "")
                return
        target = self.target(steps, put)
        self.body.line(made, f"{target} = ")
        around, self.wired = self.wired, self.wired and not chain
        try:
            self.each(columns[start:], frame, self.to_container(target, not plain))
        finally:
            self.wired = around
        if "." not in target:
            put(frame, steps, target, "")

    def target(self, steps: list[Any], put: Any) -> str:
        """Where the modules of a container are put: the attribute itself, else a variable."""
        names, wish = [step.name for step in steps], steps[0].name.rpartition(".")[2]
        if put == self.to_self and agree(names) and is_plain(names[0]):
            return f"self.{names[0]}"
        return self.plan.locals.local(wish if agree(names) else wish.rstrip("0123456789"))

    def branches(self, steps: list[If], frame: Frame, put: Any) -> None:
        taken = [step.taken for step in steps]
        if agree(taken):
            self.walk([step.steps for step in steps], frame, put)
            return
        if self.wired and in_loop(frame):
            raise Unaligned  # one flag cannot tell every turn
        condition = frame.condition([step.test for step in steps], taken, "variant")
        if self.wired:
            flag = self.plan.add_flag(
                key_of(steps), dict(zip(frame.numbers, taken, strict=True)), "has_" + wish_of(steps)
            )
            self.define(flag, condition, frame)
            condition = condition if condition.endswith(" is not None") else f"self.{flag}"
        blocks = []
        for branch in (True, False):
            rows = [i for i, step in enumerate(steps) if step.taken is branch]
            with self.body.aside() as lines:
                self.walk([steps[i].steps for i in rows], Part(frame, rows), put)
            blocks.append(lines)
        negation = f"not {condition}" if condition.startswith("self.") else f"not ({condition})"
        self.body.branch(condition, blocks[0], negation, blocks[1])

    def merge(self, steps: list[Merge], frame: Frame, put: Any) -> None:
        if len({len(step.paths) for step in steps}) > 1 or not agree([step.layer.name for step in steps]):
            raise Unaligned
        if steps[0].name:
            target = self.target(steps, put)
            self.body.line("nn.Module()", f"{target} = ")
            self.paths(steps, frame, self.to_container(target, named=True))
            if "." not in target:
                put(frame, steps, target, "")
        else:
            self.paths(steps, frame, put)

    def paths(self, steps: list[Merge], frame: Frame, put: Any) -> None:
        for paths in zip(*(step.paths for step in steps), strict=True):
            there = [not path.dropped for path in paths]
            rows = [i for i, present in enumerate(there) if present]
            if 0 < len(rows) < len(paths):
                if in_loop(frame):
                    raise Unaligned  # one flag cannot tell every turn
                answers = dict(zip(frame.numbers, there, strict=True))
                flag = self.plan.add_flag(key_of(steps, paths[0].span), answers, "residual")
                condition = frame.condition([path.test for path in paths], there, flag)
                self.define(flag, condition, frame)
                with self.body.aside() as lines:
                    self.walk([paths[i].steps for i in rows], Part(frame, rows), put)
                self.body.branch(f"self.{flag}", lines, "", [])
            elif rows:
                self.walk([path.steps for path in paths], frame, put)

    def define(self, flag: str, condition: str, frame: Frame) -> None:
        """Remember a condition in an attribute; one that is known already is not computed again."""
        known = self.conditions.get(condition)
        self.body.line(known or condition, f"self.{flag} = ")
        if frame is self.plan.root:  # else it may not be there elsewhere
            self.conditions.setdefault(condition, f"self.{flag}")

    # Repeats

    def repeat(self, steps: list[Repeat], frame: Frame, put: Any) -> None:
        """A loop over all iterations, or over all but the first, or none: the first form that is right."""
        for form, first, tables in self.forms(steps):
            if self.attempt(frame, partial(self.loop, steps, frame, put, first, tables)):
                self.plan.loops[repeat_of(steps)] = (form, first)
                return
        self.plan.loops[repeat_of(steps)] = ("unrolled", 0)
        for rows in align_iterations(steps):
            self.walk(rows, frame, put)

    def forms(self, steps: list[Repeat]) -> list[tuple[str, int, bool]]:
        counts = [len(step.iterations) for step in steps]
        if not any(iteration for step in steps for iteration in step.iterations):
            return []
        if max(counts) < 2:
            return [] if len(set(counts)) == 1 else [("loop", 0, False)]
        own = self.wired
        if own and (self.plan.unrolled or len(set(counts)) > 1 or escapes(steps, self.plan)):
            return []  # forward unrolls what wires lead into, or out of
        forms = [("loop", 0, False)] if not own or max(counts) > 2 else []
        if min(counts) and (len(set(counts)) > 1 or max(counts) > 2):
            forms.append(("loop", 1, False))
        few_named = max(counts) <= LONGEST_UNROLLED and any(labelled(s) for r in steps for s in r.iterations)
        if len(steps) == 1 and not few_named:
            forms.append(("loop", 0, True))
        return forms

    def attempt(self, frame: Frame, write: Callable[[], None]) -> bool:
        """Try to write something; leave no trace where the rows turn out not to agree."""
        length, parameters = len(self.body.statements), dict(self.plan.root.parameters)
        constants, tables = dict(self.plan.root.used_constants), tables_of(frame)
        depth, taken = self.body.depth, set(self.plan.locals.taken)
        try:
            write()
        except Unaligned:
            del self.body.statements[length:]
            self.plan.root.parameters.clear()
            self.plan.root.parameters.update(parameters)
            self.plan.root.used_constants = constants
            for loop, table, uses_index in tables:
                loop.table, loop.uses_index = table, uses_index
            self.body.depth, self.plan.locals.taken = depth, taken
            return False
        return True

    def loop(self, steps: list[Repeat], frame: Frame, put: Any, first: int, tables: bool) -> None:
        if first:
            self.walk([step.iterations[0] for step in steps], frame, put)
        parents = [p for p, step in enumerate(steps) for _ in step.iterations[first:]]
        if not parents:
            return
        rows = [iteration for step in steps for iteration in step.iterations[first:]]
        taken = set(self.plan.locals.taken)
        index = self.plan.locals.local(INDICES[self.depth % len(INDICES)])
        loop = Loop(frame, parents, index, tables, self.plan.locals)
        self.depth += 1
        try:
            with self.body.aside() as body:
                self.walk(rows, loop, put)
            targets, over = self.header(loop, steps, frame, first)
        finally:
            self.depth -= 1
            self.plan.locals.taken = taken
        if body:
            self.body.statements.append(Turns(targets, over, body))

    @staticmethod
    def header(loop: Loop, steps: list[Repeat], frame: Frame, first: int) -> tuple[str, Text]:
        if loop.table:
            return loop.header()
        counts = [make(len(s.iterations) - first, add(polynomial(s.times), constant(-first))) for s in steps]
        return (loop.index if loop.uses_index else "_"), f"range({flat(frame.text(counts, 'depth'))})"

    # Expressions

    def items(self, columns: list[list[Any]], frame: Frame) -> list[tuple[str, Text]]:
        """The arguments of an nn.Sequential. Raises NotSimple where it takes statements, else Unaligned."""
        found: list[tuple[str, Text]] = []
        for steps in columns:
            first = steps[0]
            if isinstance(first, From):
                continue
            if isinstance(first, Leaf | Use):
                found.append(("", Noted(self.module(steps, frame), self.note(steps, frame))))
            elif is_container(first):
                within = [unlabelled(step) for step in steps]
                if not all(map(implicit, within)):
                    raise NotSimple
                inside = self.items(align(within), frame)
                found.append(("", Noted(Arguments("nn.Sequential", tuple(inside)), "")))
            elif isinstance(first, If):
                if not agree([step.taken for step in steps]):
                    raise NotSimple
                found += self.items(align([step.steps for step in steps]), frame)
            elif isinstance(first, Repeat):
                found += self.repeated(steps, frame)
        return found

    def repeated(self, steps: list[Repeat], frame: Frame) -> list[tuple[str, Text]]:
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

    def generated(self, steps: list[Repeat], frame: Frame, first: int) -> list[tuple[str, Text]]:
        head = self.items(align([step.iterations[0] for step in steps]), frame) if first else []
        parents = [p for p, step in enumerate(steps) for _ in step.iterations[first:]]
        rows = [iteration for step in steps for iteration in step.iterations[first:]]
        taken = set(self.plan.locals.taken)
        index = self.plan.locals.local(INDICES[self.depth % len(INDICES)])
        loop = Loop(frame, parents, index, False, self.plan.locals)
        self.depth += 1
        try:
            inside = self.items(align(rows), loop)
        finally:
            self.depth -= 1
            self.plan.locals.taken = taken
        if len(inside) != 1 or not isinstance(inside[0][1], Noted) or isinstance(inside[0][1].text, Each):
            raise NotSimple
        module = inside[0][1]
        targets, over = self.header(loop, steps, frame, first)
        return [*head, ("", Noted(Each(module.text, f"for {targets} in {flat(over)}"), module.comment))]


def modules_in(steps: Steps) -> int:
    """How many modules some steps are in an nn.Sequential."""
    return sum(
        1 if isinstance(step, Leaf | Use | Group) else sum(map(modules_in, walk.rows(step))) for step in steps
    )


def tables_of(frame: Frame) -> list[tuple[Loop, dict[str, list[Any]], bool]]:
    """The loops around, and what they have found out so far."""
    found = []
    while isinstance(frame, Part | Loop):
        if isinstance(frame, Loop):
            found.append((frame, dict(frame.table), frame.uses_index))
        frame = frame.parent
    return found


def in_loop(frame: Frame) -> bool:
    """Whether the rows are turns of a loop, or some of them."""
    while isinstance(frame, Part):
        frame = frame.parent
    return isinstance(frame, Loop)


def attribute_kind(step: Step) -> tuple[str, bool]:
    """A step's kind, and whether it has tensors (and so keys)."""
    if isinstance(step, Leaf):
        return step.layer.name, bool(weights(step))
    return "block", True


def is_parameter(step: Step) -> bool:
    return isinstance(step, Leaf) and any(not weight.name for weight in weights(step))


def wish_of(steps: list[If]) -> str:
    """A word for a varied branch: its first step's name."""
    for step in steps:
        for inside in step.steps:
            if isinstance(inside, Leaf | Use) and inside.name.isidentifier():
                return inside.name
    return "branch"


def labelled(steps: Steps) -> bool:
    """Whether an iteration has steps that its author named."""
    for step in steps:
        if isinstance(step, Leaf) and not step.name.rpartition(".")[2].startswith(step.layer.name):
            return not step.name.rpartition(".")[2].isdecimal()
        if isinstance(step, Use):
            kind = step.instance.block.name.name.lower()
            own = step.name.rpartition(".")[2]
            return not own.isdecimal() and not own.startswith(kind)
        if is_container(step):
            return True
    return False


def escapes(steps: list[Repeat], plan: Plan) -> bool:
    """Whether a wire or an output leads into a repeat, or a wire out of one."""
    return any(True for step in steps for _ in referenced((step,))) or any(
        getattr(inside, "output", None) in plan.kept
        for step in steps
        for iteration in step.iterations
        for inside in flatten(iteration)
        if inside.output is not step.output
    )


def flatten(steps: Steps) -> list[Any]:
    found: list[Any] = []
    for step in steps:
        if not isinstance(step, From):
            found.append(step)
        for within in walk.rows(step):
            found += flatten(within)
    return found


def align_iterations(steps: list[Repeat]) -> list[list[Steps]]:
    """Iteration by iteration, the steps of all rows. Raises Unaligned where the rows differ in number."""
    if len({len(step.iterations) for step in steps}) > 1:
        raise Unaligned
    return [list(rows) for rows in zip(*(step.iterations for step in steps), strict=True)]
