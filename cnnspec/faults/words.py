"""The words of the field: what stride, padding, epochs are, each with a formula and a worked example.

words.md holds them. A part begins with `# NAME (OTHER NAME, …)`; paragraphs, the formula indented, `Example:`
with lines indented, `See:` with further words. An example is the inside of a net, whose comments are sums, or
words followed by sums; the tests compute them all.
"""

from __future__ import annotations

import re
from functools import cache
from textwrap import dedent, fill, indent
from typing import NamedTuple

from cnnspec.text.resources import read_asset

_PART = re.compile(
    r"# (?P<name>[^(\n]+?)(?: \((?P<others>[^)]+)\))?\n\n(?P<text>.+?)\n\n(?P<formula>    .+?)\n\n"
    r"Example:\n\n(?P<example>    .+?)\n\nSee: (?P<see>[^\n]+)\n",
    re.DOTALL,
)


class Word(NamedTuple):
    """`names` are its own and other ones; `example` and `formula` are lines without their indent."""

    names: tuple[str, ...]
    text: str
    formula: str
    example: str
    see: tuple[str, ...]


@cache
def words() -> tuple[Word, ...]:
    """All words, in the order of the alphabet."""
    return tuple(map(parse, re.split(r"\n(?=# )", read_asset(__package__, "words.md"))))


def parse(part: str) -> Word:
    """A word from its part of the file. Raises ValueError where that lacks something."""
    found = _PART.fullmatch(part if part.endswith("\n") else part + "\n")
    if found is None:
        raise ValueError(f"{part.partition(chr(10))[0]!r} lacks a part or has one too many")
    names = (found["name"], *(found["others"] or "").split(", "))
    formula, example = dedent(found["formula"]), dedent(found["example"])
    return Word(tuple(filter(None, names)), found["text"], formula, example, tuple(found["see"].split(", ")))


def find(name: str) -> Word | None:
    """The word of that name, whatever its capitals, hyphens or plural; None where there is none."""
    known = {plain(each): word for word in words() for each in word.names}
    return known.get(plain(name)) or known.get(plain(name).removesuffix("s"))


def plain(name: str) -> str:
    """The form in which names are compared."""
    return re.sub(r"[\s_-]+", " ", name.strip().lower())


def render(word: Word, width: int) -> str:
    """The page of a word, its paragraphs filled, ending in a newline."""
    name, *others = word.names
    formula, example = (indent(text, "    ") for text in (word.formula, word.example))
    also = [f"Also: {', '.join(others)}."] if others else []
    see = f"See: {', '.join(word.see)}."
    text = fill(word.text, width)
    return "\n\n".join([name, text, formula, f"Example\n{example}", *also, see]) + "\n"
