"""Kinds of values: integers, numbers, filters; and how the language writes a value."""

from __future__ import annotations

import math
from typing import NamedTuple


class Filter(NamedTuple):
    """`64@3x3`: so many filters, each of so many rows and columns."""

    count: int  # type: ignore[assignment]  # a tuple's method of that name is not missed
    kernel: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.count}@{self.kernel[0]}x{self.kernel[1]}"


def describe(value: object) -> str:
    """A value as the language writes it, cut where it is long."""
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, Filter):
        text = f"{describe(value.count)}@{describe(value.kernel)}"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, tuple):
        text = "x".join(map(str, value))
    elif isinstance(value, list):
        text = "[" + ", ".join(map(describe, value[:8])) + (", …]" if len(value) > 8 else "]")
    elif isinstance(name := getattr(value, "name", None), str):
        text = f"`{name}`"  # a layer or a block
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    return is_integer(value) or (isinstance(value, float) and math.isfinite(value))
