"""The frame of a loop: what changes from one iteration to the next, and how the `for` tells it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.columns import MISSING, Frame, Unaligned, agree, literal, same
from cnnspec.backends.writer import Arguments, Text
from cnnspec.layers.base import is_integer
from cnnspec.symbols import polynomial, substitute


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
        if agree(column):
            return self.parent.string(list(dict.fromkeys(column)) * self.parent.size)
        if len(set(self.parents)) > 1:
            raise Unaligned
        prefix, suffix = _shared(column)
        middles = [name[len(prefix) : len(name) - len(suffix)] for name in column]
        if (
            not all(m.isdecimal() and str(int(m)) == m and len(m) < 9 for m in middles)
            or "{" in prefix + suffix
        ):
            raise Unaligned
        numbers = [int(m) for m in middles]
        step = numbers[1] - numbers[0]
        if any(b - a != step for a, b in pairwise(numbers)) or step < 1:
            raise Unaligned
        self.uses_index = True
        slope = self.index if step == 1 else f"{step} * {self.index}"
        inner = f"{slope} + {numbers[0]}" if numbers[0] else slope
        return "f" + literal(f"{prefix}{{{inner}}}{suffix}")

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


def _shared(words: list[str]) -> tuple[str, str]:
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
