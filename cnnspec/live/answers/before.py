"""What stands before a place in a text: how far a statement has come there, whatever is broken elsewhere."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

_WORD = re.compile(
    r"""(?P<comment>\#[^\n]*) | (?P<string>"[^"\n]*"?) | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>[0-9][A-Za-z0-9_]*(?:\.[0-9]+)?) | (?P<arrow>->) | (?P<compare>[=!<>]=)
      | (?P<blank>[ \t\r]+) | (?P<other>.|\n)""",
    re.VERBOSE,
)
_TYPED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ITEM = re.compile(r"^(?:net|block|use)\b", re.MULTILINE)

Frame = Literal["file", "braces", "brackets", "hole"]
"""The innermost bracket around a place; a hole is the braces of a computed label."""

_CLOSERS = {"}", ")", "]"}


class Before(NamedTuple):
    """The innermost bracket around a place, and the words of its statement, but for the one being typed.

    `string`: the place is in one, of which that much is typed. `opens`: nothing but a step may stand here, or
    a statement too.
    """

    frame: Frame
    words: tuple[str, ...]
    string: str | None
    opens: bool


def before(text: str, offset: int) -> Before | None:
    """What stands before an offset; None in a comment."""
    typed = _TYPED.search(text[:offset])
    end = typed.start() if typed else offset
    # In `net A { conv 6@(` it is [("file", ["net", "A"]), ("braces", ["conv", "6", "@"]), ("brackets", [])].
    frames: list[tuple[Frame, list[str]]] = [("file", [])]
    opens, last_end, last = True, -1, ""
    # From the net around alone: an unclosed brace in another one does not count here.
    for found in _WORD.finditer(text, item_start(text, offset), end):
        kind, word = str(found.lastgroup), found[0]
        if kind == "comment":
            if "\n" not in text[found.end() : offset]:
                return None
            continue
        if kind == "blank":
            continue
        frame, words = frames[-1]
        if kind == "string" and found.end() >= end and (len(word) == 1 or not word.endswith('"')):
            # `"blo` has no end, or the cursor stands before it.
            return Before(frame, tuple(words), text[found.start() + 1 : offset], False)
        if word in ("{", "(", "["):
            # In `conv{i}: …` the brace touches a word, and holds a computed part of the label.
            hole = word == "{" and found.start() == last_end and re.fullmatch(r"\w+|\}", last) is not None
            frames.append(("hole" if hole else "braces" if word == "{" else "brackets", []))
        elif word in _CLOSERS:
            # While one types, brackets may close that none has opened.
            if len(frames) > 1:
                frames.pop()
            # Brackets count as one word around them: behind `conv 6@(2*k)` stand ("conv", "6", "@", "").
            frames[-1][1].append("")
        # These begin a statement or a step in braces; in brackets only a comma separates.
        elif word in (",", "|", ":", "\n") and frame != "hole":
            if frame in ("file", "braces") or word == ",":
                words.clear()
        else:
            words.append(word)
        # Behind `{`, `|` and a line's end a statement may stand; behind `conv 6@5x5,` and `a:` a step alone.
        if (word == "\n" and frame in ("file", "braces")) or word in ("{", "|"):
            opens = True
        elif word != "\n":
            opens = False
        last_end, last = found.end(), word
    frame, words = frames[-1]
    return Before(frame, tuple(words), None, opens and not words)


def item_start(text: str, offset: int) -> int:
    """Where the net or block begins that an offset is in; an unindented `k = 2` may stand in one, too."""
    start = 0
    for found in _ITEM.finditer(text, 0, offset):
        start = found.start()
    return start
