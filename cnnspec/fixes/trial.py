"""Trying an edit out: is the fault gone, and has nothing else come instead?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from cnnspec.compiler import Checked
from cnnspec.diagnostics import Diagnostic, Edit
from cnnspec.fixes.tree import Tree
from cnnspec.graph import Again, From, Leaf, Lost, Merge, Repeat, Step, Use, Value
from cnnspec.shapes import Shape
from cnnspec.source import Source


class Recheck(Protocol):
    """Checks an edited text as the file was checked: the same options, the same files beside it."""

    def __call__(self, text: str, inputs: Mapping[str, Shape] = ...) -> Checked:
        """The `inputs` are in place of those of the options."""


MOST_TRIES = 150
WORK = 500_000
"""What all tries of a file may cost: about microseconds, but counted in text and layers, alike anywhere."""
LAYER = 40
MOST_LAYERS = WORK // LAYER
"""An edited text that unfolds to more is not tried to its end."""


class Case(NamedTuple):
    """A fault, and what is needed to look for its fixes."""

    fault: Diagnostic
    tree: Tree
    trial: Trial

    def mended(self, edits: Sequence[Edit], elsewhere: bool = False) -> Checked | None:
        return self.trial.mended(self.fault, edits, elsewhere)


def cost(text: str, layers: int) -> int:
    """What it costs to check a text that unfolds to so many layers."""
    return 300 + 6 * len(text) + LAYER * layers


class Trial:
    """Compiles edited texts, each once, until what is to be spent on it is spent."""

    def __init__(self, source: Source, before: Sequence[Diagnostic], recheck: Recheck, layers: int) -> None:
        self.source, self.before, self.recheck = source, before, recheck
        self.work, self.tries, self.next_cost = WORK, MOST_TRIES, cost(source.text, layers)
        self._known: dict[str, Checked] = {}

    def check(self, text: str) -> Checked | None:
        """What a text holds; None where it costs too much to know."""
        if text not in self._known:
            if self.tries <= 0 or self.next_cost > self.work:
                self.tries = 0
                return None
            after = self._known[text] = self.recheck(text)
            self.tries -= 1
            self.next_cost = max(self.next_cost, cost(text, after.expanded))
            self.work -= self.next_cost
        return self._known[text]

    def with_inputs(self, inputs: Mapping[str, Shape]) -> Checked | None:
        """What the text holds for other inputs, if it has no faults then."""
        if self.tries <= 0 or self.next_cost > self.work:
            return None
        self.tries -= 1
        self.work -= self.next_cost
        after = self.recheck(self.source.text, inputs)
        return after if after.ok else None

    def mended(self, fault: Diagnostic, edits: Sequence[Edit], elsewhere: bool = False) -> Checked | None:
        """What the edited text holds, if the fault is gone and no other has come.

        `elsewhere`: a fault hides others, of its own call and of what follows; they may come to light, but
        not where the new text stands.
        """
        come = self.come(fault, edits)
        if come is None:
            return None
        if elsewhere:
            new = [(moved(edit.span.start, edits), len(edit.text)) for edit in edits]
            come = [d for d in come if any(d.span.start <= at + n and at <= d.span.end for at, n in new)]
        return None if come else self.check(applied(self.source.text, edits))

    def come(self, fault: Diagnostic, edits: Sequence[Edit]) -> list[Diagnostic] | None:
        """The errors that the edited text brings; None where the fault stays, or nobody can tell."""
        if self.tries <= 0 or not edits or any(edit.span.source is not self.source for edit in edits):
            return None
        after = self.check(applied(self.source.text, edits))
        if after is None or any(self._key(d) == self._key(fault, edits) for d in after.diagnostics):
            return None
        old = {self._key(d, edits) for d in self.before}
        return [d for d in after.diagnostics if d.severity == "error" and self._key(d) not in old]

    def _key(self, d: Diagnostic, edits: Sequence[Edit] = ()) -> tuple[str, str, int]:
        inside = d.span.source.name == self.source.name
        return d.code, d.span.source.name, moved(d.span.start, edits) if inside else d.span.start


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; they must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def moved(offset: int, edits: Sequence[Edit]) -> int:
    """Where an offset of the old text is in the new one."""
    shift = 0
    for edit in edits:
        if edit.span.end <= offset and (edit.span.start < offset or edit.span.start == edit.span.end):
            shift += len(edit.text) - (edit.span.end - edit.span.start)
        elif edit.span.start < offset:
            shift -= offset - edit.span.start
    return offset + shift


def value_at(checked: Checked, start: int) -> Value | None:
    """What the layer written at an offset yields, where it first runs."""
    seen: set[int] = set()
    for network in checked.networks:
        for step in _steps(network.steps, seen):
            if step.span.start <= start < step.span.end and not isinstance(step, From):
                return step.output
    return None


def _steps(steps: Sequence[Step], seen: set[int]) -> Iterator[Leaf | Merge | Use | Again]:
    """Leaves and joins, those of a shared block once."""
    for step in steps:
        if isinstance(step, Leaf | Again):
            yield step
        elif isinstance(step, Use):
            if id(step.instance) not in seen:
                seen.add(id(step.instance))
                yield from _steps(step.instance.steps, seen)
            yield step
        elif isinstance(step, Merge):
            for path in step.paths:
                yield from _steps(path.steps, seen)
            yield step
        elif isinstance(step, Repeat):
            for iteration in step.iterations:
                yield from _steps(iteration, seen)
        elif not isinstance(step, From | Lost):
            yield from _steps(step.steps, seen)


def heights(value: Value) -> list[int]:
    """The sizes from the input to a value, where a step may have changed them; [] unless all are square."""
    found: list[int] = []
    while True:
        shape = value.shape
        kind = value.origin[1] if value.origin else "input"
        if shape is not None and shape.is_map and (kind == "input" or "conv" in kind or "pool" in kind):
            height, width = shape.size
            if height != width:
                return []
            found.append(int(height))
        if value.origin is None:
            return found[::-1]
        value = value.origin[0]
