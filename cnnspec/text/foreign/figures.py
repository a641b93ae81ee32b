"""How numbers, sizes and shapes are written elsewhere, and how they are written here: a function a habit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnnspec import layers
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.slip import LINE_ENDS, Hint, Slip

_COLOUR = re.compile(r"\b(?:(rgb|bgr|colou?r)|gr[ae]y(?:scale)?)\b", re.IGNORECASE)
_SHAPE = re.compile(r"(?:shape\s*=|input_shape\s*=|[(\[\s])*(\d+(?:\s*[x,]\s*\d+)+)[)\]\s,]*")


def shape_of(text: str) -> str | None:
    """`28x28x1`, `(3, 32, 32)`, `rgb 32x32` and their like; the smaller outer number is the depth."""
    colour = _COLOUR.search(text)
    found = _SHAPE.fullmatch(_COLOUR.sub("", text).strip(" ,"))
    if found is None:
        return None
    numbers = [int(number) for number in re.findall(r"\d+", found[1])]
    if len(numbers) == 4:
        numbers = numbers[1:]  # the batch comes first everywhere, and is never written here
    if len(numbers) == 2:
        numbers.insert(0, 3 if colour and colour[1] else 1)
    if len(numbers) != 3:
        return None
    # 224, 224, 3 has its channels last; 3, 224, 224 first.
    depth, height, width = numbers if numbers[0] <= numbers[2] else (numbers[2], *numbers[:2])
    return f"{depth}@{height}x{width}"


def shape_in_brackets(slip: Slip) -> Iterator[Diagnostic]:
    """`input (3, 32, 32)`, `input(3, 32, 32)`."""
    word = next((token for token in slip.line() if slip.text(token).lower() in ("input", "inputlayer")), None)
    if word is None or slip.token.type != "COMMA":
        return
    rest = slip.line_from(word.end)
    if shape := shape_of(rest):
        message = f"a shape is written depth first, with `@`: `{shape}`"
        yield slip.replacement(message, f"input {shape}", word.start, word.end + len(rest))


def bare_shape(slip: Slip) -> Iterator[Diagnostic]:
    """`1@28x28` as the first line of a net."""
    line = slip.whole_line()
    kinds = [token.type for token in line[:4]]
    is_first = slip.at == 1 or slip.tokens[slip.tokens.index(line[0]) - 1].type == "NL"
    if is_first and kinds[:3] == ["INT", "AT", "SIZE"] and kinds[3] in ("NL", "COMMA", "ARROW"):
        shape = slip.source.text[line[0].start : line[2].end]
        message = f"the first step of a net says what arrives: `input {shape}`"
        yield slip.replacement(message, f"input {shape}", line[0].start, line[2].end)


def tuple_in_parentheses(slip: Slip) -> Iterator[Diagnostic]:
    """`stride=(2, 2)`, `conv 64 (3, 3)`."""
    opened, one, two, closed = slip.back(2), slip.back(1), slip.ahead(1), slip.ahead(2)
    kinds = [token.type for token in (opened, one, slip.token, two, closed)]
    if kinds != ["LPAR", "INT", "COMMA", "INT", "RPAR"] or slip.back(3).type == "FUNC":
        return
    ours, start = f"{slip.text(one)}x{slip.text(two)}", opened.start
    names = [layers.find(slip.text(token)) for token in slip.line() if token.type == "NAME"]
    before = slip.back(3)
    if before.type == "INT" and names and names[-1] is not None and "filter" in names[-1].positional:
        ours, start = f"@{ours}", before.end
    yield slip.replacement("a size is written with an x, height first", ours, start, closed.end)


def channels_by_arrow(slip: Slip) -> Iterator[Diagnostic]:
    """`conv 1->8 3x3`."""
    name, arriving, arrow, leaving = (slip.back(count) for count in (4, 3, 2, 1))
    kinds = [token.type for token in (arriving, arrow, leaving, slip.token)]
    layer = layers.find(slip.text(name))
    if kinds == ["INT", "ARROW", "INT", "SIZE"] and layer is not None and "filter" in layer.positional:
        ours = f"{slip.text(leaving)}@{slip.text(slip.token)}"
        message = f"`{slip.text(name)} {ours}` has as many input channels as arrive"
        yield slip.replacement(message, ours, arriving.start, slip.token.end)


def percentage(slip: Slip) -> Iterator[Diagnostic]:
    """`dropout 50%`, `dropout p=50%`."""
    far = 0 if slip.text(slip.token) == "%" else 1  # behind `p=` it might go on with a divisor
    number, sign, behind = slip.back(far + 1), slip.back(far), slip.ahead(1 - far)
    ends = behind.type in (*LINE_ENDS, "COMMA", "KEY")
    if slip.text(sign) == "%" and number.type in ("INT", "FLOAT") and ends:
        value = f"{float(slip.text(number)) / 100:g}"
        fault = slip.replacement(f"a share is a number from 0 to 1: `{value}`", value, number.start, sign.end)
        yield fault._replace(span=slip.span(number, sign))


def decimal_comma(slip: Slip) -> Iterator[Diagnostic]:
    """`dropout 0,5`. Only behind a 0, which counts nothing: `64,3` are two numbers."""
    for far in (0, 1):
        whole, comma, part = (slip.tokens[max(0, slip.at - far - count)] for count in (2, 1, 0))
        if (whole.type, comma.type, part.type) != ("INT", "COMMA", "INT") or slip.text(whole) != "0":
            continue
        if whole.end == comma.start and comma.end == part.start:
            ours = f"0.{slip.text(part)}"
            yield slip.replacement(f"a decimal point is a point: `{ours}`", ours, whole.start, part.end)


def bare_fraction(slip: Slip) -> Iterator[Diagnostic]:
    """`dropout .5`."""
    digits = slip.ahead(1)
    if slip.token.type == "DOT" and digits.type in ("INT", "FLOAT") and slip.token.end == digits.start:
        ours = f"0.{slip.text(digits)}"
        message = f"a number begins with a digit: `{ours}`"
        yield slip.replacement(message, ours, slip.token.start, digits.end)


FIGURES: tuple[Hint, ...] = (
    decimal_comma,
    bare_fraction,
    tuple_in_parentheses,
    bare_shape,
    shape_in_brackets,
    channels_by_arrow,
    percentage,
)
