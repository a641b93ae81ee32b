"""Behind an unexpected token: which tokens to skip, and the shortest way to go on, so that the rest is read."""

from __future__ import annotations

from collections import deque
from typing import Any

from lark.parsers.lalr_analysis import Shift

from cnnspec.scanner import Token

# What a completion is made of. BROKEN stands for whatever could not be read; the others close what is open.
FILLERS = ("BROKEN", "RPAR", "RSQB", "COMMA", "SIGN", "KEY", "IN", "NAME", "LBRACE", "RBRACE")
LONGEST = 6
"""The tokens of a completion at most."""

States = dict[int, dict[str, tuple[Any, Any]]]
Stack = tuple[int, ...]


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


def completion(states: States, end_state: int, stack: Stack, target: str) -> list[str] | None:
    """The fewest fillers, BROKEN among them, behind which the target is expected."""
    waiting = deque([(stack, [])])  # type: deque[tuple[Stack, list[str]]]
    seen = {(stack, False)}
    while waiting:
        current, fed = waiting.popleft()
        if "BROKEN" in fed and advance(states, end_state, current, target):
            return fed
        if len(fed) == LONGEST:
            continue
        for filler in FILLERS:
            after = advance(states, end_state, current, filler) if filler in states[current[-1]] else None
            key = after and (after, filler == "BROKEN" or "BROKEN" in fed)
            if after and key not in seen and len(seen) < 2000:
                seen.add(key)
                waiting.append((after, [*fed, filler]))
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
