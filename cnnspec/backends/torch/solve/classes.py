"""A class: the rows that it stands for, how their columns are solved, and what its two methods agree on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from cnnspec.backends.names import Names, is_plain
from cnnspec.backends.torch.signatures import DICT_METHODS
from cnnspec.backends.torch.solve.frames import ClassFrame, row_of
from cnnspec.backends.torch.solve.literals import as_class
from cnnspec.backends.torch.solve.parameters import Parameters
from cnnspec.backends.torch.solve.program import Program, Return
from cnnspec.backends.torch.solve.solutions import Phrase, Solution, Solved, Variable
from cnnspec.backends.torch.unify.columns import Body, Column, Unaligned, Way, same, unify
from cnnspec.backends.torch.unify.steps import (
    attribute_kind,
    implicit,
    is_chain,
    is_container,
    is_named,
    step_names,
    unlabelled,
)
from cnnspec.elaborate.naming import TAKEN
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import From, Instance, Leaf, Step, Value
from cnnspec.graph.walk import arriving, children, live, walk
from cnnspec.layers import find
from cnnspec.text.syntax import Block, Literal, Name, Parameter
from cnnspec.values.kinds import Filter

SIDES = ["height", "width"]


class Flag:
    """An attribute that tells which rows go some ways: all those of one condition."""

    def __init__(self, condition: Solution, variable: Variable) -> None:
        self.condition, self.variable = condition, variable
        self.ways: list[Way] = []

    @property
    def attribute(self) -> Solution:
        return Phrase(("self.", self.variable))

    def tells(self, way: Way) -> bool:
        # for fewer rows the attribute tells as well, for others it may not exist
        return any(way.span == known.span and way.there.items() <= known.there.items() for known in self.ways)


class Class:
    """A class of the program: its rows, the frame that solves their columns, and what its methods share.

    `block` is None for a net, `returns` empty for a block.
    """

    def __init__(
        self, program: Program, frame: ClassFrame, block: Block | None = None, returns: Sequence[Return] = ()
    ) -> None:
        self.program, self.frame, self.rows = program, frame, frame.rows
        self.block, self.returns = block, returns
        self.name = ""
        self.fixed: dict[str, Any] = {}  # the arguments that tell it from other classes of its block
        self.names = Names(program.class_names.taken)
        self.parameters = Parameters([row.arguments for row in self.rows], self.names)
        self.kept = set[Value]().union(*(row.kept for row in self.rows))
        self.attributes = Names(
            # TAKEN is what an nn.Module has already, such as `train`; of "features.0" `features` is taken
            {*TAKEN, *(name.split(".")[0] for row in self.rows for name in step_names(row.steps))}
        )
        self.flags: list[Flag] = []
        self.bare_scopes: set[str] = set()  # the modules of scopes that forward reaches into, by path
        self.constructor: Solved = []
        self.forward: tuple[list[str], Solved] | None = None  # with its arguments; else nn.Sequential's

    def body(self) -> Body:
        """The steps of all rows, side by side. Raises Unaligned where they are not of one kind."""
        return unify(dict(enumerate(row.steps for row in self.rows)))

    @property
    def is_net(self) -> bool:
        """Whether the class is made once, and the sizes of what it holds are true."""
        return bool(self.returns)

    @cached_property
    def is_numbered(self) -> bool:
        """Whether the names of the modules are those that nn.Sequential gives by itself."""
        return all(implicit(row.steps) for row in self.rows)

    @cached_property
    def is_chain(self) -> bool:
        """Whether the forward of nn.Sequential is that of the class, under whatever names."""
        return (
            not self.is_net
            and all(row.ends_in_last and is_chain(row.steps, self.kept) for row in self.rows)
            and (self.is_numbered or all(is_named(step) for row in self.rows for step in row.steps))
        )

    def like(self, step: Step) -> Value | None:
        """The map that a crop takes its size from."""
        if not (isinstance(step, Leaf) and step.layer.name == "crop" and step.following):
            return None
        size = step.following.get("size")
        # crop(x, m) is right for any size of the map m; what is not just m's height and width is a Crop
        if not isinstance(size, list) or [getattr(side, "operation", "") for side in size] != SIDES:
            return None
        first, second = (side.operands[0] for side in size)
        return first if first is second and first in self.own_values else None

    @cached_property
    def live(self) -> set[Value]:
        """The values that forward computes."""
        return set[Value]().union(*(live(row.steps, set(row.outputs)) for row in self.rows))

    def reads(self, steps: Iterable[Step]) -> Iterator[Value]:
        """The values that forward reads in some steps, each as often as it reads it."""
        for step in walk(steps):
            if step.output in self.live:
                yield from (value for value in arriving(step) if value is not step.output)
                if size := self.like(step):
                    yield size

    @cached_property
    def evaluated(self) -> set[Value]:
        """Those that it computes in evaluation, too."""
        network = self.program.network
        kept = {output.value for output in network.outputs if not output.train}
        return live(network.steps, kept) if self.is_net else self.live

    @cached_property
    def own_values(self) -> set[Value]:
        """Those that it has by itself: not within a module that it runs, not of the class around."""
        made = (value for row in self.rows for value in (*row.inputs, *self.visible(row.steps)))
        return self.evaluated.intersection(made)

    def visible(self, steps: Iterable[Step]) -> Iterator[Value]:
        for step in steps:
            # an nn.Sequential runs as one call, and shows no value but its last
            if not (is_container(step) and is_chain(unlabelled(step), self.kept, step.output)):
                yield from self.visible(children(step))
            if not isinstance(step, From):
                yield step.output

    def attribute(self, column: Column) -> str | None:
        """The attribute for a step of the owner's own scope; None where only add_module can name it.

        A step without tensors has no keys, so a number as its name is nobody's concern.
        """
        name = column.name
        if is_plain(name):
            return name
        kind, weighted = attribute_kind(column.first)
        if weighted or not name.isdecimal():
            return None
        given = self.attributes.given
        if name not in given:
            given[name] = self.attributes.unused(kind)
        return given[name]

    def is_keyed(self, name: str) -> bool:
        """Whether a module stands in a dict of modules, under its own name."""
        scope = name.rpartition(".")[0]
        return scope in self.bare_scopes and scope not in self.clashing

    @cached_property
    def clashing(self) -> set[str]:
        """The scopes with a name that a dict of modules does not take."""
        parts = (name.rpartition(".") for row in self.rows for name in step_names(row.steps))
        return {scope for scope, _, own in parts if own in DICT_METHODS}

    def flag(self, way: Way) -> str:
        """The attribute that tells which rows go a way. Raises Unaligned where none does."""
        for flag in self.flags:
            if flag.tells(way):
                return f"self.{flag.variable.name}"
        raise Unaligned


def block_class(program: Program, instances: list[Instance]) -> Class:
    """The class for these instances."""
    block = instances[0].block
    taken = {each.name.name for each in block.parameters if each.default is None}
    # what stays open in one use stays so in the class: others may be built with any width
    free = frozenset().union(*(program.open_names[id(instance)] for instance in instances))
    rows = [row_of(each, (each.input,), (each.output,)) for each in instances]
    taken = taken.difference(*(each.fixed for each in instances))
    found = Class(program, ClassFrame(rows, program.signatures, free, taken), block)
    for name, value in instances[0].arguments.items():
        if isinstance(value, Filter):
            # in formulas the name of a Filter means its count: nn.Conv2d(in_channels, filter, 3) said less
            found.names.of(name, "out_channels")
    for each in block.parameters:
        default = default_of(each)
        given = [instance.arguments[each.name.name] for instance in instances]
        # a default that no use has might need another class: this one does not offer it
        if default is not None and any(same(default, other) for other in given):
            found.parameters.defaults[each.name.name] = as_class(default)  # the class is right for it
    return found


def net_class(program: Program) -> Class:
    """The class of the net."""
    network = program.network
    inputs = tuple(given.value for given in network.inputs)
    outputs = tuple(output.value for output in network.outputs)
    rows = [row_of(network, inputs, outputs)]
    frame = ClassFrame(rows, program.signatures, program.free_names, frozenset())
    found = Class(program, frame, returns=program.returns())
    found.name = program.net_name
    found.parameters.defaults.update(network.arguments)
    return found


def default_of(parameter: Parameter) -> Any:
    """The default of a block's parameter where it is a number, a flag or a layer; else None."""
    default = parameter.default
    if isinstance(default, Literal) and isinstance(default.value, bool | int | float):
        return default.value
    if isinstance(default, Name) and find(default.name) is not None:
        return LayerName(default.name)
    return None
