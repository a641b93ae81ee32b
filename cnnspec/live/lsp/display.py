"""What is shown in a text and between its lines: sizes, figures over nets, what each word is."""

from __future__ import annotations

from typing import Any

from cnnspec.live.answers.sizes import LineSize, line_params
from cnnspec.live.answers.tokens import LEGEND, tokens
from cnnspec.live.lsp.convert import Json
from cnnspec.live.lsp.server import LanguageServer
from cnnspec.live.lsp.wire import INVALID_PARAMS, Problem
from cnnspec.live.session import Document
from cnnspec.text.edits import insert


def inlay_hint(server: LanguageServer, params: Json) -> list[Json]:
    """The sizes of the lines in a range."""
    document = server.document(params)
    first, last = params["range"]["start"]["line"], params["range"]["end"]["line"]
    counts = params_of(server, document)
    hints = []
    for size in server.session.sizes(document):
        position = server.encode.position(document.source, size.offset)
        if first <= position["line"] <= last:
            hints.append(hint(server, document, size, position))
            # The protocol counts lines from 0.
            if count := counts.get(position["line"] + 1):
                hints[-1]["label"] += f" · {count:,}"
    return hints


def params_of(server: LanguageServer, document: Document) -> dict[int, int]:
    """The parameters by line, where the user wants to see them."""
    if document.check is None or not server.wants("hints", "parameters"):
        return {}
    return line_params(document.check.module.tree, document.check.runs)


def hint(server: LanguageServer, document: Document, size: LineSize, position: Json) -> Json:
    label = f"({size.words})" if size.stale else size.words
    found: Json = {"position": position, "label": label, "paddingLeft": True}
    if size.stale:
        found["tooltip"] = "the size before: a fault hides what it is now"
    elif len(size.shapes) > 1:
        found["tooltip"] = ", ".join(map(str, size.shapes))
    elif size.certain:
        claim = insert(document.source, size.offset, f"  -> {size.shapes[0]}")
        found["textEdits"] = server.encode.edits([claim])
        found["tooltip"] = "a double click writes it down as a claim"
    return found


def code_lens(server: LanguageServer, params: Json) -> list[Json]:
    """Over each net its sizes, parameters and MACs, and whether it is in view; a click puts it there."""
    document = server.document(params)
    check = document.check
    if check is None:
        return []
    lenses: list[Any] = []
    for name in check.nets:
        span = check.module.nets[name].name.span
        words = check.figures(name)
        if name == check.in_view:
            command: Json = {"title": f"● {words or 'in view'}", "command": ""}
        else:
            arguments = [server.encode.uri(document.name), name]
            command = {
                "title": f"○ {words or 'look at it'}",
                "command": "cnnspec.view",
                "arguments": arguments,
            }
        lenses.append({"range": server.encode.range(span), "command": command})
    return lenses


def execute_command(server: LanguageServer, params: Json) -> None:
    """`cnnspec.view` with a text's URI and a net's name puts that net in view."""
    if params["command"] != "cnnspec.view":
        raise Problem(INVALID_PARAMS, f"there is no command {params['command']}")
    uri, net = params["arguments"]
    document = server.document({"textDocument": {"uri": uri}})
    server.session.choose(document.name, net)
    server.publish(document)
    server.refresh_display()


def semantic_tokens(server: LanguageServer, params: Json) -> Json:
    """Each word by five numbers: lines and columns from the last one, its length, its type, no modifiers."""
    document = server.document(params)
    lines, data = document.lines, []
    last_line = last_column = 0
    for kind, start, end in tokens(document):
        line, column = lines.position(start)
        # Columns count from the word before where that is in the same line.
        before = last_column if line == last_line else 0
        length = lines.position(end)[1] - column
        data += [line - last_line, column - before, length, LEGEND.index(kind), 0]
        last_line, last_column = line, column
    return {"data": data}
