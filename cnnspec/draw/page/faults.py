"""What is wrong with a network: reported above its views, and in its text below the lines that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import islice

from cnnspec.draw.page.source_lines import Sources, TextLine
from cnnspec.text.diagnostics import Diagnostic

MOST_FAULTS = 50  # in the text
MOST_LISTED = 4  # above the views

Marks = dict[TextLine, list[tuple[int, Diagnostic]]]
"""By line the faults in it, with their numbers."""


def marks(faults: Sequence[Diagnostic], sources: Sources) -> Marks:
    found: Marks = {}
    for number, fault in islice(enumerate(faults), MOST_FAULTS):
        found.setdefault(sources.place(fault.span), []).append((number, fault))
    return found


def fault_list(faults: Sequence[Diagnostic], sources: Sources) -> str:
    """A list of faults, each leading to its place in the text; "" where nothing is wrong."""
    if not faults:
        return ""
    items = []
    for number, fault in islice(enumerate(faults), MOST_LISTED):
        where = escape(sources.where(fault.span))
        items.append(f'<li><a href="#fault{number}">{message(fault)}</a> <span>{where}</span></li>')
    if len(faults) > MOST_LISTED:
        items.append(f"<li>and {len(faults) - MOST_LISTED:,} more: see the text</li>")
    return '<ul id="faults" aria-label="Faults">\n' + "\n".join(items) + "\n</ul>"


def message(fault: Diagnostic) -> str:
    return f"<b>{fault.code}</b> {escape(fault.message)}"


def remarks(found: Sequence[tuple[int, Diagnostic]]) -> str:
    """What stands below a line: its faults, and the ways out."""
    said = []
    for number, fault in found:
        said.append(f'<p id="fault{number}">{message(fault)}</p>')
        said += [f"<p>help: {escape(fix.title)}</p>" for fix in fault.fixes]
    return "".join(said)
