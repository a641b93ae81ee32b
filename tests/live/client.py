"""A real client: pygls' own, which reads each answer by the types of the protocol, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.lsp.client import LanguageClient

WAIT = 60.0
"""Seconds after which a test fails that waits in vain."""

CONVERTER = get_converter()
ROOT = Path(__file__).parents[2]


class Client:
    """Calls the server and waits for its answers."""

    def __init__(self, roots: Sequence[Path] = (), capabilities: Any = None, options: Any = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.told: dict[str, list[types.PublishDiagnosticsParams]] = {}
        self.logged: list[str] = []
        self.asked: list[str] = []
        self.arrived = threading.Condition()
        self.protocol = LanguageClient("tests", "1")
        self.listen()
        self.versions: dict[str, int] = {}
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.wait(
            self.protocol.start_io(
                sys.executable, "-m", "cnnspec", "lsp", "--stdio", cwd="/", env=environment
            )
        )
        folders = [types.WorkspaceFolder(root.as_uri(), root.name) for root in roots]
        self.initialized = self.ask(
            "initialize",
            types.InitializeParams(
                capabilities=capabilities or types.ClientCapabilities(),
                workspace_folders=folders,
                initialization_options=options,
            ),
        )
        self.protocol.initialized(types.InitializedParams())

    def listen(self) -> None:
        @self.protocol.feature("textDocument/publishDiagnostics")
        def told(params: types.PublishDiagnosticsParams) -> None:
            with self.arrived:
                self.told.setdefault(params.uri, []).append(params)
                self.arrived.notify_all()

        @self.protocol.feature("window/logMessage")
        def logged(params: types.LogMessageParams) -> None:
            self.logged.append(params.message)

        @self.protocol.feature("client/registerCapability")
        def registered(params: types.RegistrationParams) -> None:
            self.asked += [each.method for each in params.registrations]

        @self.protocol.feature("workspace/inlayHint/refresh")
        def refresh(_: Any) -> None:
            self.asked.append("hints")

    def wait(self, call: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(WAIT)

    def ask(self, method: str, params: Any = None) -> Any:
        """The answer to a request. Raises pygls' JsonRpcException where that is an error."""
        if isinstance(params, dict):
            params = CONVERTER.structure(params, types.METHOD_TO_TYPES[method][2])

        async def asking() -> Any:
            return await self.protocol.protocol.send_request_async(method, params)

        return self.wait(asking())

    def notify(self, method: str, params: Any) -> None:
        self.loop.call_soon_threadsafe(self.protocol.protocol.notify, method, params)

    def open(self, uri: str, text: str) -> None:
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri, "cnnspec", 1, text)
        self.notify("textDocument/didOpen", types.DidOpenTextDocumentParams(item))

    def change(self, uri: str, *changes: Any) -> int:
        """Send changes, whole texts or (start line, column, end line, column, text); the new version."""
        self.versions[uri] += 1
        events: list[Any] = []
        for change in changes:
            if isinstance(change, str):
                events.append(types.TextDocumentContentChangeWholeDocument(change))
            else:
                start, end = types.Position(*change[:2]), types.Position(*change[2:4])
                events.append(types.TextDocumentContentChangePartial(types.Range(start, end), change[4]))
        item = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.notify("textDocument/didChange", types.DidChangeTextDocumentParams(item, events))
        return self.versions[uri]

    def diagnostics(self, uri: str, version: int | None = None) -> list[types.Diagnostic]:
        """What was told first of a version, the newest one if none is given."""
        version = self.versions[uri] if version is None else version
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.of(uri, version), WAIT)
            return list(self.of(uri, version)[0].diagnostics)

    def of(self, uri: str, version: int) -> list[types.PublishDiagnosticsParams]:
        return [params for params in self.told.get(uri, ()) if params.version == version]

    def ask_at(self, method: str, uri: str, line: int, column: int, **more: Any) -> Any:
        """A request about a place."""
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
        return self.ask(method, place | more)

    def ask_of(self, method: str, uri: str, **more: Any) -> Any:
        """A request about a text."""
        return self.ask(method, {"textDocument": {"uri": uri}} | more)

    def close(self) -> int | None:
        """The exit code."""
        self.ask("shutdown")
        self.notify("exit", None)
        server = self.protocol._server
        code = self.wait(server.wait()) if server is not None else None
        self.wait(self.protocol.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT)
        return code


@contextmanager
def connected(*roots: Path, **options: Any) -> Iterator[Client]:
    client = Client(roots, **options)
    try:
        yield client
        assert not client.logged, client.logged
    finally:
        code = client.close()
    assert code == 0
