"""The table of the layers, and the page's other way to tell all that the picture shows."""

from __future__ import annotations

from html import escape

from cnnspec.draw.page.entries import Contents, Entry
from cnnspec.values.shapes import percentage

COLUMNS = ("#", "Layer", "Operation", "Output", "Parameters", "Share", "MACs", "Receptive field", "Line")
NUMBERS = frozenset(("#", "Parameters", "Share", "MACs", "Line"))


def table(found: Contents) -> str:
    """A row for every input and layer; a cell whose words do not sort as they should bears a key."""
    total = max(1, sum(entry.params for entry in found.entries))
    rows = "\n".join(row(number, entry, total) for number, entry in enumerate(found.entries))
    return (
        f"<table>\n<caption>Layers in the order of execution</caption>\n<thead><tr>{heads()}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def heads() -> str:
    return "".join(
        f'<th scope="col"{class_of(name)}><button type="button">{name}</button></th>' for name in COLUMNS
    )


def row(number: int, entry: Entry, total: int) -> str:
    """MACs and parameters that are none are left blank, as in papers."""
    cells = (
        ("#", str(number), number),
        ("Operation", entry.words, entry.words),
        ("Output", entry.made, entry.leaving.features if entry.leaving else 0),
        ("Parameters", f"{entry.params:,}" if entry.params else "", entry.params),
        ("Share", f"{percentage(entry.params, total, 1)}%" if entry.params else "", entry.params),
        ("MACs", f"{entry.macs:,}" if entry.macs else "", entry.macs),
        ("Receptive field", entry.field, entry.field),
        ("Line", str(entry.places[0].line), entry.places[0].file * 10**6 + entry.places[0].line),
    )
    made = [
        f'<td{class_of(name)} data-key="{escape(str(key))}">{escape(words)}</td>'
        for name, words, key in cells
    ]
    made.insert(1, f'<th scope="row" data-key="{escape(entry.path)}">{escape(entry.path)}</th>')
    return f'<tr data-layers="{number}">{"".join(made)}</tr>'


def class_of(name: str) -> str:
    return ' class="number"' if name in NUMBERS else ""
