"""What the page asks of a text: at each keystroke sizes and faults, at rest fixes, table and picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from threading import Lock
from typing import Any

from cnnspec.api import check_source
from cnnspec.draw.engine import DrawProblem, Engine, engine, wheel
from cnnspec.draw.look import Look
from cnnspec.draw.picture import picture
from cnnspec.draw.theme import THEMES
from cnnspec.failures import sparing
from cnnspec.graph.tree import Network
from cnnspec.live.check import SETTINGS
from cnnspec.live.complete import offers, typed_from
from cnnspec.live.places import units
from cnnspec.live.session import Document, FileReader, Session, stamp_of
from cnnspec.live.sizes import LineSize
from cnnspec.tables.one_line import figures
from cnnspec.tables.summary import summary
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.source import Source, Span

PAINTER = ThreadPoolExecutor(1)
"""Graphviz, as WebAssembly, is compiled once in a thread: all pictures are drawn in this one."""

Answer = dict[str, Any]


class Desk:
    """The texts that a page shows, under their paths.

    The first of the `engines` that can draws its pictures, where the `painter` computes.
    """

    def __init__(
        self,
        root: str,
        painter: Executor = PAINTER,
        engines: Sequence[Callable[[], Engine]] = (wheel, engine),
    ) -> None:
        self.painter, self.engines = painter, engines
        self.root = root.rstrip("/") + "/"
        self.session = Session()
        self.stamps: dict[str, tuple[int, int]] = {}  # of files that texts use, as they were read
        self.lock = Lock()

    def warm(self) -> None:
        """Compile Graphviz before the first picture is asked for."""
        self.painter.submit(wheel)

    def compile(self, name: str, text: str, net: str) -> Answer:
        """Sizes and faults of a text, its net of that name, or the one where it changed, in view."""
        with self.lock:
            document = self.document(name, text, net)
            found = document.diagnostics
            check = document.check
            return {
                "nets": check.nets if check else [],
                "net": document.view,
                "facts": facts(document),
                "sizes": [self.size(document, each) for each in document.sizes],
                "faults": [self.fault(document.source, each) for each in found],
            }

    def offer(self, name: str, text: str, net: str, offset: int) -> Answer:
        """What may be written at an offset, in units of UTF-16, and `from` where that replaces the text."""
        with self.lock:
            document = self.document(name, text, net)
            place = document.lines.at_units(offset)
            found = offers(self.session, document, place)
            start = typed_from(document, place, found)
            return {
                "from": units(document.source.text[:start]),
                "offers": [offer._asdict() for offer in found],
            }

    def finish(self, name: str, text: str, net: str) -> Answer:
        """The faults of all nets with their fixes, and the table of the one in view."""
        with self.lock:
            document = self.document(name, text, net)
            source, network = document.source, self.network(document)
            faults = document.diagnostics
            if document.fault is None:
                read = FileReader(self.session, document)
                faults = list(check_source(source, read, None, SETTINGS, lint=True, keep=ignore).diagnostics)
            answer: Answer = {"faults": [self.fault(source, each) for each in faults], "table": ""}
        if network is not None:
            with sparing(ignore):
                answer["table"] = summary(network, "html")
        return answer

    def paint(self, name: str, text: str, net: str, view: str, theme: str) -> Answer:
        """The picture of the net in view, or why there is none."""
        with self.lock:
            network = self.network(self.document(name, text, net))
        if network is None:
            return {"problem": ""}
        return self.painter.submit(paint, network, view, theme, self.engines).result()

    def document(self, name: str, text: str, net: str) -> Document:
        """The text of a file as it is on the page, checked."""
        path = self.root + name
        known = self.session.documents.get(path)
        if known is None:
            self.session.open(path, text)
        elif known.text != text:
            self.session.change(path, text)
        self.see_changes(path)
        document = self.session.refresh(path)
        assert document is not None
        self.stamps |= {used: stamp_of(used) for used in document.used}
        if net and net != document.view:
            self.session.choose(path, net)
        return document

    def see_changes(self, path: str) -> None:
        """A file that a text uses may be another on the disk by now."""
        for used in self.session.documents[path].used:
            if self.stamps.get(used) != stamp_of(used):
                self.session.touch(used)

    def network(self, document: Document) -> Network | None:
        found = document.check.network if document.check is not None else None
        return found if found is not None and found.inputs else None

    def size(self, document: Document, size: LineSize) -> Answer:
        line = document.source.position(size.offset)[0]
        return {"line": line, "text": size.words, "stale": size.stale}

    def fault(self, source: Source, fault: Diagnostic) -> Answer:
        return {
            "code": fault.code,
            "severity": fault.severity,
            "message": fault.message,
            "place": self.place(source, fault.span),
            "label": fault.label,
            "notes": [
                {"message": note.message, "place": note.span and self.place(source, note.span)}
                for note in fault.notes
            ],
            "fixes": [
                {
                    "title": fix.title,
                    "edits": [self.place(source, edit.span) | {"text": edit.text} for edit in fix.edits],
                }
                for fix in fault.fixes
            ],
        }

    def place(self, source: Source, span: Span) -> Answer:
        """A stretch of the text on the page, in UTF-16 as browsers count; or the file where it is."""
        name = span.source.name
        line = span.line
        if span.source is not source and name != source.name:
            return {"file": name.removeprefix(self.root), "line": line}
        before, inside = span.source.text[: span.start], span.text
        return {"line": line, "start": units(before), "end": units(before) + units(inside)}


def facts(document: Document) -> str:
    """`1@28x28 -> 10, 61,706 parameters, …` of the net in view; of one with faults nothing."""
    network = document.check.networks.get(document.view) if document.check is not None else None
    return "" if network is None else figures(network)


def paint(network: Network, view: str, theme: str, engines: Sequence[Callable[[], Engine]]) -> Answer:
    """The picture as SVG, or why there is none.

    Graphviz as WebAssembly, once it is compiled, is faster than a new process for each of the layouts tried.
    """
    look = Look(view="volume" if view == "volume" else "graph", theme=THEMES.get(theme, THEMES["light"]))
    problem = ""
    for draw in engines:
        try:
            return {"picture": picture(network, ".svg", look, draw=draw()).content.decode()}
        except DrawProblem as one:
            problem = str(one)
    return {"problem": problem}


def ignore(failure: Exception) -> None:
    """Where something fails, the page goes without it."""
