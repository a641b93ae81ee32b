"""Tensors within nested arguments and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors of nested arguments or results."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, slice):
        yield from tensors_in((value.start, value.stop, value.step))


def replaced(value: Any, refer: Any) -> Any:
    """Nested arguments with every tensor replaced; named tuples and sizes become tuples."""
    if isinstance(value, Tensor):
        return refer(value)
    if isinstance(value, Mapping):
        return {key: replaced(each, refer) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, refer) for each in value]
    if isinstance(value, tuple):
        return tuple(replaced(each, refer) for each in value)
    if isinstance(value, slice):
        return slice(*(replaced(each, refer) for each in (value.start, value.stop, value.step)))
    return value
