"""The specification's text, its lines tied to the layers that they make."""

from __future__ import annotations

import re
from html import escape

from cnnspec.draw.page.entries import Contents
from cnnspec.draw.page.sources import Place, Text

_COMMENT = re.compile(r'((?:[^#"]|"[^"]*(?:"|$))*)(#.*)?')


def source_pane(found: Contents) -> str:
    """Every file in a list of lines."""
    made: dict[Place, list[int]] = {}
    for number, entry in enumerate(found.entries):
        for place in entry.places:
            made.setdefault(place, []).append(number)
    return "\n".join(listing(file, text, made) for file, text in enumerate(found.sources.texts()))


def listing(file: int, text: Text, made: dict[Place, list[int]]) -> str:
    name = escape(text.name)
    lines = (line(words, made.get(Place(file, number), [])) for number, words in enumerate(text.lines, 1))
    body = "\n".join(lines)
    return f'<h2>{name}</h2>\n<ol class="code" aria-label="{name}">\n{body}\n</ol>'


def line(words: str, layers: list[int]) -> str:
    if not layers:
        return f"<li><code>{coloured(words)}</code></li>"
    return f'<li><code class="line" data-layers="{" ".join(map(str, layers))}">{coloured(words)}</code></li>'


def coloured(words: str) -> str:
    """Comments stand back."""
    match = _COMMENT.fullmatch(words)
    code, comment = match.groups() if match else (words, None)
    return escape(code) + (f"<i>{escape(comment)}</i>" if comment else "")
