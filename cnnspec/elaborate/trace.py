"""Shapes as they are told: what a claim means, how a size came about."""

from __future__ import annotations

from typing import Any

from cnnspec.diagnostics import Note
from cnnspec.graph import Path, Value
from cnnspec.layers.base import Filter, is_integer
from cnnspec.shapes import Shape
from cnnspec.source import Span


def as_shape(value: Any) -> Shape | None:
    """`16@5x5` or `400` as a shape."""
    if isinstance(value, Filter):
        return Shape(value.count, *value.kernel)
    return Shape(value) if is_integer(value) else None


def last_span(path: Path) -> Span:
    return path.steps[-1].span if path.steps else path.span


def trace(value: Value) -> tuple[Note, ...]:
    """How the size came about, from the input on: `height: input 28, conv 24, avgpool 12`."""
    hops: list[tuple[str, Shape]] = []
    while value.origin is not None:
        before, what, _ = value.origin
        if value.shape is not None:
            hops.append((what, value.shape))
        value = before
    if value.shape is not None:
        hops.append(("input", value.shape))
    hops.reverse()
    notes = []
    for axis in ("height", "width"):
        sizes = [(what, getattr(shape, axis)) for what, shape in hops if shape.is_map]
        changes = [s for i, s in enumerate(sizes) if i == 0 or s[1] != sizes[i - 1][1]]
        if len(changes) > 1:
            notes.append((axis, ", ".join(f"{what} {size}" for what, size in changes[-12:])))
    if len(notes) == 2 and notes[0][1] == notes[1][1]:
        notes.pop()
    return tuple(Note(f"{axis}: {sizes}") for axis, sizes in notes)
