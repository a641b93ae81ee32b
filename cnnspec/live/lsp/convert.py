"""What was found, in the protocol's words: places, diagnostics, edits."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cnnspec.live.positions import Lines, name_of, uri_of
from cnnspec.live.session import path_of
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.text.edits import Edit
from cnnspec.text.source import Source, Span

Json = dict[str, Any]

SEVERITY = {"error": 1, "warning": 2, "note": 3}
UNNECESSARY = {"W0500", "W0501"}
"""Codes of what could go without a loss: editors show such a place faded."""


@lru_cache(64)
def lines_of(source: Source) -> Lines:
    return Lines(source.text)


class Encoder:
    """Spans, edits and diagnostics as the protocol has them."""

    def __init__(self) -> None:
        self.uris: dict[str, str] = {}  # of open texts, as the client spells them

    def uri(self, name: str) -> str:
        return self.uris.get(name) or uri_of(path_of(name))

    def position(self, source: Source, offset: int) -> Json:
        line, column = lines_of(source).position(offset)
        return {"line": line, "character": column}

    def range(self, span: Span) -> Json:
        return {
            "start": self.position(span.source, span.start),
            "end": self.position(span.source, span.end),
        }

    def location(self, span: Span) -> Json:
        return {"uri": self.uri(span.source.name), "range": self.range(span)}

    def edits(self, edits: Iterable[Edit]) -> list[Json]:
        return [{"range": self.range(edit.span), "newText": edit.text} for edit in edits]

    def workspace_edit(self, edits: Iterable[Edit]) -> Json:
        changes: dict[str, list[Json]] = {}
        for edit in edits:
            changes.setdefault(self.uri(edit.span.source.name), []).extend(self.edits([edit]))
        return {"changes": changes}

    def diagnostic(self, diagnostic: Diagnostic) -> Json:
        found = {
            "range": self.range(at_least_one(diagnostic.span)),
            "severity": SEVERITY[diagnostic.severity],
            "code": diagnostic.code,
            "source": "cnnspec",
            "message": message(diagnostic),
        }
        if page := page_of(diagnostic.code):
            found["codeDescription"] = {"href": page}
        if diagnostic.code in UNNECESSARY:
            found["tags"] = [1]
        related = [
            {"location": self.location(note.span), "message": note.message}
            for note in diagnostic.notes
            if note.span is not None
        ]
        return found | {"relatedInformation": related} if related else found


def message(diagnostic: Diagnostic) -> str:
    """What is wrong, what stands behind the carets, and the facts that lie nowhere in particular."""
    lines = [diagnostic.message]
    if diagnostic.label and diagnostic.label not in diagnostic.message:
        lines.append(diagnostic.label)
    return "\n".join([*lines, *(note.message for note in diagnostic.notes if note.span is None)])


def at_least_one(span: Span) -> Span:
    """A span that can be seen: an empty one reaches over the next character of its line, or the last."""
    if span.end > span.start:
        return span
    text = span.source.text
    if span.start < len(text) and text[span.start] != "\n":
        return span._replace(end=span.start + 1)
    # At a line's end the character before it, if there is one.
    return span._replace(start=max(span.start - 1, span.source.line_start(span.start)))


def place_in(diagnostics: Iterable[Diagnostic], source: Source, tree: syntax.File | None) -> list[Diagnostic]:
    """The diagnostics of a text, each at a place in it; a note points to where one of another file lies."""
    return [d if d.span.source.name == source.name else move_to_use(d, source, tree) for d in diagnostics]


def move_to_use(diagnostic: Diagnostic, source: Source, tree: syntax.File | None) -> Diagnostic:
    # A fault in a file that is used shows at a place of this text that leads there: a note, else the `use`.
    here = [note.span for note in diagnostic.notes if note.span and note.span.source.name == source.name]
    uses = (
        [item.path.span for item in tree.items if isinstance(item, syntax.UsedFile)]
        if tree is not None
        else []
    )
    span = (here or uses or [Span(source, 0, 0)])[0]
    there = Note(f"it lies in {diagnostic.span.source.name.rpartition('/')[2]}", diagnostic.span)
    return diagnostic._replace(span=span, notes=(there, *diagnostic.notes))


@cache
def page_of(code: str) -> str:
    """Where the page about a code lies; "" where there is none."""
    from cnnspec.faults import explain

    path = Path(explain.__file__).parent / f"{code}.md"
    return uri_of(path.as_posix()) if path.is_file() else ""


def name_in(params: Json) -> str:
    """The name of the text that a request is about."""
    return name_of(params["textDocument"]["uri"])
