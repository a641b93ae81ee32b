"""What people write as other languages have it, and how it is written here. Each function knows one habit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cnnspec import layers
from cnnspec.text import foreign
from cnnspec.text.diagnostics import Diagnostic

if TYPE_CHECKING:
    from cnnspec.text.syntax_errors import Place

_OPERATORS = {"SIGN", "TIMES", "COMPARE", "AND", "OR"}
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


def shape_in_brackets(place: Place) -> Diagnostic | None:
    """`input (3, 32, 32)`, `input(3, 32, 32)`."""
    step = place.step()
    if not step or place.text(step[0]).lower() not in ("input", "inputlayer") or place.token.type != "COMMA":
        return None
    start, end = step[0].end, place.source.text.find("\n", place.token.start)
    end = len(place.source.text) if end < 0 else end
    rest = place.source.text[start:end].split("#")[0].rstrip()
    shape = shape_of(rest)
    if shape is None:
        return None
    message = f"a shape is written depth first, with `@`: `{shape}`"
    return place.fault(
        message, f"write `input {shape}`", (step[0].start, start + len(rest), f"input {shape}")
    )


def label_by_equals(place: Place) -> Diagnostic | None:
    """`x = conv 64@3x3`."""
    line, kind = place.line(), place.token.type
    if not line or line[0].type != "KEY" or place.expects("NET"):
        return None
    if len(line) == 1:
        starts = kind in ("REPEAT", "IF", "FROM", "AGAIN", "LBRACE")
        start, first = place.token.start, place.text(place.token)
    else:
        first, start = place.text(line[1]), line[1].start
        known = layers.find(first) or foreign.find("layers", first) or first[:1].isupper() or first == "input"
        starts = len(line) == 2 and line[1].type == "NAME" and bool(known) and kind not in _OPERATORS
    if not starts:
        return None
    name = place.text(line[0])[:-1].rstrip()
    message = f"`{name} =` names a value; a step is labelled with a colon: `{name}: {first} …`"
    return place.fault(message, f"write `{name}: {first}`", (line[0].start, start, f"{name}: "))


def claim_apart(place: Place) -> Diagnostic | None:
    """`-> 4@8x8` on a line of its own."""
    step = place.back(2)
    if place.token.type != "ARROW" or place.back(1).type != "NL":
        return None
    message = "what `->` claims stands on the line of the step, or of the brace, that it speaks of"
    if step.type in ("LBRACE", "NL") or place.source.text[step.end : place.token.start].strip():
        return place.fault(message)
    return place.fault(message, "move it there", (step.end, place.token.start, " "))


def operator_apart(place: Place) -> Diagnostic | None:
    """A value that goes on in a line that starts with `+`."""
    tokens, at = place.tokens, place.at
    if place.token.type not in _OPERATORS or place.back(1).type != "NL":
        return None
    message = "a line goes on behind a comma and in parentheses: put the whole value in parentheses"
    first, last = at - 1, at
    while first > max(0, at - 500) and tokens[first - 1].type not in ("NL", "LBRACE", "RBRACE", "VBAR"):
        first -= 1
    while last + 2 < len(tokens) and not (
        tokens[last + 1].type == "NL" and tokens[last + 2].type not in _OPERATORS
    ):
        if tokens[last + 1].type in ("RBRACE", "$END"):
            break
        last += 1
    if tokens[first].type != "KEY":
        return place.fault(message)
    start, end = tokens[first + 1].start, tokens[last].end
    return place.fault(message, "write the parentheses", (start, start, "("), (end, end, ")"))


def power(place: Place) -> Diagnostic | None:
    """`2 ** i`."""
    token, sign, base, exponent = place.token, place.back(1), place.back(2), place.ahead(1)
    if token.type != "TIMES" or sign.type != "TIMES" or sign.end != token.start:
        return None
    message = (
        "there is no power `**`: a list holds what is needed, `widths = [64, 128, 256]`, then `widths[i]`"
    )
    text, number = place.text(base), place.text(exponent)
    if exponent.type != "INT" or base.type not in ("NAME", "INT") or number not in ("2", "3"):
        return place.fault(message)
    product = "(" + " * ".join([text] * int(number)) + ")"
    return place.fault(message, f"write `{product}`", (base.start, exponent.end, product))


def again_as_output(place: Place) -> Diagnostic | None:
    """`output again tower`."""
    name = place.ahead(1)
    if place.token.type != "AGAIN" or place.back(1).type != "OUTPUT" or name.type != "NAME":
        return None
    label = f"{place.text(name)}_again"
    message = f"`output` names labels: let `{label}: again {place.text(name)}` run before"
    if place.ahead(2).type not in ("NL", "RBRACE") or len(place.line()) != 1:
        return place.fault(message)
    start = place.back(1).start
    head = place.source.text[place.source.text.rfind("\n", 0, start) + 1 : start]
    lines = f"{label}: again {place.text(name)}\n{head}output {label}"
    if head.strip():
        return place.fault(message)
    return place.fault(message, f"label it `{label}`", (start, name.end, lines))


def list_indexed(text: str, start: int) -> str:
    """What to say of the bracket at `start`, right behind another: `table[i][j]`, `[64, 128][i]`."""
    depth, at = 0, start - 1
    while at >= 0:
        depth += {"]": 1, "[": -1}.get(text[at], 0)
        if depth == 0:
            break
        at -= 1
    if at > 0 and (text[at - 1].isalnum() or text[at - 1] in "_]"):
        return "an index cannot stand behind another: write `table[i, j]`"
    return "only a name has items: name the list, `widths = [64, 128]`, and write `widths[i]`"


def item_of_list(place: Place) -> Diagnostic | None:
    """`x = [64, 128][i]`."""
    token, before = place.token, place.back(1)
    if token.type != "LSQB" or before.type != "RSQB" or before.end != token.start:
        return None
    message = list_indexed(place.source.text, token.start)
    return place.fault(message) if message.startswith("only") else None


HABITS = (
    shape_in_brackets,
    label_by_equals,
    claim_apart,
    operator_apart,
    power,
    again_as_output,
    item_of_list,
)
