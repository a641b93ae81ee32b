"""What a checked text holds at a place: the steps there, the values that arrive and leave, how they came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnnspec.compiler import Checked
from cnnspec.graph.tree import Again, Braces, From, Leaf, Lost, Merge, Network, Step, Use, Value
from cnnspec.graph.walk import walk

ValueStep = Leaf | Merge | Use | Again | Lost
"""A step through which a value goes."""


def runs(networks: Sequence[Network]) -> Iterator[ValueStep | From]:
    """The steps of networks, those of a shared block once."""
    seen: set[int] = set()
    for network in networks:
        yield from _runs(network.steps, seen)


def _runs(steps: Sequence[Step], seen: set[int]) -> Iterator[ValueStep | From]:
    for step in walk(steps, again=False):
        if isinstance(step, Use) and id(step.instance) not in seen:
            seen.add(id(step.instance))
            yield from _runs(step.instance.steps, seen)
        if not isinstance(step, Braces):
            yield step


def value_at(checked: Checked, start: int) -> Value | None:
    """What the layer written at an offset yields, where it first runs."""
    for step in runs(checked.networks):
        if step.span.start <= start < step.span.end and not isinstance(step, From | Lost):
            return step.output
    return None


def heights(value: Value) -> list[int]:
    """The sizes from the input to a value, where a step may have changed them; [] unless all are square."""
    found: list[int] = []
    for each in value.history():
        shape, before = each.shape, each.before.shape if each.before is not None else None
        # One that keeps the size is named, too: 28 28 14 10 5 has a padded conv first.
        slides = each.before is None or "conv" in each.maker or "pool" in each.maker
        if shape is None or not shape.is_map:
            continue
        if slides or (before is not None and before[1:] != shape[1:]):
            height, width = shape.size
            if height != width:
                return []
            found.append(int(height))
    return found[::-1]


class StepRange(NamedTuple):
    """A step's place, and whether all is known there of what arrives and what leaves, wherever it runs."""

    start: int
    end: int
    whole: bool


def known_steps(checked: Checked) -> dict[str, list[StepRange]]:
    """By file, the steps of networks whole and partial in the order of the text, outer ones first."""
    found: dict[tuple[str, int, int], bool] = {}
    for step in runs(checked.all_networks):
        whole = isinstance(step, From) or (step.input.shape is not None and step.output.shape is not None)
        key = step.span.source.name, step.span.start, step.span.end
        found[key] = found.get(key, True) and whole
    by_file: dict[str, list[StepRange]] = {}
    for (name, start, end), whole in sorted(found.items(), key=lambda item: (item[0][1], -item[0][2])):
        by_file.setdefault(name, []).append(StepRange(start, end, whole))
    return by_file
