"""Legal, unused Python names for what a specification calls as it likes."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Iterable

# x: what the chain of a forward is kept in
RESERVED = frozenset([*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "x"])


def is_plain(name: str) -> bool:
    """Whether `self.name` is legal and means just that (identifiers of other scripts merge under NFKC)."""
    return (
        # a method that reads self.__a means _Net__a: Python mangles it
        name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")
    )


def legal(name: str) -> str:
    """The nearest ASCII identifier that is neither a keyword nor a builtin."""
    # NFKD parts letters from their accents, which ASCII drops: "é" -> "e"; of "層" nothing is left: "value"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(c if c.isalnum() or c == "_" else "_" for c in plain).strip("_") or "value"
    if plain[0].isdigit():
        plain = "n" + plain
    return plain + "_" if plain in RESERVED else plain


class Names:
    """Hands out names within one scope; what it has handed out for a key stays so."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self.given: dict[str, str] = {}

    def of(self, key: str, wish: str) -> str:
        """The name for a key: the wish, made legal and unused."""
        if key not in self.given:
            self.given[key] = self.local(wish)
        return self.given[key]

    def parameter(self, name: str) -> str:
        """The constructor's name for a block's parameter, or for what arrives (`in.channels`)."""
        # "+kernel_size" is a parameter that a class adds, "=width" a block's own name for a number
        return self.of(name, name.lstrip("+=").replace("in.", "in_"))

    def local(self, wish: str) -> str:
        """A fresh name like the wish."""
        return self.unused(legal(wish))

    def unused(self, base: str) -> str:
        """The name, with a number behind it where it is taken."""
        name, number = base, 2
        while name in self.taken:
            name = f"{base}{number}"
            number += 1
        self.taken.add(name)
        return name
