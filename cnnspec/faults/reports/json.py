"""The report for programs. check.schema.json, beside this file, is its contract; it is stable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cnnspec.text.diagnostics import Diagnostic, has_errors
from cnnspec.text.source import Span

VERSION = 1


def render(diagnostics: Sequence[Diagnostic], files: Sequence[Mapping[str, Any]]) -> str:
    """One JSON object with every fault and every checked network, in ASCII."""
    report = {
        "version": VERSION,
        "ok": not has_errors(diagnostics),
        "files": list(files),
        "diagnostics": [_diagnostic(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(report, indent=2) + "\n"


def place(span: Span) -> dict[str, str | int]:
    """Where a span stands: lines and columns from 1, columns in code points, the end exclusive."""
    names = ("line", "column", "end_line", "end_column")
    return {"path": span.source.name, **dict(zip(names, span.bounds, strict=True))}


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    message = diagnostic.message
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": message,
        **place(diagnostic.span),
        "notes": [
            *([{"message": diagnostic.label, **place(diagnostic.span)}] if diagnostic.label else []),
            *({"message": note.message, **place(note.span or diagnostic.span)} for note in diagnostic.notes),
        ],
        "fixes": [
            {
                "title": fix.title,
                "safe": fix.safe,
                "edits": [{**place(edit.span), "text": edit.text} for edit in fix.edits],
            }
            for fix in diagnostic.fixes
        ],
    }
