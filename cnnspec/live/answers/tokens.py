"""What each word of a text is, for editors that colour by it: the table of colours, and what names mean."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec.live.name_index import index_of
from cnnspec.live.session import Document
from cnnspec.text import colouring
from cnnspec.text.colouring import ColouredText

TYPES = {
    colouring.COMMENT: "comment",
    colouring.STRING: "string",
    colouring.NUMBER: "number",
    colouring.CONSTANT: "keyword",
    colouring.KEYWORD: "keyword",
    colouring.DEFINITION: "class",
    colouring.LABEL: "label",
    colouring.KEY: "property",
    colouring.LAYER: "function",
    colouring.FUNCTION: "function",
    colouring.FIELD: "property",
    colouring.OPERATOR: "operator",
    colouring.PLAIN: "variable",
}
"""The protocol's word for each kind of the table; blanks and brackets have none."""

MEANINGS = {
    "net": "class",
    "block": "class",
    "parameter": "parameter",
    "constant": "variable",
    "label": "label",
    "argument": "property",
    "file": "string",
}
"""And for what a name means, which goes before its colour."""

LEGEND = tuple(dict.fromkeys((*TYPES.values(), *MEANINGS.values())))


def tokens(document: Document) -> Iterator[ColouredText]:
    """The words of a text in their order, each of a type of the legend."""
    index = index_of(document)
    mentions = index.mentions if index is not None else []
    meanings = {m.span.start: MEANINGS[m.symbol.kind] for m in mentions if m.symbol.kind in MEANINGS}
    for kind, start, end in colouring.colour(document.source.text):
        if kind in TYPES:
            yield ColouredText(meanings.get(start, TYPES[kind]), start, end)
