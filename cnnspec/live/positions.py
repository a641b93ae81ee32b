"""Places as editors name them: lines and columns, files as URIs."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from urllib.parse import quote, unquote

WINDOWS = os.name == "nt"
_DRIVE = re.compile(r"/?([A-Za-z]):")


class Lines:
    """The lines of a text, counted from 0, and columns in units of UTF-16, as the protocol counts them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.ascii = text.isascii()

    def position(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset; of one outside of the text those of its nearest end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.starts, offset) - 1
        start = self.starts[line]
        return line, offset - start if self.ascii else units(self.text[start:offset])

    def offset(self, line: int, column: int) -> int:
        """The offset of a place; where there is none, that of the nearest end of the line or the text."""
        if line >= len(self.starts):
            return len(self.text)
        start, end = self.starts[max(line, 0)], self.end(max(line, 0))
        if self.ascii:
            return min(start + max(column, 0), end)
        offset = start
        while offset < end and column > 0:
            column -= units(self.text[offset])
            offset += 1
        return offset

    def at_units(self, count: int) -> int:
        """The offset before which `count` units of UTF-16 stand."""
        # Two bytes a unit; half a pair at the end of what is cut off stays half a pair.
        before = self.text.encode("utf-16-le", "surrogatepass")[: 2 * max(count, 0)]
        return len(before.decode("utf-16-le", "surrogatepass"))

    def end(self, line: int) -> int:
        """The offset behind the last character of a line."""
        return self.starts[line + 1] - 1 if line + 1 < len(self.starts) else len(self.text)


def units(text: str) -> int:
    """The length of a text in UTF-16: a character outside of the basic plane takes two units."""
    return len(text) if text.isascii() else len(text) + sum(char > "\uffff" for char in text)


def name_of(uri: str, windows: bool = WINDOWS) -> str:
    """The path that a `file:` URI names, with slashes; any other URI is its text's name itself."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "file":
        return uri
    path = unquote(rest.removeprefix("//"))
    if rest.startswith("//") and not rest.startswith("///"):
        return "//" + path if windows else path[path.find("/") :]  # a server's share; or file://localhost/…
    drive = _DRIVE.match(path) if windows else None
    return f"{drive[1].lower()}:{path[drive.end() :]}" if drive else path


def uri_of(name: str, windows: bool = WINDOWS) -> str:
    """The URI of a text's name: the way back from name_of."""
    if windows:
        name = name.replace("\\", "/")
        drive = _DRIVE.match(name)
        if drive:
            return f"file:///{drive[1].lower()}:{quote(name[drive.end() :])}"
        if name.startswith("//"):
            return "file:" + quote(name)
    return "file://" + quote(name) if name.startswith("/") else name
