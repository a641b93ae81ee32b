"""Whole files of other frameworks: reported once, by what they are, not line by line."""

from __future__ import annotations

import re

from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.source import Source, Span

_OURS = re.compile(r"^(?:net|block)[ \t]+\w+.*[{=]", re.MULTILINE)
_KINDS = {
    "a Darknet cfg": r"^\[(?:net|network|convolutional|maxpool|connected)\][ \t]*$",
    "a Caffe prototxt": r"^[ \t]*layers?[ \t]*\{(?=[^{}]*\b(?:type|name|bottom)[ \t]*:)",
    "Python code": r"^(?:import \w|from [\w.]+ import\b|class \w+.*:|def \w+\()",
    "a Keras model in JSON": r"\A\s*\{[^#]*\"class_name\"",
    "a YAML of YOLO": r"^(?:backbone|head):[ \t]*\n[ \t]*(?:#.*\n[ \t]*)*- \[",
}
_FAR = 20_000
"""So much of a file is looked at."""


def recognise(source: Source) -> Diagnostic | None:
    """The one fault of a file that is another framework's; None where it may be a faulty one of ours."""
    head = source.text[:_FAR]
    if _OURS.search(head):
        return None
    for kind, pattern in _KINDS.items():
        found = re.search(pattern, head, re.MULTILINE)
        if found is not None:
            start = found.end() - len(found[0].lstrip())
            end = min(found.end(), head.find("\n", start) % (len(head) + 1))
            message = (
                f"this is {kind}, and cnnspec reads a language of its own: "
                "`net Name { input 3@224x224 … }` with a step a line, as in `conv 64@3x3 pad=1, relu`"
            )
            return Diagnostic("E0106", message, Span(source, start, end))
    return None
