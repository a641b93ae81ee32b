"""Fixes for arguments, values and labels: what stands there twice, in another language, or a little off."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from cnnspec import layers
from cnnspec.faults.fixes.flow import runs
from cnnspec.faults.fixes.syntax_tree import (
    WINDOWED,
    Tree,
    WrittenCall,
    WrittenStep,
    keyword,
    literal,
    set_argument,
    values_of,
)
from cnnspec.faults.fixes.trial import Case, of_call
from cnnspec.graph.tree import Leaf, Merge, Use
from cnnspec.text import foreign, syntax
from cnnspec.text.diagnostics import Diagnostic, Fix, Twice
from cnnspec.text.edits import Edit, delete, insert
from cnnspec.text.foreign.translate import ForeignCall, translate
from cnnspec.text.source import Span
from cnnspec.text.spelling import suggest
from cnnspec.values.comparisons import Bound

_FARTHEST_GROUPS = 32
_FARTHEST_NUMBER = 8
"""The search for a free label of a number goes so far at most."""
COUNTED = ("conv", "convtranspose")
_INDICES = ("i", "j", "k", "index", "number")
"""What a repeat may count its turns by."""


@of_call
def groups(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0404: the nearest numbers below and above that divide; for what is computed, a group a channel."""
    node = _value_at_fault(case, at)
    value = literal(node)
    if node is None:
        return
    if not isinstance(value, int):
        yield Fix("`groups=in.channels`: each channel for itself", (Edit(node.span, "in.channels"),))
        return
    key = _key_text(case, node)
    for sign in (-1, 1):
        near = (value + sign * step for step in range(1, _FARTHEST_GROUPS + 1))
        fixes = (
            Fix(f"`{key}{number}` divides", (Edit(node.span, str(number)),)) for number in near if number > 0
        )
        yield from _first_that_works(case, fixes)


@of_call
def repeated(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0305: an argument is given twice; drop the second or the first."""
    given = [each.name for each in at.call.keywords if each.span.covers(case.fault.span)]
    same = [each for each in at.call.keywords if each.name in given]
    # Of two equal values it does not matter which one goes.
    agree = len({each.value.span.text for each in same}) == 1 and len(same) > 1
    for each in reversed(same[-1:] if agree else same):
        yield Fix(f"drop `{each.span.text}`", (delete(each.span),), safe=agree)


@of_call
def bounds(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0304: a percentage as its fraction, else the least or the greatest value that is allowed."""
    node, bound = _value_at_fault(case, at), case.fault.data
    if node is None or not isinstance(bound, Bound) or bound.side == "above":
        return
    # `dropout 50` may mean 50 % as well as the most, 1.
    percent = literal(node) if bound == Bound("most", 1) else None
    readings = [(f"{percent / 100:g}", f"{percent} % is `@`")] if isinstance(percent, int) else []
    readings.append((f"{bound.value:g}", f"`@` is the {bound.side}"))
    key = _key_text(case, node)
    fixes = (Fix(why.replace("@", key + text), (Edit(node.span, text),)) for text, why in readings)
    yield from _first_that_works(case, fixes)


@of_call
def leave_out(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0304: what must be above 0 and need not be said."""
    layer, bound = layers.find(at.call.name.name), case.fault.data
    if layer is None or not isinstance(bound, Bound) or bound.side != "above":
        return
    for each in at.call.keywords:
        if each.span == case.fault.span and not (argument := layer.arguments[each.name]).required:
            yield Fix(f"left out, it is {argument.default:g}", (delete(each.span),))


@of_call
def kinds(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0303: a quotient with a rest, 0 or 1 for a flag, another framework's word."""
    for node in values_of(at.call):
        if node.span.end <= case.fault.span.start or case.fault.span.end <= node.span.start:
            continue
        said = next((f"{each.name}=" for each in at.call.keywords if each.value is node), "")
        for edit, why in _other_values(node):
            yield Fix(why.replace("@", said + edit.text), (edit,))


def quotients(case: Case) -> Iterator[Fix]:
    """E0303 in a block: a quotient with a rest that it was given where it is used."""
    for note in case.fault.notes:
        at = case.tree.call_at(note.span) if note.span is not None else None
        for node in values_of(at.call) if at is not None else ():
            if isinstance(node, syntax.Binary):
                for edit, why in _other_values(node):
                    yield Fix(f"{why}: `{node.left.span.text} // {node.right.span.text}`", (edit,))


def _other_values(node: syntax.Expression) -> Iterator[tuple[Edit, str]]:
    """Edits of a value, and what to say of them; `@` stands for the new text."""
    if isinstance(node, syntax.FilterOf):
        count, kernel = literal(node.count), literal(node.kernel)
        if isinstance(count, tuple) and isinstance(kernel, int):
            turned = f"{kernel}@{node.count.span.text}"
            yield Edit(node.span, turned), "the number of filters comes first: `@`"
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
        if isinstance(value, str) and value.isdigit():
            yield Edit(node.span, value), "a number stands without quotes: `@`"
        if isinstance(value, float) and value > 0:
            for number in sorted({math.floor(value), math.ceil(value)} - {0}):
                yield Edit(node.span, str(number)), "round it: `@`"


@of_call
def extras(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0301: one value too many without a name: `conv 64 3x3`, `maxpool 2x2 2`, `linear 10 softmax`."""
    yield from _first_that_works(case, _readings(at.call, case.fault.span))


def _first_that_works(case: Case, readings: Iterable[Fix]) -> Iterator[Fix]:
    yield from islice((fix for fix in readings if case.after_mending(fix.edits) is not None), 1)


def _readings(call: syntax.Call, span: Span) -> Iterator[Fix]:
    """What a value too many may be, the likeliest first."""
    index = next((i for i, node in enumerate(call.positional) if node.span.start == span.start), None)
    if index is None or isinstance(extra := call.positional[index], syntax.Broken):
        return
    if index and isinstance(extra, syntax.Name):
        yield from _word_readings(call, index)
    elif index:
        yield from _number_readings(call, index)
    if call.name.name in WINDOWED and not isinstance(extra, syntax.Name):
        start = insert(extra.span.source, extra.span.start, "stride=")
        yield Fix(f"name it: `stride={extra.span.text}`", (start,))


def _word_readings(call: syntax.Call, index: int) -> Iterator[Fix]:
    """`conv 8@3x3 stride 2`, `conv 8@3x3 same`, `linear 10 units`, `linear 10 softmax`."""
    last, word, *rest = (node.span for node in call.positional[index - 1 :])
    if named := _named_arguments(call, index):
        end = call.positional[-1].span.end
        yield Fix(f"write `{last.text}{named}`", (Edit(Span(last.source, last.end, end), named),))
    if pairs := _pairs(call, index):
        yield Fix(f"write `{pairs}`", (Edit(call.name.span.to(call.positional[-1].span), pairs),))
    if argument := _word_argument(call, word.text):
        yield Fix(f"name it: `{argument}`", (Edit(word, argument),))
    if _names_value_before(call, index, word.text):
        yield Fix(f"`{call.name.name} {last.text}` says it", (delete(word),))
    # `conv 8@3x3 then relu`: the step stands behind the word.
    if word.text in ("with", "then"):
        word = rest[0] if rest else word
    elif rest:
        return  # a word of a sentence
    elif call.name.name in COUNTED:
        yield Fix(f"filters are written `{last.text}@{word.text}`", (Edit(_between(last, word), "@"),))
    yield Fix(f"put a comma before the step `{word.text}`", (Edit(_between(last, word), ", "),))


def _number_readings(call: syntax.Call, index: int) -> Iterator[Fix]:
    """`conv 8 3x3`, `conv 3x3 8`, `conv 8@3x3 "same"`, `conv layer 8@3x3`."""
    last, extra = (node.span for node in call.positional[index - 1 : index + 1])
    if argument := _word_argument(call, extra.text):
        yield Fix(f"name it: `{argument}`", (Edit(extra, argument),))
    if call.name.name in COUNTED and not isinstance(call.positional[index], syntax.FilterOf):
        if _is_size(call.positional[index - 1]):
            turned = f"{extra.text}@{last.text}"
            yield Fix(f"filters are written `{turned}`", (Edit(last.to(extra), turned),))
        yield Fix(f"filters are written `{last.text}@{extra.text}`", (Edit(_between(last, extra), "@"),))
    if isinstance(call.positional[index - 1], syntax.Name):
        yield Fix(f"leave `{last.text}` away", (delete(last),))


def _between(one: Span, two: Span) -> Span:
    return Span(one.source, one.end, two.start)


def _word_argument(call: syntax.Call, text: str) -> str:
    """`pad="same"` for a word that an argument may be; or nothing."""
    layer, word = layers.find(call.name.name), text.strip('"')
    named = layer.arguments.items() if layer is not None else ()
    return next((f'{name}="{word}"' for name, each in named if word in each.choices), "")


def _names_value_before(call: syntax.Call, index: int, text: str) -> bool:
    """`linear 10 units`: whether a word names the argument whose value stands before it."""
    layer, row = layers.find(call.name.name), foreign.find("arguments", text)
    names = {text, *(row.ours if row is not None else ())}
    return layer is not None and index <= len(layer.positional) and layer.positional[index - 1] in names


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
    numbering: tuple[Edit, ...] = ()
    # The index of the innermost repeat: with that of an outer one the label would come twice again.
    if repeats and repeats[-1].names:
        names = [f"{text}{{{repeats[-1].names[0].name}}}"]
    elif repeats:
        # An index whose name is nowhere in the text hides nothing.
        free = (name for name in _INDICES if not re.search(rf"\b{name}\b", span.source.text))
        index = next(free, _INDICES[0])
        numbering = (insert(span.source, repeats[-1].source.span.start, f"{index} in "),)
        names = [f"{text}{{{index}}}"]
    else:
        # conv becomes conv2, conv3 becomes conv4.
        stem = text.rstrip("0123456789")
        first = int(text[len(stem) :] or 1) + 1 if len(text) - len(stem) < 9 else 2
        names = [f"{stem}{number}" for number in range(first, first + _FARTHEST_NUMBER)]
    for name in names:
        edits = (*numbering, Edit(Span(span.source, span.start, end), name))
        after = case.after_mending(edits)
        if after is not None and not any(_names_two_steps(name, d) for d in after.diagnostics):
            yield Fix(f"call it `{name}`", edits)
            return


def _names_two_steps(label: str, diagnostic: Diagnostic) -> bool:
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
        yield Fix(f"from here its path is `{path}`", (Edit(case.fault.span, path),))


def names(case: Case) -> Iterator[Fix]:
    """E0204: `conv1` is what the weights of a step without a label are called; a wire wants the label."""
    label = case.fault.span.text
    steps = [step for step in runs(case.trial.before.all_networks) if isinstance(step, Leaf | Use | Merge)]
    starts = {step.span.start for step in steps if label in (step.name, getattr(step, "path", None))}
    for place in case.tree.places:
        span = place.step.action.span
        if span.start in starts and place.step.label is None:
            title = f"label that step: `{label}: {span.text}`"
            yield Fix(title, (insert(span.source, span.start, f"{label}: "),))


@of_call
def modes(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0411: a pad that takes the map's own rows beyond the map."""
    for mode in ("replicate", "zeros") if keyword(at.call, "mode") is not None else ():
        yield Fix(f'`mode="{mode}"` pads any map', (set_argument(at.call, "mode", f'"{mode}"'),))


def _text(label: syntax.Label) -> str:
    return "".join(part if isinstance(part, str) else f"{{{part.span.text}}}" for part in label.parts)


def _labelled_step(span: Span, tree: Tree) -> WrittenStep | None:
    for place in tree.places:
        label = place.step.label
        if label is not None and label.span.start <= span.start < label.span.end:
            return place
    return None


def _value_at_fault(case: Case, at: WrittenCall) -> syntax.Expression | None:
    """The value behind a fault that points at an argument."""
    return next((node for node in values_of(at.call) if case.fault.span.covers(node.span)), None)


def _key_text(case: Case, node: syntax.Expression) -> str:
    """What stands before the value of the argument at fault: `groups=`."""
    return case.fault.span.text.removesuffix(node.span.text)
