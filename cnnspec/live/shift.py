"""What an edit leaves where it was, and what it moves."""

from __future__ import annotations

from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.text.source import Source, Span


class Shift:
    """The one stretch in which two versions of a text differ, and the way from the old one to the new."""

    def __init__(self, old: Source, new: Source) -> None:
        self.old, self.new = old, new
        before, after = old.text, new.text
        self.start = length_shared(before, after)
        most = min(len(before), len(after)) - self.start
        behind = min(most, length_shared(before[::-1], after[::-1]))
        self.old_end, self.new_end = len(before) - behind, len(after) - behind

    def offset(self, place: int) -> int | None:
        """Where an offset is now; None where the text around it is new."""
        if place <= self.start:
            return place
        return place + self.new_end - self.old_end if place >= self.old_end else None

    def span(self, span: Span) -> Span | None:
        """Where a span is now; None where the edit touches it. Spans of other sources stay."""
        if span.source is not self.old:
            return span
        if span.end <= self.start:
            return Span(self.new, span.start, span.end)
        if span.start < self.old_end:
            return None
        by = self.new_end - self.old_end
        return Span(self.new, span.start + by, span.end + by)

    def diagnostic(self, diagnostic: Diagnostic) -> Diagnostic | None:
        """A diagnostic in its new place, without notes that the edit touches; None where it touches it."""
        span = self.span(diagnostic.span)
        if span is None:
            return None
        notes = []
        for note in diagnostic.notes:
            place = self.span(note.span) if note.span is not None else None
            if place is not None or note.span is None:
                notes.append(Note(note.message, place))
        return diagnostic._replace(span=span, notes=tuple(notes), fixes=())


def length_shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike: found by halving, since slices compare fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
