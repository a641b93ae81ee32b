"""What belongs to the text of a net or a block: its labels, what it finds of sizes, its view of arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnspec.elaborate.special_values import compute, freeze, plain
from cnnspec.graph.tree import Claim, Decision, Findings, Step, Value
from cnnspec.values.extents import Extent
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.shapes import Shape
from cnnspec.values.symbols import Symbol, named, rebind


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

    def rebind(self, shape: Shape | None, bindings: Mapping[str, int]) -> Shape | None:
        """The shape that a block yields, in the terms of its caller."""
        if shape is None:
            return None
        channels = shape.channels

        def bound(*values: int) -> int:
            return rebind(channels, dict(zip(bindings, values, strict=True)))

        return shape.with_channels(compute(bound, [*bindings.values()], self.pin))

    def settle(self, value: Any) -> Any:
        """A value that leaves its scope other than as a width: fixed, and without the scope's names."""
        self.pin(value)
        return plain(value)


def as_parameter(name: str, value: Any) -> Any:
    """A block's own view of an argument: integers are known by the parameter's name."""
    if is_integer(value):
        return named(value, name)
    if isinstance(value, Filter):
        return Filter(named(value.count, name), value.kernel)
    return value


def block_names(arguments: Mapping[str, Any], shape: Shape | None) -> dict[str, int]:
    """What a block's symbols stand for: integer arguments, counts of filters, the channels that arrive."""
    names = {name: value for name, value in arguments.items() if is_integer(value)}
    names |= {name: value.count for name, value in arguments.items() if isinstance(value, Filter)}
    if shape is not None:
        names["in.channels"] = shape.channels
    return names
