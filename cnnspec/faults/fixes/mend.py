"""Mending a text: the fixes of its faults are made, round after round, until there is none to make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from cnnspec.compiler import Checked
from cnnspec.faults.fixes import MOST_FAULTS
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit, apply

MOST_ROUNDS = 200

Check = Callable[[str, int], Checked]
"""Checks a text, and looks for fixes of its faults behind the first `skip` ones."""


class Made(NamedTuple):
    """A fix that was made, and the fault that it mended, in the text of its round."""

    fault: Diagnostic
    fix: Fix


class Mended(NamedTuple):
    """A text when no fix is left to be made, what it holds, and the fixes that were made."""

    text: str
    found: Checked
    made: tuple[Made, ...]


def mend(text: str, check: Check, unsafe: bool = False) -> Mended:
    """Make the safe fix of every fault that has one; `unsafe`: the likeliest, safe or not.

    What fixes bring to light is mended, too. Those that overlap are made one round after the other; so are
    those that were tried alone and do not go together. A text that was there before ends it.
    """
    found, made, seen = check(text, 0), [], {text}
    for _ in range(MOST_ROUNDS):
        chosen = next(fixes_in_turn(text, found, check, unsafe), [])
        after_text, after = make_fixes(text, chosen, check)
        # Each mends its fault alone; together some bring others: then the first alone, and a round more.
        if len(chosen) > 1 and len(after.diagnostics) > len(found.diagnostics) - len(chosen):
            chosen = chosen[:1]
            after_text, after = make_fixes(text, chosen, check)
        if after_text in seen:
            break
        text, found = after_text, after
        made += chosen
        seen.add(text)
    return Mended(text, found, tuple(made))


def make_fixes(text: str, chosen: Sequence[Made], check: Check) -> tuple[str, Checked]:
    """The text with fixes made, and what it holds."""
    mended = apply(text, [edit for made in chosen for edit in made.fix.edits])
    return mended, check(mended, 0)


def fixes_in_turn(text: str, found: Checked, check: Check, unsafe: bool) -> Iterator[list[Made]]:
    """The fixes to be made of the first faults, of the next ones, and so on, where there are any."""
    # Fixes are sought for so many faults at once: where none of these has one, for the next.
    for skip in range(0, len(found.diagnostics), MOST_FAULTS):
        held = check(text, skip) if skip else found
        if chosen := choose(held.diagnostics, unsafe):
            yield chosen


def choose(diagnostics: Sequence[Diagnostic], unsafe: bool) -> list[Made]:
    """A fix of each fault that has one to be made, but for those that touch an earlier one's edits."""
    chosen: list[Made] = []
    for fault in diagnostics:
        fix = next((fix for fix in fault.fixes if fix.edits and (fix.safe or unsafe)), None)
        if fix is not None and not any(overlap(fix, made.fix) for made in chosen):
            chosen.append(Made(fault, fix))
    return chosen


def overlap(one: Fix, other: Fix) -> bool:
    """Whether two fixes change the same place, or places with nothing between them."""
    return any(
        a.span.start <= b.span.end and b.span.start <= a.span.end for a in one.edits for b in other.edits
    )


def describe(edit: Edit) -> str:
    """`relu` in place of `rleu`, in words."""
    old, new = (" ".join(text.split()) for text in (edit.span.text, edit.text))
    if not new:
        return f"`{old}` dropped" if old else "blanks dropped"
    return f"`{old}` to `{new}`" if old else f"`{new}` added"
