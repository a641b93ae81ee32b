"""Trying an edit out: is the fault gone, and has nothing else come instead?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

from cnnspec.compiler import Checked
from cnnspec.faults.fixes.flow import StepRange, known_steps
from cnnspec.faults.fixes.syntax_tree import Tree, WrittenCall
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit, apply, new_offset, new_starts, old_offset
from cnnspec.text.source import Source
from cnnspec.values.comparisons import Mismatch
from cnnspec.values.shapes import Shape


class Recheck(Protocol):
    """Checks an edited text as the file was checked: the same options, the same files beside it."""

    def __call__(self, text: str, *, inputs: Mapping[str, Shape] = ..., lint: bool = ...) -> Checked:
        """The `inputs` are in place of those of the options; `lint`: look for warnings, too."""


MOST_TRIES = 150
WORK = 400_000
"""What all tries of a file may cost: about microseconds, but counted in text, layers and the like, so that
the same fixes are found anywhere."""
LAYER, STEP, LINT = 40, 10, 50
"""What a layer costs that a net unfolds to, what a step or an operation, and what a layer's lints."""
MOST_LAYERS = WORK // LAYER
"""An edited text that unfolds to more is not tried to its end."""


class Outcome(NamedTuple):
    """What an edited text holds, the fault gone from it; the errors instead that are the edits' own doing
    (`new`), and those that the fault had hidden (`later`)."""

    after: Checked
    new: tuple[Diagnostic, ...]
    later: tuple[Diagnostic, ...]


class Case(NamedTuple):
    """A fault, and what is needed to look for its fixes."""

    fault: Diagnostic
    tree: Tree
    trial: Trial

    def outcome(self, edits: Sequence[Edit]) -> Outcome | None:
        return self.trial.outcome(self.fault, edits)

    def after_mending(self, edits: Sequence[Edit]) -> Checked | None:
        """What the edited text holds, if the edits bring no fault of their own."""
        found = self.outcome(edits)
        return found.after if found is not None and not found.new else None


Finder = Callable[[Case], Iterator[Fix]]
"""Proposes fixes of a fault, which are then tried."""


def of_call(propose: Callable[[Case, WrittenCall], Iterator[Fix]]) -> Finder:
    """A finder for faults of calls: of others it proposes nothing."""

    def propose_there(case: Case) -> Iterator[Fix]:
        at = case.tree.call_at(case.fault.span)
        return propose(case, at) if at is not None else iter(())

    return propose_there


def of_claim(propose: Callable[[Case, syntax.Chain, Mismatch], Iterator[Fix]]) -> Finder:
    """A finder for faults of what a chain claims: of others it proposes nothing."""

    def propose_there(case: Case) -> Iterator[Fix]:
        chain, data = case.tree.chain_at(case.fault.span), case.fault.data
        return propose(case, chain, data) if chain is not None and isinstance(data, Mismatch) else iter(())

    return propose_there


def cost(text: str, checked: Checked, lint: bool = False) -> int:
    """What it costs to check a text of which that is found."""
    layers = (LAYER + LINT * lint) * checked.expanded
    return 300 + 6 * len(text) + layers + STEP * checked.work


class Trial:
    """Compiles edited texts, each once, until what is to be spent on it is spent."""

    def __init__(self, source: Source, before: Checked, recheck: Recheck) -> None:
        self.source, self.before, self.recheck = source, before, recheck
        self.work, self.tries = WORK, MOST_TRIES
        self._dearest = {lint: cost(source.text, before, lint) for lint in (False, True)}
        self._known: dict[tuple[str, bool], Checked] = {}

    def check(self, text: str, lint: bool = False) -> Checked | None:
        """What a text holds; None where it costs too much to know."""
        found = self._known.get((text, lint))
        if found is None and self.affords(lint):
            found = self._known[text, lint] = self.recheck(text, lint=True) if lint else self.recheck(text)
            self.spend(max(self._dearest[lint], cost(text, found, lint)), lint)
        return found

    def with_inputs(self, inputs: Mapping[str, Shape]) -> Checked | None:
        """What the text holds for other inputs; None where it costs too much to know."""
        if not self.affords():
            return None
        after = self.recheck(self.source.text, inputs=inputs)
        self.spend(max(self._dearest[False], cost(self.source.text, after)))
        return after

    def affords(self, lint: bool = False) -> bool:
        """Whether one more text may be checked. What was too dear once ends the search."""
        # No text is begun that may not be paid for: the fixes found must not depend on how far one got.
        if self._dearest[lint] > self.work:
            self.tries = 0
        return self.tries > 0

    def spend(self, work: int, lint: bool = False) -> None:
        self.tries -= 1
        self.work -= work
        self._dearest[lint] = max(self._dearest[lint], work)

    def outcome(self, fault: Diagnostic, edits: Sequence[Edit]) -> Outcome | None:
        """What the edits lead to; None where the fault stays, or the text costs too much to check."""
        if not edits or any(edit.span.source is not self.source for edit in edits):
            return None
        # A warning shows, and is known to be gone, only where lints run.
        after = self.check(apply(self.source.text, edits), fault.severity != "error")
        if after is None or any(self._key(d) == self._key(fault, edits) for d in after.diagnostics):
            return None
        # Faults are the same if they stand at the same place of the text, moved by the edits.
        old = {self._key(d, edits) for d in self.before.diagnostics}
        come = [d for d in after.diagnostics if d.severity == "error" and self._key(d) not in old]
        later = tuple(d for d in come if self._was_hidden(d, edits))
        return Outcome(after, tuple(d for d in come if d not in later), later)

    def _was_hidden(self, d: Diagnostic, edits: Sequence[Edit]) -> bool:
        """Whether an error was there before, unseen: the fault left unknown what arrives at its place.

        Not where the new text stands: that answers for itself.
        """
        name, start = d.span.source.name, d.span.start
        if name == self.source.name:
            texts = [(at, at + len(edit.text)) for edit, at in new_starts(edits)]
            if any(d.span.start <= end and at <= d.span.end for at, end in texts):
                return False
            start = old_offset(start, edits)
        steps = self._steps.get(name, [])
        around = [step for step in steps if step.start <= start < step.end]
        if not around and d.code in ("E0403", "E0407"):  # a claim, a demand: on the value of the step before
            around = [step for step in steps if step.end <= start]
        # Outer steps stand first: the last one is the innermost.
        return not around or not around[-1].whole

    @cached_property
    def _steps(self) -> dict[str, list[StepRange]]:
        return known_steps(self.before)

    def _key(self, d: Diagnostic, edits: Sequence[Edit] = ()) -> tuple[str, str, int]:
        inside = d.span.source.name == self.source.name
        return d.code, d.span.source.name, new_offset(d.span.start, edits) if inside else d.span.start
