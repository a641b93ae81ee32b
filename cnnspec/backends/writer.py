"""Python source, laid out as `ruff format` would leave it: 88 columns, trailing commas where calls break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import NamedTuple

from cnnspec import __version__
from cnnspec.text.output import MARK

WIDTH = 88


class Arguments(NamedTuple):
    """`name(a, b, key=c)`; a list or a tuple where the head is empty. Items carry their `key=`."""

    head: str
    items: tuple[tuple[str, Text], ...]
    opening: str = "("
    closing: str = ")"


Text = str | Arguments
"""An expression to lay out: a string is never broken."""


def flat(text: Text) -> str:
    """The expression on one line."""
    if isinstance(text, str):
        return text
    items = ", ".join(prefix + flat(item) for prefix, item in text.items)
    left, right = text.opening, text.closing
    # (3) is 3: a tuple of one needs its comma
    lone = "," if left == "(" and not text.head and len(text.items) == 1 else ""
    return f"{text.head}{left}{items}{lone}{right}"


def layout(text: Text, indent: int, before: str = "", after: str = "") -> list[str]:
    """Lines of an expression behind `before` and followed by `after` (a comma, a comment)."""
    pad = " " * indent
    line = pad + before + flat(text) + after
    if isinstance(text, str) or len(line) <= WIDTH:
        return [line]
    lines = [f"{pad}{before}{text.head}{text.opening}"]
    joined = pad + "    " + ", ".join(prefix + flat(item) for prefix, item in text.items)
    if text.head[-1:] not in ("", " ") and len(joined) <= WIDTH:  # a tuple has a line for each item
        lines.append(joined)
    else:
        for prefix, item in text.items:
            lines += layout(item, indent + 4, prefix, ",")
    return [*lines, f"{pad}{text.closing}{after}"]


def first_line(name: str, source: str) -> str:
    """The comment that a program begins with: its name, what wrote it, its specification's file."""
    return f"# {name}: {MARK} {__version__} from {printable(PurePath(source).name)}"


def printable(words: str) -> str:
    """Text of a specification, or a file's name, fit for a comment or a docstring."""
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in words)


def call(callee: str, *arguments: Text) -> Arguments:
    """A call: where it breaks over lines, its arguments stay whole, but for those that are bracketed."""
    return Arguments(callee, tuple(("", given) for given in arguments))


def dictionary(items: Mapping[str, Text]) -> Arguments:
    """`{a: b}`."""
    return Arguments("", tuple((f"{key}: ", value) for key, value in items.items()), "{", "}")


def behind(before: str, text: Text) -> Text:
    """The expression with this before it: a call that it ends in can break over lines all the same."""
    if isinstance(text, Arguments):
        return text._replace(head=before + text.head)
    return before + flat(text)


def infix(symbol: str, operands: list[Text]) -> Text:
    """`a + b`."""
    *before, last = operands
    return behind("".join(f"{flat(each)} {symbol} " for each in before), last)


class Writer:
    """Lines of a program under way."""

    def __init__(self, depth: int = 0) -> None:
        self.lines: list[str] = []
        self.depth = depth

    def line(self, text: str = "") -> None:
        self.lines.append("    " * self.depth + text if text else "")

    def expression(self, text: Text, before: str = "", after: str = "", comment: str = "") -> None:
        """A statement such as `self.conv1 = nn.Conv2d(…)  # 64@112x112`."""
        bare = len("    " * self.depth + before + flat(text) + after)
        note = f"  # {comment}" if comment else ""
        # no comment breaks a line, or makes one longer that nothing breaks
        fits = bare + len(note) <= WIDTH or (bare > WIDTH and not isinstance(text, str))
        self.lines += layout(text, 4 * self.depth, before, after + note if fits else after)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """`head:` and what is indented under it."""
        self.line(head + ":")
        with self.indented():
            yield

    @contextmanager
    def indented(self) -> Iterator[None]:
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
