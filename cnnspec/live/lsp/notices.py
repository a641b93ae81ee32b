"""Notifications of the client, which have no answer: texts and files that change, settings."""

from __future__ import annotations

from cnnspec.live.lsp.convert import Json, name_in
from cnnspec.live.lsp.server import LanguageServer
from cnnspec.live.positions import Lines, name_of


def did_open(server: LanguageServer, params: Json) -> None:
    item = params["textDocument"]
    name = name_in(params)
    server.encode.uris[name] = item["uri"]
    server.session.open(name, item["text"], item.get("version"))


def did_change(server: LanguageServer, params: Json) -> None:
    """Edits come one after the other, each in the places that the one before left."""
    document = server.session.documents[name_in(params)]
    text = document.text
    for change in params["contentChanges"]:
        if "range" in change:
            lines, span = Lines(text), change["range"]
            start, end = (lines.offset(p["line"], p["character"]) for p in (span["start"], span["end"]))
            # A range that ends before it starts is an empty one.
            text = text[:start] + change["text"] + text[max(start, end) :]
        else:
            text = change["text"]
    server.session.change(document.name, text, params["textDocument"].get("version"))


def did_close(server: LanguageServer, params: Json) -> None:
    name = name_in(params)
    uri = server.encode.uri(name)
    server.session.close(name)
    server.encode.uris.pop(name, None)
    server.published.pop(uri, None)
    # Else the editor would go on to list the faults of a file that is closed.
    server.notify("textDocument/publishDiagnostics", {"uri": uri, "diagnostics": []})


def did_change_watched_files(server: LanguageServer, params: Json) -> None:
    for change in params["changes"]:
        server.session.touch(name_of(change["uri"]))


def did_change_workspace_folders(server: LanguageServer, params: Json) -> None:
    gone = {name_of(folder["uri"]) for folder in params["event"]["removed"]}
    roots = [root for root in server.session.roots if root not in gone]
    server.session.roots = roots + [name_of(folder["uri"]) for folder in params["event"]["added"]]


def did_change_configuration(server: LanguageServer, params: Json) -> None:
    settings = params.get("settings") or {}
    server.options = settings.get("cnnspec") or settings  # of all programs, or ours alone
    server.refresh_display()


def initialized(server: LanguageServer, params: Json) -> None:
    """Have the client tell of files that change on the disk."""
    if server.can("workspace", "didChangeWatchedFiles", "dynamicRegistration"):
        watchers = {"watchers": [{"globPattern": "**/*.cnn"}]}
        method = "workspace/didChangeWatchedFiles"
        registration = {"id": "cnnspec-files", "method": method, "registerOptions": watchers}
        server.ask("client/registerCapability", {"registrations": [registration]})
