"""Behind an unexpected token: what to skip, and the shortest way to go on, so that the rest is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from cnnspec.text.automaton import Stack, advance
from cnnspec.text.grammar_table import STATES
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

BEGIN_VALUES = {"INT", "FLOAT", "SIZE", "STRING", "BOOL", "LPAR", "LSQB"}
"""With these a value begins, and a step only where a colon follows."""


def goes_on(tokens: list[Token], index: int, expects: Callable[[str], bool]) -> bool:
    """Whether behind the newline at the index stands just what is expected before it, and no step."""
    if tokens[index].type != "NL" or not expects(tokens[index + 1].type):
        return False
    following, behind = tokens[index + 1].type, tokens[min(index + 2, len(tokens) - 1)].type
    # `pad=` and `width * 2` on the next line; of a name alone, `relu`, a step is as likely.
    if following == "NAME":
        return behind in OPERATORS or behind == "SUBSCRIPT"
    return following in ("LBRACE", "ELSE") or (following in BEGIN_VALUES and behind != "COLON")


def advance_all(stack: Stack, end: int, terminals: Sequence[str]) -> Stack | None:
    """The stack after several terminals."""
    after: Stack | None = stack
    for terminal in terminals:
        after = after and advance(after, end, terminal)
    return after


def completion(stack: Stack, end: int, target: str) -> tuple[str, ...] | None:
    """The fewest fillers, BROKEN among them, behind which the target is expected."""
    waiting: deque[tuple[Stack, tuple[str, ...], int]] = deque([(stack, (), 0)])
    # Breadth first: what is found first has the fewest fillers. `conv (4 {` -> ("RPAR", "BROKEN").
    seen = {(stack, False)}
    while waiting:
        current, fed, count = waiting.popleft()
        # Without BROKEN it would be read as if nothing had been wrong there.
        if "BROKEN" in fed and advance(current, end, target):
            return fed
        if count == LONGEST or len(seen) > MOST:
            continue
        for filler in FILLERS:
            if filler[0] not in STATES[current[-1]]:
                continue
            after = advance_all(current, end, filler)
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
