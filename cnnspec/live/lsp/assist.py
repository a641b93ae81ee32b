"""Help while one writes: hover, completion, signatures."""

from __future__ import annotations

from cnnspec.live.answers import complete
from cnnspec.live.answers.hover import hover as say
from cnnspec.live.answers.signature import signature
from cnnspec.live.lsp.convert import Json
from cnnspec.live.lsp.server import LanguageServer
from cnnspec.text.source import Span

KINDS = {
    "keyword": 14,
    "key": 10,
    "value": 12,
    "name": 6,
    "layer": 3,
    "function": 3,
    "block": 7,
    "net": 7,
    "label": 18,
    "file": 17,
}
"""CompletionItemKind of the protocol."""


def hover(server: LanguageServer, params: Json) -> Json | None:
    said = say(server.session, *server.place(params))
    if said is None:
        return None
    content = {"kind": "markdown", "value": said.markdown}
    return {"contents": content, "range": server.encode.range(said.span)}


def completion(server: LanguageServer, params: Json) -> Json:
    """What may stand here; the whole of it is in the answer, so that the editor alone narrows it down."""
    document, offset = server.place(params)
    offers = complete.offers(server.session, document, offset)
    typed = Span(document.source, complete.start_of_word(document, offset, offers), offset)
    place = server.encode.range(typed)
    items = []
    for number, offer in enumerate(offers):
        item: Json = {
            "label": offer.text,
            "kind": KINDS[offer.kind],
            # Editors sort by letters: 0002 before 0010.
            "sortText": f"{number:04}",
            "textEdit": {"range": place, "newText": offer.text},
        }
        items.append(item | {"detail": offer.detail} if offer.detail else item)
    return {"isIncomplete": False, "items": items}


def signature_help(server: LanguageServer, params: Json) -> Json | None:
    found = signature(*server.place(params))
    if found is None:
        return None
    shown, start = [], len(found.name)
    for parameter in found.parameters:
        # Of `conv filters kernel` the labels stand at [5, 12] and [13, 19]: behind the name, a blank each.
        start += 1
        end = start + len(parameter.label)
        shown.append({"label": [start, end], "documentation": parameter.doc})
        start = end
    one: Json = {"label": found.label, "documentation": found.doc, "parameters": shown}
    # The protocol has no -1.
    active = found.active if found.active >= 0 else len(shown)
    return {"signatures": [one], "activeSignature": 0, "activeParameter": active}
