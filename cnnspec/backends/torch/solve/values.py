"""The values that a place has over the rows of a class, and how Python writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import polynomial

MISSING: Any = object()
"""What a row has at a place that it does not reach."""


class ClassName(str):
    """A class of the emitted program as a value: a layer that is an argument of a block."""


def literal(value: Any) -> str:
    """A checked value as Python text: nothing else of a specification ever becomes code."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            return f'float("{value}")'
        return repr(value)
    if isinstance(value, ClassName):
        return str(value)
    if isinstance(value, str):
        return '"' + value.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    raise TypeError(type(value))


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type: 1, 1.0 and True are three things."""
    if isinstance(left, int) and isinstance(right, int):
        return isinstance(left, bool) == isinstance(right, bool) and int(left) == int(right)
    if isinstance(left, list | tuple) and type(left) is type(right):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def agree(column: Sequence[Any]) -> bool:
    return all(same(value, column[0]) for value in column[1:])


def same_origin(left: Any, right: Any) -> bool:
    """The same, and numbers come from the same names."""
    return same(left, right) and (not is_integer(left) or polynomial(left) == polynomial(right))


def alike_columns(left: Sequence[Any], right: Sequence[Any], equal: Callable[[Any, Any], bool]) -> bool:
    """Whether two columns have the same, wherever both reach."""
    return all(a is MISSING or b is MISSING or equal(a, b) for a, b in zip(left, right, strict=True))
