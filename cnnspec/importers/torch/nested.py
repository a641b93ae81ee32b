"""What nested arguments and results hold: lists, tuples, dicts and slices of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def leaves(value: Any, kind: Any) -> Iterator[Any]:
    """What is of a kind in nested arguments or results, one after the other."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Mapping | list | tuple | slice):
        for each in parts_of(value):
            yield from leaves(each, kind)


def replaced(value: Any, kind: Any, change: Callable[[Any], Any]) -> Any:
    """Nested arguments, all of a kind changed; named tuples and sizes become tuples."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, Mapping):
        return {key: replaced(each, kind, change) for key, each in value.items()}
    if isinstance(value, list | tuple | slice):
        made = [replaced(each, kind, change) for each in parts_of(value)]
        if isinstance(value, list):
            return made
        return slice(*made) if isinstance(value, slice) else tuple(made)
    return value


def parts_of(value: Any) -> Any:
    if isinstance(value, slice):
        return value.start, value.stop, value.step
    return value.values() if isinstance(value, Mapping) else value
