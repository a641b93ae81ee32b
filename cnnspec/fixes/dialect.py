"""Fixes for what is written as another framework has it: whole lines, shapes, words without quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnnspec import foreign, layers, syntax
from cnnspec.diagnostics import Edit, Fix
from cnnspec.fixes.trial import Case, applied
from cnnspec.habits import shape_of
from cnnspec.source import Span


WORDS = frozenset({"E0201", "E0301"})
"""Faults of words that do not exist: several in one line have one fix together."""


def line(case: Case) -> Fix | None:
    """Every call of the fault's line in the words of this language, if that is more than one word."""
    source, number = case.tree.source, case.fault.span.line
    if case.fault.span.source is not source:
        return None
    edits = []
    for _, call in case.tree.calls:
        text = rewritten(call) if call.span.line == number else None
        if text is not None and text != call.span.text:
            edits.append(Edit(call.span, text))
    alone = [applied(source.text, fix.edits) for fix in case.fault.fixes if fix.edits]
    if not edits or applied(source.text, edits) in alone:
        return None
    return Fix(f"write `{', '.join(edit.text for edit in edits)}`", tuple(edits))


def rewritten(call: syntax.Call) -> str | None:
    """A call in our words; None where some word of it has none.

    Conv2D filters=8 kernel_size=3 padding="SAME" activation="relu" is conv 8@3x3 pad="same", relu.
    """
    row = foreign.find("layers", call.name.name)
    name = call.name.name if layers.find(call.name.name) else row.ours[0] if row and row.ours else ""
    cls = layers.find(name)
    if cls is None or call.body is not None:
        return None
    plain = [_value(node) for node in call.positional]
    if "filter" in cls.positional and len(plain) in (2, 3) and all(map(str.isdigit, plain)):
        plain = [f"{plain[0]}@{plain[1]}x{plain[-1]}"]
    given: dict[str, str] = {}
    behind = ""
    for each in call.keywords:
        text = _value(each.value)
        theirs = foreign.find("arguments", each.name)
        if each.name in cls.arguments:
            given[each.name] = text
        elif theirs is None:
            return None
        elif theirs.ours:
            meant = "kernel" if "kernel" in theirs.ours and "filter" in cls.positional else ""
            meant = meant or next((ours for ours in theirs.ours if ours in cls.arguments), "")
            if not meant or meant in given:
                return None
            if meant != "in":  # inferred
                given[meant] = text
        elif foreign.plain(each.name) in ("activation", "act", "actfn"):
            step = text.strip('"')
            act = foreign.find("layers", step)
            step = step if layers.find(step) else act.ours[0] if act and act.ours else ""
            behind += f", {step}" if step else ""
            if not step:
                return None
        elif theirs.answer:
            return None
    if "filter" in cls.positional and "filter" in given and "kernel" in given:
        kernel = given.pop("kernel")
        plain.insert(0, f"{given.pop('filter')}@{kernel}x{kernel}" if kernel.isdigit() else "")
    for ours in cls.positional[len(plain) :]:
        if ours in given and ours == cls.positional[len(plain)]:
            plain.append(given.pop(ours))
    if ("kernel" in given and "kernel" not in cls.arguments) or "" in plain:
        return None
    return " ".join([name, *plain, *(f"{key}={text}" for key, text in given.items())]) + behind


def _value(node: syntax.Expression) -> str:
    """The text of a value, a word of another framework's in our words."""
    text = node.span.text
    row = foreign.find("values", text.strip('"')) if isinstance(node, syntax.Name | syntax.Literal) else None
    return row.ours[0] if row is not None and row.ours else text


def outputs(case: Case) -> Iterator[Fix]:
    """E0201: `output a, b`."""
    for place in case.tree.places:
        steps = place.chain.steps
        first = steps[0].action
        if place.step is not steps[0] or not isinstance(first, syntax.Output) or len(steps) < 2:
            continue
        if not any(step.span.start == case.fault.span.start for step in steps[1:]):
            continue
        names = " ".join([first.span.text, *(step.span.text for step in steps[1:])])
        edits = (Edit(Span(first.span.source, first.span.start, steps[-1].span.end), names),)
        yield Fix(f"labels stand without commas: `{names}`", edits)


def quoted(case: Case) -> Iterator[Fix]:
    """E0202: `pad=same`."""
    word = case.fault.span.text
    row = foreign.find("values", word)
    text = row.ours[0] if row is not None and row.ours else f'"{word}"'
    edits = (Edit(case.fault.span, text),)
    yield Fix(f"a word stands in quotes: `{text}`" if '"' in text else f"write `{text}`", edits)


def functions(case: Case) -> Iterator[Fix]:
    """E0202: `range(n)` is the count itself, `floor(a / b)` is `a // b`."""
    span, text = case.fault.span, case.fault.span.source.text
    found = re.compile(r"(range|floor|int|trunc)\(([^(),\n]+)\)").match(text, span.start)
    if found is None:
        return
    inner = found[2] if found[1] == "range" else re.sub(r"(?<!/)/(?!/)", "//", found[2])
    inner = inner if found[1] == "range" and re.fullmatch(r"\w+", inner) else f"({inner})"
    edits = (Edit(Span(span.source, span.start, found.end()), inner),)
    yield Fix(f"write `{inner}`", edits)


def shapes(case: Case) -> Iterator[Fix]:
    """E0303: `28x28x1`, `[3, 32, 32]` for a shape."""
    shape = shape_of(case.fault.span.text) if "a shape such as" in case.fault.message else None
    if shape is not None:
        edits = (Edit(case.fault.span, shape),)
        yield Fix(f"depth first: `{shape}`", edits)
