"""Notes on how a size came about."""

from __future__ import annotations

import math

from cnnspec.graph.tree import Path, Value
from cnnspec.text.diagnostics import Note
from cnnspec.text.source import Span
from cnnspec.values.comparisons import Mismatch

WAY, SUMS = 12, 3
"""The most changes of a size that a note names, and the most sums that it shows."""


def last_span(path: Path) -> Span:
    return path.steps[-1].span if path.steps else path.span


def size_notes(value: Value) -> tuple[Note, ...]:
    """How the size came about, from the input on: the way, and the last sum of each rule on it.

    `height: input 28, conv 24, avgpool 12`; `conv (28 - 5)//1 + 1 = 24, avgpool (24 - 2)//2 + 1 = 12`.
    """
    hops = [*value.history()][::-1]
    ways = {name: way_along(hops, axis) for axis, name in enumerate(("height", "width"))}
    if ways["height"] == ways["width"]:
        del ways["width"]
    notes = [text for name, (way, sums) in ways.items() if way for text in (f"{name}: {way}", sums) if text]
    return tuple(map(Note, notes))


def way_along(hops: list[Value], axis: int) -> tuple[str, str]:
    """The sizes along an axis (0: height) where they change, and their sums; both "" if they never do."""
    way: list[str] = []
    sums: dict[tuple[str, str], str] = {}
    size = 0
    for value in hops:
        what = value.maker if value.before else "input"
        if not what or value.shape is None or not value.shape.is_map or value.shape.size[axis] == size:
            continue
        before, size = size, value.shape.size[axis]
        way.append(f"{what} {size}")
        if sum_ := sum_along(value, axis):
            # "(28 - 5)//1 + 1 = 24" -> "(n - 5)//1 + 1": the same rule on another size shows one sum.
            rule = what, sum_.partition(" = ")[0].replace(str(before), "n", 1)
            sums.pop(rule, None)  # the last of a rule stands in its own place
            sums[rule] = f"{what} {sum_}"
    if len(way) < 2:
        return "", ""
    return ", ".join(way[-WAY:]), ", ".join([*sums.values()][-SUMS:])


def sum_along(value: Value, axis: int) -> str:
    """`(28 - 5)//1 + 1 = 24`, if a layer made the value by a formula for sizes."""
    from cnnspec.layers.worked_sums import along

    before = value.before.shape if value.before is not None else None
    if value.layer is None or value.shape is None or before is None or not before.is_map:
        return ""
    return along(value.layer, before, value.shape, axis)


def source_notes(value: Value) -> tuple[Note, ...]:
    """The places that the arriving size comes from: the input, and the step just before."""
    notes = []
    *_, first = value.history()
    if first.span is not None:
        notes.append(Note("sizes follow from here", first.span))
    # Where a block begins no step has made its value: the step is the one before the block.
    last = next(each for each in value.history() if each.maker or each.before is None)
    if last.before is not None and last.shape is not None:
        before = last.before.shape
        is_flattened = before is not None and before.is_map and not last.shape.is_map
        notes.append(Note(f"{before} = {last.shape}" if is_flattened else str(last.shape), last.span))
    return tuple(notes)


def maker_note(value: Value) -> tuple[Note, ...]:
    """The step that gave a value its shape, with what arrived there."""
    # relu, dropout keep a shape: the step that made it stands before them.
    for made in value.history():
        if made.before is None or made.before.before is None or made.before.shape != made.shape:
            break
    if made.before is None or not made.maker:
        return ()
    return (Note(f"`{made.maker}` makes {made.shape} of {made.before.shape}", made.span),)


def wanted_map(data: object, value: Value) -> str:
    """What map would give the features that are claimed, where the arriving ones are a map laid flat."""
    if not isinstance(data, Mismatch):
        return ""
    claim = data.wanted
    before = value.before.shape if value.before is not None else None
    if before is None or not before.is_map or value.shape is None or value.shape.is_map:
        return ""
    # 400 claimed behind 16@4x4: 400 // 16 = 25 = 5*5, so a 5x5 map; 480 // 16 = 30 is no square.
    side = math.isqrt(claim // before.channels)
    if side * side * before.channels != claim:
        return f"{claim} is no multiple of {before.channels} channels" if claim % before.channels else ""
    return f"{claim} = {before.channels}*{side}*{side} would need a {side}x{side} map"
