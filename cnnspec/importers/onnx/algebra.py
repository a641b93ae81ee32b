"""Formulas in one form, however they were written: `x / 1.4142` and `0.7071 * x` are one.

An expression is a number, or one of the classes below; leaves are values of the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, NamedTuple


class Leaf(NamedTuple):
    """A value of the network, by its number."""

    number: int


class Product(NamedTuple):
    """A number times expressions that are no numbers, in the order of their text."""

    factor: float
    operands: tuple[Any, ...]


class Sum(NamedTuple):
    """A number plus expressions that are no numbers, in the order of their text."""

    constant: float
    operands: tuple[Any, ...]


class Function(NamedTuple):
    """`erf`, `sqrt`, `reciprocal`, `clip 0 6`, `mean C` … of an expression."""

    name: str
    operand: Any


Expression = float | Leaf | Product | Sum | Function


NEAR = 1e-9
"""Numbers that differ by no more come of rounding."""


def multiply(one: Expression, two: Expression) -> Expression:
    factor = 1.0
    operands: list[Any] = []
    for each in (one, two):
        if isinstance(each, float):
            factor *= each
        elif isinstance(each, Product):
            factor *= each.factor
            operands += each.operands
        else:
            operands.append(each)
    if not operands or not factor:
        return factor
    if len(operands) == 1 and isinstance(operands[0], Sum) and factor != 1:
        inner = operands[0]
        parts = [factor * inner.constant, *(multiply(factor, each) for each in inner.operands)]
        return reduce(add, parts)
    factor = 1.0 if abs(factor - 1) < NEAR else factor
    if factor == 1 and len(operands) == 1:
        return operands[0]  # type: ignore[no-any-return]
    return Product(factor, tuple(sorted(operands, key=str)))


def add(one: Expression, two: Expression) -> Expression:
    constant = 0.0
    operands: list[Any] = []
    for each in (one, two):
        if isinstance(each, float):
            constant += each
        elif isinstance(each, Sum):
            constant += each.constant
            operands += each.operands
        else:
            operands.append(each)
    if not operands:
        return constant
    constant = 0.0 if abs(constant) < NEAR else constant
    if not constant and len(operands) == 1:
        return operands[0]  # type: ignore[no-any-return]
    return Sum(constant, tuple(sorted(operands, key=str)))


def apply(name: str, operand: Expression) -> Expression:
    """A function of an expression. Raises ValueError, ZeroDivisionError for a number that it has none of."""
    if isinstance(operand, float):
        return NUMBERS[name](operand)
    if name == "reciprocal" and isinstance(operand, Product):
        found: Expression = 1 / operand.factor
        for each in operand.operands:
            found = multiply(found, apply(name, each))
        return found
    if name == "reciprocal" and isinstance(operand, Function) and operand.name == name:
        return operand.operand  # type: ignore[no-any-return]
    return Function(name, operand)


NUMBERS: dict[str, Callable[[float], float]] = {
    "erf": math.erf,
    "sqrt": math.sqrt,
    "reciprocal": lambda x: 1 / x,
    "tanh": math.tanh,
    "exp": math.exp,
    "log": math.log,
    "negate": lambda x: -x,
}


def power(base: Expression, exponent: float) -> Expression | None:
    """Whole powers up to the third, and the root; None for others."""
    if exponent == 0.5:
        return apply("sqrt", base)
    if exponent == -0.5:
        return apply("reciprocal", apply("sqrt", base))
    if exponent not in (1, 2, 3):
        return None
    found: Expression = 1.0
    for _ in range(int(exponent)):
        found = multiply(found, base)
    return found


def leaves(expression: Expression) -> Iterator[Leaf]:
    if isinstance(expression, Leaf):
        yield expression
    elif isinstance(expression, Function):
        yield from leaves(expression.operand)
    elif isinstance(expression, Product | Sum):
        for each in expression.operands:
            yield from leaves(each)


def sums(expression: Expression) -> Iterator[Sum]:
    """All sums in an expression."""
    if isinstance(expression, Function):
        yield from sums(expression.operand)
    elif isinstance(expression, Product | Sum):
        if isinstance(expression, Sum):
            yield expression
        for each in expression.operands:
            yield from sums(each)


def replaced(expression: Expression, x: Leaf, by: Expression) -> Expression:
    """The expression with another one in place of a value. Raises as `apply` does."""
    if isinstance(expression, Leaf):
        return by if expression == x else expression
    if isinstance(expression, Function):
        return apply(expression.name, replaced(expression.operand, x, by))
    if isinstance(expression, Product):
        parts = [expression.factor, *(replaced(each, x, by) for each in expression.operands)]
        return reduce(multiply, parts)
    if isinstance(expression, Sum):
        parts = [expression.constant, *(replaced(each, x, by) for each in expression.operands)]
        return reduce(add, parts)
    return expression


EPS = 0.01
"""Numbers under a root, or in a divisor, that are smaller only keep it from 0."""


def text(
    expression: Expression, x: Leaf, means: Callable[[Leaf], tuple[str, Leaf] | None], eps: list[float]
) -> str:
    """The expression in words, numbers with four digits, `x` for one leaf; `means` knows such as are means.

    What only keeps a root, or a divisor, from 0 is noted in `eps`.
    """

    def words(each: Any) -> str:
        if isinstance(each, float):
            return f"{each:.4g}"
        if isinstance(each, Leaf):
            mean = means(each)
            return "x" if each == x else f"{mean[0]}({words(mean[1])})" if mean else f"value {each.number}"
        if isinstance(each, Function):
            inner = each.operand
            if each.name in ("sqrt", "reciprocal") and isinstance(inner, Sum) and 0 < inner.constant < EPS:
                eps.append(inner.constant)
                rest = inner.operands[0] if len(inner.operands) == 1 else Sum(0.0, inner.operands)
                return f"{each.name}({words(rest)} + eps)"
            return f"{each.name}({words(inner)})"
        sign, number = ("*", each.factor) if isinstance(each, Product) else ("+", each.constant)
        return "(" + f" {sign} ".join([f"{number:.4g}", *sorted(map(words, each.operands))]) + ")"

    return words(expression)


def linear(expression: Expression, x: Leaf) -> tuple[float, float] | None:
    """The a and b of a*x + b; None where it is something else."""
    if isinstance(expression, float):
        return 0.0, expression
    if expression == x:
        return 1.0, 0.0
    if isinstance(expression, Product) and len(expression.operands) == 1:
        inner = linear(expression.operands[0], x)
        return None if inner is None else (expression.factor * inner[0], expression.factor * inner[1])
    if isinstance(expression, Sum):
        parts = [linear(each, x) for each in expression.operands]
        if all(part is not None for part in parts):
            known = [part for part in parts if part is not None]
            return sum(a for a, _ in known), expression.constant + sum(b for _, b in known)
    return None
