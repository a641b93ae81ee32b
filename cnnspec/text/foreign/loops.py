"""Repeats as other languages have them: `for i in range(3): …`, `repeat 3 times { … }`, `3 * conv 64@3x3`."""

from __future__ import annotations

import re

from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.slip import Slip

_COUNTED = re.compile(r"\s*(\w+)\s+(?:as\s+)?([A-Za-z_]\w*)\s*")
_RANGED = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:in|=)\s*\w+\s*(?:\.\.+|:|to\b)[=<]?\s*\w+\s*")
_FOR = re.compile(r"for\s+(\w+)\s+in\s+(?:range\(\s*(\w+)\s*\)|(\w+|\[[^\]]*\]))\s*(?::\s*|(?=\{))(.*)")
_COLON = re.compile(r"repeat\s+([^:{]+?)\s*:\s*(.+)")
_TIMES = re.compile(r"(\d+)\s*(?:\*|x\s)\s*([A-Za-z_].*)")


def repeat_head(slip: Slip) -> Diagnostic | None:
    """`repeat 3 as i`, `repeat 3 times`, `repeat i = 0..3`."""
    line = slip.line()
    heads = [index for index, token in enumerate(line) if token.type == "REPEAT"]
    if not heads:
        return None
    start = line[heads[-1]].end
    head, brace, _ = slip.line_from(start).partition("{")
    if not brace:
        return None
    if found := _COUNTED.fullmatch(head):
        count, name = found.groups()
        is_numbered = name not in ("times", "x")
        ours = f" {name} in {count}" if is_numbered else f" {count}"
        what = "a repeat whose passes are numbered" if is_numbered else "a repeat"
        edit = (start, start + len(head.rstrip()), ours)
        return slip.fault(f"{what} is written `repeat{ours} {{ … }}`", f"write `repeat{ours}`", edit)
    if found := _RANGED.fullmatch(head):
        name = found[1]
        message = (
            f"`repeat {name} in 4` counts 0, 1, 2, 3; other numbers stand in a list: `{name} in [2, 3, 4]`"
        )
        return slip.fault(message)
    return None


def loop(slip: Slip) -> Diagnostic | None:
    """`for i in range(3): Basic 64`, `repeat 3: Basic 64`, `3 * Basic 64`; or the steps follow further in."""
    start = (slip.line() or [slip.token])[0].start
    line = slip.line_from(start)
    if found := _FOR.fullmatch(line):
        name, count, *rest = found.groups()
        count = count or rest[0]
        head, steps = (f"repeat {count}" if name == "_" else f"repeat {name} in {count}"), rest[1]
    elif (found := _COLON.fullmatch(line)) or (found := _TIMES.fullmatch(line)):
        head, steps = f"repeat {found[1]}", found[2]
    else:
        return None
    if steps.startswith("{"):
        edits = [(start, start + len(line), f"{head} {steps}")]
    elif steps:
        edits = [(start, start + len(line), f"{head} {{ {steps} }}")]
    else:
        close = slip.line_end(slip.further_in())
        brace = f"\n{slip.source.indent(start)}}}"
        edits = [(start, start + len(line), f"{head} {{"), (close, close, brace)]
    return slip.fault(f"steps are repeated so: `{head} {{ … }}`", f"write `{head} {{ … }}`", *edits)
