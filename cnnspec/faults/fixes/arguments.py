"""Fixes for arguments, values and labels: what stands there twice, in another language, or a little off."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from cnnspec import layers
from cnnspec.faults.fixes.syntax_tree import (
    WINDOWED,
    Tree,
    WrittenStep,
    insert,
    keyword,
    literal,
    set_argument,
    without,
)
from cnnspec.faults.fixes.trial import Case
from cnnspec.text import foreign, syntax
from cnnspec.text.diagnostics import Diagnostic, Edit, Fix, Twice
from cnnspec.text.foreign.translate import ForeignCall, translate
from cnnspec.text.source import Span
from cnnspec.text.spelling import suggest
from cnnspec.values.comparisons import Bound

_FARTHEST_GROUPS = 32
_FARTHEST_NUMBER = 8
"""The search for a free label of a number goes so far at most."""


def groups(case: Case) -> Iterator[Fix]:
    """E0404: the nearest numbers below and above that divide; for what is computed, a group a channel."""
    node = _value_at(case.fault.span, case.tree)
    value = literal(node)
    if node is None:
        return
    if not isinstance(value, int):
        yield Fix("`groups=in.channels`: each channel for itself", (Edit(node.span, "in.channels"),))
        return
    said = case.fault.span.text.removesuffix(node.span.text)
    for sign in (-1, 1):
        for number in range(value + sign, value + sign * (_FARTHEST_GROUPS + 1), sign):
            edits = (Edit(node.span, str(number)),)
            if number > 0 and case.after_mending(edits) is not None:
                yield Fix(f"`{said}{number}` divides", edits)
                break


def twice(case: Case) -> Iterator[Fix]:
    """E0305: an argument is given twice; drop the second or the first."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    _, call = found
    given = [each for each in call.keywords if each.span.start <= case.fault.span.start < each.span.end]
    same = [each for each in call.keywords if given and each.name == given[0].name]
    agree = len({each.value.span.text for each in same}) == 1 and len(same) > 1
    for each in reversed(same):
        edits = (without(each.span),)
        if case.after_mending(edits) is not None:
            yield Fix(f"drop `{each.span.text}`", edits, safe=agree)
            if agree:
                return


def bounds(case: Case) -> Iterator[Fix]:
    """E0304: a percentage as its fraction, else the least or the greatest value that is allowed."""
    node = _value_at(case.fault.span, case.tree)
    bound = case.fault.data
    if node is None or not isinstance(bound, Bound) or bound.side == "above":
        return
    given, said = literal(node), case.fault.span.text.removesuffix(node.span.text)
    tries = [(f"{bound.value:g}", f"`@` is the {bound.side}")]
    if bound == Bound("most", 1) and isinstance(given, int):
        tries.insert(0, (f"{given / 100:g}", f"{given} % is `@`"))
    for text, why in tries:
        edits = (Edit(node.span, text),)
        if case.after_mending(edits) is not None:
            yield Fix(why.replace("@", said + text), edits)
            return


def left_out(case: Case) -> Iterator[Fix]:
    """E0304: what must be above 0 and need not be said."""
    found = case.tree.call_at(case.fault.span)
    if found is None or not isinstance(case.fault.data, Bound) or case.fault.data.side != "above":
        return
    layer = layers.find(found[1].name.span.text)
    for each in found[1].keywords:
        edits = (without(each.span),)
        if layer and each.span == case.fault.span and case.after_mending(edits) is not None:
            yield Fix(f"left out, it is {layer.arguments[each.name].default:g}", edits)


def kinds(case: Case) -> Iterator[Fix]:
    """E0303: a quotient with a rest, 0 or 1 for a flag, another framework's word."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    _, call = found
    for node in [*call.positional, *(each.value for each in call.keywords)]:
        if node.span.end <= case.fault.span.start or case.fault.span.end <= node.span.start:
            continue
        said = next((f"{each.name}=" for each in call.keywords if each.value is node), "")
        for edit, why in _other_values(node):
            if case.after_mending((edit,)) is not None:
                yield Fix(why.replace("@", said + edit.text), (edit,))


def quotients(case: Case) -> Iterator[Fix]:
    """E0303 in a block: a quotient with a rest that it was given where it is used."""
    for note in case.fault.notes:
        found = case.tree.call_at(note.span) if note.span is not None else None
        for node in [*found[1].positional, *(k.value for k in found[1].keywords)] if found else ():
            if isinstance(node, syntax.Binary):
                yield from (
                    Fix(f"{why}: `{node.left.span.text} // {node.right.span.text}`", (edit,))
                    for edit, why in _other_values(node)
                    if case.after_mending((edit,)) is not None
                )


def _other_values(node: syntax.Expression) -> Iterator[tuple[Edit, str]]:
    """Edits of a value, and what to say of them; `@` stands for the new text."""
    if isinstance(node, syntax.FilterOf):
        yield from _other_values(node.count)
        yield from _other_values(node.kernel)
    elif isinstance(node, syntax.Binary) and node.operator == "/":
        start = node.left.span.source.text.index("/", node.left.span.end)
        yield Edit(Span(node.span.source, start, start + 1), "//"), "`//` divides without a rest"
    elif isinstance(node, syntax.Literal):
        value = node.value
        if value in (0, 1) and not isinstance(value, float):
            yield Edit(node.span, "yes" if value else "no"), "`@`: a flag is yes or no"
        theirs = foreign.find("values", value) if isinstance(value, str) else None
        if theirs is not None and theirs.ours:
            yield Edit(node.span, theirs.ours[0]), f'`@` is what others call "{value}"'
        if isinstance(value, float) and value > 0:
            for number in sorted({math.floor(value), math.ceil(value)} - {0}):
                yield Edit(node.span, str(number)), "round it: `@`"


def extras(case: Case) -> Iterator[Fix]:
    """E0301: one value too many without a name: `conv 64 3x3`, `maxpool 2x2 2`, `linear 10 softmax`."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    _, call = found
    extra = [node for node in call.positional if node.span.start == case.fault.span.start]
    if not extra or isinstance(extra[0], syntax.Broken):
        return
    before = call.positional[: call.positional.index(extra[0])]
    text = extra[0].span.text
    tries: list[tuple[Edit, str]] = []
    if before:
        between = Span(extra[0].span.source, before[-1].span.end, extra[0].span.start)
        if named := _named_arguments(call, len(before)):
            rest = Span(extra[0].span.source, before[-1].span.end, call.positional[-1].span.end)
            tries.append((Edit(rest, named), f"write `{before[-1].span.text}{named}`"))
        if call.name.name in ("conv", "convtranspose"):
            if _is_size(before[-1]):
                turned, both = f"{text}@{before[-1].span.text}", Span(*before[-1].span[:2], extra[0].span.end)
                tries.append((Edit(both, turned), f"filters are written `{turned}`"))
            tries.append((Edit(between, "@"), f"filters are written `{before[-1].span.text}@{text}`"))
        if said := _pairs(call, len(before)):
            whole = Span(extra[0].span.source, call.name.span.start, call.positional[-1].span.end)
            tries.append((Edit(whole, said), f"write `{said}`"))
        elif isinstance(extra[0], syntax.Name):
            tries.append((Edit(between, ", "), f"put a comma before the step `{text}`"))
    if call.name.name in WINDOWED and not layers.find(text):
        tries.append((insert(extra[0].span, extra[0].span.start, "stride="), f"name it: `stride={text}`"))
    for edit, why in tries:
        if case.after_mending((edit,)) is not None:
            yield Fix(why, (edit,))
            return


def _pairs(call: syntax.Call, start: int) -> str:
    """`conv 8@3x3 padding 1 stride 2` with names and values as we write them; or nothing."""
    texts = [node.span.text for node in call.positional]
    pairs = tuple(zip(texts[start::2], texts[start + 1 :: 2], strict=False))
    if 2 * len(pairs) != len(texts) - start:
        return ""
    return translate(ForeignCall(call.name.name, tuple(texts[:start]), pairs)) or ""


def _is_size(node: syntax.Expression) -> bool:
    """Whether it is a window as it is written: `3x3`."""
    return isinstance(node, syntax.Literal) and isinstance(node.value, tuple)


def _named_arguments(call: syntax.Call, start: int) -> str:
    """`k3 s2 p1`, as tables have them, by the names of arguments: `@3 stride=2 pad=1`; or nothing."""
    layer, written = layers.find(call.name.name), ""
    for node in call.positional[start:]:
        found = re.fullmatch(r"([a-z]+)(\d+)", node.span.text)
        names = suggest(found[1], layer.arguments) if found and layer else []
        if not found or not names:
            return ""
        written += f"@{found[2]}" if names[0] == "filter" else f" {names[0]}={found[2]}"
    return written


def labels(case: Case) -> Iterator[Fix]:
    """E0203: number the label by the repeat around it, else by hand."""
    place = _labelled_step(case.fault.span, case.tree)
    if place is None or place.step.label is None:
        return
    span = place.step.label.span
    end = span.start + len(span.text.rstrip().removesuffix(":").rstrip())
    repeats = [step.action for step in place.around if isinstance(step.action, syntax.Repeat)]
    text = span.source.text[span.start : end]
    if repeats and repeats[-1].names:
        names = [f"{text}{{{repeats[-1].names[0].name}}}"]
    else:
        stem = text.rstrip("0123456789")
        first = int(text[len(stem) :] or 1) + 1 if len(text) - len(stem) < 9 else 2
        names = [f"{stem}{number}" for number in range(first, first + _FARTHEST_NUMBER)]
    for name in names:
        edits = (Edit(Span(span.source, span.start, end), name),)
        after = case.after_mending(edits)
        if after is not None and not any(_is_twice(name, d) for d in after.diagnostics):
            yield Fix(f"call it `{name}`", edits)
            return


def _is_twice(label: str, diagnostic: Diagnostic) -> bool:
    """Whether a diagnostic is about two steps of that label."""
    data = diagnostic.data
    return isinstance(data, Twice) and data.name.rpartition(".")[2] == label


def paths(case: Case) -> Iterator[Fix]:
    """E0204: a label within labelled braces is named by its path."""
    wanted = case.fault.span.text
    for place in case.tree.places:
        around = [step.label for step in place.around if step.label is not None]
        if place.step.label is None or not around or _text(place.step.label) != wanted:
            continue
        path = ".".join([*map(_text, around), wanted])
        edits = (Edit(case.fault.span, path),)
        if case.after_mending(edits) is not None:
            yield Fix(f"from here its path is `{path}`", edits)


def modes(case: Case) -> Iterator[Fix]:
    """E0411: a pad that takes the map's own rows beyond the map."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    _, call = found
    given = keyword(call, "mode")
    for mode in ("replicate", "zeros"):
        edits = (set_argument(call, "mode", f'"{mode}"'),) if given is not None else ()
        if case.after_mending(edits) is not None:
            yield Fix(f'`mode="{mode}"` pads any map', edits)
            return


def _text(label: syntax.Label) -> str:
    return "".join(part if isinstance(part, str) else f"{{{part.span.text}}}" for part in label.parts)


def _labelled_step(span: Span, tree: Tree) -> WrittenStep | None:
    for place in tree.places:
        label = place.step.label
        if label is not None and label.span.start <= span.start < label.span.end:
            return place
    return None


def _value_at(span: Span, tree: Tree) -> syntax.Expression | None:
    """The value behind a fault that points at an argument."""
    found = tree.call_at(span)
    if found is None:
        return None
    for node in [*found[1].positional, *(each.value for each in found[1].keywords)]:
        if span.start <= node.span.start and node.span.end <= span.end:
            return node
    return None
