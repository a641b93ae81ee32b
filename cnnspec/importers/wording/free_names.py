"""Names in a specification: which are free, and how they are made of others."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import chain, count

from cnnspec.layers import NAMES
from cnnspec.text.scanner import WORDS


def is_name(text: str) -> bool:
    """Whether a parameter or a label can have this name without quotes."""
    return re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII) is not None and text not in WORDS


def is_free(name: str) -> bool:
    """Whether a network or a block may have this name: no word of the language, and no layer."""
    return is_name(name) and name not in NAMES


def unused(words: Sequence[str], taken: Collection[str]) -> str:
    """The first of some names that is not taken, else the first of them with a number: width, width2."""
    numbered = (f"{words[0]}{number}" for number in count(2))
    return next(name for name in chain(words, numbered) if name not in taken)


def from_class(kind: str, noun: str) -> str:
    """A class's name, without what a name cannot have; `noun` where nothing is left or it is taken."""
    name = re.sub(r"\W|^\d+", "", kind, flags=re.ASCII).strip("_") or noun
    return name if is_free(name) else name + noun


def from_file(stem: str) -> str:
    """The name of a file without its suffix as that of a net: `yolov2-tiny` is Yolov2Tiny."""
    words = re.split(r"[\W_]+", stem)
    return from_class("".join(word[:1].upper() + word[1:] for word in words), "Net")
