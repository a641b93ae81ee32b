"""Functions of the language, and its power: Python's, and the MobileNets' rounding. Misuse: TypeError."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import repeat
from typing import Any

from cnnspec.values.kinds import is_integer, is_number
from cnnspec.values.limits import LARGEST_INTEGER
from cnnspec.values.symbols import Involved, Symbol

MOST_FACTORS = LARGEST_INTEGER.bit_length() + 1
"""So many factors of 2 or more are past every bound."""


def power(base: Any, exponent: Any) -> Any:
    """`base ** exponent`: an integer of integers, but a float where the exponent is negative; never complex.

    A Symbol is multiplied, so that it remembers. No number is computed that is far past the bounds.
    Raises ValueError for a root of a negative number, and ZeroDivisionError, OverflowError and Involved.
    """
    if is_integer(base) and is_integer(exponent) and exponent >= 0:
        if isinstance(base, Symbol):
            if exponent > MOST_FACTORS:
                raise Involved
            return math.prod(repeat(base, exponent))
        return base ** (min(exponent, MOST_FACTORS) if abs(base) > 1 else exponent)
    if base < 0 and exponent % 1:
        raise ValueError(f"a negative number has no power of {exponent}")
    return float(base) ** exponent


def _divisible(value: float, divisor: int) -> int:
    """The nearest multiple, at least the divisor, never under 90 % of the value (Sandler et al. 2018)."""
    if not is_number(value) or not is_integer(divisor):
        raise TypeError
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def _numbers(values: tuple[Any, ...]) -> list[Any]:
    """The arguments of min and max: one list, or several numbers."""
    items = list(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple) else list(values)
    if not items or not all(map(is_number, items)):
        raise TypeError
    return items


def _sum(values: Any) -> Any:
    if not isinstance(values, list | tuple) or not all(map(is_number, values)):
        raise TypeError
    return sum(values)


def _len(values: Any) -> int:
    if not isinstance(values, list):
        raise TypeError
    return len(values)


def _number(value: Any) -> Any:
    if not is_number(value):
        raise TypeError
    return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": lambda *values: min(_numbers(values)),
    "max": lambda *values: max(_numbers(values)),
    "sum": _sum,
    "len": _len,
    "ceil": lambda value: math.ceil(_number(value)),
    "round": lambda value: round(_number(value)),
    "divisible": _divisible,
}
