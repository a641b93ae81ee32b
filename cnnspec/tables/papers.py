"""The table to paste: Markdown, HTML, and LaTeX for the booktabs package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from cnnspec.faults.reports.glyphs import visible
from cnnspec.tables.grid import Cell, Grid, Stack, cell_lines
from cnnspec.text.latex import escape_latex

HTML_SIDES = {"<": "left", ">": "right"}


def markdown(grid: Grid) -> str:
    lines = markdown_lines(grid.heads, (*grid.rows, *grid.foot), grid.sides)
    return "\n".join([*lines, "", *(escape_markdown(visible(note)) for note in grid.notes), ""])


def markdown_lines(heads: Sequence[str], rows: Iterable[Sequence[Cell]], sides: str) -> list[str]:
    """The lines of a table; its headings stay as they are."""
    cells = [heads, ["---" if side == "<" else "---:" for side in sides]]
    cells += [[markdown_cell(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in cells]


def markdown_cell(cell: Cell) -> str:
    return "<br>".join(escape_markdown(visible(line)) for line in cell_lines(cell))


def escape_markdown(text: str) -> str:
    # `&` first: the others bring it in.
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", text)


def html(grid: Grid) -> str:
    """A `<table>` without a style of its own."""

    def line(words: Sequence[Cell], tag: str) -> str:
        cells = zip(grid.sides, map(html_cell, words), strict=True)
        row = "".join(f'<{tag} align="{HTML_SIDES[side]}">{cell}</{tag}>' for side, cell in cells)
        return f"<tr>{row}</tr>"

    lines = [
        "<table>",
        f"<thead>{line(grid.heads, 'th')}</thead>",
        "<tbody>",
        *(line(row, "td") for row in grid.rows),
        "</tbody>",
        f"<tfoot>{''.join(line(row, 'th') for row in grid.foot)}</tfoot>",
        "</table>",
    ]
    return "\n".join(lines) + "\n"


def html_cell(cell: Cell) -> str:
    return "<br>".join(escape(visible(line)) for line in cell_lines(cell))


def latex(grid: Grid) -> str:
    """A table with its caption and label, and what the preamble needs."""
    stacked = any(isinstance(cell, tuple) for row in grid.rows for cell in row)
    between = "\n\\addlinespace\n" if stacked else "\n"
    lines = [
        *(f"% {visible(note)}" for note in grid.notes),
        r"% The preamble needs \usepackage{booktabs}.",
        r"\begin{table}",
        r"\centering",
        f"\\caption{{{latex_text(grid.title)}.}}",
        f"\\label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', grid.title).strip('-')}}}",
        r"\begin{tabular}{" + grid.sides.replace("<", "l").replace(">", "r") + "}",
        r"\toprule",
        latex_row(grid.heads),
        r"\midrule",
        between.join(map(latex_row, grid.rows)),
        *([r"\midrule", *map(latex_row, grid.foot)] if grid.foot else []),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def latex_row(row: Sequence[Cell]) -> str:
    return " & ".join(map(latex_cell, row)) + r" \\"


def latex_cell(cell: Cell) -> str:
    """Text, or a table within the table: parts below each other, blocks in brackets."""
    if isinstance(cell, str):
        return latex_text(cell)
    parts = [latex_part(part) for part in cell]
    if len(parts) < 2:
        return "".join(parts)
    return r"\begin{tabular}[c]{@{}l@{}}" + r" \\ ".join(parts) + r"\end{tabular}"


def latex_part(part: Stack) -> str:
    times = f"\\times {part.times}" if part.times > 1 else ""
    if len(part.lines) == 1:
        return latex_text(part.lines[0]) + (f" ${times}$" if times else "")
    lines = (f"\\mbox{{{latex_text(line)}}}" for line in part.lines)
    stack = r"\left[\begin{array}{c}" + r" \\ ".join(lines) + r"\end{array}\right]"
    return f"${stack}{times}$"


def latex_text(text: str) -> str:
    """A text of ours, its sizes as `7×7`."""
    return escape_latex(re.sub(r"(?<=\d)x(?=\d)", "×", visible(text).replace("->", "→")))


WRITERS = {"markdown": markdown, "latex": latex, "html": html}
