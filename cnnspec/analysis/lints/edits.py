"""Edits that lints offer."""

from __future__ import annotations

from cnnspec.text.diagnostics import Edit
from cnnspec.text.source import Span


def without_step(span: Span) -> Edit | None:
    """Take a step out, with the comma before it or with its line; None where it is not so plain."""
    text = span.source.text
    before = text[: span.start].rstrip(" \t")
    if before.endswith(","):
        return Edit(Span(span.source, len(before) - 1, span.end), "")
    end = text.find("\n", span.end)
    rest = text[span.end : end] if end >= 0 else text[span.end :]
    if before.endswith("\n") and end >= 0 and not rest.partition("#")[0].strip():
        return Edit(Span(span.source, len(before), end + 1), "")
    return None
