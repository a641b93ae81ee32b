"""What is served: open texts, checked as they change; between messages what may wait: other nets, fixes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

from cnnspec import __version__
from cnnspec.faults.selection import Selection
from cnnspec.live.answers import fixes
from cnnspec.live.answers.tokens import LEGEND
from cnnspec.live.lsp import wire
from cnnspec.live.lsp.connection import Connection
from cnnspec.live.lsp.convert import Encoder, Json, name_in, place_in
from cnnspec.live.positions import name_of
from cnnspec.live.session import Document, Session

REST = 0.4
"""Seconds without a message before work that may wait begins: longer than between two keys."""

Handler = Callable[["LanguageServer", Any], Any]

REQUESTS = {
    "textDocument/hover": "assist.hover",
    "textDocument/completion": "assist.completion",
    "textDocument/signatureHelp": "assist.signature_help",
    "textDocument/definition": "navigate.definition",
    "textDocument/references": "navigate.references",
    "textDocument/documentHighlight": "navigate.document_highlight",
    "textDocument/prepareRename": "navigate.prepare_rename",
    "textDocument/rename": "navigate.rename",
    "textDocument/documentSymbol": "navigate.document_symbol",
    "textDocument/foldingRange": "navigate.folding_range",
    "workspace/symbol": "navigate.workspace_symbol",
    "textDocument/codeAction": "code_actions.code_action",
    "textDocument/formatting": "code_actions.formatting",
    "textDocument/inlayHint": "display.inlay_hint",
    "textDocument/codeLens": "display.code_lens",
    "textDocument/semanticTokens/full": "display.semantic_tokens",
    "workspace/executeCommand": "display.execute_command",
}
"""By method the function here that answers, and its module, which is loaded with its first use."""

NOTICES = {
    "initialized": "notices.initialized",
    "textDocument/didOpen": "notices.did_open",
    "textDocument/didChange": "notices.did_change",
    "textDocument/didClose": "notices.did_close",
    "workspace/didChangeWatchedFiles": "notices.did_change_watched_files",
    "workspace/didChangeWorkspaceFolders": "notices.did_change_workspace_folders",
    "workspace/didChangeConfiguration": "notices.did_change_configuration",
}

CAPABILITIES: Json = {
    "hoverProvider": True,
    "completionProvider": {"triggerCharacters": ["=", ".", '"', "/"]},
    "signatureHelpProvider": {"triggerCharacters": ["="]},
    "definitionProvider": True,
    "referencesProvider": True,
    "documentHighlightProvider": True,
    "renameProvider": {"prepareProvider": True},
    "documentSymbolProvider": True,
    "workspaceSymbolProvider": True,
    "foldingRangeProvider": True,
    "codeActionProvider": {"codeActionKinds": ["quickfix", "source.fixAll.cnnspec"]},
    "documentFormattingProvider": True,
    "semanticTokensProvider": {"legend": {"tokenTypes": [*LEGEND], "tokenModifiers": []}, "full": True},
    "inlayHintProvider": True,
    "codeLensProvider": {},
    "executeCommandProvider": {"commands": ["cnnspec.view"]},
    "textDocumentSync": {"openClose": True, "change": 2, "save": False},
    "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
}


class LanguageServer(Connection):
    """The texts of one client; `run` lives as long as the connection."""

    def __init__(
        self,
        incoming: BinaryIO,
        outgoing: BinaryIO,
        select: Callable[[str], Selection] = lambda _: Selection(),
    ) -> None:
        """`select` gives the warnings that are wanted of the file of a name; all of them, if not given."""
        super().__init__(incoming, outgoing)
        self.select = select
        self.session, self.encode = Session(), Encoder()
        self.options: Json = {}
        self.client: Json = {}  # what it is capable of
        self.published: dict[str, Any] = {}
        self.initialized = self.shut_down = self.rested = False

    def run(self) -> int:
        """Answer until the client is gone; the exit code."""
        threading.Thread(target=self.listen, daemon=True).start()
        while not self.ended:
            message = self.next()
            if message is not None:
                self.rested = False
                self.take(message)
        return 0 if self.shut_down else 1

    def next(self) -> Any:
        """The next message; without one the next piece of work is done, and None."""
        try:
            return self.inbox.get_nowait()
        except queue.Empty:
            self.cancelled.clear()  # those that came too late
        # What is waiting goes first, then what was changed last, then what may wait until nobody types.
        if dirty := self.session.dirty():
            self.guard(lambda: self.check(dirty[0]))
            return None
        if not self.rested:
            try:
                return self.inbox.get(timeout=REST)
            except queue.Empty:
                self.rested = True
                return None
        # Nothing is left to do: wait, however long.
        return None if self.guard(self.use_time) else self.inbox.get()

    # Work between messages

    def check(self, name: str) -> None:
        """Check the net in view of a changed text, and tell."""
        document = self.session.refresh(name)
        if document is not None:
            self.publish(document)
            if document.touched:  # of a text that changes itself the client asks anyway
                document.touched = False
                self.refresh_display()

    def use_time(self) -> bool:
        """Do a piece of what may wait; whether there was any."""
        document = self.session.go_on()
        if document is not None:
            if document.check is not None and document.check.is_complete:
                self.publish(document)
                self.refresh_display()
            return True
        for document in self.session.documents.values():
            check = document.check
            if check is not None and check.fixed is None and not document.dirty and check.diagnostics:
                fixes.with_fixes(check, self.pause)
                return True
        return False

    # Requests and notifications

    def answer(self, method: str, params: Any) -> Any:
        if method == "initialize":
            return self.initialize(params)
        if not self.initialized:
            raise wire.Problem(wire.NOT_INITIALIZED, "`initialize` comes first")
        if method == "shutdown":
            self.shut_down = True
            return None
        if self.shut_down:
            raise wire.Problem(wire.INVALID_REQUEST, "the server is shut down")
        if method not in REQUESTS:
            raise wire.Problem(wire.METHOD_NOT_FOUND, f"there is no method {method}")
        return handler_of(REQUESTS[method])(self, params)

    def notice(self, method: str, params: Any) -> None:
        """One that is not known is passed over."""
        if method == "exit":
            self.ended = True
        elif method in NOTICES and self.initialized and not self.shut_down:
            handler_of(NOTICES[method])(self, params)

    def initialize(self, params: Json) -> Json:
        self.initialized = True
        self.client = params.get("capabilities") or {}
        self.options = params.get("initializationOptions") or {}
        folders = params.get("workspaceFolders") or []
        roots = [folder["uri"] for folder in folders] or [params.get("rootUri")]
        self.session.roots = [name_of(uri) for uri in roots if uri]
        info = {"name": "cnnspec", "version": __version__}
        return {"capabilities": CAPABILITIES, "serverInfo": info}

    # To the client

    def can(self, *path: str) -> bool:
        """Whether the client is capable of something."""
        return bool(within(self.client, path))

    def wants(self, *path: str) -> bool:
        """Whether the user's settings turn something on."""
        return bool(within(self.options, path))

    def refresh_display(self) -> None:
        """Have the client ask anew for what it shows between the lines."""
        for name in ("inlayHint", "codeLens"):
            if self.can("workspace", name, "refreshSupport"):
                self.ask(f"workspace/{name}/refresh")

    def publish(self, document: Document) -> None:
        """Tell what is wrong with a text, and with the files that it uses, as far as they are open."""
        self.publish_one(document)
        for name in document.used.keys() & self.session.documents.keys():
            self.publish_one(self.session.documents[name])

    def publish_one(self, document: Document) -> None:
        uri = self.encode.uri(document.name)
        encoded = [self.encode.diagnostic(each) for each in self.diagnostics(document)]
        params: Json = {"uri": uri, "diagnostics": encoded}
        if document.version is not None:
            params["version"] = document.version
        # A check of one text publishes those that it uses, too, most of which have not changed.
        if self.published.get(uri) != params:
            self.published[uri] = params
            self.notify("textDocument/publishDiagnostics", params)

    def diagnostics(self, document: Document) -> list[Any]:
        """What is wrong in a text: what its own check found, and the checks of texts that use it."""
        tree = document.check.module.tree if document.check is not None else None
        found = place_in(document.diagnostics, document.source, tree)
        for other in self.session.documents.values():
            if document.name in other.used and other.check is not None:
                # A fault in an older version of this text has no place in the present one.
                found += [d for d in other.diagnostics if d.span.source is document.source]
        # Two texts that use this one find the same faults in it.
        return list(dict.fromkeys(filter(self.select(document.name).wants, found)))

    # The text that a request is about

    def document(self, params: Json) -> Document:
        """The open text, checked as far as its net in view goes. Raises Problem."""
        name = name_in(params)
        known = self.session.documents.get(name)
        if known is not None and known.dirty:
            self.check(name)
        if known is None:
            raise wire.Problem(wire.INVALID_PARAMS, f"{params['textDocument']['uri']} is not open")
        return known

    def place(self, params: Json) -> tuple[Document, int]:
        """The open text, checked, and the offset in it that a request is about. Raises Problem."""
        document = self.document(params)
        return document, self.offset(document, params["position"])

    def offset(self, document: Document, position: Json) -> int:
        return document.lines.offset(position["line"], position["character"])


def within(found: Any, path: tuple[str, ...]) -> Any:
    """What lies under a path of keys; None where nothing does."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def handler_of(place: str) -> Handler:
    """The function of a table's row."""
    module, _, function = place.partition(".")
    handler: Handler = getattr(import_module(f"cnnspec.live.lsp.{module}"), function)
    return handler
