"""What to say of a token that no rule expects, in the words of someone who reads specs, not grammars."""

from __future__ import annotations

from collections.abc import Callable

from cnnspec.diagnostics import Diagnostic
from cnnspec.scanner import Token
from cnnspec.source import Source, Span


def explain(
    source: Source, tokens: list[Token], index: int, expects: Callable[[str], bool]
) -> Diagnostic:
    """The fault of the token at the index."""
    token = tokens[index]
    return Diagnostic("E0101", f"unexpected {token.type}", Span(source, token.start, token.end))
