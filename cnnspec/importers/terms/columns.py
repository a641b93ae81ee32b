"""Columns: what stands in a pattern of several chains where these differ."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnspec.importers.terms.formulas import Formula


class Unalike(Exception):
    """Chains differ in more than steps, numbers and activations."""


class Absent:
    """In place of a value where its step is not there."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


class Column(NamedTuple):
    """A value for each of the chains, `ABSENT` where its step is not there.

    Flags are no numbers: a column of them equals none of numbers.
    """

    values: tuple[Any, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and self.key() == other.key()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> tuple[tuple[bool, Any], ...]:
        # True == 1 in Python: flags (yes, no) would be the column of numbers (1, 0)
        return tuple((isinstance(value, bool), value) for value in self.values)

    @property
    def present(self) -> list[int]:
        return [place for place, value in enumerate(self.values) if value is not ABSENT]


def columns_in(value: Any) -> list[Column]:
    if isinstance(value, Column):
        return [value]
    return (
        [c for operand in value.operands for c in columns_in(operand)] if isinstance(value, Formula) else []
    )


def same(one: Any, two: Any) -> bool:
    """Equal, and of one type: 1 is not `yes`, nor 1.0."""
    return type(one) is type(two) and bool(one == two)
