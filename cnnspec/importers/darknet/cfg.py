"""Text to sections: `[kind]` in a line of its own, options `name=value` below it."""

from __future__ import annotations

import re
from typing import NamedTuple

from cnnspec.importers.reading.fields import Field, Fields
from cnnspec.importers.refusals import Refusal, Refused

ALIASES = {
    "active": "activation",
    "avg": "avgpool",
    "conn": "connected",
    "conv": "convolutional",
    "deconv": "deconvolutional",
    "max": "maxpool",
    "network": "net",
    "soft": "softmax",
}

NOTE = re.compile(r"(?<=\d)[#;].*")
"""Behind a number Darknet reads no further; a word it takes with all that follows."""


class Section(NamedTuple):
    kind: str
    fields: Fields


def parse(name: str, text: str) -> list[Section]:
    """The sections of a file. Raises Refused with all lines that are neither section nor option.

    As Darknet reads it: blanks say nothing wherever they stand, and a comment has a line of its own.
    """
    found: list[tuple[str, int, list[Field]]] = []
    refusals = []
    for number, line in enumerate(text.split("\n"), 1):
        line = "".join(line.split())
        key, equals, value = line.partition("=")
        if not line or line[0] in "#;\0":
            continue
        if line[0] == "[" and line[-1] == "]":
            found.append((line[1:-1], number, []))
        elif equals and key and found:
            found[-1][2].append(Field(key, NOTE.sub("", value), number))
        else:
            message = f"`{line[:40]}` is neither a section nor an option of one"
            refusals.append(Refusal("E1001", message, (), f"{name}:{number}"))
    if refusals:
        raise Refused(refusals)
    return [Section(ALIASES.get(kind, kind), Fields(line, fields)) for kind, line, fields in found]
