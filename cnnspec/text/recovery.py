"""Behind an unexpected token: what to skip, and the shortest way to go on, so that the rest is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from lark.parsers.lalr_analysis import Shift

from cnnspec.text.scanner import OPERATORS, Token

# What a completion is made of. BROKEN stands for whatever could not be read; the others close what is open.
FILLERS = (
    ("BROKEN",),
    ("RPAR",),
    ("RSQB",),
    ("COMMA",),
    ("SIGN",),
    ("KEY",),
    ("IN",),
    ("NAME",),
    ("LBRACE", "RBRACE"),
)
LONGEST = 6
"""The fillers of a completion at most."""

MOST = 500
"""The stacks looked at at most."""

VALUES = {"INT", "FLOAT", "SIZE", "STRING", "BOOL", "LPAR", "LSQB"}
"""With these a value begins, and a step only where a colon follows."""

States = dict[int, dict[str, tuple[Any, Any]]]
Stack = tuple[int, ...]


def goes_on(tokens: list[Token], index: int, expects: Callable[[str], bool]) -> bool:
    """Whether behind the newline at the index stands just what is expected before it, and no step."""
    if tokens[index].type != "NL" or not expects(tokens[index + 1].type):
        return False
    following, behind = tokens[index + 1].type, tokens[min(index + 2, len(tokens) - 1)].type
    if following == "NAME":
        return behind in OPERATORS or behind == "SUBSCRIPT"
    return following in ("LBRACE", "ELSE") or (following in VALUES and behind != "COLON")


def advance(states: States, end_state: int, stack: Stack, terminal: str) -> Stack | None:
    """The parser's stack of states after a terminal, or None where it is unexpected."""
    after = list(stack)
    while True:
        action, argument = states[after[-1]].get(terminal, (None, None))
        if action is None:
            return None
        if action is Shift:
            after.append(argument)
            return tuple(after)
        del after[len(after) - len(argument.expansion) :]
        after.append(states[after[-1]][argument.origin.name][1])
        if terminal == "$END" and after[-1] == end_state:
            return tuple(after)


def advance_all(states: States, end_state: int, stack: Stack, terminals: Sequence[str]) -> Stack | None:
    """The stack after several terminals."""
    after: Stack | None = stack
    for terminal in terminals:
        after = after and advance(states, end_state, after, terminal)
    return after


def completion(states: States, end_state: int, stack: Stack, target: str) -> tuple[str, ...] | None:
    """The fewest fillers, BROKEN among them, behind which the target is expected."""
    waiting: deque[tuple[Stack, tuple[str, ...], int]] = deque([(stack, (), 0)])
    seen = {(stack, False)}
    while waiting:
        current, fed, count = waiting.popleft()
        if "BROKEN" in fed and advance(states, end_state, current, target):
            return fed
        if count == LONGEST or len(seen) > MOST:
            continue
        for filler in FILLERS:
            if filler[0] not in states[current[-1]]:
                continue
            after = advance_all(states, end_state, current, filler)
            key = after and (after, "BROKEN" in fed or "BROKEN" in filler)
            if after and key and key not in seen:
                seen.add(key)
                waiting.append((after, fed + filler, count + 1))
    return None


def skip(tokens: list[Token], index: int) -> int:
    """The index of the token to go on with: the line's end, a brace, or the next path's bar."""
    while tokens[index].type not in ("NL", "LBRACE", "RBRACE", "VBAR", "$END"):
        index += 1
    return index


def past_braces(tokens: list[Token], index: int) -> int:
    """The index behind the braces that open here."""
    depth = 0
    while tokens[index].type != "$END":
        depth += {"LBRACE": 1, "RBRACE": -1}.get(tokens[index].type, 0)
        index += 1
        if depth == 0:
            break
    return index
