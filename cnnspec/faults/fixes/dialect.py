"""Fixes for what is written as another framework has it: whole lines, shapes, words without quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cnnspec import layers
from cnnspec.faults.fixes.syntax_tree import Tree, WrittenCall
from cnnspec.faults.fixes.trial import Case, Outcome, of_call
from cnnspec.text import foreign, shipped, syntax
from cnnspec.text.diagnostics import Counted, Fix, ShapeWanted
from cnnspec.text.edits import Edit, apply, insert, insert_into
from cnnspec.text.foreign.figures import shape_of
from cnnspec.text.foreign.habits import join_of
from cnnspec.text.foreign.translate import ForeignCall, readings, translate
from cnnspec.text.source import Span

WORDS = frozenset({"E0201", "E0301"})
"""Faults of words that do not exist: several in one line have one fix together."""

_OPERAND = re.compile(r"[ \t]*[-+*/%<>]")


def suggested(case: Case) -> Iterator[Fix]:
    """What the finder of the fault would do."""
    data = case.fault.data
    for fix in case.fault.fixes:
        yield _complete(case, fix, data.edits if isinstance(data, Counted) else ())[0]


def line(case: Case) -> Fix | None:
    """Every call of the fault's line in the words of this language, if that is more than one word."""
    source, number = case.tree.source, case.fault.span.line
    if case.fault.span.source is not source:
        return None
    calls = [at for at in case.tree.calls if at.call.span.line == number]
    theirs = {at.call.span: foreign_call(at.call) for at in calls if not label_argument(case.tree, at)}
    # By call its readings, the likeliest first: each as text without and with the counts that layers take.
    pairs = {
        span: [*zip(readings(call), readings(call, counted=True), strict=False)]
        for span, call in theirs.items()
        if call is not None and (translate(call) or span.text) != span.text
    }
    tried: list[Fix] = []
    for index in range(max(map(len, pairs.values()), default=0)):
        # The first readings of all calls, then the second: a call that has no more keeps its last.
        chosen = {span: each[min(index, len(each) - 1)] for span, each in pairs.items()}
        edits = tuple(Edit(span, text) for span, (text, _) in chosen.items())
        # The fault's own fix, that of one word, mends the line already.
        if not tried and apply(source.text, edits) in [
            apply(source.text, fix.edits) for fix in case.fault.fixes
        ]:
            return None
        counted = tuple(Edit(span, text) for span, (_, text) in chosen.items())
        fix, is_count_wrong = _complete(case, Fix(_title(edits), edits), counted)
        if not is_count_wrong:
            return fix
        tried.append(fix)
    return tried[0] if tried else None


def _title(edits: Sequence[Edit]) -> str:
    return f"write `{', '.join(edit.text.removesuffix(', ') for edit in edits)}`"


def _complete(case: Case, fix: Fix, counted: tuple[Edit, ...]) -> tuple[Fix, bool]:
    """The fix with the `flatten` that others need not write, and whether it says that a count is wrong.

    `counted`: its edits with the counts that others write, and the fix leaves out.
    """
    edits, outcome = _insert_flatten(case, fix.edits)
    if outcome is None or outcome.new:
        return fix, False
    found = _insert_flatten(case, counted)[1] if counted != fix.edits else None
    wrong = [d.message for d in found.new if d.code == "E0410"] if found is not None else []
    title = fix.title if edits == fix.edits else _title(edits)
    return fix._replace(title=": ".join([title, *wrong[:1]]), edits=edits), bool(wrong)


def _insert_flatten(case: Case, edits: tuple[Edit, ...]) -> tuple[tuple[Edit, ...], Outcome | None]:
    """The edits, with a `flatten` where that is all they lack, and what they lead to."""
    outcome = case.outcome(edits)
    faults = outcome.new if outcome is not None else ()
    if not faults or any(fault.code != "E0406" for fault in faults):
        return edits, outcome
    tree = Tree(faults[0].span.source)
    found = [tree.call_at(fault.span) for fault in faults]
    starts = {each.step.span.start for each in found if each is not None}
    flat = edits
    # From the end, so that the other starts stay true.
    for start in sorted(starts, reverse=True):
        flat = insert_into(case.tree.source, flat, start, "flatten, ")
    return flat, case.outcome(flat)


def label_argument(tree: Tree, at: WrittenCall) -> str | None:
    """The label that a call such as `relu a` names, though its layer takes nothing but what arrives."""
    cls = layers.find(at.call.name.name)
    if cls is None or cls.positional or len(at.call.positional) != 1:
        return None
    # `relu(a)` as well as `relu a`.
    text = at.call.positional[0].span.text.strip("() ")
    labels = (each.step.label for each in tree.places if each.owner is at.owner)
    return text if any(label is not None and label.span.text == text for label in labels) else None


def foreign_call(call: syntax.Call) -> ForeignCall | None:
    """A call as another framework may have it; None of a join's paths."""
    if call.body is not None:
        return None
    name, *plain = call.name.name, *(node.span.text for node in call.positional)
    if layers.find(name) is None:  # max pool, global average pool, pooling max
        # For `max pool 2x2`: maxpool2x2 would use up two of the words behind, maxpool one.
        joined = {name + "".join(plain[:2]): 2, name + "".join(plain[:1]): 1, "".join(plain[:1]) + name: 1}
        found = next((each for each in joined if each != name and foreign.is_layer(each)), None)
        if found is not None:
            name, plain = found, plain[joined[found] :]
    return ForeignCall(name, tuple(plain), tuple((each.name, each.value.span.text) for each in call.keywords))


def explain_block(case: Case) -> Iterator[Fix]:
    """E0301: our word is known, and what was given with theirs cannot be said with it; why, in words."""
    for fix in case.fault.fixes if case.fault.code == "E0301" else ():
        outcome = case.outcome(fix.edits)
        if outcome is not None and outcome.new:
            yield Fix(f"{fix.title} Then {outcome.new[0].message}")
            return


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
        yield Fix(f"labels stand without commas: `{names}`", edits, safe=True)


def steps_as_outputs(case: Case) -> Iterator[Fix]:
    """E0204: `output softmax`, `output linear 10`: a layer where a label belongs."""
    for place in case.tree.places:
        action = place.step.action
        if not isinstance(action, syntax.Output) or not action.span.covers(case.fault.span):
            continue
        text = action.span.text.removeprefix("output").strip()
        step = f"linear {text}" if text.isdigit() else text
        yield Fix(f"the last step's value is the output: `{step}`", (Edit(action.span, step),))


def blocks(case: Case) -> Iterator[Fix]:
    """E0201: a block of the shipped library, whose file no `use` names."""
    source, items = case.tree.source, case.tree.file.items
    uses = [item.span for item in items if isinstance(item, syntax.UsedFile)]
    for file in shipped.libraries():
        if case.fault.span.text in shipped.named_blocks(file):
            use = f'use "{file}.cnn"'
            top = start_with_comments(source.text, items[0].span.start)
            first = insert(source, top, f"{use}\n\n")
            edit = insert(source, uses[-1].end, f"\n{use}") if uses else first
            yield Fix(f"`{use}` brings it in", (edit,))


def start_with_comments(text: str, start: int) -> int:
    """Where the lines of an item that begins at `start` begin, with the comments right above it."""
    start = text.rfind("\n", 0, start) + 1
    above = text[:start].splitlines(keepends=True)
    while above and above[-1].startswith("#"):
        start -= len(above.pop())
    return start


def labels_as_values(case: Case) -> Iterator[Fix]:
    """E0202: `y = a + b`, where both label steps."""
    source, start = case.tree.source, case.tree.source.line_start(case.fault.span.start)
    line = source.text[start : source.line_end(start)].partition("#")[0]
    labels = [each.step.label.span.text.rstrip(": ") for each in case.tree.places if each.step.label]
    if join := join_of(line.strip(), labels):
        indent = len(line) - len(line.lstrip())
        edit = Edit(Span(source, start + indent, start + len(line.rstrip())), join)
        yield Fix(f"a step joins labelled values: `{join}`", (edit,))
    elif case.fault.span.text in labels:
        yield Fix(f"`{case.fault.span.text}` labels a step: `from {case.fault.span.text}` reads it")


def input_by_equals(case: Case) -> Iterator[Fix]:
    """E0209: `input = 3@224x224`."""
    owners = [item for item in case.tree.file.items if isinstance(item, syntax.Net)]
    for statement in (each for owner in owners for each in owner.body.statements):
        if isinstance(statement, syntax.Constant) and statement.name.name == "input":
            between = Span(case.tree.source, statement.name.span.end, statement.value.span.start)
            yield Fix(f"an input is a step: `input {statement.value.span.text}`", (Edit(between, " "),))


def words(case: Case) -> Iterator[Fix]:
    """E0202: `bias=False`, `pad=same`."""
    word, span = case.fault.span.text, case.fault.span
    # Reversed, for the operator that ends before the word.
    if _OPERAND.match(span.source.text[: span.start][::-1]) or _OPERAND.match(span.source.text, span.end):
        return  # no word stands beside an operator
    row = foreign.find("values", word)
    text = row.ours[0] if row is not None and row.ours else f'"{word}"'
    edits = (Edit(case.fault.span, text),)
    if text in ("yes", "no"):
        yield Fix(f"`{text}` is how the language writes it", edits, safe=True)
    else:
        title = f"a word stands in quotes: `{text}`" if '"' in text else f"write `{text}`"
        yield Fix(title, edits, safe=True)


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


@of_call
def blanks(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0301, E0302: `input 1 @ 28 x 28`, `input 3 224 224`, `input rgb 224x224`, `maxpool 2 x 2`."""
    call, what = at.call, "a size has no blanks"
    text = call.span.text.removeprefix(call.name.name)
    if call.name.name == "input":
        if re.match(r"\s*[a-z]|.*[a-z]\s*$", text, re.IGNORECASE):
            what = "a depth is a number"
        # `1 @ 28 x 28` is read as 1,28,28, `3 224 224` as 3,224,224.
        ours = shape_of(re.sub(r"\s*[@x]\s*|\s+", ",", text.strip()))
    else:
        ours = re.sub(r"(?<=\d)\s+x\s+(?=\d)", "x", text).strip()
    if ours is not None and ours != text.strip():
        yield Fix(f"{what}: `{call.name.name} {ours}`", (Edit(call.span, f"{call.name.name} {ours}"),))


def shapes(case: Case) -> Iterator[Fix]:
    """E0303: `28x28x1`, `[3, 32, 32]` for a shape."""
    shape = shape_of(case.fault.span.text) if isinstance(case.fault.data, ShapeWanted) else None
    if shape is not None:
        edits = (Edit(case.fault.span, shape),)
        yield Fix(f"depth first: `{shape}`", edits)
