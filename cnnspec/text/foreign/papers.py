"""What people write as papers have it: `3x3 conv, 64`, `conv3-64`, `dropout 50%`, arrows between steps."""

from __future__ import annotations

import re

from cnnspec import layers
from cnnspec.text import foreign
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.slip import LINE_ENDS, Slip

_STRIDE = r"(?:\s*,?\s*(?:/|s(?:tride)?\s*=?\s*)(\d+))?"
_KERNEL_FIRST = re.compile(rf"(?:(\d+)@)?(\d+x\d+)\s*(conv\w*)?(?:\s*,?\s*(\d+))?{_STRIDE}", re.IGNORECASE)
_POOL = re.compile(
    rf"(?:(\d+x\d+)\s+)?(max|avg|average)[- ]?pool(?:ing)?(?:\s*,?\s*(\d+x\d+))?{_STRIDE}", re.IGNORECASE
)
_VGG = re.compile(r"conv(\d+)-(\d+)", re.IGNORECASE)


def table_entry(slip: Slip) -> Diagnostic | None:
    """`3x3 conv, 64`, `7x7, 64, stride 2`, `3x3 max pool, /2`, `conv3-64`, as papers' tables have them."""
    start = (slip.line() or [slip.token])[0].start
    line, comment, _ = slip.line_from(start).partition("//")
    place = start + len(line)
    line = line.rstrip(" \t,}")
    ours = None
    if found := _KERNEL_FIRST.fullmatch(line):
        count = found[1] or found[4]
        ours = f"conv {count}@{found[2]}" if count and not (found[1] and found[4]) else None
        stride = found[5]
    elif found := _POOL.fullmatch(line):
        window = found[1] or found[3]
        ours = f"{found[2].lower()[:3].replace('ave', 'avg')}pool {window}" if window else None
        stride = found[4]
    elif found := _VGG.fullmatch(line):
        ours, stride = f"conv {found[2]}@{found[1]}x{found[1]}", None
    if ours is None:
        return None
    ours += f" stride={stride}" if stride else ""
    message = f"a layer begins with its name: `{ours}`"
    edits = [(start, start + len(line), ours), *([(place, place + 2, "#")] if comment else [])]
    return slip.fault(message, f"write `{ours}`", *edits)


def share(slip: Slip) -> Diagnostic | None:
    """`dropout 50%`."""
    number, behind = slip.back(1), slip.ahead(1)
    if slip.text(slip.token) != "%" or number.type not in ("INT", "FLOAT"):
        return None
    if behind.type not in (*LINE_ENDS, "COMMA", "KEY"):
        return None
    value = f"{float(slip.text(number)) / 100:g}"
    return slip.fault(
        f"a share is a number from 0 to 1: `{value}`",
        f"write `{value}`",
        (number.start, slip.token.end, value),
    )


def steps_by_arrows(slip: Slip) -> Diagnostic | None:
    """`input 3@32x32 -> conv 16@3x3 -> relu`."""
    line = slip.whole_line()
    first = next((i for i, token in enumerate(line) if token.type == "ARROW"), None)
    if first is None or line[first].start > slip.token.start:
        return None
    following = {token.start for token in line if token.type == "NAME" and foreign.is_layer(slip.text(token))}
    edits = [
        (before.end, behind.start, ", ")
        for before, arrow, behind in zip(line, line[1:], line[2:], strict=False)
        if arrow.type == "ARROW" and behind.start in following
    ]
    if not edits:
        return None
    return slip.fault("`->` claims a shape; a comma goes on to the next step", "write commas", *edits)


def colon_behind_layer(slip: Slip) -> Diagnostic | None:
    """`input: 3@32x32`, `conv: 64@3x3`."""
    colon, name, behind = slip.back(1), slip.back(2), slip.token
    if colon.type != "COLON" or behind.type not in ("INT", "SIZE", "FLOAT"):
        return None
    if name.type != "NAME" or (slip.text(name) != "input" and not foreign.is_layer(slip.text(name))):
        return None
    text = slip.text(name)
    message = f"a colon follows a label; what `{text}` takes follows without one"
    return slip.fault(message, "remove the colon", (name.end, behind.start, " "))


def argument_apart(slip: Slip) -> Diagnostic | None:
    """`conv 64@3x3 pad=1 stride 2`."""
    name, value = slip.token, slip.ahead(1)
    if name.type != "NAME" or value.type not in ("INT", "SIZE", "FLOAT", "BOOL", "STRING"):
        return None
    names = [layers.find(slip.text(token)) for token in slip.step() if token.type == "NAME"]
    if not slip.expects("KEY") or not names or names[0] is None or slip.text(name) not in names[0].arguments:
        return None
    text = f"{slip.text(name)}={slip.text(value)}"
    return slip.fault(f"an argument is written with `=`: `{text}`", "write `=`", (name.end, value.start, "="))


def arriving_value(slip: Slip) -> Diagnostic | None:
    """`y = in`."""
    word, key = slip.back(1), slip.back(2)
    if word.type != "IN" or key.type != "KEY" or slip.token.type not in LINE_ENDS or len(slip.line()) != 2:
        return None
    ours = f"{slip.text(key)[:-1].rstrip()}: identity"
    return slip.fault(
        f"the value that arrives is named by a label: `{ours}`",
        f"write `{ours}`",
        (key.start, word.end, ours),
    )
