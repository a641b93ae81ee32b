"""What people write as other languages or papers have it, and how it is written here: a function a habit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from cnnspec import layers
from cnnspec.text import foreign
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.foreign.figures import FIGURES
from cnnspec.text.recovery import goes_on
from cnnspec.text.scanner import OPERATORS
from cnnspec.text.slip import LINE_ENDS, Hint, Slip

_STRIDE = r"(?:\s*,?\s*(?:/|s(?:tride)?\s*=?\s*)(\d+))?"
_KERNEL_FIRST = re.compile(rf"(?:(\d+)@)?(\d+x\d+)\s*(conv\w*)?(?:\s*,?\s*(\d+))?{_STRIDE}", re.IGNORECASE)
_POOL = re.compile(
    rf"(?:(\d+x\d+)\s+)?(max|avg|average)[- ]?pool(?:ing)?(?:\s*,?\s*(\d+x\d+))?{_STRIDE}", re.IGNORECASE
)
_VGG = re.compile(r"conv(\d+)-(\d+)", re.IGNORECASE)


_COUNTED = re.compile(r"\s*(\w+)\s+(?:as\s+)?([A-Za-z_]\w*)\s*")
_RANGED = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:in|=)\s*\w+\s*(?:\.\.+|:|to\b)[=<]?\s*\w+\s*")
_FOR = re.compile(r"for\s+(\w+)\s+in\s+(?:range\(\s*(\w+)\s*\)|(\w+|\[[^\]]*\]))\s*(?::\s*|(?=\{))(.*)")
_COLON = re.compile(r"repeat\s+([^:{]+?)\s*:\s*(.+)")
_TIMES = re.compile(r"(\d+)\s*(?:\*|x\s)\s*([A-Za-z_].*)")
_BULLET = re.compile(r"^[ \t]*((?:-|\d+\.)[ \t]+)(?=[A-Za-z])", re.MULTILINE)
_SUM = re.compile(r"(?:(\w+)\s*=\s*)?(\w+)\s*([-+*])\s*(\w+)")
_NAMED = re.compile(r"\s*\"?([^\"{(:=]*?)\"?\s*(?=[{(:=]|$)")


def repeat_head(slip: Slip) -> Iterator[Diagnostic]:
    """`repeat 3 as i`, `repeat 3 times`, `repeat i = 0..3`."""
    heads = [token for token in slip.line() if token.type == "REPEAT"]
    if not heads:
        return
    start = heads[-1].end
    head, brace, _ = slip.line_from(start).partition("{")
    if brace and (found := _COUNTED.fullmatch(head)):
        count, name = found.groups()
        is_numbered = name not in ("times", "x")
        ours = f" {name} in {count}" if is_numbered else f" {count}"
        what = "a repeat whose passes are numbered" if is_numbered else "a repeat"
        edit = (start, start + len(head.rstrip()), ours)
        yield slip.fault(f"{what} is written `repeat{ours} {{ … }}`", f"write `repeat{ours}`", edit)
    elif brace and (found := _RANGED.fullmatch(head)):
        counts = f"`repeat {found[1]} in 4` counts 0, 1, 2, 3"
        yield slip.fault(f"{counts}; other numbers stand in a list: `{found[1]} in [2, 3, 4]`")


def loop(slip: Slip) -> Iterator[Diagnostic]:
    """`for i in range(3): Basic 64`, `repeat 3: Basic 64`, `3 * Basic 64`; or the steps follow further in."""
    start = slip.first.start
    line = slip.line_from(start)
    end = start + len(line)
    if found := _FOR.fullmatch(line):
        name, bound, count, steps = found.groups()
        head = f"repeat {bound or count}" if name == "_" else f"repeat {name} in {bound or count}"
    elif (found := _COLON.fullmatch(line)) or (found := _TIMES.fullmatch(line)):
        head, steps = f"repeat {found[1]}", found[2]
    else:
        return
    edits = [(start, end, f"{head} {steps}" if steps.startswith("{") else f"{head} {{ {steps} }}")]
    if not steps:
        close = slip.line_end(slip.indented_end())
        edits = [(start, end, f"{head} {{"), (close, close, f"\n{slip.source.indent(start)}}}")]
    yield slip.fault(f"steps are repeated so: `{head} {{ … }}`", f"write `{head} {{ … }}`", *edits)


def name_behind(slip: Slip) -> Iterator[Diagnostic]:
    """`8@3x3 conv pad=1`."""
    step, name = [*slip.step(), slip.token], slip.ahead(2)
    kinds = [token.type for token in step]
    if kinds == ["INT", "AT"] and name.type == "NAME" and layers.find(slip.text(name)) is not None:
        ours = f"{slip.text(name)} {slip.source.text[step[0].start : slip.ahead(1).end]}"
        yield slip.replacement(f"a layer begins with its name: `{ours}`", ours, step[0].start, name.end)


def quoted_layer(slip: Slip) -> Iterator[Diagnostic]:
    """`"conv" 8@3x3`."""
    word, name = slip.back(1), slip.text(slip.back(1)).strip('"')
    if word.type == "STRING" and len(slip.step()) == 1 and layers.find(name) is not None:
        yield slip.replacement("a layer's name stands without quotes", name, word.start, word.end)


def net_name(slip: Slip) -> Iterator[Diagnostic]:
    """`net LeNet-5 {`, `net "LeNet" {`, `net {`."""
    head = slip.first
    found = _NAMED.match(slip.line_from(head.end)) if head.type in ("NET", "BLOCK") else None
    if found is None or (found[1].isidentifier() and slip.back(1) is not head):
        return
    # ResNet-50 is ResNet50, My-Net My_Net
    parts = re.sub(r"\W+(?=\d)", "", found[1])
    name = re.sub(r"\W+", "_", parts) or slip.text(head).title()
    if name.isidentifier():
        message = f"a {slip.text(head)} has a name of letters, digits and `_`"
        yield slip.fault(message, f"call it `{name}`", (head.end, head.end + found.end(), f" {name} "))


def bullets(slip: Slip) -> Iterator[Diagnostic]:
    """`- conv 64@3x3`, `1. conv 64@3x3`, as lists of other languages have their items."""
    start = slip.source.line_start(slip.token.start)
    here = _BULLET.match(slip.source.text, start)
    if here is None or not here.start(1) <= slip.token.start < here.end(1):
        return
    # A line that begins with `-` goes on the line before: of such a list only the first is a fault.
    found = _BULLET.finditer(slip.source.text) if here[1].startswith("-") else (here,)
    edits = [(each.start(1), each.end(1), "") for each in found]
    yield slip.fault("a step stands on its line without a mark before it", "remove what is before", *edits)


def arrow_by_equals(slip: Slip) -> Iterator[Diagnostic]:
    """`relu => 8@28x28`."""
    key, sign = (slip.back(1), slip.token) if slip.token.type == "COMPARE" else (slip.token, slip.ahead(1))
    if key.type == "KEY" and slip.text(sign)[:1] == ">" and key.end == sign.start:
        yield slip.replacement("a claim is written `->`", "->", key.end - 1, sign.start + 1)


def sum_of_labels(slip: Slip) -> Iterator[Diagnostic]:
    """`a + b`, where both are labels."""
    start, two = slip.back(1).start, slip.ahead(1)
    pairs = zip(slip.tokens[: slip.at], slip.tokens[1:], strict=False)
    labels = {slip.text(name) for name, colon in pairs if colon.type == "COLON"}
    ours = join_of(slip.source.text[start : two.end], labels) if len(slip.step()) == 1 else None
    if ours:
        yield slip.replacement("labelled values are joined by a step", ours, start, two.end)


def join_of(text: str, labels: Collection[str]) -> str | None:
    """The join that `a + b` or `y = a + b` means where both are labels."""
    found = _SUM.fullmatch(text)
    if found is None or not {found[2], found[4]} <= set(labels):
        return None
    name = f"{found[1]}: " if found[1] else ""
    join = {"+": "add", "-": "sub", "*": "mul"}[found[3]]
    return f"{name}{join} {{ | from {found[2]} | from {found[4]} }}"


def missing_comma(slip: Slip) -> Iterator[Diagnostic]:
    """`conv 64@3x3 pad=1 relu`, `conv 64@3x3 and relu`, `conv 64@3x3 + relu`."""
    follows_key = slip.token.type == "NAME" and any(part.type == "KEY" for part in slip.step())
    name = slip.token if follows_key else slip.ahead(1)
    if not follows_key and (slip.text(slip.token) not in ("and", "+") or len(slip.step()) < 2):
        return
    row = foreign.find("layers", slip.text(name))
    if layers.find(slip.text(name)) is not None or (row is not None and row.ours and not row.answer):
        message = f"a comma goes on to the next step: `, {slip.text(name)}`"
        yield slip.fault(message, "put a comma there", (slip.back(1).end, name.start, ", "))


def table_entry(slip: Slip) -> Iterator[Diagnostic]:
    """`3x3 conv, 64`, `7x7, 64, stride 2`, `3x3 max pool, /2`, `conv3-64`, as papers' tables have them."""
    start = slip.first.start
    line, comment, _ = slip.line_from(start).partition("//")
    place = start + len(line)
    line, ours, stride = line.rstrip(" \t,}"), "", None
    if found := _KERNEL_FIRST.fullmatch(line):
        count, stride = found[1] or found[4], found[5]
        ours = f"conv {count}@{found[2]}" if count and not (found[1] and found[4]) else ""
    elif found := _POOL.fullmatch(line):
        window, stride = found[1] or found[3], found[4]
        ours = f"{found[2].lower()[:3].replace('ave', 'avg')}pool {window}" if window else ""
    elif found := _VGG.fullmatch(line):
        ours = f"conv {found[2]}@{found[1]}x{found[1]}"
    if ours:
        ours += f" stride={stride}" if stride else ""
        edits = [(start, start + len(line), ours), *([(place, place + 2, "#")] if comment else [])]
        yield slip.fault(f"a layer begins with its name: `{ours}`", f"write `{ours}`", *edits)


def steps_by_arrows(slip: Slip) -> Iterator[Diagnostic]:
    """`input 3@32x32 -> conv 16@3x3 -> relu`."""
    line = slip.whole_line()
    first = next((token for token in line if token.type == "ARROW"), None)
    if first is None or first.start > slip.token.start:
        return
    following = {token.start for token in line if token.type == "NAME" and foreign.is_layer(slip.text(token))}
    edits = [
        (before.end, behind.start, ", ")
        for before, arrow, behind in zip(line, line[1:], line[2:], strict=False)
        if arrow.type == "ARROW" and behind.start in following
    ]
    if edits:
        yield slip.fault("`->` claims a shape; a comma goes on to the next step", "write commas", *edits)


def colon_behind_layer(slip: Slip) -> Iterator[Diagnostic]:
    """`input: 3@32x32`, `conv: 64@3x3`."""
    colon, name, behind = slip.back(1), slip.back(2), slip.token
    text, is_value = slip.text(name), behind.type in ("INT", "SIZE", "FLOAT")
    is_layer = name.type == "NAME" and (text == "input" or foreign.is_layer(text))
    if colon.type == "COLON" and is_value and is_layer:
        message = f"a colon follows a label; what `{text}` takes follows without one"
        edits = [(name.end, behind.start, " ")]
        line, layer = slip.whole_line(), layers.find(text)
        for comma, key, mark, value in zip(line, line[1:], line[2:], line[3:], strict=False):  # `, pad: 1`
            is_key = layer is not None and slip.text(key) in layer.arguments
            if (comma.type, mark.type) == ("COMMA", "COLON") and is_key:
                edits.append((comma.start, value.start, f" {slip.text(key)}="))
        yield slip.fault(message, "remove the colon" + "s" * (len(edits) > 1), *edits)


def argument_apart(slip: Slip) -> Iterator[Diagnostic]:
    """`conv 64@3x3 pad=1 stride 2`."""
    name, value = slip.token, slip.ahead(1)
    if name.type != "NAME" or value.type not in ("INT", "SIZE", "FLOAT", "BOOL", "STRING"):
        return
    names = [layers.find(slip.text(token)) for token in slip.step() if token.type == "NAME"]
    if slip.expects("KEY") and names and names[0] is not None and slip.text(name) in names[0].arguments:
        message = f"an argument is written with `=`: `{slip.text(name)}={slip.text(value)}`"
        yield slip.fault(message, "write `=`", (name.end, value.start, "="))


def arriving_value(slip: Slip) -> Iterator[Diagnostic]:
    """`y = in`."""
    word, key = slip.back(1), slip.back(2)
    if (key.type, word.type) == ("KEY", "IN") and slip.token.type in LINE_ENDS and len(slip.line()) == 2:
        ours = f"{slip.name_of_key(key)}: identity"
        message = f"the value that arrives is named by a label: `{ours}`"
        yield slip.replacement(message, ours, key.start, word.end)


def label_by_equals(slip: Slip) -> Iterator[Diagnostic]:
    """`x = conv 64@3x3`."""
    line, kind = slip.line(), slip.token.type
    if not line or line[0].type != "KEY" or slip.expects("NET"):
        return
    first = line[1] if len(line) > 1 else slip.token
    text = slip.text(first)
    if len(line) == 1:
        starts = kind in ("REPEAT", "IF", "FROM", "AGAIN", "LBRACE")
    else:
        known = foreign.is_layer(text) or text[:1].isupper() or text == "input"
        starts = len(line) == 2 and first.type == "NAME" and known and kind not in OPERATORS
    if starts:
        name = slip.name_of_key(line[0])
        message = f"`{name} =` names a value; a step is labelled with a colon: `{name}: {text} …`"
        yield slip.fault(message, f"write `{name}: {text}`", (line[0].start, first.start, f"{name}: "))


def stride_by_slash(slip: Slip) -> Iterator[Diagnostic]:
    """`conv 64@7x7 /2`, as papers write a stride, or `conv 64@7x7, /2`."""
    number, line = slip.ahead(1), slip.line()
    if slip.text(slip.token) != "/" or number.type not in ("INT", "SIZE"):
        return
    before = slip.back(2 if slip.back(1).type == "COMMA" else 1)
    names = [layers.find(slip.text(token)) for token in line if token.type == "NAME"]
    if names and names[-1] is not None and "stride" in names[-1].arguments:
        ours = f"stride={slip.text(number)}"
        edit = before.end, number.end, f" {ours}"
        yield slip.fault(f"a stride is written `{ours}`", f"write `{ours}`", edit)


def value_apart(slip: Slip) -> Iterator[Diagnostic]:
    """A value that goes on in the next line: behind an operator or `=`, or before `else`."""
    before, value = slip.back(1), slip.ahead(1)
    if value.type == "LBRACE" or not goes_on(slip.tokens, slip.at, slip.expects):
        return
    message, title = "a value stands on one line, or in parentheses", "join the lines"
    edits: tuple[tuple[int, int, str], ...] = ((before.end, value.start, " "),)
    if before.type in OPERATORS:
        sign, title = slip.text(before), "move it there"
        where = f"put `{sign}` before `{slip.text(value)}`"
        message = f"a line goes on in one that begins with the operator: {where}"
        edits = (slip.back(2).end, before.end, ""), (value.start, value.start, f"{sign} ")
    elif slip.source.text[before.end : value.start].strip():
        title, edits = "", ()
    yield slip.fault(message, title, *edits)._replace(span=slip.span(before))


def source_behind(slip: Slip) -> Iterator[Diagnostic]:
    """`conv 64@3x3 from a`."""
    name, behind = slip.ahead(1), slip.ahead(2)
    if slip.token.type != "FROM" or name.type != "NAME" or behind.type not in (*LINE_ENDS, "COMMA"):
        return
    line = slip.line()
    start = max((i + 1 for i, token in enumerate(line) if token.type == "COMMA"), default=0)
    if line[start:] and line[start].type in ("NAME", "INT", "STRING", "COMPUTED"):
        first, source = line[start].start, f"from {slip.text(name)}, "
        edits = (first, first, source), (slip.back(1).end, name.end, "")
        yield slip.fault(f"what a step reads stands before it: `{source}…`", f"write `{source}…`", *edits)


def again_as_output(slip: Slip) -> Iterator[Diagnostic]:
    """`output again tower`."""
    word, name = slip.back(1), slip.ahead(1)
    if slip.token.type != "AGAIN" or word.type != "OUTPUT" or name.type != "NAME":
        return
    label = f"{slip.text(name)}_again"
    message = f"`output` names labels: let `{label}: again {slip.text(name)}` run before"
    head = slip.source.text[slip.source.line_start(word.start) : word.start]
    if slip.ahead(2).type in ("NL", "RBRACE") and len(slip.line()) == 1 and not head.strip():
        lines = f"{label}: again {slip.text(name)}\n{head}output {label}"
        yield slip.fault(message, f"label it `{label}`", (word.start, name.end, lines))
    else:
        yield slip.fault(message)


HABITS: tuple[Hint, ...] = (
    net_name,
    bullets,
    arrow_by_equals,
    *FIGURES,
    sum_of_labels,
    name_behind,
    quoted_layer,
    repeat_head,
    loop,
    steps_by_arrows,
    table_entry,
    colon_behind_layer,
    argument_apart,
    missing_comma,
    arriving_value,
    label_by_equals,
    stride_by_slash,
    value_apart,
    source_behind,
    again_as_output,
)
