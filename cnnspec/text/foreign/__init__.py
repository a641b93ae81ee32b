"""What other frameworks call things, and what is here in its place: the table foreign.txt."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from cnnspec import layers
from cnnspec.text.resources import read_asset


class Translation(NamedTuple):
    """Words of others; what may be meant here; a sentence where no word of ours says the same."""

    words: tuple[str, ...]
    ours: tuple[str, ...]
    answer: str = ""


@cache
def rows() -> dict[str, tuple[Translation, ...]]:
    """The table by section. A section's word stands in one row only."""
    found: dict[str, list[Translation]] = {}
    section = ""
    for line in read_asset(__package__, "foreign.txt").split("\n"):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            head, _, answer = line.partition(" ! ")
            words, _, ours = head.partition(" :")
            found.setdefault(section, []).append(
                Translation(tuple(words.split()), tuple(ours.split()), answer)
            )
    return {name: tuple(each) for name, each in found.items()}


def plain(word: str) -> str:
    """A word without what it is spelled with: `max_pool` and `MaxPool` are one."""
    return word.lower().replace("_", "")


@cache
def _index(section: str) -> dict[str, Translation]:
    whole = {plain(word): row for row in rows()[section] for word in row.words}
    bare = {key.removesuffix("2d"): row for key, row in whole.items()} if section == "layers" else {}
    return bare | whole


def find(section: str, word: str) -> Translation | None:
    """The row of a word; a layer may have `2d` or `layer` behind it."""
    index, key = _index(section), plain(word)
    if section == "layers":
        bare = key.removesuffix("layer")
        return index.get(key) or index.get(bare) or index.get(bare.removesuffix("2d"))
    return index.get(key)


def is_layer(word: str) -> bool:
    """Whether a layer bears the name, here or elsewhere."""
    return layers.find(word) is not None or find("layers", word) is not None


def answer(section: str, word: str) -> str:
    """What to say of a word that has none here; empty where it has, or is unknown."""
    row = find(section, word)
    return row.answer if row is not None else ""


@cache
def signatures() -> dict[str, tuple[str, ...]]:
    """The names of a foreign layer's arguments in their order; `Conv2d` and `Conv2D` are two layers."""
    return {row.words[0]: row.words[1:] for row in rows()["signatures"]}
