"""What was changed from one network to another, in the format that is wanted."""

from __future__ import annotations

from cnnspec.analysis.compare import Comparison
from cnnspec.tables.diff_text import Side, markdown, text


def diff(comparison: Comparison, sides: tuple[Side, Side], style: str, colour: bool = False) -> str:
    """The comparison as text, json or markdown."""
    if style == "json":
        from cnnspec.tables.diff_data import as_json

        return as_json(comparison, sides)
    return markdown(comparison, sides) if style == "markdown" else text(comparison, sides, colour)
