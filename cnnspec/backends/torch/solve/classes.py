"""The classes of a program: which blocks become which class, and what the two halves of a class agree on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from cnnspec.backends.names import Names, is_plain
from cnnspec.backends.torch.signatures import SIGNATURES
from cnnspec.backends.torch.solve.columns import Frame
from cnnspec.backends.torch.solve.joins import places
from cnnspec.backends.torch.solve.loops import Loop
from cnnspec.backends.torch.solve.parameters import Parameters
from cnnspec.backends.torch.solve.roots import Root
from cnnspec.backends.torch.steps import (
    implicit,
    is_chain,
    is_container,
    named,
    referenced,
    step_names,
    unlabelled,
    uses,
)
from cnnspec.backends.torch.unify import Unaligned
from cnnspec.graph import walk
from cnnspec.graph.tree import (
    From,
    Group,
    Instance,
    Leaf,
    Merge,
    Network,
    Path,
    Step,
    Use,
    Value,
)
from cnnspec.graph.walk import Steps
from cnnspec.layers.base import Call
from cnnspec.text.source import Span
from cnnspec.values.symbols import Symbol

PACKED = "PackedConv2d"


class Row(NamedTuple):
    """One of the things that a class stands for: an instance of a block, or the net."""

    steps: Steps
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


class Plan:
    """A class of the program: its rows, and what its constructor and its forward share."""

    def __init__(self, name: str, rows: list[Row], root: Root, names: Names, program: Program) -> None:
        self.name, self.rows, self.root, self.names, self.program = name, rows, root, names, program
        self.kept: set[Value] = set()
        for row in rows:
            self.kept.update(referenced(row.steps))
            self.kept.update(row.outputs if row.outputs != (last(row),) else ())
        self.parameters = Parameters(root.arguments, names)
        self.attributes: dict[str, str] = {}
        self.taken = {name.split(".")[0] for row in rows for name in step_names(row.steps)}
        self.flags: dict[Any, tuple[str, dict[int, bool]]] = {}  # by `key_of`: the name, each row's answer
        self.loops: dict[tuple[Value, Span], tuple[str, int]] = {}  # by `repeat_of`: how written, from where
        self.bare: set[str] = set()  # labelled braces that no nn.Sequential can hold, by name
        self.solved: Any = None  # the statements of the constructor, and the forward
        self.where = ""
        self.is_net = False  # then it is made once, and the sizes of what it holds are true
        self.follows = True  # a crop takes its size from a map that forward has
        self.unrolled = False  # no loops: a wire or a name needs every turn by itself

    def start(self) -> None:
        """Begin to solve the class: loops and flags are found anew."""
        self.loops.clear()
        self.bare.clear()
        self.taken.difference_update(name for name, _ in self.flags.values())
        self.flags.clear()
        self.parameters.columns.clear()

    @property
    def sequential(self) -> bool:
        """Whether the class is just an nn.Sequential with the names that one gives; a net has a forward."""
        return not self.is_net and all(
            is_chain(row.steps, self.kept) and implicit(row.steps) and row.outputs == (last(row),)
            for row in self.rows
        )

    @property
    def is_chain(self) -> bool:
        """Whether the forward of nn.Sequential is that of the class, under whatever names."""
        return self.sequential or (
            not self.is_net
            and all(
                row.steps
                and all(isinstance(step, Leaf | Use | Group) and named(step) for step in row.steps)
                and is_chain(row.steps, self.kept)
                and row.outputs == (last(row),)
                for row in self.rows
            )
        )

    @cached_property
    def seen(self) -> set[Value]:
        """The values that forward has, one after the other."""
        found = {value for row in self.rows for value in row.inputs}
        for row in self.rows:
            found.update(self.made(row.steps))
        return found

    def made(self, steps: Steps) -> Iterator[Value]:
        for step in steps:
            if is_container(step) and is_chain(unlabelled(step), self.kept, step.output):
                yield step.output
                continue
            if isinstance(step, Leaf | Use | Merge):
                yield step.output
            for within in walk.rows(step):
                yield from self.made(within)

    def like(self, step: Step) -> Value | None:
        """The map that a crop takes its size from, where forward has that map."""
        if not (self.follows and isinstance(step, Leaf) and step.layer.name == "crop" and step.following):
            return None
        size = step.following.get("size")
        if not isinstance(size, list) or [getattr(side, "operation", "") for side in size] != [
            "height",
            "width",
        ]:
            return None
        first, second = (side.operands[0] for side in size)
        return first if first is second and first in self.seen else None

    def attribute(self, name: str, kind: str, weighted: bool) -> str | None:
        """The attribute for a step of the owner's own scope; None where only add_module can name it.

        A step without tensors has no keys, so a number as its name is nobody's concern.
        """
        if is_plain(name):
            return name
        if weighted or not name.isdecimal():
            return None
        if name not in self.attributes:
            wish, number = kind, 1
            while wish in self.taken:
                number += 1
                wish = f"{kind}{number}"
            self.taken.add(wish)
            self.attributes[name] = wish
        return self.attributes[name]

    def add_flag(self, key: Any, answers: dict[int, bool], wish: str) -> str:
        """A new attribute that remembers which branch a varied `if` took, row by row."""
        name, number = wish, 1
        while name in self.taken:
            number += 1
            name = f"{wish}{number}"
        self.taken.add(name)
        self.flags[key] = name, answers
        return name

    def flag(self, key: Any, answers: dict[int, bool]) -> str:
        """The attribute for an `if`; where it runs again, that of its first run. Raises Unaligned."""
        own = [self.flags[key]] if key in self.flags else []
        again = [known for (span, _), known in self.flags.items() if span == key[0]]
        for name, known in (*own, *again):
            if answers.items() <= known.items():
                return name
        raise Unaligned

    def adder(self, steps: list[Merge], live: list[list[Path]]) -> int | None:
        """The one of a sum's two paths whose last convolution adds to the other, and writes over it."""
        for place in places(steps) if all(len(step.live) == 2 for step in steps) else ():
            if all(self.waits(path, step) for path, step in zip(live[1 - place], steps, strict=True)):
                return 1 - place
        return None

    def waits(self, path: Path, step: Merge) -> bool:
        """Whether a path's end can add, once the other path has run.

        Until then what arrives at the end must last: nobody else has it, to write over it.
        """
        if len(path.steps) < 2 or not self.program.adds(path.steps[-1]):
            return False
        arriving = path.steps[-2].output
        return arriving is not step.input and self.kept.isdisjoint({arriving, path.output})


class Program:
    """All classes of a network, the blocks' before those that use them."""

    def __init__(
        self, network: Network, reserved: set[str], optimised: bool = False, explicit: bool = False
    ) -> None:
        self.network, self.optimised = network, optimised
        self.signatures = {} if explicit else dict(SIGNATURES)
        self.explicit = explicit
        self.class_names = Names(reserved)
        self.plans: list[Plan] = []
        self.by_instance: dict[int, tuple[Plan, int]] = {}
        self.instances: dict[int, list[Instance]] = {}  # by block
        self.order: list[int] = []
        self.free: dict[int, frozenset[str]] = {}
        self.free_names = frozenset(
            name
            for name, value in network.arguments.items()
            if isinstance(value, int) and not isinstance(value, bool) and name not in network.fixed
        )
        self.net_name = self.class_names.local(network.name)
        self._seen: set[int] = set()
        self._open: dict[int, set[str]] = {}
        self.collect(network.steps, self.free_names)
        self.sort(network.steps)

    def collect(self, steps: Steps, free: frozenset[str]) -> None:
        """Find the instances, inner ones first, and the names that stay open through them."""
        for use in uses(steps):
            instance = use.instance
            opened = {
                name
                for name, value in use.bindings.items()
                if isinstance(value, Symbol) and value.names & free and name not in instance.fixed
            }
            known = self._open.setdefault(id(instance), set())
            if id(instance) in self._seen and opened <= known:
                continue
            known |= opened
            self._seen.add(id(instance))
            self.collect(instance.steps, frozenset(known))
            block = id(instance.block)
            if not any(other is instance for other in self.instances.setdefault(block, [])):
                self.instances[block].append(instance)

    def sort(self, steps: Steps) -> None:
        """Put the blocks that some steps use into order, those that they use themselves before them."""
        for block in dict.fromkeys(id(use.instance.block) for use in uses(steps)):
            if block not in self.order:
                for instance in self.instances[block]:
                    self.sort(instance.steps)
                self.order.append(block)

    def module(self, step: Leaf) -> Call:
        """The construction of a layer, its numbers by their names where they have any."""
        assert step.input.shape is not None
        call = step.layer.torch(step.input.shape)
        if symbols := step.layer.torch_symbols():
            same = {key: value for key, value in symbols.items() if call.kwargs.get(key) == value}
            call = Call(call.name, call.args, {**call.kwargs, **same})
        return packed(call) if self.optimised else call

    def adds(self, step: Step) -> bool:
        """Whether a step is a convolution that can add what it makes to something."""
        made = calls(self.module(step)) if isinstance(step, Leaf) else ()
        return any(call.name == PACKED and call.kwargs["activation"] == "none" for call in made)

    def root(self, instances: list[Instance]) -> Root:
        free = frozenset().union(*(self._open[id(instance)] for instance in instances))
        scopes = [instance.scope_names for instance in instances]
        arguments = [instance.arguments for instance in instances]
        constants = [instance.constants for instance in instances]
        taken = {p.name.name for p in instances[0].block.parameters if p.default is None}
        taken.difference_update(*(instance.fixed for instance in instances))
        return Root(scopes, arguments, free, constants, taken, self.signatures)

    def publish(self, plan: Plan) -> None:
        """Make known what the uses of a class may leave unsaid."""
        if not self.explicit:
            self.signatures[plan.name] = plan.parameters.signature()

    def call(self, use: Use) -> Call:
        """The construction of a block's class, with the arguments of its constructor."""
        plan, row = self.by_instance[id(use.instance)]
        args: tuple[Any, ...] = ()
        keywords: dict[str, Any] = {}
        for name, column in plan.parameters.ordered():
            value = column[row] if column is not None else use.bindings[name]
            if name == "in.channels":
                args = (value,)
            else:
                keywords[plan.names.parameter(name)] = value
        return Call(plan.name, args, keywords)


def packed(call: Call) -> Call:
    """The call with convolutions that lay their weights out once."""
    args = tuple(packed(value) if isinstance(value, Call) else value for value in call.args)
    if call.name != "nn.Conv2d":
        return Call(call.name, args, call.kwargs)
    return Call(PACKED, args, {**call.kwargs, "activation": call.kwargs.get("activation", "none")})


def calls(call: Call) -> Iterator[Call]:
    """A call and the calls among its arguments."""
    yield call
    for value in call.args:
        if isinstance(value, Call):
            yield from calls(value)


def last(row: Row) -> Value | None:
    return row.steps[-1].output if row.steps and not isinstance(row.steps[-1], From) else None


def shape_note(values: list[Value], frame: Frame) -> str:
    """The output's shape, over a loop its first and last."""
    first, final = str(values[0].shape), str(values[-1].shape)
    looping = isinstance(frame, Loop) and frame.parent.size == 1
    return f"{first} … {final}" if looping and first != final else first
