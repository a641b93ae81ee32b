"""Where a step stands: whose text it is, what its names mean, how its names are counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Meter
from cnnspec.elaborate.load import Module
from cnnspec.elaborate.naming import NameScope
from cnnspec.elaborate.special_values import Names, freeze, plain
from cnnspec.graph.tree import Claim, Decision, Findings, Step, Value
from cnnspec.text import syntax
from cnnspec.values.extents import Extent
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.shapes import Shape
from cnnspec.values.symbols import Involved, Symbol, is_involved, named, rebind


class Abandoned(Exception):
    """A limit is reached: the rest of the network is not looked at."""


class Defaults:
    """Arguments set by `default`, by a layer's name or a block's id (two files may have blocks of one name).

    `key` stands for them in the memo of blocks.
    """

    __slots__ = ("key", "table")

    def __init__(self, table: Mapping[str | int, Mapping[str, Any]]) -> None:
        self.table = table  # {"conv": {"bias": False}, id of a block: {"stride": 2}}
        self.key = tuple(
            (name, tuple((k, freeze(v)) for k, v in given.items())) for name, given in table.items()
        )

    def with_(self, of: str | int, given: Mapping[str, Any]) -> Defaults:
        return Defaults({**self.table, of: {**self.table.get(of, {}), **given}})


class Owner:
    """The net or the block instance whose text is being read: labels and names belong to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fixed: set[str] = set()  # names used for more than widths, as the n of `repeat n`
        self.labels: dict[str, tuple[Value, Step | None]] = {}  # "f.conv"; no step: an input, an identity
        self.numbered: dict[str, tuple[Value, Step | None]] = {}  # those without a label
        self.incomplete = False  # a fault may have hidden labels
        self.assumed: list[Extent] = []
        self.decisions: list[Decision] = []
        self.claims: list[Claim] = []

    @property
    def findings(self) -> Findings:
        return Findings(tuple(self.assumed), tuple(self.decisions), tuple(self.claims))

    def pin(self, value: Any) -> None:
        """A value is used for more than a width or a size: its names are no longer free, nor its sizes."""
        if isinstance(value, Symbol):
            self.fixed |= value.names
        elif isinstance(value, Extent):
            self.assumed.append(value)
        elif isinstance(value, list | tuple):
            for item in value:
                self.pin(item)

    def shape(self, make: Callable[..., Shape], *given: Any) -> Shape:
        """A shape made of what is given, settled where its channels would be too involved a formula."""
        try:
            shape = make(*given)
            if not is_involved(shape.channels):
                return shape
        except Involved:
            pass
        self.pin(given)
        # From numbers alone: the formula ends here, and its names are fixed.
        return make(*(Shape(*map(plain, one)) if isinstance(one, Shape) else plain(one) for one in given))

    def rebind(self, shape: Shape | None, bindings: Mapping[str, int]) -> Shape | None:
        """The shape that a block yields, in the terms of its caller."""
        if shape is None:
            return None
        try:
            channels = rebind(shape.channels, bindings)
            if not is_involved(channels):
                return shape.with_channels(channels)
        except Involved:
            pass
        self.pin(list(bindings.values()))
        return shape.with_channels(int(shape.channels))

    def settle(self, value: Any) -> Any:
        """A value that leaves its scope other than as a width: fixed, and without the scope's names."""
        self.pin(value)
        return plain(value)


class Context:
    """Where a step stands: its owner, naming scope, values by name, defaults in force, file.

    `value` is what arrives there, None before an input, and `evaluate` the evaluator there; `steps` are those
    of the graph that were made so far of the steps between the same braces.
    """

    __slots__ = ("defaults", "evaluate", "module", "names", "owner", "scope", "steps", "value")

    def __init__(
        self,
        owner: Owner,
        scope: NameScope,
        names: Names,
        defaults: Defaults,
        module: Module,
        meter: Meter,
        value: Value | None = None,
    ) -> None:
        self.owner, self.scope, self.names, self.defaults, self.module = owner, scope, names, defaults, module
        self.evaluate = Evaluator(names, module.lookup, ..., owner.pin, meter)
        self.steps: list[Step] = []
        self.arrive(value)

    def arrive(self, value: Value | None) -> None:
        """Go on with a value."""
        self.value = self.evaluate.value = value
        self.evaluate.arrival = ... if value is None else value.shape

    def inside(self, scope: NameScope | None = None, names: Mapping[str, Any] | None = None) -> Context:
        """The context within braces."""
        inner, meter = Names(self.names, names or ()), self.evaluate.meter
        return Context(self.owner, scope or self.scope, inner, self.defaults, self.module, meter, self.value)

    def decide(self, test: syntax.Expression, required: bool = False) -> bool:
        """Whether a condition holds. Where it reads sizes, it is found, not assumed, what it comes to."""
        assumed = self.owner.assumed
        before = len(assumed)
        holds = self.evaluate.truth(test)
        if len(assumed) > before and self.value is not None:
            del assumed[before:]
            # As they are now: in the next turn of a repeat its names mean something else.
            known = ((name, self.names.find(name)) for name in syntax.names(test))
            names = {name: found for name, found in known if found is not None}
            lookup = self.evaluate.lookup
            self.owner.decisions.append(Decision(self.value, test, names, lookup, holds, required))
        return holds


def symbolic(name: str, value: Any) -> Any:
    """A block's own view of an argument: integers are known by the parameter's name."""
    if is_integer(value):
        return named(value, name)
    if isinstance(value, Filter):
        return Filter(named(value.count, name), value.kernel)
    return value


def own_constants(body: syntax.Body, context: Context) -> dict[str, int]:
    """The integers that a net's or a block's text gives names to, outside inner braces."""
    own = [statement.name.name for statement in body.statements if isinstance(statement, syntax.Constant)]
    return {name: context.names[name] for name in own if is_integer(context.names[name])}


def block_names(arguments: Mapping[str, Any], shape: Shape | None) -> dict[str, int]:
    """What a block's symbols stand for: integer arguments, counts of filters, the channels that arrive."""
    names = {name: value for name, value in arguments.items() if is_integer(value)}
    names |= {name: value.count for name, value in arguments.items() if isinstance(value, Filter)}
    if shape is not None:
        names["in.channels"] = shape.channels
    return names
