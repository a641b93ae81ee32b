"""A specification as HTML: coloured by the table of the language, the sizes behind its lines."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from cnnspec.text.colouring import BLANK, NO_PART, PLAIN, colour

UNCOLOURED = (BLANK, NO_PART, PLAIN)


def listing(text: str, sizes: Mapping[int, str] | None = None, name: str = "Specification") -> str:
    """A text whose lines, counted from 1, are followed by their sizes.

    Sizes are no part of the text: they are left out where it is copied.
    """
    pieces = (piece(kind, text[start:end]) for kind, start, end in colour(text.rstrip("\n")))
    # No stretch that has a colour goes on to another line.
    lines = [
        line + size(sizes.get(number) if sizes else None)
        for number, line in enumerate("".join(pieces).split("\n"), 1)
    ]
    body = "\n".join(lines)
    return (
        f'<pre class="code" tabindex="0" role="region" aria-label="{escape(name)}"><code>{body}</code></pre>'
    )


def piece(kind: str, words: str) -> str:
    return escape(words) if kind in UNCOLOURED else f'<span class="{kind}">{escape(words)}</span>'


def size(words: str | None) -> str:
    return "" if words is None else f'<span class="size">  → {escape(words)}</span>'
