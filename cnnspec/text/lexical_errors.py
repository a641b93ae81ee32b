"""What to say of text that is no token: foreign signs, strings left open, numbers that run into letters."""

from __future__ import annotations

import re

from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit, insert
from cnnspec.text.source import Source, Span

_TYPOGRAPHIC = "“”„‚‘’«»"
# What editors, papers and other languages write, and the language's own sign for it.
_OWN = {"≤": "<=", "≥": ">=", "≠": "!=", "÷": "/", "^": "**", "·": "*", "…": "..."}
_OWN |= {"&&": "and", "&": "and", "!": "not", "\N{NO-BREAK SPACE}": " "}
_OWN |= {**dict.fromkeys("×✕", "x"), **dict.fromkeys("→⇒", "->"), **dict.fromkeys("–—−", "-")}
_OWN |= dict.fromkeys(_TYPOGRAPHIC, '"')
_QUOTES = re.compile(f"[{_TYPOGRAPHIC}]")
_QUOTED = re.compile(r'"[^"]*"')
_SIZE = re.compile(r"[0-9]+([Xx][0-9]+)+")


def explain(source: Source, start: int, end: int) -> Diagnostic:
    """The fault of a stretch that the scanner could not read."""
    if fault := comment_at(source, start):
        return fault
    text, span = source.text[start:end], Span(source, start, end)
    if text[0] == '"':
        return _open_string(span)
    if text[0] == "'":
        return _fault(span, "a string stands in double quotes", "write it so", '"' + text.strip("'") + '"')
    if text[0].isascii() and text[0].isdigit():
        return _number(span)
    if text in _OWN:
        return _foreign(span)
    if text == ";":
        rest = source.text[end : source.line_end(end)]
        ends = not re.split(r"#|//|/\*", rest)[0].strip()
        message = "`;` parts nothing: a statement ends with its line, a comma chains steps"
        return _fault(span, message, "remove it" if ends else "write a comma", "" if ends else ",")
    if text == "=":
        if source.text[end : end + 1] == ">":
            arrow = Span(source, start, end + 1)
            return _fault(arrow, "a claim is written `->`", "write `->`", "->")
        return _fault(span, "`=` stands only right behind a name: `key=value`; `==` compares")
    if text == "\\":
        return _fault(span, "a line goes on behind a comma and in brackets; it needs no `\\`")
    if text.isalpha():
        return _fault(span, f"`{text}` cannot stand in a name: names have the letters a to z, digits and `_`")
    if not text.isprintable():
        return _fault(span, f"the character U+{ord(text):04X} means nothing in the language", "remove it", "")
    return _fault(span, f"`{text}` means nothing in the language")


def comment_at(source: Source, at: int) -> Diagnostic | None:
    """The fault of `// …` or `/* … */` that begins on an offset's line, there or before; None without."""
    start = source.line_start(at)
    line = source.text[start : source.line_end(at)].partition("#")[0]
    # Blanks in place of strings: "http://…" holds no comment, and places stay as they are.
    found = re.search(r"//|/\*", _QUOTED.sub(lambda quoted: " " * len(quoted[0]), line))
    if found is None or start + found.start() > at:
        return None
    sign, place = found[0], start + found.start()
    edits = [Edit(Span(source, place, place + len(sign)), "#")]
    if sign == "/*":
        end = line.find("*/", found.end())
        if end < 0 or line[end + 2 :].strip():
            return Diagnostic("E0101", "a comment begins with `#` and ends with its line", edits[0].span)
        edits.append(Edit(Span(source, start + end, start + end + 2), ""))
    fix = Fix("write `#`", tuple(edits))
    return Diagnostic("E0101", "a comment begins with `#`", edits[0].span, fixes=(fix,))


def _fault(span: Span, message: str, title: str = "", text: str | None = None) -> Diagnostic:
    fixes = () if text is None else (Fix(title, (Edit(span, text),)),)
    return Diagnostic("E0102", message, span, fixes=fixes)


def _open_string(span: Span) -> Diagnostic:
    """The end of its first word is where the closing quote most likely belongs."""
    word = re.match(r'"[^\s,})\]]*', span.text)
    place = span.start + (word.end() if word else 1)
    edit = insert(span.source, place, '"')
    fix = Fix(f'close it: `{span.source.text[span.start : place]}"`', (edit,))
    return Diagnostic("E0102", "the string is not closed", span, fixes=(fix,))


def _number(span: Span) -> Diagnostic:
    text = span.text
    if _SIZE.fullmatch(text):
        small = text.replace("X", "x")
        return _fault(span, f"a size is written with a small x: `{small}`", f"write `{small}`", small)
    message = f"`{text[:30]}` is neither a number nor a name: a name starts with a letter"
    if text[-1] in "xX" and (number := text[:-1]).isdigit():  # `repeat 3x {`, `3x {`, `maxpool 2x`
        before, behind = span.source.text[: span.start].rstrip(), span.source.text[span.end :].lstrip()
        ours = number if before.endswith("repeat") else f"{number}x{number}"
        ours = f"repeat {number}" if ours != number and behind.startswith("{") else ours
        return _fault(span, message, f"write `{ours}`", ours)
    return _fault(span, message)


def _foreign(span: Span) -> Diagnostic:
    """A sign that has another in its place here, as `×` has `x`."""
    sign, own = span.text, _OWN[span.text]
    text = span.source.text
    if own == '"':
        line = text[: span.source.line_end(span.start)]
        comment = line.find("#", span.start)
        found = _QUOTES.finditer(line, span.start, len(line) if comment < 0 else comment)
        edits = tuple(Edit(Span(span.source, quote.start(), quote.end()), '"') for quote in found)
        fix = Fix("make the quotes straight", edits, safe=True)
        return Diagnostic("E0102", f'`{sign}` is a typographic quote: write `"`', span, fixes=(fix,))
    if own == "x":
        # A size has no blanks in it.
        start, end = span.start, span.end
        while start and text[start - 1] == " ":
            start -= 1
        while text[end : end + 1] == " ":
            end += 1
        fix = Fix("write `x`", (Edit(Span(span.source, start, end), "x"),), safe=True)
        return Diagnostic("E0102", f"`{sign}` is not the letter x of a size", span, fixes=(fix,))
    if sign == "\N{NO-BREAK SPACE}":
        return _fault(span, "a no-break space is no blank of the language", "write a blank", " ")
    if own == "...":
        return _fault(span, f"`{sign}` means nothing in the language")
    word = f" {own} " if own.isalpha() else own
    return _fault(span, f"`{sign}` is written `{own}` here", f"write `{own}`", word)
