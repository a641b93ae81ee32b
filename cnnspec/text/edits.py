"""Edits of a text: how they are made, what sets two texts apart, and where they move offsets and spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cnnspec.text.source import Source, Span


class Edit(NamedTuple):
    """Text in place of a span."""

    span: Span
    text: str

    @property
    def growth(self) -> int:
        """How many characters longer it makes the text."""
        return len(self.text) - (self.span.end - self.span.start)


def insert(source: Source, offset: int, text: str) -> Edit:
    """More text at an offset, in place of nothing."""
    return Edit(Span(source, offset, offset), text)


def delete(span: Span) -> Edit:
    """Take a stretch out together with the blanks before it."""
    before = span.source.text[: span.start].rstrip(" \t")
    return Edit(Span(span.source, len(before), span.end), "")


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; they must not overlap."""
    # From behind: what is before an edit stays in its place.
    for edit in reversed(in_order(edits)):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def in_order(edits: Iterable[Edit]) -> list[Edit]:
    """As their texts follow each other; of those at one place the first comes first."""
    return sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))


def new_starts(edits: Iterable[Edit]) -> list[tuple[Edit, int]]:
    """The edits in order, each with where its text starts in the new text."""
    found, growth = [], 0
    for edit in in_order(edits):
        found.append((edit, edit.span.start + growth))
        growth += edit.growth
    return found


def insert_into(source: Source, edits: Sequence[Edit], offset: int, text: str) -> tuple[Edit, ...]:
    """The edits with more text at an offset of what they make of the source."""
    for edit, start in new_starts(edits):
        at = offset - start
        # In what an edit makes: it makes more.
        if 0 <= at <= len(edit.text):
            longer = edit._replace(text=edit.text[:at] + text + edit.text[at:])
            return tuple(longer if each is edit else each for each in edits)
    return tuple(in_order([*edits, insert(source, old_offset(offset, edits), text)]))


def new_offset(offset: int, edits: Sequence[Edit]) -> int:
    """Where an offset of the old text is in the new one."""
    moved = offset
    for edit in edits:
        start, end = edit.span.start, edit.span.end
        # An insertion right at the offset moves it; an edit that begins there does not.
        if end <= offset and (start < offset or start == end):
            moved += edit.growth
        elif start < offset:
            # Within what is replaced: where the edit begins.
            moved -= offset - start
    return moved


def old_offset(offset: int, edits: Sequence[Edit]) -> int:
    """Where an offset of the new text was in the old one; within new text: at its place."""
    for edit in in_order(edits):
        if edit.span.start + len(edit.text) <= offset:
            offset -= edit.growth
        elif edit.span.start < offset:
            return edit.span.start
    return offset


def new_span(span: Span, edit: Edit, edited: Source) -> Span | None:
    """Where a span is in the edited source; None where the edit touches it. Spans of other sources stay."""
    if span.source is not edit.span.source:
        return span
    if span.end <= edit.span.start:
        return span._replace(source=edited)
    if span.start < edit.span.end:
        return None
    return Span(edited, span.start + edit.growth, span.end + edit.growth)


def difference(old: Source, text: str) -> Edit:
    """The one edit that makes a text of a source: it holds all that differs."""
    start = _shared(old.text, text)
    # `aa` to `aaa`: what both begin with is not to be found again at their ends.
    most = min(len(old.text), len(text)) - start
    behind = min(most, _shared(old.text[::-1], text[::-1]))
    return Edit(Span(old, start, len(old.text) - behind), text[start : len(text) - behind])


def changed_lines(old: Source, text: str) -> list[Edit]:
    """The edits that make a text of a source, as few lines as may be."""
    from difflib import SequenceMatcher

    lines, new_lines = (each.splitlines(keepends=True) for each in (old.text, text))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    blocks = SequenceMatcher(None, lines, new_lines, autojunk=False).get_opcodes()
    return [
        Edit(Span(old, starts[i], starts[j]), "".join(new_lines[k:m]))
        for kind, i, j, k, m in blocks
        if kind != "equal"
    ]


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike: found by halving, since slices compare fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
