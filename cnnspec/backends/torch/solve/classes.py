"""A class: the rows that it stands for, how their columns are solved, and what its two methods agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import Any, NamedTuple

from cnnspec.backends.names import Names, is_plain
from cnnspec.backends.torch.signatures import DICT_METHODS
from cnnspec.backends.torch.solve.frames import Frame, holds, test_phrase
from cnnspec.backends.torch.solve.literals import ClassName, as_class, literal
from cnnspec.backends.torch.solve.parameters import Parameters
from cnnspec.backends.torch.solve.program import Form, Program
from cnnspec.backends.torch.solve.solutions import (
    IS_GIVEN,
    Added,
    Formula,
    Given,
    Phrase,
    Solution,
    Solved,
    Variable,
)
from cnnspec.backends.torch.unify.columns import Body, ByRow, Column, Unaligned, Way, agree, same, unify
from cnnspec.backends.torch.unify.steps import (
    attribute_kind,
    implicit,
    is_chain,
    is_container,
    is_named,
    referenced,
    step_names,
    unlabelled,
)
from cnnspec.elaborate.naming import TAKEN
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import From, Instance, Leaf, Network, Step, Value
from cnnspec.graph.walk import Steps, arriving, children, live, walk
from cnnspec.layers import find
from cnnspec.text.syntax import Block, Literal, Name, Parameter
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.symbols import Polynomial, Symbol, constant, evaluate, names, polynomial, substitute

SIDES = ["height", "width"]


class Row(NamedTuple):
    """What a class stands for: an instance of a block, or the net.

    `scope`: what the integers' names mean. Layers among the arguments are classes.
    """

    steps: Steps
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    scope: Mapping[str, int]
    arguments: Mapping[str, Any]
    constants: Mapping[str, int]

    @property
    def ends_in_last(self) -> bool:
        """Whether all that leaves is what the last step makes."""
        made = [step.output for step in self.steps[-1:] if not isinstance(step, From)]
        return made == list(self.outputs)

    @property
    def kept(self) -> set[Value]:
        """What is wanted elsewhere than at the next step."""
        return {*referenced(self.steps), *(() if self.ends_in_last else self.outputs)}


class Flag:
    """An attribute that tells which rows go some ways: all those of one condition."""

    def __init__(self, condition: Solution, variable: Variable) -> None:
        self.condition, self.variable = condition, variable
        self.ways: list[Way] = []

    @property
    def attribute(self) -> Solution:
        return Phrase(("self.", self.variable))

    def tells(self, way: Way) -> bool:
        return any(way.span == known.span and way.there.items() <= known.there.items() for known in self.ways)


class Class(Frame):
    """A class of the program: its rows, what its names mean in each, and what both its methods share.

    `free` are the names that stay open whatever their value here. `settled` are the names that the class
    does not take, since they are worth the same in all rows; `taken` those that it takes even so: what every
    use must say, and reaches nothing but widths. `block` is None for a net, `returns` empty for a block.
    """

    def __init__(
        self,
        program: Program,
        rows: list[Row],
        free: frozenset[str],
        taken: Set[str] = frozenset(),
        block: Block | None = None,
        returns: Sequence[Form] = (),
    ) -> None:
        self.program, self.rows, self.free = program, rows, free
        self.block, self.returns = block, returns
        self.name, self.signatures = "", program.signatures
        self.fixed: dict[str, Any] = {}  # the arguments that tell it from other classes of its block
        self.names = Names(program.class_names.taken)
        self.settled = {
            name: constant(value)
            for name, value in rows[0].scope.items()
            if name not in free | taken and all(row.scope.get(name) == value for row in rows)
        }
        self.constants = self.common()
        self.parameters = Parameters([row.arguments for row in rows], self.names)
        self.kept = set[Value]().union(*(row.kept for row in rows))
        self.attributes = Names(
            {*TAKEN, *(name.split(".")[0] for row in rows for name in step_names(row.steps))}
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

    # What differs from row to row

    def common(self) -> dict[Polynomial, str]:
        """The block's own names for what takes more than a name to write, where all rows mean the same."""
        first, *others = [
            {name: substitute(polynomial(value), self.settled) for name, value in row.constants.items()}
            for row in self.rows
        ]
        found: dict[Polynomial, str] = {}
        for name, terms in first.items():
            is_name = [(len(atoms), factor) for atoms, factor in terms] == [(1, 1)]
            if names(terms) and not is_name and all(other.get(name) == terms for other in others):
                found.setdefault(terms, name)
        return found

    def is_given(self, name: str, column: ByRow) -> bool:
        return all(same(self.rows[row].arguments.get(name), each) for row, each in column.items())

    def scalar(self, column: ByRow, hint: str) -> Solution:
        values = list(column.values())
        is_open = any(isinstance(value, Symbol) and value.names & self.free for value in values)
        found = self.symbolic(column, is_open) if all(map(is_integer, values)) else None
        if found is not None:
            return Formula(found) if names(found) else literal(evaluate(found, {}))
        if is_open:
            raise Unaligned
        return literal(values[0]) if agree(values) else self.named(column, hint)

    def symbolic(self, column: ByRow, is_open: bool) -> Polynomial | None:
        """A polynomial, by which some row was computed, that is right in every row."""
        computed = dict.fromkeys(substitute(polynomial(value), self.settled) for value in column.values())
        candidates = sorted(computed, key=lambda terms: not names(terms))
        if is_open and len(candidates) > 1:
            return None
        return next((each for each in candidates if self.is_right(each, column, evaluate)), None)

    def is_right(self, rule: Any, column: ByRow, meaning: Callable[[Any, Mapping[str, int]], Any]) -> bool:
        """Whether a polynomial or a condition means the column's value in every row."""
        try:
            return all(meaning(rule, self.rows[row].scope) == int(value) for row, value in column.items())
        except (KeyError, ZeroDivisionError):
            return False

    def named(self, column: ByRow, hint: str) -> Solution:
        """A parameter of the block whose values these are, else one more parameter of the class."""
        for name, value in self.rows[0].arguments.items():
            if self.is_given(name, column) and not isinstance(value, Filter) and self.is_writable(name):
                return Given(name)
        return Added(column, hint)

    def is_writable(self, name: str) -> bool:
        """Whether all arguments for a parameter can be written: every layer is a class."""
        return not any(isinstance(row.arguments.get(name), LayerName) for row in self.rows)

    def is_class(self, name: str) -> bool:
        """Whether the values of a parameter are classes, None for no layer."""
        values = [row.arguments.get(name) for row in self.rows]
        return any(isinstance(value, ClassName) for value in values) and all(
            value is None or isinstance(value, ClassName) for value in values
        )

    def condition(self, way: Way, hint: str) -> Solution:
        for test in dict.fromkeys(step.test for step in way.steps.values()):
            if test is not None and self.is_right(test, way.there, holds):
                return test_phrase(test, self.settled)
        for name in self.rows[0].arguments:
            given = {row: self.rows[row].arguments[name] is not None for row in way.there}
            if self.is_class(name) and given == way.there:
                return Phrase((Given(name), IS_GIVEN))
        return self.named(way.there, hint)


def row_of(owner: Instance | Network, inputs: tuple[Value, ...], outputs: tuple[Value, ...]) -> Row:
    arguments = {name: as_class(value) for name, value in owner.arguments.items()}
    return Row(owner.steps, inputs, outputs, owner.scope_names, arguments, owner.constants)


def block_class(program: Program, instances: list[Instance]) -> Class:
    """The class for these instances."""
    block = instances[0].block
    taken = {each.name.name for each in block.parameters if each.default is None}
    free = frozenset().union(*(program.open_names[id(instance)] for instance in instances))
    rows = [row_of(each, (each.input,), (each.output,)) for each in instances]
    found = Class(program, rows, free, taken.difference(*(each.fixed for each in instances)), block)
    for name, value in instances[0].arguments.items():
        if isinstance(value, Filter):
            found.names.of(name, "out_channels")
    for each in block.parameters:
        default = default_of(each)
        given = [instance.arguments[each.name.name] for instance in instances]
        if default is not None and any(same(default, other) for other in given):
            found.parameters.defaults[each.name.name] = as_class(default)  # the class is right for it
    return found


def net_class(program: Program) -> Class:
    """The class of the net."""
    network = program.network
    inputs = tuple(given.value for given in network.inputs)
    outputs = tuple(output.value for output in network.outputs)
    found = Class(program, [row_of(network, inputs, outputs)], program.free_names, returns=program.returns())
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
