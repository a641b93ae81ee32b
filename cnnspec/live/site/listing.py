"""A specification as HTML: coloured by the table of the language, the sizes behind its lines."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from cnnspec.draw.page.source_pane import coloured_lines


def listing(text: str, sizes: Mapping[int, str] | None = None, name: str = "Specification") -> str:
    """A text whose lines, counted from 1, are followed by their sizes.

    Sizes are no part of the text: they are left out where it is copied.
    """
    lines = [
        line + size(sizes.get(number) if sizes else None)
        for number, line in enumerate(coloured_lines(text.rstrip("\n")), 1)
    ]
    body = "\n".join(lines)
    return (
        f'<pre class="code" tabindex="0" role="region" aria-label="{escape(name)}"><code>{body}</code></pre>'
    )


def size(words: str | None) -> str:
    return "" if words is None else f'<span class="size">  → {escape(words)}</span>'
