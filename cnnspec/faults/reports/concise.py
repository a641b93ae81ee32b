"""One line a fault, for editors and for grep."""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.faults.reports import SHOWN, tally
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.diagnostics import Diagnostic


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """`file:line:col: E0410 message`; the count follows only where faults were left out."""
    lines = [visible(f"{d.span}: {d.code} {d.message}") for d in diagnostics[:SHOWN]]
    if len(diagnostics) > SHOWN:
        lines.append(tally(diagnostics))
    return "".join(line + "\n" for line in lines)
