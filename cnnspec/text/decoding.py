"""Bytes to text, and back: UTF-8 that shows what it says."""

from __future__ import annotations

import re

from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS

MAX_SOURCE = DEFAULT_TEXT_LIMITS.max_source
"""Bytes of a file; a reader need not read more than one past it."""

# Control characters but tab and newline, what turns the direction of text, other line separators.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_MARK = b"\xef\xbb\xbf"


def decode(name: str, data: bytes, max_source: int = MAX_SOURCE) -> Source | Diagnostic:
    """The text of a file: UTF-8, a byte-order mark allowed, any newlines; or what is wrong with it."""
    if len(data) > max_source:
        return too_long(Source(name, ""), max_source)
    data = data.removeprefix(_MARK)
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        # What stands before decodes as it is, so its length is the place.
        text = normalize_newlines(data.decode(errors="replace"))
        offset = len(normalize_newlines(data[: problem.start].decode()))
        span = Span(Source(name, text), offset, offset + 1)
        return Diagnostic("E0102", f"the file is not UTF-8 text: byte 0x{data[problem.start]:02X}", span)
    source = Source(name, normalize_newlines(text))
    unseen = _UNSEEN.search(source.text)
    if unseen is None:
        return source
    span = Span(source, unseen.start(), unseen.end())
    what = "NUL" if unseen[0] == "\0" else f"the invisible character U+{ord(unseen[0]):04X}"
    fix = Fix("remove it", (Edit(span, ""),))
    return Diagnostic("E0102", f"{what} has no place in a specification", span, fixes=(fix,))


def too_long(source: Source, max_source: int) -> Diagnostic:
    """A file over the bound is not read further."""
    message = f"a file has at most {max_source:,} bytes (max_source)"
    return Diagnostic("E0105", message, Span(source, 0, 0))


def normalize_newlines(text: str) -> str:
    """A text with newlines as `\\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def encode(text: str, like: bytes) -> bytes:
    """A text with the newlines that a file has, of several kinds the one that it has most, and its mark."""
    whole, returns = like.count(b"\r\n"), like.count(b"\r")
    # b"a\r\nb\r": one "\r\n", and 2 - 1 = 1 "\r".
    counts = {"\n": like.count(b"\n") - whole, "\r\n": whole, "\r": returns - whole}
    newline = max(counts, key=lambda each: counts[each])
    return (_MARK if like.startswith(_MARK) else b"") + text.replace("\n", newline).encode()
