"""Text to fields: the grammar is grammars/prototxt.lark."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from typing import Any

from lark import Lark, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from cnnspec.importers.reading.fields import Field, Fields, Quoted
from cnnspec.importers.refusals import refused
from cnnspec.text.resources import folder

ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse(name: str, text: str) -> Fields:
    """The fields of a file. Raises Refused at the first place that is none."""
    try:
        found: Any = machine().parse(text)
    except UnexpectedInput as problem:
        # At the end of a text Lark has the line of the last token, or none.
        line = problem.line if problem.line > 0 else 1 + text.count("\n")
        raise refused(describe(problem), place=f"{name}:{line}") from None
    fields: Fields = found
    return fields


def describe(problem: UnexpectedInput) -> str:
    if isinstance(problem, UnexpectedCharacters):
        return f"{problem.char!r} has no meaning here"
    token = getattr(problem, "token", "")
    return f"`{token[:40]}` is not expected here" if token else "the file ends in the midst of a field"


@cache
def machine() -> Lark:
    """Lark's parser, which makes fields as it reads: no tree is kept."""
    grammar = (folder("grammars") / "prototxt.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", transformer=TreeMaker(), maybe_placeholders=False)


class TreeMaker(Transformer[Any, Any]):
    """A callback a rule; those of fields return lists, because `a: [1, 2]` is two."""

    def start(self, fields: list[Any]) -> Fields:
        return Fields(1, chain.from_iterable(fields))

    def scalar(self, parts: list[Any]) -> list[Field]:
        name, *values = parts
        return [Field(str(name), plain(value), name.line) for value in values]

    listed = scalar

    def part(self, parts: list[Any]) -> list[Field]:
        name, *fields = parts
        return [Field(str(name), Fields(name.line, chain.from_iterable(fields)), name.line)]

    def joined(self, strings: list[Any]) -> Quoted:
        return Quoted("".join(unquoted(string[1:-1]) for string in strings))


def plain(value: str) -> str:
    """A value without its place."""
    return value if isinstance(value, Quoted) else str(value)


def unquoted(text: str) -> str:
    """What stands between quotes, with what its backslashes mean."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text) if "\\" in text else text
