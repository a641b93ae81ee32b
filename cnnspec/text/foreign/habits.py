"""What people write as other languages have it, and how it is written here. Each function knows one habit."""

from __future__ import annotations

import re

from cnnspec import layers
from cnnspec.text import foreign
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.foreign import loops, papers
from cnnspec.text.recovery import goes_on
from cnnspec.text.scanner import OPERATORS
from cnnspec.text.slip import LINE_ENDS, Slip

_SHAPE = re.compile(r"(?:shape\s*=|input_shape\s*=|[(\[\s])*(\d+(?:\s*[x,]\s*\d+)+)[)\]\s,]*")


def shape_of(text: str) -> str | None:
    """`28x28x1`, `(3, 32, 32)` and their like as a shape; the smaller outer number is the depth."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    numbers = [int(number) for number in re.findall(r"\d+", found[1])]
    if len(numbers) == 4:
        numbers = numbers[1:]  # the batch comes first everywhere, and is never written here
    if len(numbers) == 2:
        numbers.insert(0, 1)
    if len(numbers) != 3:
        return None
    depth, height, width = numbers if numbers[0] <= numbers[2] else (numbers[2], *numbers[:2])
    return f"{depth}@{height}x{width}"


def shape_in_brackets(slip: Slip) -> Diagnostic | None:
    """`input (3, 32, 32)`, `input(3, 32, 32)`."""
    step = slip.step()
    if not step or slip.text(step[0]).lower() not in ("input", "inputlayer") or slip.token.type != "COMMA":
        return None
    start = step[0].end
    rest = slip.line_from(start)
    shape = shape_of(rest)
    if shape is None:
        return None
    message = f"a shape is written depth first, with `@`: `{shape}`"
    return slip.fault(message, f"write `input {shape}`", (step[0].start, start + len(rest), f"input {shape}"))


def label_by_equals(slip: Slip) -> Diagnostic | None:
    """`x = conv 64@3x3`."""
    line, kind = slip.line(), slip.token.type
    if not line or line[0].type != "KEY" or slip.expects("NET"):
        return None
    if len(line) == 1:
        starts = kind in ("REPEAT", "IF", "FROM", "AGAIN", "LBRACE")
        start, first = slip.token.start, slip.text(slip.token)
    else:
        first, start = slip.text(line[1]), line[1].start
        known = foreign.is_layer(first) or first[:1].isupper() or first == "input"
        starts = len(line) == 2 and line[1].type == "NAME" and known and kind not in OPERATORS
    if not starts:
        return None
    name = slip.text(line[0])[:-1].rstrip()
    message = f"`{name} =` names a value; a step is labelled with a colon: `{name}: {first} …`"
    return slip.fault(message, f"write `{name}: {first}`", (line[0].start, start, f"{name}: "))


def stride_by_slash(slip: Slip) -> Diagnostic | None:
    """`conv 64@7x7 /2`, as papers write a stride, or `conv 64@7x7, /2`."""
    before, number = slip.back(1), slip.ahead(1)
    if slip.text(slip.token) != "/" or number.type not in ("INT", "SIZE"):
        return None
    line = slip.line()
    if before.type == "COMMA":
        line = line[:-1]
        before = slip.back(2)
    names = [layers.find(slip.text(token)) for token in line if token.type == "NAME"]
    if not names or names[-1] is None or "stride" not in names[-1].arguments:
        return None
    named = f"stride={slip.text(number)}"
    return slip.fault(
        f"a stride is written `{named}`", f"write `{named}`", (before.end, number.end, f" {named}")
    )


def value_apart(slip: Slip) -> Diagnostic | None:
    """A value that goes on in the next line: behind an operator or `=`, or before `else`."""
    before, value = slip.back(1), slip.ahead(1)
    if value.type == "LBRACE" or not goes_on(slip.tokens, slip.at, slip.expects):
        return None
    sign, first = slip.text(before), slip.text(value)
    if before.type in OPERATORS:
        message = f"a line goes on in one that begins with the operator: put `{sign}` before `{first}`"
        moved = (slip.back(2).end, before.end, ""), (value.start, value.start, f"{sign} ")
        fault = slip.fault(message, "move it there", *moved)
    elif slip.source.text[before.end : value.start].strip():
        fault = slip.fault("a value stands on one line, or in parentheses")
    else:
        joined = (before.end, value.start, " ")
        fault = slip.fault("a value stands on one line, or in parentheses", "join the lines", joined)
    return fault._replace(span=slip.span(before))


def source_behind(slip: Slip) -> Diagnostic | None:
    """`conv 64@3x3 from a`."""
    name, behind = slip.ahead(1), slip.ahead(2)
    if slip.token.type != "FROM" or name.type != "NAME" or behind.type not in (*LINE_ENDS, "COMMA"):
        return None
    line = slip.line()
    start = max((i + 1 for i, token in enumerate(line) if token.type == "COMMA"), default=0)
    if line[start:] == [] or line[start].type not in ("NAME", "INT", "STRING", "COMPUTED"):
        return None
    source = f"from {slip.text(name)}"
    return slip.fault(
        f"what a step reads stands before it: `{source}, …`",
        f"write `{source}, …`",
        (line[start].start, line[start].start, f"{source}, "),
        (slip.back(1).end, name.end, ""),
    )


def again_as_output(slip: Slip) -> Diagnostic | None:
    """`output again tower`."""
    name = slip.ahead(1)
    if slip.token.type != "AGAIN" or slip.back(1).type != "OUTPUT" or name.type != "NAME":
        return None
    label = f"{slip.text(name)}_again"
    message = f"`output` names labels: let `{label}: again {slip.text(name)}` run before"
    if slip.ahead(2).type not in ("NL", "RBRACE") or len(slip.line()) != 1:
        return slip.fault(message)
    start = slip.back(1).start
    head = slip.source.text[slip.source.line_start(start) : start]
    lines = f"{label}: again {slip.text(name)}\n{head}output {label}"
    if head.strip():
        return slip.fault(message)
    return slip.fault(message, f"label it `{label}`", (start, name.end, lines))


HABITS = (
    loops.repeat_head,
    loops.loop,
    shape_in_brackets,
    papers.steps_by_arrows,
    papers.table_entry,
    papers.share,
    papers.colon_behind_layer,
    papers.argument_apart,
    papers.arriving_value,
    label_by_equals,
    stride_by_slash,
    value_apart,
    source_behind,
    again_as_output,
)
