"""Why a source cannot be imported: every reason of a run, with its place, those that are equal as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cnnspec import failures
from cnnspec.importers.model import Scope
from cnnspec.text.spelling import suggest


class Refusal(NamedTuple):
    """One reason. `code` has a page in cnnspec/faults/explain; `place` is a line of the source, or ""."""

    code: str
    message: str
    scopes: tuple[Scope, ...] = ()
    place: str = ""


class RefusalGroup(NamedTuple):
    """Refusals that say the same of the same class at the same line; `path` is the first module's."""

    code: str
    message: str
    count: int = 1  # type: ignore[assignment]  # a tuple's method of that name is not missed
    kind: str = ""
    place: str = ""
    path: str = ""

    def __str__(self) -> str:
        times = f", {self.count} times" if self.count > 1 else ""
        first = f"{'first ' if self.count > 1 else ''}at {self.path}" if self.path else ""
        where = ", ".join(word for word in (self.kind, self.place, first) if word)
        return self.message + times + (f": {where}" if where else "")


class Refuse(Exception):
    """A part of a source cannot be said in the language.

    `line` is where, 0: where the part begins; `earlier` is the reason, where an earlier part has it.
    """

    def __init__(self, code: str, message: str, line: int = 0, earlier: Refusal | None = None) -> None:
        super().__init__(code, message, line)
        self.code, self.message, self.line, self.earlier = code, message, line, earlier


class Refused(failures.Refusal):
    """The source cannot be imported. `groups` are all reasons, in the order in which they came up."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        self.refusals = tuple(refusals)
        self.groups = group(self.refusals)
        super().__init__("\n".join(map(str, self.groups)))


def refused(message: str, code: str = "E1001", place: str = "") -> Refused:
    """The source is refused for one reason: if no `code` says another, it cannot be read at all."""
    return Refused([Refusal(code, message, (), place)])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not known: the nearest of those that are; "" without any."""
    near = " or ".join(f"`{name}`" for name in suggest(word, known))
    return f" (did you mean {near}?)" if near else ""


def group(refusals: Iterable[Refusal]) -> tuple[RefusalGroup, ...]:
    """Equal refusals as one, counted."""
    found: dict[tuple[str, ...], RefusalGroup] = {}
    for code, message, scopes, place in refusals:
        inner = scopes[-1] if scopes else Scope("", "")
        fresh = RefusalGroup(code, message, 0, inner.kind, place, inner.path)
        known = found.get(key := (code, message, inner.kind, place), fresh)
        found[key] = known._replace(count=known.count + 1)
    return tuple(found.values())
