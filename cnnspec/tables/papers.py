"""The table to paste: Markdown, LaTeX for the booktabs package, and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from cnnspec.tables import clean
from cnnspec.tables.columns import COLUMNS, heading, notes, total_words
from cnnspec.tables.rows import Table, rows_of
from cnnspec.text.latex import escape_latex

LEFT = ("layer", "kernel")


def cells(table: Table, columns: Sequence[str], escape: Callable[[str], str]) -> list[list[str]]:
    """All rows and the totals."""
    rows = [[COLUMNS[key].words(row, table) for key in columns] for row in rows_of(table.items)]
    rows.append([total_words(key, table) for key in columns])
    return [[escape(clean(cell)) for cell in row] for row in rows]


def markdown(table: Table, columns: Sequence[str]) -> str:
    rows = [[heading(key, table) for key in columns], ["---" if key in LEFT else "---:" for key in columns]]
    rows += cells(table, columns, escape_markdown)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, "", *(escape_markdown(clean(note)) for note in notes(table)), ""])


def escape_markdown(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", text)


def html(table: Table, columns: Sequence[str]) -> str:
    """A `<table>` without a style of its own."""

    def line(words: Sequence[str], tag: str) -> str:
        sides = ("left" if key in LEFT else "right" for key in columns)
        row = (f'<{tag} align="{side}">{cell}</{tag}>' for side, cell in zip(sides, words, strict=True))
        return f"<tr>{''.join(row)}</tr>"

    *rows, totals = cells(table, columns, escape)
    lines = [
        "<table>",
        f"<thead>{line([escape(heading(key, table)) for key in columns], 'th')}</thead>",
        "<tbody>",
        *(line(row, "td") for row in rows),
        "</tbody>",
        f"<tfoot>{line(totals, 'th')}</tfoot>",
        "</table>",
    ]
    return "\n".join(lines) + "\n"


def latex(table: Table, columns: Sequence[str]) -> str:
    """A tabular; it is short of `\\usepackage{booktabs}`."""
    *rows, totals = cells(table, columns, escape_latex)
    lines = [
        *(f"% {clean(note)}" for note in notes(table)),
        r"\begin{tabular}{" + "".join("l" if key in LEFT else "r" for key in columns) + "}",
        r"\toprule",
        latex_row([escape_latex(heading(key, table)) for key in columns]),
        r"\midrule",
        *map(latex_row, rows),
        r"\midrule",
        latex_row(totals),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def latex_row(row: list[str]) -> str:
    return " & ".join(row) + r" \\"
