"""SARIF 2.1.0, the exchange format of static analysis tools."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from cnnspec.faults import explain
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit
from cnnspec.text.source import Source, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """A log of one run, with every fault and a rule for every code among them."""
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    run = {
        "tool": {"driver": {"name": "cnnspec", "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in diagnostics],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    page = explain.page(code)
    rule: dict[str, Any] = {"id": code}
    if page is not None:
        rule["shortDescription"] = {"text": page.title}
        rule["fullDescription"] = {"text": page.text}
        rule["help"] = {"text": explain.render(page)}
    return rule


def _result(d: Diagnostic, index: int) -> dict[str, Any]:
    facts = [note.message for note in d.notes if note.span is None]
    message = "\n".join([d.message, *([d.label] if d.label else []), *facts])
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": index,
        "level": d.severity,
        "message": {"text": message},
        "locations": [_location(d.span)],
    }
    notes = dict.fromkeys(d.notes)  # the standard wants related locations and fixes to be unique
    related = [{**_location(n.span), "message": {"text": n.message}} for n in notes if n.span is not None]
    if related:
        result["relatedLocations"] = related
    fixes = [_fix(fix) for fix in dict.fromkeys(d.fixes) if fix.edits]
    if fixes:
        result["fixes"] = fixes
    return result


def _location(span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.source)}, "region": _region(span)}}


def _region(span: Span) -> dict[str, int]:
    return dict(zip(("startLine", "startColumn", "endLine", "endColumn"), span.bounds, strict=True))


def _fix(fix: Fix) -> dict[str, Any]:
    edits: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        edits.setdefault(_uri(edit.span.source), []).append(edit)
    changes = [
        {
            "artifactLocation": {"uri": uri},
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
                for edit in of_file
            ],
        }
        for uri, of_file in edits.items()
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes, "properties": {"safe": fix.safe}}


def _uri(source: Source) -> str:
    """A relative path as a relative reference, an absolute one as a file URI."""
    path = PurePath(source.name)
    if path.is_absolute():
        return path.as_uri()
    return quote(os.fsencode(path.as_posix()))  # a name need be no UTF-8
