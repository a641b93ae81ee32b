"""Reports: one list of faults in one of five formats, a file a format.

Each format's module is loaded when it is asked for, so that a plain check loads no json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from cnnspec.text.diagnostics import SEVERITIES, Diagnostic

SHOWN = 50
"""The most faults that formats for people report in full; the rest are counted."""

FORMATS = ("text", "concise", "json", "sarif", "github")


def render(
    name: str,
    diagnostics: Sequence[Diagnostic],
    files: Sequence[Mapping[str, Any]] = (),
    colour: bool = False,
) -> str:
    """The whole report in the format of that name: "", or a text that ends in a newline.

    `files` are the checked files as check.schema.json describes them; only json holds them. Only text is
    ever coloured.
    """
    if name not in FORMATS:
        raise ValueError(f"no format {name!r}, only {', '.join(FORMATS)}")
    write: Callable[..., str] = import_module(f"{__name__}.{name}").render
    more: dict[str, object] = {"text": colour, "json": files}
    return write(diagnostics, more[name]) if name in more else write(diagnostics)


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """How many faults of each kind there are, `2 errors, 1 warning`, and how many of them were shown."""
    kinds = Counter(diagnostic.severity for diagnostic in diagnostics)
    counts = ", ".join(
        f"{kinds[kind]} {kind}{'s' if kinds[kind] > 1 else ''}" for kind in SEVERITIES.values() if kinds[kind]
    )
    return f"{counts}; the first {SHOWN} are shown" if len(diagnostics) > SHOWN else counts
