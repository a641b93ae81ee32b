"""Comments as other languages have them: `// …`, `/* … */`."""

from __future__ import annotations

import re

from cnnspec.text.diagnostics import Diagnostic, Edit, Fix
from cnnspec.text.source import Source, Span

_QUOTED = re.compile(r'"[^"]*"')


def comment_at(source: Source, at: int) -> Diagnostic | None:
    """The fault of a comment that begins on the line of an offset, there or before; None where none does."""
    start = source.line_start(at)
    line = source.text[start : source.line_end(at)].partition("#")[0]
    found = re.search(r"//|/\*", _QUOTED.sub(lambda quoted: " " * len(quoted[0]), line))
    if found is None or start + found.start() > at:
        return None
    sign, place = found[0], start + found.start()
    edits = [Edit(Span(source, place, place + len(sign)), "#")]
    if sign == "/*":
        end = line.find("*/", found.end())
        if end < 0 or line[end + 2 :].strip():
            return Diagnostic("E0101", "a comment begins with `#` and ends with its line", edits[0].span)
        edits.append(Edit(Span(source, start + end, start + end + 2), ""))
    return Diagnostic(
        "E0101",
        "a comment begins with `#`",
        edits[0].span,
        fixes=(Fix("write `#`", tuple(edits)),),
    )
