"""Computed values: what stands in a specification where a number would, or a label's digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import add, eq, floordiv, mul, ne, sub, truediv
from typing import Any, NamedTuple

from cnnspec.values.functions import FUNCTIONS, power


class LayerName(str):
    """A layer as a value: `act=relu`."""

    __slots__ = ()


class ConstantName(str):
    """A constant as a value: `size=size`."""

    __slots__ = ()


class Items(tuple[Any, ...]):
    """A list as a value, which does not change; a tuple is a size, or the four sides of a pad."""

    __slots__ = ()


class Formula(NamedTuple):
    """`operator` of the operands, which are formulas or plain values; "name" has a name for operand."""

    operator: str
    operands: tuple[Any, ...]


OPERATORS: dict[str, Callable[..., Any]] = {
    "*": mul,
    "//": floordiv,
    "/": truediv,
    "+": add,
    "-": sub,
    "==": eq,
    "!=": ne,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    "if": lambda test, then, otherwise: then if test else otherwise,
    "**": power,
    "divisible": FUNCTIONS["divisible"],
}

STRENGTH = {
    "if": 0,
    "or": 1,
    "and": 2,
    "not": 3,
    "==": 4,
    "!=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "//": 6,
    "/": 6,
    "**": 7,
}
"""How close an operator binds; names and functions bind closest."""


def name(text: str) -> Formula:
    return Formula("name", (text,))


def evaluate(value: Any, names: Mapping[str, Any]) -> Any:
    """The value of a formula; anything else is its own. Raises KeyError for a name that `names` lacks."""
    if not isinstance(value, Formula):
        return value
    if value.operator == "name":
        return names[value.operands[0]]
    return OPERATORS[value.operator](*(evaluate(operand, names) for operand in value.operands))


def names_in(value: Any) -> set[str]:
    if not isinstance(value, Formula):
        return set()
    if value.operator == "name":
        return {value.operands[0]}
    return set().union(*map(names_in, value.operands))


def parts(formula: Any) -> Iterator[Any]:
    """A formula and all that it is made of."""
    yield formula
    if isinstance(formula, Formula):
        for operand in formula.operands:
            yield from parts(operand)


def substitute(value: Any, given: Mapping[Any, Any]) -> Any:
    """The value with others in place of the names, the formulas and the columns that `given` has."""
    # names, formulas and columns are tuples
    if isinstance(value, tuple) and value in given:
        return given[value]
    if not isinstance(value, Formula) or value.operator == "name":
        return value
    return Formula(value.operator, tuple(substitute(operand, given) for operand in value.operands))


def written(value: Any, strength: int = 0) -> str:
    """A value or a formula as the language writes it, in parentheses where it binds less than `strength`."""
    if not isinstance(value, Formula):
        return plain(value)
    if value.operator == "name":
        return str(value.operands[0])
    if value.operator in FUNCTIONS:
        return f"{value.operator}({', '.join(map(written, value.operands))})"
    own = STRENGTH[value.operator]
    if value.operator == "if":
        test, then, otherwise = value.operands
        # `(a if t else b) if u else c`, but `a if t else b if u else c`
        text = f"{written(then, 1)} if {written(test, 1)} else {written(otherwise)}"
    elif value.operator == "not":
        text = f"not {written(value.operands[0], own)}"
    else:
        left, right = value.operands
        # operators of one strength go from left to right: `a - b - c`, but `a - (b - c)`
        text = f"{written(left, own)} {value.operator} {written(right, own + 1)}"
    return f"({text})" if own < strength else text


def plain(value: Any) -> str:
    """A plain value as the language writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, LayerName | ConstantName):
        return value
    if isinstance(value, str):
        return f'"{value}"'
    is_size = isinstance(value, tuple) and len(value) == 2 and not isinstance(value, Items)
    if is_size and all(isinstance(side, int) for side in value):
        return f"{value[0]}x{value[1]}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float):
        return decimal(value)
    return str(int(value)) if isinstance(value, int) else str(value)


def decimal(value: float) -> str:
    """1e-06 is written 1e-6, and 1.0 as 1.0."""
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa
