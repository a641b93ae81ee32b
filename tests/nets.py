"""Small networks for tests, from the text of a specification or of the inside of a net."""

from __future__ import annotations

import re

from cnnspec.compiler import check_text
from cnnspec.graph.tree import Network


def whole(text: str, shape: str = "3@32x32") -> str:
    """A file: lines without a net stand in one that a map of this shape enters."""
    if re.search(r"^\s*net ", text, re.MULTILINE):
        return text
    return f"net Test {{\n    input {shape}\n{text}\n}}\n"


def network(text: str, name: str | None = None, shape: str = "3@32x32") -> Network:
    """The checked net of a specification without faults: the last one, or that of the name."""
    found = check_text(whole(text, shape))
    assert not found.diagnostics, [(d.code, d.message, d.span.line) for d in found.diagnostics]
    nets = {net.name: net for net in found.networks}
    return nets[name] if name else found.networks[-1]
