"""Fixes for values that are read as elsewhere: `add a b`, `conv 64@3x3 from=a`, paths without bars."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cnnspec import layers
from cnnspec.faults.fixes import dialect
from cnnspec.faults.fixes.syntax_tree import WrittenCall, keyword
from cnnspec.faults.fixes.trial import Case, of_call
from cnnspec.layers.base import Join
from cnnspec.text import foreign, syntax
from cnnspec.text.diagnostics import Fix
from cnnspec.text.edits import Edit, delete, insert
from cnnspec.text.foreign.translate import translate
from cnnspec.text.source import Span


@of_call
def joins(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0214: `add a b`, `concat [a, b]`."""
    theirs = dialect.foreign_call(at.call)
    if theirs is not None and (text := translate(theirs)) is not None:
        yield Fix(f"write `{text}`", (Edit(at.call.span, text),))


def bars(case: Case) -> Iterator[Fix]:
    """E0214: `add { conv 64@3x3 pad=1, relu` and `identity` on a line of its own, with no bar before them."""
    for call in [each.call for each in case.tree.calls]:
        statements = call.body.statements if call.body is not None else ()
        chains = [each for each in statements if isinstance(each, syntax.Chain)]
        if not chains or not _is_at_fault(case, call, chains):
            continue
        assert call.body is not None
        if call.body.paths or len(chains) > 1:
            # With bars further on the first path alone lacks one; without any, each line is a path.
            first = chains[:1] if call.body.paths else chains
            title = "put a bar before each path" if len(first) > 1 else "put a bar before the path"
            yield Fix(title, tuple(insert(each.span.source, each.span.start, "| ") for each in first))
        elif len(steps := chains[0].steps) > 1:
            parted = [
                Edit(Span(before.span.source, before.span.end, step.span.start), " | ")
                for before, step in pairwise(steps)
            ]
            edits = (insert(steps[0].span.source, steps[0].span.start, "| "), *parted)
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


def _is_at_fault(case: Case, call: syntax.Call, chains: list[syntax.Chain]) -> bool:
    return case.fault.span in (call.span, *(each.span for each in chains))


@of_call
def sources(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0301: `conv 64@3x3 from=a`, `relu a`."""
    written = keyword(at.call, "from")
    label = written.value.span.text.strip('"') if written else dialect.label_argument(case.tree, at)
    if label is None:
        return
    said = written.span if written else at.call.positional[0].span
    edits = insert(said.source, at.step.span.start, f"from {label}, "), delete(said)
    yield Fix(f"what a step reads stands before it: `from {label}, {at.call.name.name} …`", edits, safe=True)


@of_call
def residuals(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0201: `residual { conv 64@3x3 pad=1, relu }`: the steps are a path, another goes past them."""
    name, body, row = at.call.name, at.call.body, foreign.find("layers", at.call.name.name)
    meant = map(layers.find, row.ours if row is not None else ())
    join = next((each for each in meant if each is not None and issubclass(each, Join)), None)
    if join is not None and body is not None and not body.paths:
        bar = insert(body.span.source, body.span.start + 1, " | identity |")
        yield Fix(f"write `{join.name} {{ | identity | … }}`", (Edit(name.span, join.name), bar))
