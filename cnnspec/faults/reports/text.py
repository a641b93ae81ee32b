"""The report for people: the lines at fault, what is wrong there, why, and what would mend it.

The form is rustc's. Lines stand in their order; every mark has a row of its own, so marks may overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnnspec.faults.reports import SHOWN, tally
from cnnspec.faults.reports.glyphs import glyph, paint, visible, width
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit, apply, in_order, new_offset
from cnnspec.text.source import Source, Span

WIDEST = 120
"""The most characters of a line that are shown: those around the mark."""
_LEAD = 40
"""The number of them before the mark."""

_BLUE = "1;34"
_COLOURS = {"error": "1;31", "warning": "1;33", "note": "1;32", "help": "1;36"}


class _Mark(NamedTuple):
    """A stretch of one line, in code points from 0, and its label."""

    start: int
    end: int
    label: str
    primary: bool


class _Listing(NamedTuple):
    """The lines of one source that are shown; after those in `gaps` a marked stretch goes on unseen."""

    source: Source
    marks: dict[int, list[_Mark]]
    gaps: set[int]


def render(diagnostics: Sequence[Diagnostic], colour: bool = False) -> str:
    """All reports, parted by empty lines; more than one are counted at the end."""
    reports = ["\n".join(_Report(d, colour).lines()) + "\n" for d in diagnostics[:SHOWN]]
    if len(diagnostics) > 1:
        reports.append(tally(diagnostics) + "\n")
    return "\n".join(reports)


class _Report:
    """One diagnostic on its way to text."""

    def __init__(self, diagnostic: Diagnostic, colour: bool) -> None:
        self.diagnostic = diagnostic
        self.colour = colour
        self.severity = diagnostic.severity
        self.listings = list(_listings(diagnostic))
        self.digits = len(str(max(max(listing.marks) for listing in self.listings)))

    def lines(self) -> Iterator[str]:
        d = self.diagnostic
        head = self.paint(_COLOURS[self.severity], f"{self.severity}[{d.code}]")
        yield head + self.paint("1", f": {visible(d.message)}")
        margin = " " * (self.digits + 2)
        for i, listing in enumerate(self.listings):
            arrow = "-->" if i == 0 else ":::"
            spans = [d.span, *(note.span for note in d.notes if note.span)]
            place = next(span for span in spans if span.source is listing.source)
            yield f"{margin[:-1]}{self.paint(_BLUE, arrow)} {visible(str(place))}"
            yield from self.listing(listing)
        for note in d.notes:
            if note.span is None:
                yield from self.remark("note", note.message)
        for fix in d.fixes:
            yield from self.help(fix)
        yield from self.remark("see", f"cnnspec explain {d.code}")

    def listing(self, listing: _Listing) -> Iterator[str]:
        previous = 0
        for number in sorted(listing.marks):
            if previous in listing.gaps and number > previous + 1:
                yield self.paint(_BLUE, "...")
            previous = number
            line = listing.source.line(number)
            for window, marks in _windows(line, listing.marks[number]).items():
                yield f"{self.gutter(str(number))} {_cut(line, *window)}".rstrip()
                for mark in marks:
                    yield f"{self.gutter()} {self.underline(line, window, mark)}".rstrip()

    def underline(self, line: str, window: tuple[int, int], mark: _Mark) -> str:
        """The row under a line: blanks up to the mark, the mark, its label."""
        first, last = window
        start, end = min(mark.start, last), min(mark.end, last)
        before = (3 if first else 0) + width("".join(map(glyph, line[first:start])))
        # A mark of no length, as at the end of a file, is a caret all the same.
        length = max(1, width("".join(map(glyph, line[start:end]))))
        sign = ("^" if mark.primary else "-") * length
        paint = _COLOURS[self.severity] if mark.primary else _BLUE
        return " " * before + self.paint(paint, f"{sign} {visible(mark.label)}".rstrip())

    def remark(self, kind: str, message: str) -> Iterator[str]:
        """`= note: …`; further lines of the message stand under its first."""
        margin = " " * (self.digits + 2)
        first, *rest = message.split("\n")
        yield f"{margin}{self.paint(_BLUE, '=')} {self.paint('1', kind + ':')} {visible(first)}"
        for line in rest:
            yield " " * (self.digits + 6 + len(kind)) + visible(line)

    def help(self, fix: Fix) -> Iterator[str]:
        """The fix in words, and the lines as it would leave them unless the words quote the change."""
        yield f"{self.paint(_COLOURS['help'], 'help')}: {visible(fix.title)}"
        if any((edit.text.strip() or edit.span.text.strip()) not in fix.title for edit in fix.edits):
            for number, line, start, end in _edited_lines(fix):
                gutter = self.paint(_BLUE, f" {number:>{self.digits}} +")
                first = 0 if end <= WIDEST else max(0, start - _LEAD)
                yield f"{gutter} {_cut(line, first, min(max(end, first + WIDEST), len(line)))}".rstrip()

    def gutter(self, number: str = "") -> str:
        return self.paint(_BLUE, f" {number:>{self.digits}} |")

    def paint(self, code: str, text: str) -> str:
        return paint(code, text) if self.colour else text


def _listings(diagnostic: Diagnostic) -> Iterator[_Listing]:
    """The marked lines of every source, the one with the fault first."""
    marked = [(diagnostic.span, diagnostic.label, True)]
    marked += [(note.span, note.message, False) for note in diagnostic.notes if note.span is not None]
    sources: dict[int, _Listing] = {}
    for span, label, primary in dict.fromkeys(marked):
        listing = sources.setdefault(id(span.source), _Listing(span.source, {}, set()))
        _add(listing, span, label, primary)
    for listing in sources.values():
        for marks in listing.marks.values():
            marks.sort(key=lambda mark: (mark.start, mark.end))
        yield listing


def _add(listing: _Listing, span: Span, label: str, primary: bool) -> None:
    """Mark a span; one over several lines on its first and its last line."""
    source = span.source
    line, column = source.position(span.start)
    last_line, last_column = source.position(max(span.start, span.end))
    if last_line > line and last_column == 1:  # up to a line's end, its newline included
        last_line -= 1
        last_column = len(source.line(last_line)) + 1
    marks = listing.marks
    if line == last_line:
        marks.setdefault(line, []).append(_Mark(column - 1, last_column - 1, label, primary))
        return
    marks.setdefault(line, []).append(_Mark(column - 1, len(source.line(line)), "", primary))
    text = source.line(last_line)
    indent = len(text) - len(text.lstrip())
    # From the last line's first letter on: its indent is no part of what is at fault.
    marks.setdefault(last_line, []).append(
        _Mark(min(indent, last_column - 1), last_column - 1, label, primary)
    )
    listing.gaps.add(line)


def _windows(line: str, marks: Sequence[_Mark]) -> dict[tuple[int, int], list[_Mark]]:
    """The stretches of a line to show, each with its marks: the whole line, unless it is very long."""
    windows: dict[tuple[int, int], list[_Mark]] = {}
    for mark in marks:
        first = 0 if len(line) <= WIDEST else max(0, min(mark.start - _LEAD, len(line) - WIDEST))
        windows.setdefault((first, min(first + WIDEST, len(line))), []).append(mark)
    return windows


def _cut(line: str, first: int, last: int) -> str:
    before, after = "..." if first else "", "..." if last < len(line) else ""
    return before + visible(line[first:last]) + after


def _edited_lines(fix: Fix) -> Iterator[tuple[int, str, int, int]]:
    """The lines that a fix's edits leave behind, with their numbers in the old text, and where the new text
    in them begins and ends."""
    lines: dict[tuple[int, int], list[Edit]] = {}
    for edit in in_order(fix.edits):
        source = edit.span.source
        number = source.position(edit.span.start)[0]
        lines.setdefault((id(source), number), []).append(edit)
    for (_, number), edits in lines.items():
        source, first, last = edits[0].span.source, edits[0].span.start, edits[-1].span.end
        base = source.line_start(first)
        text = apply(source.text, edits)[base : new_offset(source.line_end(last), edits)]
        start, end = first - base, new_offset(last, edits) - base
        for i, line in enumerate(text.split("\n")):
            yield number + i, line, max(0, min(start, len(line))), max(0, min(end, len(line)))
            # So far from the start of the line that comes next.
            start, end = start - len(line) - 1, end - len(line) - 1
