"""The fields of a part of a source, each marked as it is used: what is left over is not understood.

A reader that overlooked a field would write another network, and nothing behind it could notice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cnnspec.importers.refusals import Refuse, did_you_mean

INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
# With the `f` of C, which the text form of protocol buffers takes: `alpha: 1e-4f`.
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?f?")


class Quoted(str):
    """A value that stands in quotes, which are not part of it."""


class Field(NamedTuple):
    """A field as it is written: a scalar, or a part with fields of its own."""

    name: str
    value: str | Fields
    line: int

    @property
    def scalar(self) -> str:
        """Raises Refuse where it is a part."""
        if isinstance(self.value, Fields):
            raise Refuse("E1001", f"`{self.name}` wants a value, not fields", self.line)
        return self.value

    @property
    def part(self) -> Fields:
        """Raises Refuse where it is a scalar."""
        if not isinstance(self.value, Fields):
            raise Refuse("E1001", f"`{self.name}` wants fields in braces", self.line)
        return self.value

    def integer(self) -> int:
        if not INTEGER.fullmatch(self.scalar):
            raise self.wrong("an integer")
        return int(self.scalar)

    def number(self) -> float:
        found = float(self.scalar.rstrip("fF")) if NUMBER.fullmatch(self.scalar) else math.inf
        if not math.isfinite(found):
            raise self.wrong("a number")
        return found

    def wrong(self, wanted: str) -> Refuse:
        return Refuse("E1001", f"`{self.name}` wants {wanted}, not `{self.scalar[:40]}`", self.line)


class Fields:
    """Fields in their order. `line` is where they begin."""

    def __init__(self, line: int, fields: Iterable[Field] = ()) -> None:
        self.line = line
        self.fields: dict[str, list[Field]] = {}
        self.used: set[str] = set()
        self.unexpected: list[Refuse] = []
        for field in fields:
            self.fields.setdefault(field.name, []).append(field)

    def all(self, name: str) -> list[Field]:
        """The fields of a name, which are used by this."""
        self.used.add(name)
        return self.fields.get(name, [])

    def one(self, name: str) -> Field | None:
        """The field of a name that may be given once. Raises Refuse."""
        found = self.all(name)
        if len(found) > 1:
            raise Refuse("E1001", f"`{name}` is given twice", found[1].line)
        return found[0] if found else None

    def needed(self, name: str) -> Field:
        """The field of a name that has to be given. Raises Refuse, by the name that may be meant for it."""
        field = self.one(name)
        if field is not None:
            return field
        for other, found in self.fields.items():
            # `num_outptu: 64` without a `num_output`: the slip is at fault, at its own line.
            if other not in self.used and (meant := did_you_mean(other, [name])):
                raise Refuse("E1001", f"`{other[:40]}` says nothing{meant}", found[0].line)
        raise Refuse("E1001", f"`{name}` is not given", self.line)

    def has(self, name: str) -> bool:
        """Whether it is given; this is no use of it."""
        return name in self.fields

    def text(self, name: str, default: str = "") -> str:
        field = self.one(name)
        return default if field is None else field.scalar

    def integer(self, name: str, default: int) -> int:
        field = self.one(name)
        return default if field is None else field.integer()

    def number(self, name: str, default: float) -> float:
        field = self.one(name)
        return default if field is None else field.number()

    def flag(self, name: str, default: bool) -> bool:
        """`true` or `1`, `false` or `0`. Raises Refuse."""
        field = self.one(name)
        if field is None:
            return default
        if field.scalar not in ("true", "1", "false", "0"):
            raise field.wrong("true or false")
        return field.scalar in ("true", "1")

    def part(self, name: str) -> Fields:
        """The part of a name; one without fields where it is not given. Raises Refuse."""
        field = self.one(name)
        return Fields(self.line) if field is None else field.part

    def skip(self, *names: str) -> None:
        """Use fields that say nothing about what the network computes."""
        self.used.update(names)

    def expect(self, name: str, *values: str) -> None:
        """Use a field that may only have one of these values; another one is refused in the end."""
        field = self.one(name)
        if field is not None and field.scalar not in values:
            self.unexpected.append(Refuse("E1004", f"`{name}` is `{field.scalar[:40]}`", field.line))

    def expect_off(self, *names: str) -> None:
        """Use fields that may only be 0; what is on is refused in the end."""
        for name in names:
            self.expect(name, "0")

    def refusals(self, what: str) -> Iterator[Refuse]:
        """Why the fields of `what` are not understood: unexpected values, and fields that are not used."""
        yield from self.unexpected
        for name, found in self.fields.items():
            if name not in self.used:
                # What was asked for and not found: of these it may be a misspelling.
                meant = did_you_mean(name, sorted(self.used - self.fields.keys()))
                yield Refuse("E1004", f"{what} with `{name[:40]}`{meant}", found[0].line)

    def parts(self) -> Iterator[Fields]:
        """These fields and those of all parts that were used."""
        yield self
        for found in self.fields.values():
            for field in found:
                # `weight_filler { type: "xavier" }` is skipped as a whole: nobody has looked into it.
                if isinstance(field.value, Fields) and field.value.used:
                    yield from field.value.parts()
