"""Taking written expressions apart, so that long ones can break over lines."""

from __future__ import annotations

import re

from cnnspec.backends.writer import Arguments, Text

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' r"'(?:[^'\\]|\\.)*'")


def item(text: str) -> tuple[str, Text]:
    """An argument's text, a tuple so that it can break."""
    if text.startswith("(") and text.endswith(")"):
        return "", Arguments("", tuple(("", part) for part in split(text[1:-1])))
    return "", text


def masked(text: str) -> str:
    """The text with its strings made blank: what stands in them is no code."""
    return _STRING.sub(lambda found: "_" * len(found[0]), text)


def opening(text: str) -> int:
    """Where the bracket opens that the text's last character closes."""
    depth, code = 0, masked(text)
    for position in range(len(code) - 1, -1, -1):
        depth += (code[position] in ")]}") - (code[position] in "([{")
        if not depth:
            return position
    return 0


def split(text: str) -> list[str]:
    """The arguments of a call's text, parted at its own commas."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(masked(text)):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()]
