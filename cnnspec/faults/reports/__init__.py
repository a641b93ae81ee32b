"""Reports: one list of faults in one of five formats, a file a format.

Each format's module is loaded when it is asked for, so that a plain check loads no json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from cnnspec.text.diagnostics import Diagnostic

FORMATS = ("text", "concise", "json", "sarif", "github")


def render(
    name: str,
    diagnostics: Sequence[Diagnostic],
    files: Sequence[Mapping[str, Any]] = (),
    colour: bool = False,
) -> str:
    """The whole report in the format of that name: "", or a text that ends in a newline.

    `files` are the checked files as check.schema.json describes them; only json tells them. Only text is
    ever coloured.
    """
    if name not in FORMATS:
        raise ValueError(f"no format {name!r}, only {', '.join(FORMATS)}")
    write: Callable[..., str] = import_module(f"{__name__}.{name}").render
    more: dict[str, object] = {"text": colour, "json": files}
    return write(diagnostics, more[name]) if name in more else write(diagnostics)
