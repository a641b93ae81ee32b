"""The frame of a loop: what changes from one iteration to the next, and how the `for` tells it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.columns import MISSING, Frame, Unaligned, agree, literal, same
from cnnspec.backends.writer import Arguments, Text
from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import polynomial, substitute


class Loop(Frame):
    """The iterations of a repeat: `parents[i]` is the row of the frame around that iteration i belongs to.

    Columns that do not change from one iteration to the next are the parent's to write. Others are a
    straight line over the index, or, where `tables` are allowed, a loop variable that runs over a list.
    """

    def __init__(self, parent: Frame, parents: list[int], index: str, tables: bool, names_: Names) -> None:
        self.parent, self.parents, self.index, self.tables, self.names = (
            parent,
            parents,
            index,
            tables,
            names_,
        )
        self.size = len(parents)
        self.numbers = [parent.numbers[row] for row in parents]
        self.signatures = parent.signatures
        self.uses_index = False
        self.table: dict[str, list[Any]] = {}

    def scalar(self, column: list[Any], hint: str) -> str:
        wide: list[Any] = [MISSING] * self.parent.size
        for row, value in zip(self.parents, column, strict=True):
            if value is MISSING:
                continue
            if wide[row] is not MISSING and not (same(wide[row], value) and self.equal(wide[row], value)):
                return self.varying(column, hint)
            wide[row] = value
        return self.parent.scalar(wide, hint)

    @staticmethod
    def equal(left: Any, right: Any) -> bool:
        return not is_integer(left) or polynomial(left) == polynomial(right)

    def varying(self, column: list[Any], hint: str) -> str:
        if len(set(self.parents)) > 1:
            raise Unaligned
        whole = all(value is not MISSING for value in column)
        if whole and all(map(is_integer, column)) and self.size > 2:
            steps = [int(b) - int(a) for a, b in pairwise(column)]
            symbolic = len({substitute(polynomial(b - a), {}) for a, b in pairwise(column)}) == 1
            if symbolic and agree(steps):
                self.uses_index = True
                start = self.parent.scalar(self.at_parent(column[0]), hint)
                step = self.parent.scalar(self.at_parent(column[1] - column[0]), hint)
                slope = self.index if step == "1" else f"{_factor(step)} * {self.index}"
                return slope if start == "0" else f"{start} + {slope}"
        if not self.tables:
            raise Unaligned
        for name, known in self.table.items():
            pairs = [(a, b) for a, b in zip(known, column, strict=True) if b is not MISSING]
            if all(same(a, b) and self.equal(a, b) for a, b in pairs):
                return name
        name = self.names.local(hint)
        present = [value for value in column if value is not MISSING]
        self.table[name] = [present[0] if value is MISSING else value for value in column]
        return name

    def at_parent(self, value: Any) -> list[Any]:
        wide: list[Any] = [MISSING] * self.parent.size
        wide[self.parents[0]] = value
        return wide

    def string(self, column: list[str]) -> str:
        """A name that counts along: `f"denselayer{j + 1}"`."""
        turns = [j for j, name in enumerate(column) if name is not MISSING]
        names = [column[j] for j in turns]
        if agree(names):
            wide = [MISSING] * self.parent.size
            for j in turns:
                wide[self.parents[j]] = names[0]
            return self.parent.string(wide)
        if len(set(self.parents)) > 1:
            raise Unaligned
        prefix, suffix = shared(names)
        middles = [name[len(prefix) : len(name) - len(suffix)] for name in names]
        if not all(map(is_plain_number, middles)) or "{" in prefix + suffix or "}" in prefix + suffix:
            raise Unaligned
        numbers = [int(middle) for middle in middles]
        step, rest = divmod(numbers[-1] - numbers[0], turns[-1] - turns[0])
        start = numbers[0] - step * turns[0]
        if (
            rest
            or step < 1
            or start < 0
            or any(n != start + step * j for n, j in zip(numbers, turns, strict=True))
        ):
            raise Unaligned
        self.uses_index = True
        slope = self.index if step == 1 else f"{step} * {self.index}"
        inner = f"{slope} + {start}" if start else slope
        return "f" + literal(f"{prefix}{{{inner}}}{suffix}")

    def is_added(self, text: Text | None) -> bool:
        return self.parent.is_added(text)

    def header(self) -> tuple[str, Text]:
        """The `for` clause's targets, and what they run over (several rows: never with a table)."""
        rows = [literal_rows(self, i) for i in range(self.size)] if self.table else []
        if not self.table:
            counts: list[Any] = [self.parents.count(row) for row in range(self.parent.size)]
            bound = self.parent.scalar(counts, "depth")
            return (self.index if self.uses_index else "_"), f"range({bound})"
        targets = ", ".join(self.table)
        listed = Arguments("", tuple(("", row) for row in rows), *"[]")
        if self.uses_index:
            lone = targets if len(self.table) == 1 else f"({targets})"
            return f"{self.index}, {lone}", Arguments("enumerate", (("", listed),))
        return targets, listed


def literal_rows(loop: Loop, i: int) -> Text:
    cells = [loop.parent.scalar(loop.at_parent(column[i]), "value") for column in loop.table.values()]
    return cells[0] if len(cells) == 1 else Arguments("", tuple(("", cell) for cell in cells))


def _factor(text: str) -> str:
    return f"({text})" if " + " in text or " - " in text else text


def is_plain_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 9 and str(int(text)) == text


def shared(words: list[str]) -> tuple[str, str]:
    """The longest common prefix and suffix, digits between them left whole."""
    first, last = min(words), max(words)
    n = 0
    while n < min(len(first), len(last)) and first[n] == last[n]:
        n += 1
    prefix = first[:n].rstrip("0123456789")
    tails = [word[len(prefix) :][::-1] for word in words]
    first, last = min(tails), max(tails)
    n = 0
    while n < min(len(first), len(last)) and first[n] == last[n] and not first[n].isdigit():
        n += 1
    return prefix, first[:n][::-1]
