"""The way through texts: where names are given, where they stand, what files hold."""

from __future__ import annotations

from cnnspec.live.answers import find
from cnnspec.live.answers.outline import OutlineEntry, folds, outline, outline_of
from cnnspec.live.lsp.convert import Json
from cnnspec.live.lsp.server import LanguageServer
from cnnspec.live.lsp.wire import REQUEST_FAILED, Problem
from cnnspec.live.name_index import OURS, index_of, mention_at

KINDS = {"net": 5, "block": 12, "constant": 14, "step": 8}
"""What the protocol calls SymbolKind."""


def definition(server: LanguageServer, params: Json) -> Json | None:
    span = find.definition(server.session, *server.place(params))
    return server.encode.location(span) if span is not None else None


def references(server: LanguageServer, params: Json) -> list[Json]:
    document, offset = server.place(params)
    mention = mention_at(document, offset)
    if mention is None:
        return []
    gives = params.get("context", {}).get("includeDeclaration", True)
    found = find.references(server.session, document, mention.symbol)
    return [server.encode.location(each.span) for each in found if gives or not each.gives]


def document_highlight(server: LanguageServer, params: Json) -> list[Json]:
    document, offset = server.place(params)
    mention = mention_at(document, offset)
    found = find.mentions_in(index_of(document), mention.symbol) if mention is not None else []
    return [{"range": server.encode.range(each.span), "kind": 3 if each.gives else 2} for each in found]


def prepare_rename(server: LanguageServer, params: Json) -> Json | None:
    mention = mention_at(*server.place(params))
    if mention is None or mention.symbol.kind not in OURS:
        return None
    return {"range": server.encode.range(mention.span), "placeholder": mention.span.text}


def rename(server: LanguageServer, params: Json) -> Json:
    try:
        edits = find.rename(server.session, *server.place(params), params["newName"])
    except find.RenameRefused as refused:
        raise Problem(REQUEST_FAILED, str(refused)) from None
    return server.encode.workspace_edit(edits)


def document_symbol(server: LanguageServer, params: Json) -> list[Json]:
    document = server.document(params)
    if document.check is None:
        return []
    return [symbol(server, entry) for entry in outline(document.check.module.tree)]


def symbol(server: LanguageServer, entry: OutlineEntry) -> Json:
    return {
        "name": entry.name,
        "detail": entry.detail,
        "kind": KINDS[entry.kind],
        "range": server.encode.range(entry.span),
        "selectionRange": server.encode.range(entry.name_span),
        "children": [symbol(server, inner) for inner in entry.inner],
    }


def workspace_symbol(server: LanguageServer, params: Json) -> list[Json]:
    """Nets, blocks and constants of all files whose name holds the query's letters in their order."""
    query = params.get("query", "").lower()
    found = []
    for name in server.session.files():
        source = server.session.source(name)
        if source is None:
            continue
        for entry in outline_of(name, source.text):
            if holds(entry.name.lower(), query):
                place = server.encode.location(entry.name_span)
                kind, file = KINDS[entry.kind], name.rpartition("/")[2]
                found.append({"name": entry.name, "kind": kind, "location": place, "containerName": file})
    return found


def holds(name: str, query: str) -> bool:
    """Whether the letters of a query stand in a name, in their order."""
    letters = iter(name)
    # `in` reads the iterator on from where the letter before was: `rn5` is in resnet50, `nr5` is not.
    return all(letter in letters for letter in query)


def folding_range(server: LanguageServer, params: Json) -> list[Json]:
    document = server.document(params)
    if document.check is None:
        return []
    found = []
    for first, last, comment in folds(document.source, document.check.module.tree):
        one: Json = {"startLine": first - 1, "endLine": last - 1}
        found.append(one | {"kind": "comment"} if comment else one)
    return found
