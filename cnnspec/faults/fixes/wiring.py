"""Fixes for values that are read as elsewhere: `add a b`, `conv 64@3x3 from=a`, paths without bars."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cnnspec import layers
from cnnspec.faults.fixes import dialect
from cnnspec.faults.fixes.syntax_tree import insert, keyword, without
from cnnspec.faults.fixes.trial import Case
from cnnspec.layers.base import Join
from cnnspec.text import foreign, syntax
from cnnspec.text.diagnostics import Edit, Fix
from cnnspec.text.source import Span


def joins(case: Case) -> Iterator[Fix]:
    """E0214: `add a b`, `concat [a, b]`."""
    found = case.tree.call_at(case.fault.span)
    text = dialect.rewritten(found[1]) if found is not None else None
    if found is not None and text is not None:
        yield Fix(f"write `{text}`", (Edit(found[1].span, text),))


def bars(case: Case) -> Iterator[Fix]:
    """E0214: `add { conv 64@3x3 pad=1, relu` and `identity` on a line of its own, with no bar before them."""
    for _, call in case.tree.calls:
        statements = call.body.statements if call.body is not None else ()
        chains = [each for each in statements if isinstance(each, syntax.Chain)]
        if not chains or not _is_blamed(case, call, chains):
            continue
        assert call.body is not None
        if call.body.paths or len(chains) > 1:
            first = chains[:1] if call.body.paths else chains
            title = "put a bar before each path" if len(first) > 1 else "put a bar before the path"
            yield Fix(title, tuple(insert(each.span, each.span.start, "| ") for each in first))
        elif len(steps := chains[0].steps) > 1:
            parted = [
                Edit(Span(before.span.source, before.span.end, step.span.start), " | ")
                for before, step in pairwise(steps)
            ]
            edits = (insert(steps[0].span, steps[0].span.start, "| "), *parted)
            yield Fix("a comma goes on in the same path; a bar begins the next", edits)


def pipes(case: Case) -> Iterator[Fix]:
    """E0214: `conv 64@3x3 | relu`: bars between the steps of a chain."""
    span = case.fault.span
    if span.text.startswith("|"):
        start = len(span.source.text[: span.start].rstrip(" \t"))
        bar = Edit(Span(span.source, start, span.start + 1), ",")
        yield Fix("a comma goes on to the next step", (bar,))


def arrows(case: Case) -> Iterator[Fix]:
    """E0303: `conv 64@3x3 -> relu`: a step where a shape is claimed."""
    span = case.fault.span
    before = span.source.text[: span.start].rstrip(" \t")
    if layers.find(span.text) is not None and before.endswith("->"):
        start = len(before[:-2].rstrip(" \t"))
        edit = Edit(Span(span.source, start, span.start), ", ")
        yield Fix(f"a comma goes on to the next step: `, {span.text}`", (edit,))


def _is_blamed(case: Case, call: syntax.Call, chains: list[syntax.Chain]) -> bool:
    return case.fault.span in (call.span, *(each.span for each in chains))


def sources(case: Case) -> Iterator[Fix]:
    """E0301: `conv 64@3x3 from=a`, `relu a`."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    place, call = found
    written = keyword(call, "from")
    label = written.value.span.text.strip('"') if written else dialect.label_read(case.tree, place, call)
    if label is None:
        return
    span = place.step.span
    said = written.span if written else call.positional[0].span
    edits = insert(span, span.start, f"from {label}, "), without(said)
    yield Fix(f"what a step reads stands before it: `from {label}, {call.name.name} …`", edits, safe=True)


def residuals(case: Case) -> Iterator[Fix]:
    """E0201: `residual { conv 64@3x3 pad=1, relu }`: the steps are a path, another goes past them."""
    found = case.tree.call_at(case.fault.span)
    row = foreign.find("layers", found[1].name.name) if found is not None else None
    meant = map(layers.find, row.ours if row is not None else ())
    join = next((each for each in meant if each is not None and issubclass(each, Join)), None)
    if found is None or join is None or (body := found[1].body) is None or body.paths:
        return
    bar = insert(body.span, body.span.start + 1, " | identity |")
    yield Fix(f"write `{join.name} {{ | identity | … }}`", (Edit(found[1].name.span, join.name), bar))
