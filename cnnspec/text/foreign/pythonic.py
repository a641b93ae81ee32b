"""Calls in Python's style among the tokens of a line that the parser does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cnnspec.text import foreign
from cnnspec.text.foreign.translate import ForeignCall, translate
from cnnspec.text.scanner import DEPTH, Token
from cnnspec.text.source import Source

_STARTS = {"NL", "LBRACE", "COMMA", "COLON", "VBAR"}
"""What a step stands behind."""
_ENDS = {"NL", "LBRACE", "RBRACE", "VBAR", "ARROW", "$END"}
"""What ends a step, besides a comma."""


class PythonCall(NamedTuple):
    """A call, where it stands, where what follows it begins, and its like in our words if there is one.

    `counted` says what layers take, too.
    """

    call: ForeignCall
    start: int
    end: int
    behind: int
    ours: str | None
    counted: str | None


def calls(source: Source, line: list[Token]) -> Iterator[PythonCall]:
    """The calls of a line with commas between their arguments, in parentheses or not.

    nn.Conv2d(16, 32, 5), ReLU() are two, Conv2D 16, (3, 3) is one, conv 16@3x3, relu none.
    """
    at = 0
    while at < len(line):
        start = at
        if at and line[at - 1].type not in _STARTS:
            at += 1
            continue
        label, at = _assigned_name(source, line, at)
        while at + 2 < len(line) and line[at].type == "NAME" and line[at + 1].type == "DOT":
            at += 2
        head = line[at]
        if label and not foreign.is_layer(source.text[head.start : head.end]):
            at = start + 1
            continue
        if head.type == "FUNC":
            first, end = at + 2, _end(line, at + 1)
            behind = end + 1
        elif head.type == "NAME" and line[at + 1 : at + 2] and line[at + 1].type != "COLON":
            first, end = at + 1, _end(line, at)
            behind = end
        else:
            at = start + 1
            continue
        arguments = _split_arguments(line[first:end])
        if head.type == "FUNC" or len(arguments) > 1 or start < at:
            call = _call(source, head, arguments)
            last = line[min(behind, len(line)) - 1].end
            after = line[min(behind, len(line) - 1)].start
            said = (translate(call, counted) for counted in (False, True))
            ours, counted = (text and label + text for text in said)
            yield PythonCall(call, line[start].start, last, after, ours, counted)
        at = max(behind, start + 1)


def _assigned_name(source: Source, line: list[Token], at: int) -> tuple[str, int]:
    """`conv1: ` for `self.conv1 =` or `conv1 =`, and where the value begins; else nothing, and here."""
    kinds = [token.type for token in line[at : at + 3]]
    key = at + 2 if kinds == ["NAME", "DOT", "KEY"] else at
    if key >= len(line) or line[key].type != "KEY":
        return "", at
    return source.text[line[key].start : line[key].end].rstrip("= \t") + ": ", key + 1


def _end(line: list[Token], at: int) -> int:
    """Where the bracket at `at` is closed, or where the list of values behind the name there ends."""
    depth, bracket = 0, line[at].type in DEPTH
    for index in range(at, len(line)):
        kind = line[index].type
        depth += DEPTH.get(kind, 0)
        if depth < 0 or kind in _ENDS:
            return index
        if bracket and depth == 0:
            return index
        if not bracket and depth == 0 and kind == "COMMA" and not _goes_on(line, index):
            return index
    return len(line) - 1


def _goes_on(line: list[Token], comma: int) -> bool:
    """Whether a value follows the comma, no step: `16, 32`, `16, (3, 3), padding=1`."""
    following = line[comma + 1].type if comma + 1 < len(line) else "NL"
    if following == "KEY":
        return any(token.type == "COMMA" for token in line[:comma])
    follows_colon = comma + 2 < len(line) and line[comma + 2].type == "COLON"
    return following in ("INT", "FLOAT", "SIZE", "STRING", "WRONG", "LPAR", "LSQB") and not follows_colon


def _split_arguments(tokens: list[Token]) -> list[list[Token]]:
    """The arguments: what stands between the commas outside of brackets."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += DEPTH.get(token.type, 0)
        if token.type == "COMMA" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _call(source: Source, head: Token, arguments: list[list[Token]]) -> ForeignCall:
    def text(tokens: list[Token]) -> str:
        return source.text[tokens[0].start : tokens[-1].end] if tokens else ""

    plain = tuple(text(part) for part in arguments if part[0].type != "KEY")
    named = tuple(
        (text(part[:1]).rstrip("= \t"), text(part[1:])) for part in arguments if part[0].type == "KEY"
    )
    return ForeignCall(text([head]), plain, named)
