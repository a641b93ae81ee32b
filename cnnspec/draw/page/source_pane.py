"""The specification's text, its lines tied to the layers that they make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from cnnspec.draw.page.entries import Contents
from cnnspec.draw.page.faults import Marks, remarks
from cnnspec.draw.page.source_lines import Text, TextLine

_COMMENT = re.compile(r'((?:[^#"]|"[^"]*(?:"|$))*)(#.*)?')


def source_pane(found: Contents, wrong: Marks) -> str:
    """Every file in a list of lines, faults below theirs."""
    made: dict[TextLine, list[int]] = {}
    for number, entry in enumerate(found.entries):
        for place in entry.places:
            made.setdefault(place, []).append(number)
    return "\n".join(listing(file, text, made, wrong) for file, text in enumerate(found.sources.texts()))


def listing(file: int, text: Text, made: Mapping[TextLine, list[int]], wrong: Marks) -> str:
    name = escape(text.name)
    places = [(words, TextLine(file, number)) for number, words in enumerate(text.lines, 1)]
    body = "\n".join(
        line(words, made.get(place, []), remarks(wrong.get(place, []))) for words, place in places
    )
    return f'<h2>{name}</h2>\n<ol class="code" aria-label="{name}">\n{body}\n</ol>'


def line(words: str, layers: list[int], remark: str) -> str:
    item = '<li class="wrong">' if remark else "<li>"
    code = f'<code class="line" data-layers="{" ".join(map(str, layers))}">' if layers else "<code>"
    return f"{item}{code}{colour_line(words)}</code>{remark}</li>"


def colour_line(words: str) -> str:
    """Comments stand back."""
    match = _COMMENT.fullmatch(words)
    code, comment = match.groups() if match else (words, None)
    return escape(code) + (f"<i>{escape(comment)}</i>" if comment else "")
