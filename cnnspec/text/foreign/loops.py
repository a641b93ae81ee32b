"""Repeats as other languages have them: `for i in range(3): …`, `repeat 3 times { … }`, `3 * conv 64@3x3`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.slip import Slip

_COUNTED = re.compile(r"\s*(\w+)\s+(?:as\s+)?([A-Za-z_]\w*)\s*")
_RANGED = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:in|=)\s*\w+\s*(?:\.\.+|:|to\b)[=<]?\s*\w+\s*")
_FOR = re.compile(r"for\s+(\w+)\s+in\s+(?:range\(\s*(\w+)\s*\)|(\w+|\[[^\]]*\]))\s*(?::\s*|(?=\{))(.*)")
_COLON = re.compile(r"repeat\s+([^:{]+?)\s*:\s*(.+)")
_TIMES = re.compile(r"(\d+)\s*(?:\*|x\s)\s*([A-Za-z_].*)")


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
    start = (slip.line() or [slip.token])[0].start
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
        close = slip.line_end(slip.further_in())
        edits = [(start, end, f"{head} {{"), (close, close, f"\n{slip.source.indent(start)}}}")]
    yield slip.fault(f"steps are repeated so: `{head} {{ … }}`", f"write `{head} {{ … }}`", *edits)
