"""Text to tokens: what is a word of the language where, where lines join, and the limits on a text.

The tokens are the terminals of grammars/cnn.lark. One pass, so that a text over a limit is refused
before anything is built of it, and a bracket left open is blamed where it opens.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cnnspec.text.diagnostics import Diagnostic, Fix, Note
from cnnspec.text.edits import Edit, insert
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import TextLimits

MAX_FAULTS = 200
"""Reading stops at this number of faults: the text is something else."""


class Token(NamedTuple):
    """A terminal of the grammar and its place."""

    type: str
    start: int
    end: int


class Scan(NamedTuple):
    """The tokens of a text, brackets balanced, and what was wrong with it. `refused`: over a limit."""

    tokens: list[Token]
    faults: list[Diagnostic]
    refused: bool


WORDS = {word: word.upper() for word in ("repeat", "if", "else", "for", "in", "from", "again", "output")}
WORDS |= {"and": "AND", "or": "OR", "not": "NOT", "yes": "BOOL", "no": "BOOL"}
PUNCTUATION = {"{": "LBRACE", "}": "RBRACE", "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB"}
PUNCTUATION |= {",": "COMMA", ":": "COLON", "|": "VBAR", "@": "AT", ".": "DOT", "->": "ARROW"}
CLOSER = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB", "SUBSCRIPT": "RSQB"}
BRACKETS = CLOSER.keys() | CLOSER.values()
DEPTH = {"LPAR": 1, "LSQB": 1, "SUBSCRIPT": 1, "RPAR": -1, "RSQB": -1}
"""How a token changes the number of open round and square brackets."""
OPERATORS = {"SIGN", "TIMES", "POWER", "COMPARE", "AND", "OR"}
GOES_ON = OPERATORS | {"ARROW"}
"""No statement begins with these: a line that does goes on the line before."""
NAMES = {"NAME", "KEY", "FUNC", "COMPUTED"}
BEFORE_REFERENCES = {"FROM", "AGAIN", "OUTPUT", "DOT"}
INDEXABLE = {"NAME", "RPAR", "RSQB"}
"""Right behind these `[` is an index."""

# Words of the language only at the start of a line of the file, and of a statement in braces.
FILE_WORDS = {"net": "NET", "block": "BLOCK", "use": "USE"}
STATEMENT_WORDS = {"require": "REQUIRE", "default": "DEFAULT"}
SOFT_WORDS = FILE_WORDS | STATEMENT_WORDS

BUILT_IN = ("input", "none")
"""Words in a step's place that are no layers."""
FIELDS = ("channels", "height", "width", "features")
"""What `in` has: `in.channels`."""

_BLANK = r"[ \t\r]*(?:\#[^\n]*)?"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_HOLES = r"(?:\{[^{}\n]*\}[A-Za-z0-9_]*)+"
# The last group that matched names the token: what a name is depends on what stands right behind it.
# In order: `->` before `-`, `**` before `*`; `3px` is no INT and px, but WRONG as a whole.
_TOKEN = re.compile(
    rf"""(?:
      (?P<NAME>{_NAME})(?:(?P<KEY>[ \t]*=(?!=))|(?P<FUNC>(?=\())
                         |(?P<COMPUTED>{_HOLES}(?=[ \t]*:)))?
    | (?P<PUNCTUATION>[{{}}()\[\],:|@.]|->)
    | (?P<INT>[0-9]+)(?:(?P<SIZE>(?:x[0-9]+)+)
                       |(?P<FLOAT>\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))?(?![A-Za-z0-9_])
    | (?P<NL>\n(?:{_BLANK}\n)*+)
    | (?P<STRING>"[^"\n]*")
    | (?P<COMPARE>==|!=|<=|>=|<|>)
    | (?P<SIGN>[+-])
    | (?P<POWER>\*\*)
    | (?P<TIMES>//|[*/%])
    | (?P<WRONG>"[^"\n]*|'[^'\n]*'?|[0-9][0-9A-Za-z_]*|&&|.)
    ){_BLANK}""",
    re.VERBOSE,
)
_START = re.compile(_BLANK)
_REFERENCE = re.compile(rf"((?:{_NAME})?{_HOLES}){_BLANK}")
_ITEM = re.compile(rf'(?:net|block)[ \t]+{_NAME}[ \t]*[({{=]|use[ \t]*"')
# Behind the word a statement goes on: `default: relu` has a label, `default, relu` calls a block.
_STATEMENT = re.compile(r"[ \t]*[^ \t\r\n:,}|#]")


class _Refusal(Exception):
    """A text over a limit, or of nothing but faults: nothing of it is read."""


def scan(source: Source, limits: TextLimits, start: int = 0, end: int | None = None) -> Scan:
    """The tokens of a source, or of a stretch of it."""
    scanner = _Scanner(source, limits, len(source.text) if end is None else end)
    try:
        scanner.run(start)
    except _Refusal:
        return Scan([], scanner.faults, True)
    return Scan(scanner.tokens, scanner.faults, False)


class _Scanner:
    def __init__(self, source: Source, limits: TextLimits, end: int) -> None:
        self.source = source
        self.text = source.text
        self.limits = limits
        self.end = end
        self.tokens: list[Token] = []
        self.faults: list[Diagnostic] = []
        # The brackets that wait for their partners: braces, and the round and square ones in the innermost.
        self.braces: list[Token] = []
        self.rounds: list[Token] = []
        self.pairs: list[tuple[int, int]] = []
        # The last brace that closed a net or block, the one that it closed, and the tokens before it.
        self.closed: tuple[Token, Token, int] | None = None
        self.statements = 0
        # The tokens known to end in `from`, `again` or `output`, and labels: a long list is walked once.
        self.referring = 0
        # Where the line of the outermost round bracket ends, and the tokens up to there: to read on from
        # if the bracket waits in vain. Then newlines part statements up to `apart`, even in brackets.
        self.line_end: tuple[int, int] | None = None
        self.apart = 0

    def run(self, position: int) -> None:
        """Read to the end; each method that reads returns where to read on."""
        text, end, tokens, max_name = self.text, self.end, self.tokens, self.limits.max_name
        # Token(…) is a call in Python: this makes a token in half the time.
        match, new = _TOKEN.match, tuple.__new__
        blank = _START.match(text, position, end)
        position = blank.end() if blank else position
        # finish() may go back to the end of a line whose bracket nobody closes: it is read on from there.
        while position < end or (position := self.finish()) < end:
            found = match(text, position, end)
            assert found is not None and found.lastgroup is not None  # any character is at least WRONG
            kind = found.lastgroup
            stop = found.end(kind)
            if kind in NAMES:
                # With a KEY its `=` is read, and the blanks before that; most are short enough even so.
                if stop - position > max_name and len(text[position:stop].rstrip("= \t")) > max_name:
                    self.refuse("a name", "bytes", "max_name", position, stop)
                if kind != "KEY":
                    word = text[position:stop]
                    holes = text.startswith("{", stop)
                    # In `from repeat{i}` the word begins a computed label; elsewhere it is the language's.
                    kind = kind if holes and self.refers() else WORDS.get(word, kind)
                    if kind == "NAME" and (word in SOFT_WORDS or holes):
                        position = self.word(word, position, stop, found.end())
                        continue
            elif kind == "PUNCTUATION":
                kind = PUNCTUATION[text[position:stop]]
                if kind in BRACKETS:
                    position = self.bracket(kind, position, found.end())
                    continue
                if kind == "COMMA" and not self.rounds:
                    self.count(position)
            elif kind == "NL":
                position = self.newline(position, found.end())
                continue
            # `x = a\n    + b` is one statement: its newline has become a token already.
            if kind in GOES_ON and tokens and tokens[-1].type == "NL":
                tokens.pop()
            tokens.append(new(Token, (kind, position, stop)))
            position = found.end()
        tokens.append(Token("$END", end, end))

    # Limits

    def refuse(self, what: str, unit: str, option: str, start: int, end: int) -> None:
        """Stop at a limit."""
        message = f"{what} has at most {getattr(self.limits, option):,} {unit} ({option})"
        self.faults[:] = [Diagnostic("E0105", message, Span(self.source, start, end))]
        raise _Refusal

    def count(self, position: int) -> None:
        """Count a statement: a line, or a step between commas."""
        self.statements += 1
        if self.statements > self.limits.max_statements:
            self.refuse("a file", "statements", "max_statements", position, position + 1)

    # Words

    def word(self, word: str, position: int, stop: int, next_position: int) -> int:
        """A name that may be a word of the language here, or goes on in braces as `enc{i}`."""
        before = self.tokens[-1].type if self.tokens else "NL"
        kind = "NAME"
        if before == "NL" and word in FILE_WORDS:
            # `net A {` at the margin while a brace is open: that one lacks its partner here, not at the end.
            if self.braces and self.text[position - 1] == "\n" and _ITEM.match(self.text, position):
                return self.missing_braces(position)
            kind = "NAME" if self.braces else FILE_WORDS[word]
        elif self.braces and before in ("NL", "LBRACE", "VBAR") and word in STATEMENT_WORDS:
            kind = STATEMENT_WORDS[word] if _STATEMENT.match(self.text, stop) else "NAME"
        elif (holes := _REFERENCE.match(self.text, position, self.end)) and self.refers():
            self.tokens.append(Token("COMPUTED", position, holes.end(1)))
            return holes.end()
        self.tokens.append(Token(kind, position, stop))
        return next_position

    def refers(self) -> bool:
        """Whether the last tokens are `from`, `again` or `output`, and labels."""
        for index in range(len(self.tokens) - 1, -1, -1):
            kind = self.tokens[index].type
            if kind in ("FROM", "AGAIN", "OUTPUT") or index < self.referring:
                self.referring = len(self.tokens)
                return True
            if kind not in ("NAME", "COMPUTED", "STRING", "INT", "FLOAT", "DOT"):
                return False
        return False

    # Newlines and brackets

    def newline(self, position: int, next_position: int) -> int:
        """A newline is a token, but not in round and square brackets."""
        if self.rounds:
            if position >= self.apart:
                self.line_end = self.line_end or (position, len(self.tokens))
                return next_position
            # A line before `apart` is read again: what is open at its end waits in vain, too.
            self.give_up(position)
        self.count(position)
        self.tokens.append(Token("NL", position, position + 1))
        return next_position

    def bracket(self, kind: str, position: int, next_position: int) -> int:
        """Open a bracket or close one."""
        token = Token(kind, position, position + 1)
        # No value holds a brace: `conv (4 {` lacks its `)` before it.
        if kind in ("LBRACE", "RBRACE") and self.rounds:
            return self.give_up(position)
        before = self.tokens[-1] if self.tokens else token
        # `from {name}`: a label that is computed whole begins with the brace.
        holes = _REFERENCE.match(self.text, position, self.end) if before.type in BEFORE_REFERENCES else None
        if holes and self.refers():
            self.tokens.append(Token("COMPUTED", position, holes.end(1)))
            return holes.end()
        if kind in CLOSER:
            # `depths[i]` is an item, `Stage depths [1, 2]` two arguments: a blank tells.
            if kind == "LSQB" and before.end == position and before.type in INDEXABLE:
                token = Token("SUBSCRIPT", position, position + 1)
            waiting = self.braces if kind == "LBRACE" else self.rounds
            waiting.append(token)
            if len(self.braces) + len(self.rounds) > self.limits.max_nesting:
                self.refuse("nesting", "brackets", "max_nesting", position, position + 1)
        elif kind == "RBRACE" and self.braces:
            opened = self.braces.pop()
            self.pairs.append((opened.start, position))
            if not self.braces:
                self.closed = opened, token, len(self.tokens)
        elif kind != "RBRACE" and self.rounds:
            opened = self.rounds.pop()
            if CLOSER[opened.type] != kind:
                self.mismatch(opened, token)
                # Told once: as if the right one stood there, all behind it is read.
                token = token._replace(type=CLOSER[opened.type])
            if not self.rounds:
                self.line_end = None
        else:
            return self.one_too_many(token, next_position)
        self.tokens.append(token)
        return next_position

    def one_too_many(self, token: Token, next_position: int) -> int:
        """A closing bracket without an opening one: here, or above, where a brace closed a net too early."""
        if token.type == "RBRACE" and self.closed is not None and self.too_early(*self.closed):
            # That brace is one too many: what it closed is open again, and all behind it is read anew.
            opened, token, count = self.closed
            self.closed = None
            del self.tokens[count:]
            self.referring = 0
            self.braces.append(opened)
            blank = _START.match(self.text, token.end, self.end)
            next_position = blank.end() if blank else token.end
        sign = self.text[token.start]
        fix = Fix(f"remove the `{sign}`", (Edit(self.span(token), ""),))
        self.fault(f"`{sign}` closes nothing", token, fixes=(fix,))
        return next_position

    def too_early(self, opened: Token, closing: Token, count: int) -> bool:
        """Whether a brace is indented as if it closed an inner one, or steps follow it."""
        # A net that closes further in than it opens was closed by a brace meant for one within it.
        own = self.text[self.source.line_start(closing.start) : closing.start]
        if not own.strip() and len(own) > len(self.source.indent(opened.start)):
            return True
        # tokens[count] is the brace itself; behind it a newline, then what the next item begins with.
        behind = next(
            (token.type for token in self.tokens[count + 1 : count + 3] if token.type != "NL"), "NET"
        )
        return behind not in ("NET", "BLOCK", "USE", "KEY")

    def mismatch(self, opened: Token, closing: Token) -> None:
        right = ")" if opened.type == "LPAR" else "]"
        note = Note("opened here", self.span(opened))
        fix = Fix(f"close it with `{right}`", (Edit(self.span(closing), right),))
        message = f"`{self.text[closing.start]}` cannot close `{self.text[opened.start]}`"
        self.fault(message, closing, (note,), (fix,))

    def give_up(self, position: int) -> int:
        """Blame the round bracket that is still open; read on from the end of its line."""
        # The outermost: reading goes on behind its line, past those within it.
        opened = self.rounds[0]
        self.rounds.clear()
        sign = self.text[opened.start]
        self.fault(f"`{sign}` is not closed", opened)
        if self.line_end is None:
            return position
        # What was in the bracket is read once more, line by line: so it hides no other faults.
        self.apart = position
        resume, count = self.line_end
        self.line_end = None
        del self.tokens[count:]
        self.referring = 0
        return resume

    def finish(self) -> int:
        """At the end of the text nothing may be open."""
        if self.rounds:
            return self.give_up(self.end)
        return self.missing_braces(self.end) if self.braces else self.end

    def missing_braces(self, position: int) -> int:
        """Close all braces before a position; one fault for the one that lacks its partner."""
        blamed, place, indent = self.blame(position)
        # At the end of a text without a last newline the fix brings its own.
        lines = "\n" if place and self.text[place - 1] != "\n" else ""
        text = lines + (indent + "}\n") * len(self.braces)
        fix = Fix("close it with `}`", (insert(self.source, place, text),))
        others = tuple(Note("this one too", self.span(token)) for token in self.braces if token is not blamed)
        self.fault("`{` is not closed", blamed, others if len(self.braces) > 1 else (), (fix,))
        for _ in self.braces:
            self.tokens.append(Token("RBRACE", position, position))
        # The newline before `net` stands before the braces now: items are parted by one behind them.
        if position < self.end:
            self.tokens.append(Token("NL", position, position))
        self.braces.clear()
        self.pairs.clear()
        return position

    def blame(self, position: int) -> tuple[Token, int, str]:
        """Which brace is not closed, where its partner might stand, and how far indented.

        A partner that stands less indented than its brace's line closes in truth an outer one.
        """
        outermost, innermost = self.braces[0], self.braces[-1]
        # Several are open: of them the innermost is the one that a reader looks for.
        if len(self.braces) > 1:
            return innermost, position, ""
        for start, end in self.pairs:
            line_start = self.source.line_start(end)
            before = self.text[line_start:end]
            indent = self.source.indent(start)
            if start > outermost.start and not before.strip() and len(before) < len(indent):
                return Token("LBRACE", start, start + 1), line_start, indent
        return innermost, position, self.source.indent(innermost.start)

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def fault(
        self, message: str, token: Token, notes: tuple[Note, ...] = (), fixes: tuple[Fix, ...] = ()
    ) -> None:
        self.faults.append(Diagnostic("E0103", message, self.span(token), notes=notes, fixes=fixes))
        if len(self.faults) >= MAX_FAULTS:
            raise _Refusal


# Strings are matched, too, so that the `#` in "block #1" begins no comment.
_COMMENT = re.compile(r'"[^"\n]*"?|#[^\n]*')
_ALLOW = re.compile(r"#\s*allow((?:[\s,]+[A-Z][0-9]{4})+)")


def allowances(source: Source) -> dict[int, list[Span]]:
    """The places of the codes that comments allow, `# allow W0502`, by line."""
    allowed: dict[int, list[Span]] = {}
    if "allow" not in source.text:
        return allowed
    for comment in _COMMENT.finditer(source.text):
        found = _ALLOW.match(comment[0])
        if found:
            line, _ = source.position(comment.start())
            start = comment.start() + found.start(1)
            codes = re.finditer(r"[A-Z][0-9]{4}", found[1])
            allowed[line] = [Span(source, start + code.start(), start + code.end()) for code in codes]
    return allowed
