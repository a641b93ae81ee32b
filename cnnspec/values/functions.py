"""Functions of the language, and its power: Python's, and the MobileNets' rounding. They raise TypeError."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import repeat
from typing import Any

from cnnspec.values.kinds import is_integer, is_number
from cnnspec.values.limits import LARGEST_INTEGER
from cnnspec.values.symbols import Involved, Symbol

MOST_FACTORS = LARGEST_INTEGER.bit_length() + 1
"""A product of this many factors, each 2 or more, is past every bound."""


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
        # 2**32 is past the bound: no more factors are multiplied. Of -1 the exponent's parity tells the sign.
        return base ** (min(exponent, MOST_FACTORS) if abs(base) > 1 else exponent)
    if base < 0 and exponent % 1:
        raise ValueError(f"a negative number has no power of {exponent}")
    return float(base) ** exponent


def _divisible(value: float, divisor: int) -> int:
    """The nearest multiple, at least the divisor, never under 90 % of the value (Sandler et al. 2018)."""
    if not is_number(value) or not is_integer(divisor):
        raise TypeError
    if divisor < 1:
        raise ValueError
    # 34.2 by 8: 38 // 8 * 8 = 32; 11 by 8: 15 // 8 * 8 = 8 is under 9.9, so 16.
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def _numbers(values: Any) -> list[Any]:
    if not isinstance(values, list | tuple) or not all(map(is_number, values)):
        raise TypeError
    return list(values)


def _listed(values: tuple[Any, ...]) -> Any:
    """The arguments of min and max: one list, or several numbers."""
    return values[0] if len(values) == 1 and isinstance(values[0], list | tuple) else values


def _len(values: Any) -> int:
    if not isinstance(values, list):
        raise TypeError
    return len(values)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": lambda *values: min(_numbers(_listed(values))),
    "max": lambda *values: max(_numbers(_listed(values))),
    "sum": lambda values: sum(_numbers(values)),
    "len": _len,
    "ceil": lambda value: math.ceil(*_numbers([value])),
    "round": lambda value: round(*_numbers([value])),
    "divisible": _divisible,
}
