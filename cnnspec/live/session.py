"""The texts that are open, each with what is known of it, and the files beside them.

A change is seen at once in the text itself; `refresh` checks the net in view, `go_on` does what may wait.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cnnspec.api import source_of
from cnnspec.compiler import unique
from cnnspec.elaborate.load import Parser, Reader
from cnnspec.elaborate.settings import Settings
from cnnspec.live.answers.sizes import LineSize, carry_over, line_sizes, sizes_of
from cnnspec.live.findings import SETTINGS, Check
from cnnspec.live.positions import Lines
from cnnspec.text import syntax
from cnnspec.text.decoding import normalize_newlines
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.edits import Edit, difference, new_span
from cnnspec.text.files import SHIPPED, FileProblem, Stamp, is_inside, read, read_library, read_used, stamp_of
from cnnspec.text.parser import parse
from cnnspec.text.resources import folder
from cnnspec.text.source import Source
from cnnspec.values.limits import TextLimits

MOST_FILES = 1_000
"""The most specifications that are looked for in folders."""
SKIPPED = {"node_modules", "venv", "site-packages", "__pycache__"}
"""Folders that are not searched for specifications; hidden ones are not, either."""

Parsed = tuple[syntax.File, list[Diagnostic]]

MOST_PARSED = 100
"""The most trees that are kept."""


class Document:
    """An open text. `source` is its newest version, `check` is that of it unless it is `dirty`."""

    def __init__(self, name: str, text: str, version: int | None = None) -> None:
        self.name = name
        self.change(text, version)
        self.seen = self.source  # the version that `sizes` are of
        self.touched = False  # a file that it uses is another now
        self.view, self.settings = "", SETTINGS  # the net that was chosen to be in view, and how
        self.check: Check | None = None
        self.used: dict[
            str, Stamp
        ] = {}  # the files that it looked for, by `use`, whether there are such or not
        self.sizes: list[LineSize] = []
        self.waiting: list[Diagnostic] = []  # of nets that are not checked anew yet, as they were before

    def change(self, text: str, version: int | None) -> None:
        self.version = version
        self.text = normalize_newlines(text)
        self.source, self.fault = read_text(self.name, self.text)
        self.lines = Lines(self.text)
        self.dirty = True

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What is known of the newest version; of nets that are not checked anew what was known before."""
        if self.fault is not None:
            return [self.fault]
        if self.check is None:
            return []
        if self.check.fixed is not None:
            return self.check.fixed
        return unique([*self.check.diagnostics, *([] if self.check.is_complete else self.waiting)])

    def refresh(self, read: Reader, parse: Parser) -> None:
        """Check the newest version, as far as the net in view goes."""
        before, self.check, self.dirty = self.check, None, False
        edit = difference(self.seen, self.source.text)
        self.seen = self.source
        if self.fault is not None:
            # A text that cannot be decoded is shown with the sizes of its last readable version.
            self.sizes = [*carry_over(self.sizes, edit, self.source)]
            return
        self.used.clear()
        check = Check(self.source, read, before, parse)
        view = self.net_at(check, edit)
        self.settings = self.settings if view == self.view else SETTINGS
        check.view(view, self.settings)
        self.view = check.in_view
        self.waiting = pending(before, check, edit) if before is not None else []
        self.check = check
        self.sizes = sizes_of(check, self.sizes, edit)

    def net_at(self, check: Check, edit: Edit) -> str:
        """The net in which the text changed; of a pattern one of its variants; else the one in view."""
        # Nothing was typed: a file that it uses has changed.
        if edit.span.text == edit.text:
            return self.view
        for name, known in check.module.nets.items():
            span = known.span
            # `<=` at the end: what is typed right behind the closing brace belongs to this net.
            if span.start <= edit.span.start <= span.end and span.source is check.source:
                if name in check.nets:
                    return name
                variants = [each for each in check.nets if check.module.pattern(each) is known]
                # A variant in view stays in view while its pattern is edited.
                return variants[0] if variants and self.view not in variants else self.view
        return self.view


def pending(before: Check, check: Check, edit: Edit) -> list[Diagnostic]:
    """What was known of the nets that are still to be checked, moved to where it belongs now."""
    known = [d for name in check.left if name in before.found for d in before.found[name].diagnostics]
    # Faults of the text itself have been found anew by then.
    found = [move_diagnostic(d, edit, check.source) for d in known if d not in before.faults]
    return [d for d in found if d is not None]


def move_diagnostic(diagnostic: Diagnostic, edit: Edit, edited: Source) -> Diagnostic | None:
    """A diagnostic in the edited source, without notes that the edit touches; None where it touches it."""
    span = new_span(diagnostic.span, edit, edited)
    if span is None:
        return None
    notes = [note._replace(span=note.span and new_span(note.span, edit, edited)) for note in diagnostic.notes]
    kept = [new for new, old in zip(notes, diagnostic.notes, strict=True) if new.span or not old.span]
    # Fixes are edits of the text as it was, and were tried on that alone.
    return diagnostic._replace(span=span, notes=tuple(kept), fixes=())


def read_text(name: str, text: str) -> tuple[Source, Diagnostic | None]:
    """A text as a source; with a fault where it can be none."""
    found = source_of(text, name, SETTINGS)
    return (found.span.source, found) if isinstance(found, Diagnostic) else (found, None)


class Session:
    """All open texts. `roots` are the folders that are worked in."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.roots: list[str] = []
        self._parsed: dict[Source, Parsed] = {}
        self._read: dict[str, tuple[Stamp, Source | Diagnostic | None]] = {}

    # Texts come, change and go

    def open(self, name: str, text: str, version: int | None = None) -> Document:
        document = self.documents[name] = Document(name, text, version)
        self.touch(name)
        return document

    def change(self, name: str, text: str, version: int | None = None) -> None:
        self.documents[name].change(text, version)
        self.touch(name)

    def close(self, name: str) -> None:
        self.documents.pop(name, None)
        self.touch(name)

    def touch(self, name: str) -> None:
        """A file is another now: the texts that use it are to be checked again."""
        self._read.pop(name, None)
        for document in self.documents.values():
            if name in document.used:
                document.dirty = document.touched = True

    def touch_written(self, name: str) -> None:
        """Touch the files that a text uses which are others on the disk by now."""
        for used, stamp in [*self.documents[name].used.items()]:
            if stamp != stamp_of(used):
                self.touch(used)

    # Reading

    def reader(self, document: Document) -> Reader:
        """Reads the files that a text uses: open ones as they are in the editor."""

        def read(path: str, source: Source) -> Source | Diagnostic | None:
            if not os.path.isabs(source.name):  # noqa: PTH117  # `untitled:1`, a shipped file: beside nothing
                return read_library(path, source)
            if not is_inside(path):
                return read_used(path, source)
            name = f"{source.name.rpartition('/')[0]}/{path}"
            # Noted whether it is there or not: one that comes later is another file, too.
            document.used[name] = stamp_of(name)
            return self.read(name, path, source)

        return read

    def read(self, name: str, path: str, source: Source) -> Source | Diagnostic | None:
        """The file of that name as it is in the editor, else as it is on the disk."""
        document = self.documents.get(name)
        if document is not None:
            return document.fault or document.source
        stamp = stamp_of(name)
        known = self._read.get(name)
        # A stamp costs one look at the disk, with each keystroke; reading and decoding would cost more.
        if known is None or known[0] != stamp:
            known = self._read[name] = stamp, rename_source(name, read_used(path, source))
        return known[1]

    def parse(self, source: Source, limits: TextLimits) -> Parsed:
        """The tree of a source, and its faults; a file that is used again is not read again."""
        if source not in self._parsed:
            if len(self._parsed) > MOST_PARSED:
                # All at once: what is in use comes back with the next check, and nothing keeps count of uses.
                self._parsed.clear()
            self._parsed[source] = parse(source, limits)
        tree, faults = self._parsed[source]
        return tree, [*faults]

    # Checking

    def refresh(self, name: str) -> Document | None:
        """The text of that name, checked as far as its net in view goes; None where none is open."""
        document = self.documents.get(name)
        if document is not None and document.dirty:
            document.refresh(self.reader(document), self.parse)
        return document

    def dirty(self) -> list[str]:
        return [name for name, document in self.documents.items() if document.dirty]

    def choose(self, name: str, net: str, settings: Settings = SETTINGS) -> None:
        """Put a net in view, its parameters and inputs as a caller sets them."""
        document = self.refresh(name)
        if document is not None and document.check is not None and net in document.check.nets:
            document.view, document.settings = net, settings
            document.check.view(net, settings)
            document.sizes = line_sizes(document.check.module.tree, document.check.runs)

    def go_on(self) -> Document | None:
        """Check one net more of a text; the text, or None where nothing is left to be done."""
        for document in self.documents.values():
            if not document.dirty and document.check is not None and not document.check.is_complete:
                document.check.go_on()
                return document
        return None

    def sizes(self, document: Document) -> list[LineSize]:
        """The sizes of a text's lines; of one without nets those in the net in view that uses its blocks."""
        if document.sizes or document.check is None or document.check.nets:
            return document.sizes
        for other in self.documents.values():
            # The very same Source: runs are known by spans, and those of an older version would be off.
            if other.check is not None and other.check.sources.get(document.name) is document.source:
                found = line_sizes(document.check.module.tree, other.check.runs)
                if found:
                    return found
        return []

    # Files

    def files(self) -> Iterator[str]:
        """The open texts, and the specifications in the folders that are worked in."""
        yield from self.documents
        count = 0
        for root in self.roots:
            for path, folders, names in os.walk(root):
                folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
                for name in sorted(names):
                    full = Path(path, name).as_posix()
                    if name.endswith(".cnn") and full not in self.documents:
                        count += 1
                        if count > MOST_FILES:
                            return
                        yield full

    def source(self, name: str) -> Source | None:
        """The text of a file, an open one as it is in the editor; None where it cannot be read."""
        document = self.documents.get(name)
        if document is not None:
            return document.source
        try:
            found = read(path_of(name))
        except FileProblem:
            return None
        return Source(name, found.text) if isinstance(found, Source) else None


def rename_source(name: str, found: Source | Diagnostic | None) -> Source | Diagnostic | None:
    """A file that was read, under the name that editors know it by; one of the library keeps its own."""
    if not isinstance(found, Source) or found.name.startswith(SHIPPED):
        return found
    return Source(name, found.text)


def path_of(name: str) -> str:
    """Where a file lies, one of the shipped library too."""
    return (folder("specs") / name.removeprefix(SHIPPED)).as_posix() if name.startswith(SHIPPED) else name
