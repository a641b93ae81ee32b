"""Reports: one list of faults, told in one of five ways, a file a format.

Each format's module is loaded when it is asked for, so that a plain check loads no json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    match name:
        case "text":
            from cnnspec.faults.reports import text

            return text.render(diagnostics, colour)
        case "concise":
            from cnnspec.faults.reports import concise

            return concise.render(diagnostics)
        case "github":
            from cnnspec.faults.reports import github

            return github.render(diagnostics)
        case "json":
            from cnnspec.faults.reports import json

            return json.render(diagnostics, files)
        case "sarif":
            from cnnspec.faults.reports import sarif

            return sarif.render(diagnostics)
    raise ValueError(f"no format {name!r}, only {', '.join(FORMATS)}")


def summary(path: str, network: Mapping[str, Any]) -> str:
    """One line on a network in which nothing is wrong."""
    inputs, outputs = (
        ", ".join(_shape(value["shape"]) for value in network[side]) for side in ("inputs", "outputs")
    )
    return (
        f"{path}: {network['name']} ok, {inputs} -> {outputs}, "
        f"{network['params']:,} parameters, {network['macs']:,} MACs"
    )


def _shape(shape: Sequence[int]) -> str:
    return f"{shape[0]}@{shape[1]}x{shape[2]}" if len(shape) == 3 else str(shape[0])
