"""Names that a network and a block may have in a specification."""

from __future__ import annotations

import re

from cnnspec.importers.wording.text import is_name
from cnnspec.layers import NAMES


def is_free(name: str) -> bool:
    """Whether a network or a block may have this name: no word of the language, and no layer."""
    return is_name(name) and name not in NAMES


def from_class(kind: str, noun: str) -> str:
    """A class's name, without what a name cannot have; `noun` where nothing is left or it is taken."""
    name = re.sub(r"\W|^\d+", "", kind, flags=re.ASCII).strip("_") or noun
    return name if is_free(name) else name + noun


def from_file(stem: str) -> str:
    """The name of a file without its suffix as that of a net: `yolov2-tiny` is Yolov2Tiny."""
    words = re.split(r"[\W_]+", stem)
    return from_class("".join(word[:1].upper() + word[1:] for word in words), "Net")
