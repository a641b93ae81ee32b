"""A token that no rule expects, and what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit
from cnnspec.text.scanner import DEPTH, OPERATORS, Token
from cnnspec.text.source import Source, Span

LINE_ENDS = {"NL", "LBRACE", "RBRACE", "VBAR"}
SIMPLE = {"INT", "FLOAT", "NAME"}
"""The operands of an expression, beside what stands in brackets."""
FAR = 500
"""Tokens looked back at for a hint."""


class Slip(NamedTuple):
    """An unexpected token among the others; `expects` asks whether the parser would take another instead."""

    source: Source
    tokens: list[Token]
    at: int
    expects: Callable[[str], bool]

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def back(self, count: int) -> Token:
        """The token `count` places before this one; before the first stands a newline."""
        return self.tokens[self.at - count] if self.at >= count else Token("NL", *[self.tokens[0].start] * 2)

    def ahead(self, count: int) -> Token:
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def line(self) -> list[Token]:
        """The tokens up to here from the last that parts lines; of a monstrous line only the end."""
        start = self.at
        while start > max(0, self.at - FAR) and self.tokens[start - 1].type not in LINE_ENDS:
            start -= 1
        return self.tokens[start : self.at]

    @property
    def first(self) -> Token:
        """The first token of the line."""
        return (self.line() or [self.token])[0]

    def step(self) -> list[Token]:
        """The tokens of the step up to here; a comma in brackets does not end one."""
        line = self.line()
        depth, start = 0, 0
        for index, token in enumerate(line):
            depth += DEPTH.get(token.type, 0)
            if depth == 0 and token.type in ("COMMA", "COLON"):
                start = index + 1
        return line[start:]

    def whole_line(self) -> list[Token]:
        """The tokens of the line, its end with them; of a monstrous line only those around this one."""
        start, end = self.at, self.at
        while start > max(0, self.at - FAR) and self.tokens[start - 1].type != "NL":
            start -= 1
        while end < min(len(self.tokens) - 1, self.at + FAR) and self.tokens[end].type != "NL":
            end += 1
        return self.tokens[start : end + 1]

    def line_from(self, start: int) -> str:
        """The text from an offset to the end of its line, without a comment."""
        return self.source.text[start : self.source.line_end(start)].partition("#")[0].rstrip()

    def line_end(self, index: int) -> int:
        """The offset at which the line of the last token before an index ends; in the last its last sign."""
        end = self.source.line_end(self.tokens[index - 1].end)
        return end if end < len(self.source.text) else len(self.source.text.rstrip())

    def indented_end(self) -> int:
        """The index of the newline behind the lines further in than this one; without any, of this line's."""
        indent, tokens = len(self.source.indent(self.token.start)), self.tokens
        end = self.at
        while tokens[end].type not in ("NL", "$END"):
            end += 1
        # tokens[end] is a newline; behind it another line begins, or $END stands.
        while end + 2 < len(tokens) and len(self.source.indent(tokens[end + 1].start)) > indent:
            end += 1
            while tokens[end].type not in ("NL", "$END"):
                end += 1
        return end

    def expression_end(self) -> int | None:
        """Where the expression ends that goes on behind this operator; None where it lacks a value."""
        depth, wants_value, end = 0, True, self.token.end
        # At the `*` of `conv 4 * max(a, b) + 1 pad=1`: up to the 1 before `pad`.
        for token in self.tokens[self.at + 1 :]:
            depth += DEPTH.get(token.type, 0)
            if depth == 0 and (token.type in DEPTH or (wants_value and token.type in SIMPLE)):
                wants_value, end = False, token.end
            elif depth == 0 and not wants_value and token.type in OPERATORS:
                wants_value = True
            elif depth <= 0 and token.type != "FUNC":
                break
        return None if wants_value else end

    def in_brackets(self) -> bool:
        """Whether a round or square bracket is open here."""
        return sum(DEPTH.get(token.type, 0) for token in self.line()) > 0

    def text(self, token: Token) -> str:
        return self.source.text[token.start : token.end]

    def name_of_key(self, key: Token) -> str:
        """`pad` of `pad =`."""
        return self.text(key)[:-1].rstrip()

    def span(self, first: Token, last: Token | None = None) -> Span:
        return Span(self.source, first.start, (last or first).end)

    def fault(self, message: str, title: str = "", *edits: tuple[int, int, str]) -> Diagnostic:
        """The fault of the token, with a way out where there is one."""
        changes = tuple(Edit(Span(self.source, start, end), text) for start, end, text in edits)
        fixes = (Fix(title, changes),) if title else ()
        return Diagnostic("E0101", message, self.span(self.token), fixes=fixes)

    def joining(self, message: str, start: int, end: int) -> Diagnostic:
        """The fault of the token, mended by a blank in place of a stretch that holds nothing but blanks."""
        if self.source.text[start:end].strip():
            return self.fault(message)
        return self.fault(message, "move it there", (start, end, " "))

    def replacement(self, message: str, ours: str, start: int, end: int) -> Diagnostic:
        """The fault of the token, which our words mend in place of a stretch."""
        return self.fault(message, f"write `{ours}`", (start, end, ours))


Hint = Callable[[Slip], Iterator[Diagnostic]]
"""Knows one common slip: of others it says nothing."""
