"""Where in a text to show a fault that lies in a file that it uses: at the step that leads there."""

from __future__ import annotations

from collections.abc import Iterable

from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.text.source import Source, Span


def placed(diagnostics: Iterable[Diagnostic], source: Source, tree: syntax.File | None) -> list[Diagnostic]:
    """The diagnostics of a text, each at a place in it; a note tells where one of another file lies."""
    return [d if d.span.source.name == source.name else moved(d, source, tree) for d in diagnostics]


def moved(diagnostic: Diagnostic, source: Source, tree: syntax.File | None) -> Diagnostic:
    here = [note.span for note in diagnostic.notes if note.span and note.span.source.name == source.name]
    uses = [item.path.span for item in tree.items if isinstance(item, syntax.Use)] if tree is not None else []
    span = (here or uses or [Span(source, 0, 0)])[0]
    there = Note(f"it lies in {diagnostic.span.source.name.rpartition('/')[2]}", diagnostic.span)
    return diagnostic._replace(span=span, notes=(there, *diagnostic.notes))


def of_file(diagnostics: Iterable[Diagnostic], name: str) -> list[Diagnostic]:
    """Those that lie in the file of that name."""
    return [d for d in diagnostics if d.span.source.name == name]
