"""The arguments of the call that a place is in, and which of them is being written."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from cnnspec import layers
from cnnspec.live.answers.before import before
from cnnspec.live.answers.complete import about, parameters
from cnnspec.live.findings import Check
from cnnspec.live.session import Document

NUMBER = re.compile(r"(?<![\w.])[0-9][\w.]*\Z")
"""What is being written, where it is a number."""


class CallParameter(NamedTuple):
    """An argument by its name; `label` is how the signature shows it."""

    name: str
    label: str
    doc: str = ""


class CallHelp(NamedTuple):
    """What a call takes, the first `places` without a name. `active`: the index of what is written, or -1."""

    name: str
    doc: str
    parameters: tuple[CallParameter, ...]
    places: int
    active: int = -1

    @property
    def label(self) -> str:
        return " ".join([self.name, *(parameter.label for parameter in self.parameters)])


def signature(document: Document, offset: int) -> CallHelp | None:
    """The call around an offset; None where there is none."""
    check, found = document.check, before(document.source.text, offset)
    if check is None or found is None:
        return None
    words = found.words
    if found.frame == "file":
        words = words[words.index("=") + 1 :] if words[:1] == ("net",) and "=" in words else ()
    elif found.frame != "braces":
        return None
    if words[:1] == ("default",):
        words = words[1:]
    # `k = 2` calls nothing.
    known = of_call(check, words[0]) if words and words[1:2] != ("=",) else None
    if known is None:
        return None
    is_open = NUMBER.search(document.source.text, 0, offset) is not None
    return known._replace(active=active(known, words, is_open))


def of_call(check: Check, name: str) -> CallHelp | None:
    """What a layer, a block or a net takes."""
    cls = layers.find(name)
    if cls is not None and cls.arguments:
        order = [*cls.positional, *(each for each in cls.arguments if each not in cls.positional)]
        labels = {each: f"{each}={about(argument)}" for each, argument in cls.arguments.items()}
        labels |= {each: each for each in cls.positional}
        shown = tuple(CallParameter(each, labels[each], cls.arguments[each].doc) for each in order)
        return CallHelp(name, cls.summary, shown, len(cls.positional))
    known = parameters(check, name)
    if not known:
        return None
    shown = tuple(CallParameter(each.name.name, each.span.text) for each in known)
    # The values of a net go by name alone: `net B = A depth=2`.
    return CallHelp(name, "", shown, len(known) if name in check.module.blocks else 0)


def active(known: CallHelp, words: tuple[str, ...], is_open: bool) -> int:
    """The argument that is being written behind these words; `is_open`: the last of them is part of it."""
    keys = [parameter.name for parameter in known.parameters]
    for word, behind in reversed([*pairwise(words)]):
        if behind == "=":
            return keys.index(word) if word in keys else -1
    # `6@5x5` is one argument in three words. In `conv 6@5x5 |` it stands whole before the cursor.
    place = len(words) - 1 - 2 * words.count("@") - is_open
    return place if 0 <= place < known.places else -1
