"""How many faults there are, and how many of them people are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnnspec.text.diagnostics import SEVERITIES, Diagnostic

SHOWN = 50
"""The formats that people read report so many faults in full at most; the rest are counted."""


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """How many faults of each kind there are, `2 errors, 1 warning`, and how many of them were shown."""
    kinds = Counter(diagnostic.severity for diagnostic in diagnostics)
    counts = ", ".join(
        f"{kinds[kind]} {kind}{'s' if kinds[kind] > 1 else ''}" for kind in SEVERITIES.values() if kinds[kind]
    )
    return f"{counts}; the first {SHOWN} are shown" if len(diagnostics) > SHOWN else counts
