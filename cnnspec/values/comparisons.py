"""What a message says, as data: two values that differ, or a bound that a value is beyond."""

from __future__ import annotations

from typing import Any, NamedTuple


class Mismatch(NamedTuple):
    """What is there, and what the author says is: two shapes, or two counts."""

    found: Any
    wanted: Any


class Bound(NamedTuple):
    """The `least` or the `most` that a value may be; one that it must be `above`."""

    side: str
    value: float
