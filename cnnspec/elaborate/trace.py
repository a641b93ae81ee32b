"""Shapes in words: what a claim means, how a size came about."""

from __future__ import annotations

import math
from typing import Any

from cnnspec.graph.tree import Path, Value
from cnnspec.text.diagnostics import Note
from cnnspec.text.source import Span
from cnnspec.values.comparisons import Mismatch
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.shapes import Shape


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
        if value.shape is not None and what:
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


def marks(value: Value) -> tuple[Note, ...]:
    """The places that the arriving size comes from: the input, and the step just before."""
    notes = []
    last = value
    while last.origin is not None and not last.origin[1]:  # a block's entry
        last = last.origin[0]
    if last.origin is not None and last.shape is not None:
        before = last.origin[0].shape
        made = (
            f"{before} = {last.shape}"
            if before and before.is_map and not last.shape.is_map
            else f"{last.shape}"
        )
        notes.append(Note(made, last.origin[2]))
    while value.origin is not None:
        value = value.origin[0]
    if value.place is not None:
        notes.insert(0, Note("sizes follow from here", value.place))
    return tuple(notes)


def made_by(value: Value) -> tuple[Note, ...]:
    """The step that gave a value its shape, with what arrived there."""
    while value.origin is not None and value.origin[0].shape == value.shape and value.origin[0].origin:
        value = value.origin[0]
    if value.origin is None or not value.origin[1]:
        return ()
    before, what, span = value.origin
    return (Note(f"`{what}` makes {value.shape} of {before.shape}", span),)


def wanted_map(data: object, value: Value) -> str:
    """What map would give the features that are claimed, where the arriving ones are a map laid flat."""
    if not isinstance(data, Mismatch):
        return ""
    claim = data.wanted
    before = value.origin[0].shape if value.origin is not None else None
    if before is None or not before.is_map or value.shape is None or value.shape.is_map:
        return ""
    side = math.isqrt(claim // before.channels)
    if side * side * before.channels != claim:
        return f"{claim} is no multiple of {before.channels} channels" if claim % before.channels else ""
    return f"{claim} = {before.channels}*{side}*{side} would need a {side}x{side} map"
