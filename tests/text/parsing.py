"""What the parser tests share: trees as short text, texts in a net."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.parser import parse
from cnnspec.text.source import Source, Span

ROOT = Path(__file__).parents[2]
TEXTS = {
    path.name: path.read_text("utf-8")
    for folder in ("tests/snippets", "specs", "specs/blocks")
    for path in sorted((ROOT / folder).glob("*.cnn"))
}


def read(text: str) -> tuple[syntax.File, list[Diagnostic]]:
    return parse(Source("x.cnn", text))


def tree(text: str) -> syntax.File:
    """The tree of a text without faults."""
    file, faults = read(text)
    assert not faults, [(str(fault.span), fault.message) for fault in faults]
    return file


def in_net(statement: str) -> str:
    """A text with the statement on line 3, between two others."""
    return f"net A {{\n    relu\n    {statement}\n    tanh\n}}\n"


def statement(text: str) -> syntax.Statement:
    """The tree of a statement in a net."""
    (net,) = tree(f"net A {{\n{text}\n}}").items
    assert isinstance(net, syntax.Net)
    return net.body.statements[0]


def show(node: Any) -> str:
    """A tree as short text: the name of each node's class and its fields, without spans and empty ends.

    A step without a label is its action, and a chain of one such step is that.
    """
    if isinstance(node, syntax.Literal):
        return repr(node.value)
    if isinstance(node, syntax.Name):
        return str(node.name)
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        fields = [getattr(node, name) for name in node._fields if name not in ("span", "name_span")]
        while fields and fields[-1] in ((), None):
            fields.pop()
        if isinstance(node, syntax.Step) and node.label is None:
            return show(node.action)
        if isinstance(node, syntax.Chain) and len(node.steps) == 1 and node.assertion is None:
            return show(node.steps[0])
        return f"{type(node).__name__}({', '.join(show(field) for field in fields)})"
    if isinstance(node, tuple):
        return f"[{', '.join(show(item) for item in node)}]"
    return str(node)


def nodes(node: Any) -> Iterator[Any]:
    """All nodes of a tree."""
    if isinstance(node, tuple) and not isinstance(node, Span):
        if hasattr(node, "_fields"):
            yield node
        for item in node:
            yield from nodes(item)
