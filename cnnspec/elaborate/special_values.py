"""The values of the language beside Python's own numbers and strings: lists, layers and blocks by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import ref

from cnnspec.text import syntax
from cnnspec.values.extents import Extent
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from cnnspec.values.symbols import Involved, Symbol, is_involved


class LayerName(NamedTuple):
    """A layer as a value: `act=hardswish`."""

    name: str


class BlockName(NamedTuple):
    """A block as a value, with the file whose names it sees: weakly, as that one holds its blocks."""

    block: syntax.Block
    home: ref[Any]

    @property
    def module(self) -> Any:
        """The file, a load.Module; it lives as long as the module that is checked."""
        return self.home()


class Unknown:
    """The value of a constant whose expression is at fault."""


UNKNOWN = Unknown()


class ScopeNames(dict[str, Any]):
    """The names of a scope; what is not among them is looked up in the scope around it."""

    __slots__ = ("outer",)

    def __init__(self, outer: Mapping[str, Any], own: Mapping[str, Any] | tuple[()] = ()) -> None:
        super().__init__(own)
        self.outer = outer

    def __missing__(self, name: str) -> Any:
        return self.outer[name]

    def find(self, name: str) -> Any:
        """What the name means; None where it means nothing."""
        # Not `get`: it asks no __missing__, and so would look in this scope alone.
        try:
            return self[name]
        except KeyError:
            return None

    def visible(self) -> list[str]:
        """All names, those of the scopes around it too."""
        outer = self.outer.visible() if isinstance(self.outer, ScopeNames) else self.outer
        return [*self, *outer]


class Items(list[Any]):
    """A list of the language: it knows how much is in it, lists within it and all."""

    __slots__ = ("depth", "weight")

    def __init__(self, items: Iterable[Any]) -> None:
        super().__init__(items)
        inner = [item for item in self if isinstance(item, list)]
        # [[1, 2], [3, 4]]: 2 deep, of weight 2 + 2 + 2 = 6.
        self.depth = 1 + max((depth_of(item) for item in inner), default=0)
        self.weight = len(self) + sum(map(weight, inner))


def weight(value: Any) -> int:
    """How many items there are in a value, lists within lists counted through."""
    if isinstance(value, Items):
        return value.weight
    return len(value) + sum(map(weight, value)) if isinstance(value, list) else 0


def depth_of(value: Any) -> int:
    if isinstance(value, Items):
        return value.depth
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def plain(value: Any) -> Any:
    """A value without what it was computed from."""
    if isinstance(value, Symbol | Extent):
        return int(value)
    if isinstance(value, Filter):
        return Filter(int(value.count), value.kernel)
    if isinstance(value, Shape):
        return Shape(*map(plain, value))
    return Items(map(plain, value)) if isinstance(value, list) else value


def compute(make: Callable[..., Any], given: Sequence[Any], pin: Callable[[Any], None]) -> Any:
    """What is made of what is given; of plain numbers, where the formula would be too involved to keep.

    Then it ends there, and `pin` takes what is given: its names are fixed.
    """
    try:
        made = make(*given)
        # At half of the bound a value is settled: a layer may still add and multiply with what is left.
        if not is_involved(made.channels if isinstance(made, Shape) else made):
            return made
    except Involved:
        pass
    pin(given)
    return make(*map(plain, given))


def freeze(value: Any) -> Any:
    """A hashable stand-in that keeps apart what Python takes for equal: 1, 1.0 and yes."""
    if isinstance(value, Symbol):
        return int(value)
    if isinstance(value, list):
        # [2, yes] -> ("list", 2, ("bool", True)).
        return ("list", *map(freeze, value))
    if isinstance(value, Filter):
        return ("filter", int(value.count), value.kernel)
    if isinstance(value, bool | float):
        return (type(value).__name__, value)
    return value
