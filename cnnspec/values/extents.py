"""Integers that were computed from heights and widths, and remember how.

An Extent is what `in.height` is, and what `in.height - 4` is. Layers get its number, as of any int; the
analysis of sizes computes it again for another input. What is used for more than arithmetic cannot be
followed: then the number itself is kept as an assumption.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from cnnspec.values.limits import LARGEST_INTEGER

LONGEST = 32
"""The most operations that an Extent remembers; what people write has a handful."""

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


class Extent(int):
    """An int, how it was computed, and from what.

    `operation` is of ARITHMETIC, its operands numbers, Extents among them; or it is what was read, a field
    such as "height", of the one operand: whatever stands for the value that arrived there.
    """

    operation: str
    operands: tuple[Any, ...]
    size: int

    def __new__(cls, number: int, operation: str, *operands: Any) -> Extent:
        self = super().__new__(cls, number)
        self.operation, self.operands = operation, operands
        self.size = 1 + sum(operand.size for operand in operands if type(operand) is Extent)
        return self

    def again(self, read: Callable[[str, Any], int]) -> int:
        """The number, computed from what `read` gives now. Raises ArithmeticError and what `read` raises."""
        if self.operation not in ARITHMETIC:
            return read(self.operation, self.operands[0])
        left, right = (o.again(read) if type(o) is Extent else int(o) for o in self.operands)
        number = int(ARITHMETIC[self.operation](left, right))
        if abs(number) > LARGEST_INTEGER:
            raise OverflowError
        return number

    def reads(self) -> list[tuple[str, Any]]:
        """What it was read from: fields, each of what stands for the value."""
        if self.operation not in ARITHMETIC:
            return [(self.operation, self.operands[0])]
        return [read for operand in self.operands if type(operand) is Extent for read in operand.reads()]

    def renamed(self, name: Callable[[Any], Any]) -> Extent:
        """The same, what was read known by other names."""
        if self.operation not in ARITHMETIC:
            return Extent(self, self.operation, name(self.operands[0]))
        parts = (o.renamed(name) if type(o) is Extent else o for o in self.operands)
        return Extent(self, self.operation, *parts)


def as_extent(operation: str, number: Any, left: Any, right: Any) -> Any:
    """What arithmetic yielded: an Extent, if it is an integer made of one that can still be followed."""
    parts = [operand for operand in (left, right) if type(operand) is Extent]
    # A quotient `in.height / 2` is a float: it ends the trail, and evaluate pins what it was made of.
    if not parts or type(number) is not int or sum(part.size for part in parts) >= LONGEST:
        return number
    # `in.height - 4` of 28 rows -> Extent 24 = ("-", (Extent 28 = ("height", (the value,)), 4)).
    return Extent(number, operation, left, right)


def has_extents(value: Any) -> bool:
    """Whether there is an Extent in a value, a size or a list perhaps."""
    if isinstance(value, list | tuple):
        return any(map(has_extents, value))
    return type(value) is Extent


def reads(value: Any) -> list[tuple[str, Any]]:
    """What all Extents in a value were read from."""
    if isinstance(value, list | tuple):
        return [read for item in value for read in reads(item)]
    return value.reads() if type(value) is Extent else []


def map_extents(value: Any, change: Callable[[Extent], Any]) -> Any:
    """A value with every Extent in it changed."""
    if type(value) is Extent:
        return change(value)
    if type(value) is tuple:
        return tuple(map_extents(item, change) for item in value)
    return [map_extents(item, change) for item in value] if isinstance(value, list) else value
