"""Which warnings and notes are wanted: those selected, but for those ignored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnspec.faults import explain
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.spelling import suggest


class Selection(NamedTuple):
    """Codes, or how they begin, as `W06`. Nothing selected is everything."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def wants(self, diagnostic: Diagnostic) -> bool:
        """Whether it is shown: errors are; else the longer of what selects and what ignores it decides."""
        if diagnostic.severity == "error":
            return True
        # "" begins every code: 0 against the -1 of nothing ignored.
        wanted = longest(diagnostic.code, self.select or ("",))
        return wanted > longest(diagnostic.code, self.ignore)


def longest(code: str, beginnings: Sequence[str]) -> int:
    """The length of the longest that a code begins with; -1 where there is none."""
    return max((len(each) for each in beginnings if code.startswith(each)), default=-1)


def parse_codes(texts: Sequence[str], errors_too: bool) -> tuple[str, ...]:
    """`W06,W0701`: the beginnings of codes. Raises ValueError for what begins no code, and for errors."""
    words = [word.strip().upper() for text in texts for word in text.split(",") if word.strip()]
    known = explain.codes()
    for word in words:
        if not any(code.startswith(word) for code in known):
            near = suggest(word, known)
            raise ValueError(f"no code begins with {word!r}" + (f": did you mean {near[0]}?" if near else ""))
        if word.startswith("E") and not errors_too:
            raise ValueError(f"{word} is of errors, which cannot be ignored")
    return tuple(words)
