"""The specification's text, its lines tied to the layers that they make, its faults below theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice

from cnnspec.draw.diagram.model import group_pairs
from cnnspec.draw.page.entries import Contents
from cnnspec.draw.page.source_lines import Sources, SourceText, TextLine
from cnnspec.text.colouring import BLANK, NO_PART, PLAIN, colour
from cnnspec.text.diagnostics import Diagnostic

UNCOLOURED = (BLANK, NO_PART, PLAIN)
MOST_FAULTS = 50  # in the text
MOST_LISTED = 4  # above the views

Marks = dict[TextLine, list[tuple[int, Diagnostic]]]
"""By line the faults in it, with their numbers."""


def source_pane(found: Contents, wrong: Marks) -> str:
    """Every file in a list of lines, faults below theirs."""
    made = group_pairs(
        (place, number) for number, entry in enumerate(found.entries) for place in entry.places
    )
    return "\n".join(listing(file, text, made, wrong) for file, text in enumerate(found.sources.texts()))


def listing(file: int, text: SourceText, made: Mapping[TextLine, list[int]], wrong: Marks) -> str:
    name = escape(text.name)
    places = [
        (line, TextLine(file, number)) for number, line in enumerate(coloured_lines("\n".join(text.lines)), 1)
    ]
    body = "\n".join(item(code, made.get(place, []), remarks(wrong.get(place, []))) for code, place in places)
    return f'<h2>{name}</h2>\n<ol class="code" aria-label="{name}">\n{body}\n</ol>'


def item(code: str, layers: list[int], remark: str) -> str:
    opening = '<li class="wrong">' if remark else "<li>"
    tag = f'<code class="line" data-layers="{" ".join(map(str, layers))}">' if layers else "<code>"
    return f"{opening}{tag}{code}</code>{remark}</li>"


def coloured_lines(text: str) -> list[str]:
    """The lines of a text as HTML; no stretch that has a colour goes on to another line."""
    return "".join(piece(kind, text[start:end]) for kind, start, end in colour(text)).split("\n")


def piece(kind: str, words: str) -> str:
    return escape(words) if kind in UNCOLOURED else f'<span class="{kind}">{escape(words)}</span>'


def marks(faults: Sequence[Diagnostic], sources: Sources) -> Marks:
    numbered = islice(enumerate(faults), MOST_FAULTS)
    return group_pairs((sources.place(fault.span), (number, fault)) for number, fault in numbered)


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
