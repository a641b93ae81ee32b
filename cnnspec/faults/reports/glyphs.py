"""What text looks like in a terminal: how wide it is, how what cannot be seen is shown, what is painted."""

from __future__ import annotations

TAB = "    "


def visible(text: str) -> str:
    """The text with every character that hides, moves or reorders others written as its escape.

    So no name or comment of a specification can repaint the terminal or, with bidirectional controls,
    show another line than the one that is read (CVE-2021-42574).
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(glyph, text))


def glyph(character: str) -> str:
    """One character as it is shown."""
    if character == "\t":
        return TAB
    if character.isprintable():
        return character
    from unicodedata import category

    if category(character) == "Zs":
        return " " if character == " " else _escape(character)
    if category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return _escape(character)
    return character  # private use, or newer than this Python's tables


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    columns = 0
    for character in text:
        if category(character) in ("Mn", "Me") or "\u1160" <= character <= "\u11ff":
            continue  # combining marks and the vowels of composed Hangul stand over what precedes them
        columns += 2 if east_asian_width(character) in "WF" else 1
    return columns


def paint(code: str, text: str) -> str:
    """The text in the colour, or as bold or dim as the number of an ANSI escape says: `1;31` is bold red."""
    return f"\x1b[{code}m{text}\x1b[0m" if text else text


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"
