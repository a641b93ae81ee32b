"""Text to tokens: what is a word of the language where, where lines join, and the limits on a text.

The tokens are the terminals of grammars/cnn.lark. One pass, so that a text over a limit is refused
before anything is built of it, and a bracket left open is blamed where it opens.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cnnspec.diagnostics import Diagnostic, Edit, Fix, Note
from cnnspec.source import Source, Span


class TextLimits(NamedTuple):
    """How much a text may hold. Each bound is an option of the command line under its name."""

    max_source: int = 1 << 20
    max_statements: int = 60_000
    max_nesting: int = 64
    max_name: int = 255
    max_integer: int = 2**31 - 1
    max_expression: int = 200


class Token(NamedTuple):
    """A terminal of the grammar and its place."""

    type: str
    start: int
    end: int


WORDS = {
    word: word.upper()
    for word in ("repeat", "if", "else", "for", "in", "from", "again", "output", "and", "or", "not")
} | {"yes": "BOOL", "no": "BOOL"}
PUNCTUATION = {
    "{": "LBRACE",
    "}": "RBRACE",
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    ",": "COMMA",
    ":": "COLON",
    "|": "VBAR",
    "@": "AT",
    ".": "DOT",
    "->": "ARROW",
}
CLOSER = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}
TEXT = {kind: text for text, kind in PUNCTUATION.items()}

# Words of the language only at the start of a line of the file, and of a statement in braces.
FILE_WORDS = {"net": "NET", "block": "BLOCK", "use": "USE"}
STATEMENT_WORDS = {"require": "REQUIRE", "default": "DEFAULT"}

_BLANK = r"[ \t\r]*(?:\#[^\n]*)?"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_HOLES = r"(?:\{[^{}\n]*\}[A-Za-z0-9_]*)+"
# The last group that matched names the token: a name becomes another thing by what stands right behind it.
_TOKEN = re.compile(
    rf"""(?:
      (?P<NAME>{_NAME})(?:(?P<KEY>[ \t]*=(?!=))|(?P<FUNC>(?=\())|(?P<INDEXED>(?=\[))
                         |(?P<COMPUTED>{_HOLES}(?=[ \t]*:)))?
    | (?P<PUNCTUATION>[{{}}()\[\],:|@.]|->)
    | (?P<INT>[0-9]+)(?:(?P<SIZE>(?:x[0-9]+)+)
                       |(?P<FLOAT>\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))?(?![A-Za-z0-9_])
    | (?P<NL>\n(?:{_BLANK}\n)*)
    | (?P<STRING>"[^"\n]*")
    | (?P<COMPARE>==|!=|<=|>=|<|>)
    | (?P<SIGN>[+-])
    | (?P<TIMES>//|[*/%])
    | (?P<WRONG>"[^"\n]*|'[^'\n]*'?|[0-9][0-9A-Za-z_]*|=|&&|\|\||.)
    ){_BLANK}""",
    re.VERBOSE,
)
_START = re.compile(_BLANK)
_REFERENCE_HOLES = re.compile(_HOLES)
_ITEM = re.compile(rf'(?:net|block)[ \t]+{_NAME}[ \t]*[({{=]|use[ \t]*"')
_STATEMENT_BEHIND = re.compile(r"[ \t]*[^ \t\r\n:,}|#]")


class Scan(NamedTuple):
    """The tokens of a text, braces balanced, and what was wrong with it. `refused`: over a limit."""

    tokens: list[Token]
    faults: list[Diagnostic]
    refused: bool


class _Open(NamedTuple):
    """A bracket that waits for its partner, and where to read on if it never comes."""

    kind: str
    start: int
    newline: list[tuple[int, int]]


class Refusal(Exception):
    """A text over a limit: nothing of it is read."""


def scan(source: Source, limits: TextLimits, start: int = 0, end: int | None = None) -> Scan:
    """The tokens of a source, or of a stretch of it."""
    scanner = _Scanner(source, limits, start, len(source.text) if end is None else end)
    try:
        scanner.run()
    except Refusal:
        return Scan([], scanner.faults[-1:], True)
    return Scan(scanner.tokens, scanner.faults, False)


class _Scanner:
    def __init__(self, source: Source, limits: TextLimits, start: int, end: int) -> None:
        self.source = source
        self.text = source.text
        self.limits = limits
        self.tokens: list[Token] = []
        self.faults: list[Diagnostic] = []
        self.open: list[_Open] = []
        self.pairs: list[tuple[int, int]] = []
        self.statements = 0
        self.position = start
        self.end = end
        # Up to here newlines part statements even in brackets, because a bracket above was left open.
        self.apart = 0

    def run(self) -> None:
        """Read to the end, again from the line's end where a bracket turns out to be left open."""
        self.position = _START.match(self.text, self.position, self.end).end()  # type: ignore[union-attr]
        while True:
            while self.position < self.end:
                self.read()
            if not self.give_up_brackets(self.end):
                break
        self.close_braces(self.end)

    def read(self) -> None:
        """Read tokens until the end, or until a bracket needs thought."""
        text, end, tokens, position = self.text, self.end, self.tokens, self.position
        match, new = _TOKEN.match, tuple.__new__
        while position < end:
            found = match(text, position, end)
            assert found is not None and found.lastgroup is not None  # any character is at least WRONG
            kind = found.lastgroup
            stop = found.end(kind)
            if kind == "NAME" or kind == "FUNC" or kind == "INDEXED":
                word = text[position:stop]
                kind = WORDS.get(word, kind)
                if word in _SOFT or (text[stop : stop + 1] == "{" and kind == "NAME"):
                    self.position = position
                    if not self.read_word(word, stop):
                        return
                    position = self.position
                    continue
            elif kind == "PUNCTUATION":
                kind = PUNCTUATION[text[position:stop]]
                if kind in _BRACKETS:
                    self.position = position
                    if not self.read_bracket(kind):
                        return
                    position = found.end()
                    continue
                if kind == "COMMA":
                    self.count(position)
            elif kind == "NL" and self.read_newline(position):
                position = found.end()
                continue
            if stop - position > self.limits.max_name and kind in _NAMES:
                self.refuse(f"a name has at most {self.limits.max_name:,} bytes (max_name)", position, stop)
            tokens.append(new(Token, (kind, position, stop)))
            position = found.end()
        self.position = position
