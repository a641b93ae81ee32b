"""Comments that silence a warning: `# allow W0502` on its line, or where the block that it is in is used."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit, delete
from cnnspec.text.scanner import allowances
from cnnspec.text.source import Source, Span

FileLine = tuple[str, int]
"""A file's name and a line."""

NOWHERE: frozenset[FileLine] = frozenset()


class Silences:
    """The comments of all files that warnings come from, and which of them were of use."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, list[Span]]] = {}
        self._used: set[tuple[str, int, str]] = set()

    def of(self, source: Source) -> dict[int, list[Span]]:
        found = self._of.get(source.name)
        if found is None:
            found = self._of[source.name] = allowances(source)
        return found

    def at(self, span: Span) -> frozenset[FileLine]:
        """The line of a span, if a comment there silences something."""
        allowed = self.of(span.source)
        return frozenset({(span.source.name, span.line)}) if allowed and span.line in allowed else NOWHERE

    def silence(self, code: str, spans: list[Span]) -> bool:
        """Whether a comment at one of these places silences the code; those that do are known to be used."""
        silenced = False
        for span in spans:
            for name, line in self.at(span):
                if any(allowed.text == code for allowed in self.of(span.source)[line]):
                    self._used.add((name, line, code))
                    silenced = True
        return silenced

    def needless(self, source: Source, unseen: list[Span]) -> Iterator[Diagnostic]:
        """W0500: the comments that silenced nothing, but for those in lines of stretches not looked at."""
        spans = [range(span.line, source.position(span.end)[0] + 1) for span in unseen]
        lines = {line for span in spans for line in span}
        for line, codes in self.of(source).items():
            for code in codes:
                if line not in lines and (source.name, line, code.text) not in self._used:
                    yield needless_comment(code, codes)


def needless_comment(code: Span, codes: list[Span]) -> Diagnostic:
    message = f"no {code.text} to allow on this line"
    if not code.text.startswith("W"):
        message = f"only warnings can be allowed, and {code.text} is none"
    title = "drop the comment" if len(codes) == 1 else f"drop `{code.text}`"
    return Diagnostic("W0500", message, code, fixes=(Fix(title, (without_code(code, codes),), safe=True),))


def without_code(code: Span, codes: list[Span]) -> Edit:
    """Take a code out of its comment; with the last one the comment goes, and the blanks before it."""
    if len(codes) > 1:
        place = codes.index(code)
        if place:
            return Edit(Span(code.source, codes[place - 1].end, code.end), "")
        return Edit(Span(code.source, code.start, codes[1].start), "")
    start = code.source.text.rindex("#", 0, code.start)
    return delete(Span(code.source, start, code.source.line_end(start)))
