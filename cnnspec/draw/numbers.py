"""Numbers of a picture as text."""

from __future__ import annotations


def number(value: float) -> str:
    """Two decimals at most, and no minus before nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
