"""The frame of a loop: what changes from one iteration to the next."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from cnnspec.backends.torch.solve.columns import Frame, Part
from cnnspec.backends.torch.solve.solutions import Index, Numbered, Solution, Straight, Variable
from cnnspec.backends.torch.solve.values import MISSING, agree, alike_columns, same_origin
from cnnspec.backends.torch.unify import Unaligned
from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import polynomial


class Loop(Part):
    """The iterations of a repeat, of which each belongs to a row of the frame around.

    What changes from one to the next is a straight line over the index, or, where `tables` are allowed, a
    loop variable that runs over a list.
    """

    def __init__(self, parent: Frame, parents: list[int], tables: bool = False) -> None:
        super().__init__(parent, parents)
        self.tables, self.index = tables, Index()
        self.cells: list[tuple[Variable, list[Any]]] = []

    def varying(self, column: list[Any], hint: str) -> Solution:
        if len(set(self.parents)) > 1:
            raise Unaligned
        whole = all(value is not MISSING for value in column)
        if whole and all(map(is_integer, column)) and self.size > 2:
            steps = [int(b) - int(a) for a, b in pairwise(column)]
            symbolic = len({polynomial(b - a) for a, b in pairwise(column)}) == 1
            if symbolic and agree(steps):
                start = self.parent.scalar(self.at_parent(column[0]), hint)
                return Straight(
                    self.index, start, self.parent.scalar(self.at_parent(column[1] - column[0]), hint)
                )
        if not self.tables:
            raise Unaligned
        present = next(value for value in column if value is not MISSING)
        filled = [present if value is MISSING else value for value in column]
        for variable, known in self.cells:
            if alike_columns(known, column, same_origin):
                return variable
        self.cells.append((Variable(hint), filled))
        return self.cells[-1][0]

    def at_parent(self, value: Any) -> list[Any]:
        wide: list[Any] = [MISSING] * self.parent.size
        wide[self.parents[0]] = value
        return wide

    def counting(self, column: list[str]) -> Solution:
        """A name that counts along: `f"denselayer{j + 1}"`."""
        if len(set(self.parents)) > 1:
            raise Unaligned
        turns = [j for j, name in enumerate(column) if name is not MISSING]
        names = [column[j] for j in turns]
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
        return Numbered(self.index, prefix, step, start, suffix)

    def table(self) -> list[tuple[Variable, list[Solution]]]:
        """The variables that the loop runs over, with their values in each turn."""
        return [
            (variable, [self.parent.scalar(self.at_parent(value), "value") for value in column])
            for variable, column in self.cells
        ]


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
