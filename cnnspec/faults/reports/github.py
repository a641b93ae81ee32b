"""Workflow commands, by which a GitHub action marks lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.faults.reports import SHOWN, tally
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.diagnostics import Diagnostic

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """One `::error …::message` a fault; what was left out is counted in a last notice."""
    lines = [_command(diagnostic) for diagnostic in diagnostics[:SHOWN]]
    if len(diagnostics) > SHOWN:
        lines.append(f"::notice title=cnnspec::{_data(tally(diagnostics))}")
    return "".join(line + "\n" for line in lines)


def _command(d: Diagnostic) -> str:
    names = ("line", "col", "endLine", "endColumn")
    places = {"file": d.span.source.name, **dict(zip(names, d.span.bounds, strict=True))}
    if places["endLine"] != places["line"]:  # GitHub takes columns only within a line
        del places["col"], places["endColumn"]
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in places.items())
    sentences = [d.message, *([d.label] if d.label else [])]
    sentences += [
        note.message if note.span is None else f"line {note.span.line}: {note.message}" for note in d.notes
    ]
    sentences += [f"help: {fix.title}" for fix in d.fixes]
    return f"::{_COMMANDS[d.severity]} {properties},title={d.code}::{_data(chr(10).join(sentences))}"


def _data(text: str) -> str:
    shown = "\n".join(map(visible, text.split("\n")))
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
