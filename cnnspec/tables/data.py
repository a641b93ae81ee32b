"""The table for programs: raw integers, every layer a row."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from cnnspec.graph.tree import TRAINING, UNREAD
from cnnspec.tables.grid import Cell, Grid, one_line
from cnnspec.tables.rows import LayerRow, Summary, rows_of
from cnnspec.tables.table_columns import COLUMNS, POLICY

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell begins with that a spreadsheet computes."""

NUMBER = re.compile(r"[0-9][0-9,]*(\.[0-9]+)?")


def record(row: LayerRow, columns: Sequence[str]) -> dict[str, Any]:
    found = {name: value(row) for key in columns for name, value in COLUMNS[key].raw.items()}
    return found | {"shared": row.shared, "train": row.idle == TRAINING, "unread": row.idle == UNREAD}


def as_csv(table: Summary, columns: Sequence[str]) -> str:
    """A line a layer, behind one of names; what a fault hides is empty."""
    records = [record(row, columns) for row in rows_of(table.items)]
    return csv_text([*records[0]] if records else [], [[*each.values()] for each in records])


def csv_text(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows(map(as_cell, row) for row in (heads, *rows))
    return file.getvalue()


def as_cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula: text that begins like one stands behind an apostrophe.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def grid_csv(grid: Grid) -> str:
    """A line a row, behind one of headings."""
    return csv_text(grid.heads, [[raw(one_line(cell)) for cell in row] for row in (*grid.rows, *grid.foot)])


def grid_json(grid: Grid) -> str:
    """A row an object, by the headings; stacked layers as lists."""

    def value(cell: Cell) -> object:
        return raw(cell) if isinstance(cell, str) else [part._asdict() for part in cell]

    rows = [dict(zip(grid.heads, map(value, row), strict=True)) for row in (*grid.rows, *grid.foot)]
    return json.dumps({"rows": rows, "counting": " ".join(grid.notes)}, indent=2, ensure_ascii=False) + "\n"


def raw(words: str) -> str | int | float:
    """A number where the words are one, as tables write them: `1,024`, `0.25`; a net may be named `inf`."""
    if not NUMBER.fullmatch(words):
        return words
    digits = words.replace(",", "")
    return float(digits) if "." in digits else int(digits)


def as_json(table: Summary, columns: Sequence[str]) -> str:
    """The layers and the totals; memory in bytes; what a fault hides is null."""
    peak = table.peak
    content = {
        "name": table.network,
        "layers": [record(row, columns) for row in rows_of(table.items)],
        "params": table.total.params,
        "buffers": table.buffers,
        "macs": table.total.macs,
        "memory": table.total.memory,
        "peak": None if peak is None else {"memory": peak.memory, "path": peak.path},
        "counting": " ".join(POLICY),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
