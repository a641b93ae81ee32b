"""`cnnspec summary`: the rows of a network's table, and one file a format."""

from collections.abc import Sequence


def align(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows as lines in columns, each to the side that its sign in `sides` says: `<` or `>`."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def clean(text: str) -> str:
    """Names come from users: what cannot be printed becomes a question mark."""
    return "".join(c if c.isprintable() else "?" for c in text)
