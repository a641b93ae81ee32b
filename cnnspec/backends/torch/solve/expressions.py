"""The expressions of a `forward`, and how strongly they bind: nothing that is written is read again."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.backends.writer import Arguments, Text, flat


class Expression(NamedTuple):
    """What a forward computes: a variable, or `depth` calls within calls."""

    text: Text
    depth: int = 0
    atomic: bool = True  # it binds as a call does, and may stand beside an operator
    typed: bool = False  # mypy knows that it is a tensor: what a module returns may be anything


def call(callee: str, *arguments: Text) -> Arguments:
    """A call: where it breaks over lines, its arguments stay whole, but for those that are bracketed."""
    return Arguments(callee, tuple(("", given) for given in arguments))


def behind(before: str, text: Text) -> Text:
    """The expression with this before it: a call that it ends in can break over lines all the same."""
    if isinstance(text, Arguments):
        return text._replace(head=before + text.head)
    return before + flat(text)


def joined(symbol: str, operands: list[Text]) -> Text:
    """`a + b`."""
    *before, last = operands
    return behind("".join(f"{flat(each)} {symbol} " for each in before), last)
