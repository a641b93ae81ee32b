"""The specification's text, its lines tied to the layers that they make."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from cnnspec.draw.page.entries import Contents
from cnnspec.draw.page.faults import Marks, remarks
from cnnspec.draw.page.source_lines import Text, TextLine
from cnnspec.text.colouring import BLANK, NO_PART, PLAIN, colour

UNCOLOURED = (BLANK, NO_PART, PLAIN)


def source_pane(found: Contents, wrong: Marks) -> str:
    """Every file in a list of lines, faults below theirs."""
    made: dict[TextLine, list[int]] = {}
    for number, entry in enumerate(found.entries):
        for place in entry.places:
            made.setdefault(place, []).append(number)
    return "\n".join(listing(file, text, made, wrong) for file, text in enumerate(found.sources.texts()))


def listing(file: int, text: Text, made: Mapping[TextLine, list[int]], wrong: Marks) -> str:
    name = escape(text.name)
    places = [
        (line, TextLine(file, number)) for number, line in enumerate(coloured_lines("\n".join(text.lines)), 1)
    ]
    body = "\n".join(item(code, made.get(place, []), remarks(wrong.get(place, []))) for code, place in places)
    return f'<h2>{name}</h2>\n<ol class="code" aria-label="{name}">\n{body}\n</ol>'


def item(code: str, layers: list[int], remark: str) -> str:
    opening = '<li class="wrong">' if remark else "<li>"
    tag = f'<code class="line" data-layers="{" ".join(map(str, layers))}">' if layers else "<code>"
    return f"{opening}{tag}{code}</code>{remark}</li>"


def coloured_lines(text: str) -> list[str]:
    """The lines of a text as HTML; no stretch that has a colour goes on to another line."""
    return "".join(piece(kind, text[start:end]) for kind, start, end in colour(text)).split("\n")


def piece(kind: str, words: str) -> str:
    return escape(words) if kind in UNCOLOURED else f'<span class="{kind}">{escape(words)}</span>'
