"""Other arguments of layers, tried and put in words: which layer is changed, how, and what that leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnspec.compiler import Checked
from cnnspec.faults.fixes.flow import heights, value_at
from cnnspec.faults.fixes.syntax_tree import WrittenCall
from cnnspec.faults.fixes.trial import Case
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Fix
from cnnspec.text.edits import Edit, new_offset, new_starts

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_LISTED = 4
"""The most changes that are listed one by one."""


def layer_text(at: WrittenCall, case: Case) -> str:
    """`the first conv`, or, in a block, its line."""
    name, span = at.call.name.name, at.call.span
    if span.start <= case.fault.span.start < span.end:
        return f"this {name}"
    calls = [each for each in case.tree.calls if each.owner is at.owner]
    same = [each.call for each in calls if each.call.name.name == name]
    index = next(i for i, other in enumerate(same) if other is at.call)
    where = "" if isinstance(at.owner, syntax.Net) else f" of {at.owner.name.name}"
    if len(same) == 1:
        return f"the {name}{where}"
    if index < len(_ORDINALS) and not at.around:
        return f"the {_ORDINALS[index]} {name}{where}"
    return f"the {name} in line {span.line}"


def outcome_text(after: Checked, end: int, edits: Sequence[Edit]) -> str:
    """` gives 28 28 14 10 5`: the sizes up to a place of the old text, if the edits are on the way.

    Else ` gives 64@8x8`, the shape there.
    """
    value = value_at(after, new_offset(end, edits))
    if value is None or value.shape is None:
        return ""
    made = [each.span for each in value.history() if each.before is not None and each.span is not None]
    along = all(any(span.start <= at <= span.end for span in made) for _, at in new_starts(edits))
    found = heights(value) if along else []
    return " gives " + (" ".join(map(str, found)) if 1 < len(found) <= 8 else str(value.shape))


def list_changes(case: Case, changed: Sequence[tuple[str, WrittenCall]]) -> str:
    """What is written where: "`pad=2` on the first conv, `pad=1` on the second conv"."""
    shown = [f"`{text}` on {layer_text(at, case)}" for text, at in changed[:_LISTED]]
    rest = f" and {len(changed) - _LISTED} more" if len(changed) > _LISTED else ""
    return ", ".join(shown) + rest


def try_changes(
    case: Case, changed: Sequence[tuple[str, WrittenCall]], edits: Sequence[Edit], end: int | None
) -> Iterator[Fix]:
    """What layers are given, if that mends the fault.

    Where it is one layer alone, with what that makes of the sizes up to `end`, a place of the text.
    """
    after = case.after_mending(edits)
    if after is not None:
        gives = outcome_text(after, end, edits) if len(changed) == 1 and end is not None else ""
        yield Fix(list_changes(case, changed) + gives, tuple(edits))
