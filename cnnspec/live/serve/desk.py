"""What the page asks of a text: at each keystroke sizes and faults, at rest fixes, table and picture."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock
from typing import Any, NamedTuple

from cnnspec import api
from cnnspec.draw.graph.graphviz_engine import DrawProblem, Engine, engine
from cnnspec.draw.look import Look
from cnnspec.draw.picture import picture
from cnnspec.draw.theme import THEMES
from cnnspec.elaborate.settings import Settings
from cnnspec.failures import sparing
from cnnspec.graph.tree import Network
from cnnspec.live.answers.complete import offers, start_of_word
from cnnspec.live.answers.fixes import Interrupted, with_fixes
from cnnspec.live.findings import SETTINGS, Check, ignore
from cnnspec.live.positions import units
from cnnspec.live.session import Document, Session
from cnnspec.tables.summary import summary
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import Stamp, stamp_of
from cnnspec.text.source import Source, Span

PAINTER = ThreadPoolExecutor(1)
"""Graphviz, as WebAssembly, is compiled once in a thread: all pictures are drawn in this one."""

Answer = dict[str, Any]


class Question(NamedTuple):
    """What a page asks about: a text under its name, the net in view, and what is given to its parameters.

    Under "" stands what is given to its only input. `offset` is a place in the text, in units of UTF-16;
    `view`, `theme` and `form` are those of the picture.
    """

    name: str
    text: str
    net: str = ""
    parameters: Mapping[str, str] = {}
    offset: int = 0
    view: str = "graph"
    theme: str = "light"
    form: str = "svg"


def parse_question(asked: Answer) -> Question:
    """The question that JSON holds. Raises ValueError."""
    example = Question("", "")._asdict()
    found = {key: asked[key] for key in example if key in asked}
    # Not isinstance, for True is an int.
    wrong = [key for key, value in found.items() if type(value) is not type(example[key])]
    wrong += [key for key in ("name", "text") if key not in found]
    if wrong or not all(isinstance(value, str) for value in found.get("parameters", {}).values()):
        raise ValueError(f"{(*wrong, 'parameters')[0]} is not what it has to be")
    return Question(**found)


class Desk:
    """The texts that a page shows, under their paths.

    The `engine` draws its pictures, where the `painter` computes.
    """

    def __init__(self, root: str, painter: Executor = PAINTER, engine: Callable[[], Engine] = engine) -> None:
        self.painter, self.engine = painter, engine
        self.root = root.rstrip("/") + "/"
        self.session = Session()
        self.lock = Lock()
        self.hurry = Event()  # someone types on, and waits for the lock
        self.answers: dict[str, Callable[[Question], Answer]] = {
            "compile": self.compile,
            "offer": self.offer,
            "finish": self.finish,
            "paint": self.paint,
        }

    def warm(self) -> None:
        """Compile Graphviz before the first picture is asked for."""
        self.painter.submit(self.engine)

    def compile(self, asked: Question) -> Answer:
        """Sizes and faults of a text, its net of that name, or the one where it changed, in view."""
        # Who seeks fixes under the lock sees this, and lets go.
        self.hurry.set()
        with self.lock:
            self.hurry.clear()
            document, refused = self.document(asked)
            check = document.check
            return {
                "nets": check.nets if check else [],
                "net": document.view,
                "parameters": parameters(check) if check else {},
                "refused": refused,
                "facts": check.figures(document.view) if check else "",
                "sizes": [
                    {
                        "line": document.source.position(size.offset)[0],
                        "text": size.words,
                        "stale": size.stale,
                    }
                    for size in document.sizes
                ],
                "faults": [self.fault(document.source, each) for each in document.diagnostics],
            }

    def offer(self, asked: Question) -> Answer:
        """What may be written at the offset, and `from` where on it replaces the text."""
        with self.lock:
            document, _ = self.document(asked)
            place = document.lines.at_units(asked.offset)
            found = offers(self.session, document, place)
            start = start_of_word(document, place, found)
            return {
                "from": units(document.source.text[:start]),
                "offers": [offer._asdict() for offer in found],
            }

    def finish(self, asked: Question) -> Answer:
        """The faults of all nets with their fixes, and the table of the one in view.

        Of a net that is given parameters its own faults alone. Where someone types on meanwhile, who will ask
        again, they are those that are known.
        """
        with self.lock:
            document, _ = self.document(asked)
            source, network = document.source, self.network(document)
            with suppress(Interrupted):
                self.complete(document.check)
            faults = document.diagnostics
            answer: Answer = {"faults": [self.fault(source, each) for each in faults], "table": ""}
        if network is not None:
            with sparing(ignore):
                answer["table"] = summary(network, "html")
        return answer

    def complete(self, check: Check | None) -> None:
        """Check the other nets, and seek fixes. Raises Interrupted."""
        while check is not None and check.settings.empty and not check.is_complete:
            self.pause()
            check.go_on()
        if check is not None and check.diagnostics:
            with_fixes(check, self.pause)

    def pause(self) -> None:
        if self.hurry.is_set():
            raise Interrupted

    def paint(self, asked: Question) -> Answer:
        """The picture of the net in view, or why there is none."""
        with self.lock:
            network = self.network(self.document(asked)[0])
        if network is None:
            return {"problem": ""}
        # Outside of the lock: a picture takes seconds, in which sizes and faults are to follow the keys.
        return self.painter.submit(paint, network, asked, self.engine).result()

    def document(self, asked: Question) -> tuple[Document, str]:
        """The text of a file as it is on the page, checked, and why not with the given parameters."""
        path, refused = self.root + asked.name, ""
        known = self.session.documents.get(path)
        if known is None:
            self.session.open(path, asked.text)
        elif known.text != asked.text:
            self.session.change(path, asked.text)
        # The page reports its own text alone; a file that it uses may be written by any editor.
        self.session.touch_written(path)
        document = self.session.refresh(path)
        assert document is not None
        try:
            settings = settings_of(asked.parameters)
        except ValueError as problem:
            settings, refused = SETTINGS, str(problem)
        # To choose is to check: a net that is in view already, set as it is, is not checked again.
        if (asked.net and asked.net != document.view) or settings != document.settings:
            self.session.choose(path, asked.net or document.view, settings)
        return document, refused or (document.check.refused if document.check is not None else "")

    def used(self, name: str) -> list[Stamp]:
        """What is another once a file is that a text uses."""
        with self.lock:
            document = self.session.documents.get(self.root + name)
            return [stamp_of(used) for used in sorted(document.used)] if document is not None else []

    def network(self, document: Document) -> Network | None:
        found = document.check.network if document.check is not None else None
        # Without an input, as while the first line is typed, there is nothing to draw or to list.
        return found if found is not None and found.inputs else None

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


def settings_of(given: Mapping[str, str]) -> Settings:
    """What is given to parameters, each as the language writes it. Raises ValueError."""
    parameters = {name: text for name, text in given.items() if name}
    return api.settings_of(parameters, {"": given[""]} if "" in given else {})


def parameters(check: Check) -> Answer:
    """What the text gives the parameters of the net in view, by their names, and its only input."""
    found: Answer = {}
    for item in check.module.lineage(check.in_view):
        if isinstance(item, syntax.Variant):
            # From B in `net B = A depth=2` on to A: what a nearer one says goes before what it varies.
            found = {each.name: each.value.span.text for each in item.keywords} | found
        else:
            written = {each.name.name: each.default for each in item.parameters}
            found = {name: found.get(name, each.span.text if each else "") for name, each in written.items()}
    network = check.network
    if network is not None and len(network.inputs) == 1:
        found[""] = str(network.inputs[0].value.shape)
    return found


def paint(network: Network, asked: Question, engine: Callable[[], Engine]) -> Answer:
    """The picture, SVG as text and PDF in base 64; or why there is none."""
    view = "volume" if asked.view == "volume" else "graph"
    look = Look(view=view, theme=THEMES.get(asked.theme, THEMES["light"]))
    try:
        if asked.form == "pdf":
            return {"pdf": b64encode(picture(network, ".pdf", look, draw=engine()).content).decode()}
        return {"picture": picture(network, ".svg", look, draw=engine()).content.decode()}
    except DrawProblem as problem:
        return {"problem": str(problem)}
