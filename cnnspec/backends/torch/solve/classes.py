"""The classes of a program: which blocks become which class, and what the two halves of a class agree on."""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property
from typing import Any, NamedTuple

from cnnspec.backends.names import Names, is_plain
from cnnspec.backends.torch.signatures import SIGNATURES
from cnnspec.backends.torch.solve.body import Body, Column, Way, unify
from cnnspec.backends.torch.solve.parameters import Parameters
from cnnspec.backends.torch.solve.roots import Root, Row, as_class
from cnnspec.backends.torch.solve.solutions import same
from cnnspec.backends.torch.steps import (
    attribute_kind,
    implicit,
    is_chain,
    is_named,
    outputs_of,
    referenced,
    step_names,
    uses,
)
from cnnspec.backends.torch.unify import check_lent_names
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import From, Instance, Leaf, Network, Step, Use, Value
from cnnspec.graph.walk import Steps
from cnnspec.layers import find
from cnnspec.layers.base import Call
from cnnspec.text.syntax import Literal, Name, Parameter
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.symbols import Symbol

PACKED = "PackedConv2d"
SIDES = ["height", "width"]


class Returns(NamedTuple):
    """What the forward of a net returns: a tensor where `everything` is "", else a named tuple.

    `evaluation`: the tuple without what training alone returns, "" for a tensor, None where that is all.
    """

    annotation: str = "Tensor"
    everything: str = ""
    evaluation: str | None = None


class Plan:
    """A class of the program: its rows, and what its constructor and its forward share."""

    def __init__(
        self,
        program: Program,
        rows: list[Row],
        free: frozenset[str],
        taken: Set[str] = frozenset(),
        returns: Returns | None = None,
    ) -> None:
        self.program, self.rows = program, rows
        self.name = ""
        self.returns = returns  # None for a block
        self.names = Names(program.class_names.taken)
        self.root = Root(rows, free, taken, program.signatures)
        self.parameters = Parameters(self.root.arguments, self.names)
        self.kept: set[Value] = set()
        for row in rows:
            self.kept.update(referenced(row.steps))
            self.kept.update(row.outputs if row.outputs != (last(row),) else ())
        self.attributes = Names(name.split(".")[0] for row in rows for name in step_names(row.steps))
        self.flags: list[tuple[Way, str]] = []  # attributes that tell which rows go a way
        self.bare: set[str] = set()  # labelled braces that no nn.Sequential can hold, by name
        self.follows = True  # a crop takes its size from a map that forward has

    def body(self) -> Body:
        """The steps of all rows, side by side. Raises Unaligned where they are not of one kind."""
        return unify({number: row.steps for number, row in enumerate(self.rows)}, self.root)

    @property
    def is_net(self) -> bool:
        """Whether the class is made once, and the sizes of what it holds are true."""
        return self.returns is not None

    @cached_property
    def is_numbered(self) -> bool:
        """Whether the names of the modules are those that nn.Sequential gives by itself."""
        return all(implicit(row.steps) for row in self.rows)

    @cached_property
    def is_chain(self) -> bool:
        """Whether the forward of nn.Sequential is that of the class, under whatever names."""
        return (
            not self.is_net
            and all(row.outputs == (last(row),) and is_chain(row.steps, self.kept) for row in self.rows)
            and (self.is_numbered or all(is_named(step) for row in self.rows for step in row.steps))
        )

    def like(self, step: Step) -> Value | None:
        """The map that a crop takes its size from."""
        if not (self.follows and isinstance(step, Leaf) and step.layer.name == "crop" and step.following):
            return None
        size = step.following.get("size")
        if not isinstance(size, list) or [getattr(side, "operation", "") for side in size] != SIDES:
            return None
        first, second = (side.operands[0] for side in size)
        return first if first is second and first in self.own else None

    @cached_property
    def own(self) -> set[Value]:
        """The values of the class itself, not of those that use it."""
        made = (value for row in self.rows for step in row.steps for value in outputs_of(step))
        return {*made, *(value for row in self.rows for value in row.inputs)}

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

    def add_flag(self, way: Way, wish: str) -> str:
        """A new attribute that remembers which rows go a way."""
        name = self.attributes.unused(wish)
        self.flags.append((way, name))
        return name

    def flag(self, way: Way) -> str:
        """The attribute that tells which rows go a way, "" where none does."""
        for known, name in self.flags:
            if way.span == known.span and way.there.items() <= known.there.items():
                return name
        return ""


class Program:
    """All classes of a network, the blocks' before those that use them."""

    def __init__(
        self, network: Network, reserved: set[str], optimised: bool = False, explicit: bool = False
    ) -> None:
        self.network, self.optimised = network, optimised
        self.signatures = {} if explicit else dict(SIGNATURES)
        self.explicit = explicit
        self.class_names = Names(reserved)
        self.by_instance: dict[int, tuple[Plan, int]] = {}
        self.instances: dict[int, dict[int, Instance]] = {}  # by block
        self.order: list[int] = []
        self.free_names = frozenset(
            name
            for name, value in network.arguments.items()
            if is_integer(value) and name not in network.fixed
        )
        self.net_name = self.class_names.local(network.name)
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
            known = self._open.get(id(instance))
            if known is None or not opened <= known:
                known = self._open[id(instance)] = opened | (known or set())
                self.collect(instance.steps, frozenset(known))
                self.instances.setdefault(id(instance.block), {})[id(instance)] = instance

    def sort(self, steps: Steps) -> None:
        """Put the blocks that some steps use into order, those that they use themselves before them."""
        for block in dict.fromkeys(id(use.instance.block) for use in uses(steps)):
            if block not in self.order:
                for instance in self.instances[block].values():
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
        return isinstance(step, Leaf) and adds(self.module(step))

    def plan_block(self, instances: list[Instance]) -> Plan:
        """The plan of a class for these instances. Raises Unaligned where they do not agree."""
        if len(instances) > 1:
            check_lent_names([instance.steps for instance in instances])
        block = instances[0].block
        taken = {each.name.name for each in block.parameters if each.default is None}
        free = frozenset().union(*(self._open[id(instance)] for instance in instances))
        rows = [
            Row(i.steps, (i.input,), (i.output,), i.scope_names, i.arguments, i.constants) for i in instances
        ]
        plan = Plan(self, rows, free, taken.difference(*(instance.fixed for instance in instances)))
        for name, value in instances[0].arguments.items():
            if isinstance(value, Filter):
                plan.names.of(name, "out_channels")
        for each in block.parameters:
            default = default_of(each)
            given = [instance.arguments[each.name.name] for instance in instances]
            if default is not None and any(same(default, other) for other in given):
                plan.parameters.defaults[each.name.name] = as_class(default)  # the class is right for it
        return plan

    def plan_net(self, returns: Returns) -> Plan:
        network = self.network
        row = Row(
            network.steps,
            tuple(given.value for given in network.inputs),
            tuple(output.value for output in network.outputs),
            {name: value for name, value in network.arguments.items() if isinstance(value, int)},
            network.arguments,
            network.constants,
        )
        plan = Plan(self, [row], self.free_names, returns=returns)
        plan.name = self.net_name
        plan.parameters.defaults.update(network.arguments)
        return plan

    def publish(self, plan: Plan, instances: list[Instance]) -> None:
        """Make known how the uses of some instances construct a class."""
        for row, instance in enumerate(instances):
            self.by_instance[id(instance)] = plan, row
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


def adds(call: Call) -> bool:
    """Whether a call or one among its arguments makes a convolution without an activation of its own."""
    if call.name == PACKED:
        return bool(call.kwargs["activation"] == "none")
    return any(isinstance(value, Call) and adds(value) for value in call.args)


def default_of(parameter: Parameter) -> Any:
    """The default of a block's parameter where it is a number, a flag or a layer; else None."""
    default = parameter.default
    if isinstance(default, Literal) and isinstance(default.value, bool | int | float):
        return default.value
    if isinstance(default, Name) and find(default.name) is not None:
        return LayerName(default.name)
    return None


def last(row: Row) -> Value | None:
    return row.steps[-1].output if row.steps and not isinstance(row.steps[-1], From) else None
