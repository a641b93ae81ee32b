"""The one layout of a .cnn file: blanks and newlines are set, words, strings and comments stand.

Which steps share a line tells the reader something, so the author's line breaks stay, with these bounds:

- Brackets that span lines open at the end of a line and close at the beginning of one. In such braces each
  `|` begins a line.
- Four blanks a level; a path goes on two behind its bar, all else four behind its first line.
- A claim (`->`) stands on the line of its step. Those of a net or block share a column, which the longest
  line with a claim decides. Comments behind neighbouring lines share one, that of the claims if they fit.
- At most one blank line, none at the edges of brackets, and one about what takes several lines in the file.
- A line whose comment silences a warning is not broken: the comment speaks of that line.

A text is read as words, words are written as lines, and lines are aligned, all in linear time.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple

from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.parser import parse
from cnnspec.text.scanner import (
    CLOSER,
    DEPTH,
    GOES_ON,
    STATEMENT_WORDS,
    Token,
    allowances,
    scan,
)
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS

LEVEL = 4
BAR = len("| ")
STOP, FIRST, LAST = 12, 36, 84
"""Claims and comments stand at multiples of STOP from FIRST to LAST, so far apart that an edit seldom moves
the lines around it. Behind a line that is longer they stand two blanks off."""

CLOSERS = {*CLOSER.values()}
BEGINNINGS = {"NL", "LBRACE", "VBAR"}
"""Behind these a statement begins."""
OPERANDS = {"NAME", "INT", "FLOAT", "SIZE", "STRING", "BOOL", "RPAR", "RSQB"}
"""Behind these a sign stands between two values."""

TIGHT_BEFORE = {"COMMA", "COLON", "SLICE", "RPAR", "RSQB", "SUBSCRIPT", "AT", "DOT", "POWER"}
TIGHT_BEHIND = {"LPAR", "LSQB", "SUBSCRIPT", "AT", "DOT", "POWER", "KEY", "SLICE", "UNARY"}
TIGHT_PAIRS = {("DEFINED", "LPAR"), ("FUNC", "LPAR"), ("LBRACE", "RBRACE")}

_NEEDLESS = re.compile(r"(?<!\w)[ \t]+|[ \t]+(?!\w)")
"""Blanks in a computed label that part no words: `stage{i+1}` holds none, as it is one word itself."""


class Remark(NamedTuple):
    """A comment on a line of its own."""

    text: str
    blank: bool  # a blank line is before it


class SpacedToken(NamedTuple):
    """A token, and what the author put before it."""

    type: str  # as the grammar has it, but where the same sign is laid out in several ways
    text: str
    newline: bool = False
    comment: str = ""  # behind the word before, on its line
    remarks: tuple[Remark, ...] = ()
    blank: bool = False  # a blank line is right before it
    held: bool = False  # no line may break before it


class PrintedLine:
    """A line to be written: its code, its claim and its comment, each of which may be empty."""

    def __init__(self, indent: int, code: str, item: int, blank: bool) -> None:
        self.indent = indent
        self.code = code
        self.item = item  # which net, block or constant of the file it belongs to, or stands before
        self.blank = blank  # a blank line is before it
        self.claim = ""
        self.comment = ""
        self.column = FIRST  # where the claims of its item stand

    @property
    def width(self) -> int:
        return self.indent + len(self.code)


class Bracket:
    """A bracket that is open: how far its line is indented, whether it spans lines, if a `|` was in it."""

    def __init__(self, word: SpacedToken, indent: int, spans: bool) -> None:
        self.brace = word.type == "LBRACE"
        self.indent = indent
        self.spans = spans
        self.barred = False


def layout(source: Source) -> tuple[str | None, list[Diagnostic]]:
    """The text of a source in the one layout, which reads as the same tree; or None and what is wrong."""
    _, faults = parse(source)
    if faults:
        return None, faults
    lines = LinePrinter(words_of(source)).lines()
    part_items(lines)
    align_claims(lines)
    align_comments(lines)
    text = "".join(map(line_text, lines))
    made = Source(source.name, text)
    if len(text.encode()) > DEFAULT_TEXT_LIMITS.max_source or scan(made, DEFAULT_TEXT_LIMITS).refused:
        message = "laid out, the text would be over a limit (max_source, max_statements)"
        return None, [Diagnostic("E0105", message, Span(source, 0, 0))]
    return text, []


# Text to words


def words_of(source: Source) -> list[SpacedToken]:
    """The tokens of a source without faults, newlines apart; the last word is its end."""
    text, allowed = source.text, allowances(source)
    words: list[SpacedToken] = []
    position, line, rounds, before = 0, 1, 0, "NL"
    for token in scan(source, DEFAULT_TEXT_LIMITS).tokens:
        if token.type != "NL":
            kind = kind_of(token, before, rounds, text)
            gap = text[position : token.start]
            word = SpacedToken(kind, printed(kind, text[token.start : token.end]))
            if not words or kind == "$END" or "\n" in gap:
                line += gap.count("\n")
                # The first word begins a line, too: before it stand remarks, not the end of another line.
                word = behind_gap(word, gap if words else f"\n{gap}")
            elif line in allowed:
                word = word._replace(held=True)
            words.append(word)
            rounds += DEPTH.get(kind, 0)
            position = token.end
        before = token.type
    return words


def kind_of(token: Token, before: str, rounds: int, text: str) -> str:
    """A token's type, but for signs that are laid out in several ways."""
    kind = token.type
    if kind == "SIGN" and before not in OPERANDS:
        return "UNARY"
    if kind == "COLON" and rounds:
        return "SLICE"
    if kind == "KEY" and not rounds and before in (*BEGINNINGS, "NET"):
        return "CONSTANT"
    if before in ("NET", "BLOCK"):
        return "DEFINED"
    if kind == "FUNC" and not rounds and before in (*BEGINNINGS, "COMMA", "COLON"):
        # A step and its first argument. `require (x)` would be a requirement, `require(x)` is a step.
        return kind if text[token.start : token.end] in STATEMENT_WORDS else "NAME"
    return kind


def printed(kind: str, text: str) -> str:
    """The text of a token without blanks that are not needed; those in strings are."""
    if kind == "KEY":
        return f"{text[:-1].rstrip()}="
    if kind == "CONSTANT":
        return f"{text[:-1].rstrip()} ="
    return _NEEDLESS.sub("", text) if kind == "COMPUTED" and '"' not in text else text


def behind_gap(word: SpacedToken, gap: str) -> SpacedToken:
    """A word with what stands before it: blanks, newlines, comments."""
    # "  # a\n\n  # b\n    ": comment "# a", remark "# b" behind a blank line; the last piece is indent.
    comment, *rest = (line.strip(" \t\r") for line in gap.split("\n"))
    if word.type == "$END":
        # A file may end in a comment without a newline: the last piece is a line, not indent.
        rest.append("")
    remarks: list[Remark] = []
    blank = False
    for line in rest[:-1]:
        if line:
            remarks.append(Remark(line, blank))
        blank = not line
    return word._replace(newline=bool(rest), comment=comment, remarks=tuple(remarks), blank=blank)


# Words to lines


def spanning(words: list[SpacedToken]) -> set[int]:
    """The places of brackets, opening and closing, that have a newline between them, but not blanks alone."""
    found: set[int] = set()
    waiting: list[tuple[int, int]] = []
    newlines = 0
    for place, word in enumerate(words):
        newlines += word.newline
        if word.type in CLOSER:
            waiting.append((place, newlines))
        elif word.type in CLOSERS:
            opened, count = waiting.pop()
            # Braces around nothing but a newline are written `{}`.
            if newlines > count and (place > opened + 1 or word.comment or word.remarks):
                found |= {opened, place}
    return found


def tight(left: str, right: str) -> bool:
    """Whether no blank stands between two words."""
    return right in TIGHT_BEFORE or left in TIGHT_BEHIND or (left, right) in TIGHT_PAIRS


class LinePrinter:
    """Writes words as lines."""

    def __init__(self, words: list[SpacedToken]) -> None:
        self.words = words
        self.spans = spanning(words)
        self.done: list[PrintedLine] = []
        self.open: list[Bracket] = []
        self.item = 0
        self.indent = 0  # of the line that is being written, a bar counted as indent
        self.pieces: list[str] = []
        self.claim = 0  # the piece that a claim begins with
        self.waiting = False  # a newline stood where no line can end, and moves on

    def lines(self) -> list[PrintedLine]:
        before = ""
        for place, word in enumerate(self.words):
            if self.breaks(place, word, before):
                self.begin(word, before)
            elif not tight(before, word.type):
                self.pieces.append(" ")
            self.put(word, word.type in CLOSER and place in self.spans)
            before = word.type
        return self.done

    def breaks(self, place: int, word: SpacedToken, before: str) -> bool:
        """Whether a word begins a line."""
        if not before or word.type == "$END" or word.comment or word.remarks:
            return True
        if word.held or word.type == "ARROW":
            return False
        if before in CLOSER:
            return place - 1 in self.spans
        if word.type in CLOSERS:
            return place in self.spans
        inside = not self.open or self.open[-1].spans
        if word.type == "VBAR":
            return inside
        if before == "VBAR":
            return False
        self.waiting |= word.newline
        return self.waiting and inside and not tight(before, word.type)

    def begin(self, word: SpacedToken, before: str) -> None:
        """End the line that is being written, and begin one with a word, behind its remarks."""
        self.end(word.comment)
        # `x = a` and below it `+ b` are one item.
        self.item += not self.open and word.type not in GOES_ON
        self.indent = self.indent_of(word, before)
        # Comments before a closing bracket are about what stands in it.
        remark_indent = self.indent + LEVEL if word.type in CLOSERS else self.indent
        edge = not before or before in CLOSER
        for remark in word.remarks:
            self.done.append(PrintedLine(remark_indent, remark.text, self.item, remark.blank and not edge))
            edge = False
        if word.type != "$END":
            blank = word.blank and not edge and word.type not in CLOSERS | GOES_ON
            self.done.append(PrintedLine(self.indent, "", self.item, blank))

    def end(self, comment: str) -> None:
        """Fill the line that is being written."""
        if self.pieces:
            line = self.done[-1]
            line.code = "".join(self.pieces[: self.claim or None]).rstrip(" ")
            line.claim = "".join(self.pieces[self.claim :]) if self.claim else ""
            line.comment = comment
        self.pieces.clear()
        self.claim = 0
        self.waiting = False

    def put(self, word: SpacedToken, spans: bool) -> None:
        """Write a word on the line."""
        if word.type in CLOSERS:
            self.open.pop()
        elif word.type in CLOSER:
            self.open.append(Bracket(word, self.indent, spans))
        elif word.type == "VBAR":
            self.open[-1].barred = True
            if not self.pieces:
                self.indent += BAR
        # In braces on one line, `{ relu -> 4@8x8 }`, a claim is a word like any other, and takes no column.
        elif word.type == "ARROW" and self.open[-1].spans:
            self.claim = len(self.pieces)
        self.pieces.append(word.text)

    def indent_of(self, word: SpacedToken, before: str) -> int:
        """How far a line is indented that begins with a word."""
        if not self.open:
            return LEVEL if word.type in GOES_ON else 0
        inner = self.open[-1]
        if word.type in CLOSERS:
            return inner.indent
        indent = inner.indent + LEVEL
        if inner.barred and word.type != "VBAR":
            indent += BAR
        goes_on = before == "COMMA" or word.type in GOES_ON
        return indent + LEVEL if goes_on and inner.brace else indent


# Lines to text


def part_items(lines: list[PrintedLine]) -> None:
    """Put a blank line about each item of the file that takes several lines, if there is none."""
    long = False
    for number, group in groupby(lines, key=lambda line: line.item):
        item = [*group]
        code = next((place for place, line in enumerate(item) if not line.code.startswith("#")), len(item))
        was_long, long = long, len(item) - code > 1
        # A blank line among an item's comments parts it, too.
        if (long or was_long) and number > 1 and not any(line.blank for line in item[: code + 1]):
            item[0].blank = True


def column(width: int) -> int:
    """Where a claim or a comment stands behind code of a width."""
    # 34 wide: (34 + 2) / 12 = 3 stops, 36; 35 wide: 37 / 12, rounded up, = 4 stops, 48.
    return max(FIRST, -(-(width + 2) // STOP) * STOP)


def align_claims(lines: list[PrintedLine]) -> None:
    """Put the claims of each item of the file in one column."""
    for _, group in groupby(lines, key=lambda line: line.item):
        item = [*group]
        widths = [line.width for line in item if line.claim and column(line.width) <= LAST]
        claims = column(max(widths, default=0))
        for line in item:
            line.column = claims
            if line.claim:
                line.code += " " * max(2, claims - line.width) + line.claim


def align_comments(lines: list[PrintedLine]) -> None:
    """Put the comments behind each run of lines in one column, that of the claims if they fit there."""
    run: list[PrintedLine] = []
    # The line without a comment behind the last one ends its run.
    for line in [*lines, PrintedLine(0, "", 0, False)]:
        if run and (line.blank or not line.comment):
            columns = [column(each.width) for each in run if column(each.width) <= LAST]
            comments = max([each.column for each in run] + columns)
            for each in run:
                each.code += " " * max(2, comments - each.width) + each.comment
            run.clear()
        if line.comment:
            run.append(line)


def line_text(line: PrintedLine) -> str:
    return ("\n" if line.blank else "") + " " * line.indent + line.code + "\n"
