"""From what differs among the uses of a block to the expressions that tell it.

A block's class stands for several instances, a loop's body for several iterations. Both are Frames: so
many rows of the same structure. The values that one place has over the rows are a column, and the
frame solves the column: a literal where all rows agree, else what the symbols say, where that is right
in every row, else a parameter or a loop variable. What is solved is data: a frame knows no names, and
keeps nothing of what it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from cnnspec.backends.torch.signatures import AS_KERNEL, EVERYTHING_SAID, Signature
from cnnspec.backends.torch.solve.solutions import (
    MISSING,
    Added,
    ClassName,
    Index,
    Items,
    Make,
    Phrase,
    Solution,
    Straight,
    Variable,
    agree,
    alike,
    alike_columns,
    literal,
    same,
    same_origin,
)
from cnnspec.backends.torch.unify import Unaligned
from cnnspec.graph.tree import Test
from cnnspec.layers.base import Call
from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import polynomial


class Frame:
    """Rows of equal structure, `size` of them; `numbers`: which row of the class each belongs to."""

    size: int
    numbers: list[int]
    signatures: Mapping[str, Signature]

    def part(self, rows: list[int]) -> Frame:
        """Some of the rows."""
        return self if len(rows) == self.size else Part(self, rows)

    def scalar(self, column: list[Any], hint: str) -> Solution:
        """The expression of a column of numbers, words, flags. Raises Unaligned."""
        raise NotImplementedError

    def string(self, column: list[str]) -> Solution:
        """A column of names as a string expression."""
        present = [name for name in column if name is not MISSING]
        if not agree(present):
            raise Unaligned
        return literal(present[0])

    def text(self, column: list[Any], hint: str = "value") -> Solution:
        """The expression of a column of values or constructor calls. Raises Unaligned."""
        present = [value for value in column if value is not MISSING]
        first = present[0]
        if isinstance(first, Call):
            return self._call(column, present)
        if isinstance(first, list | tuple):
            return self._sequence(column, present, hint)
        return self.scalar(column, hint)

    def _call(self, column: list[Any], present: list[Call]) -> Solution:
        first = present[0]
        if any(isinstance(other, Call) and other.name != first.name for other in present[1:]):
            return self._class(column)
        for other in present[1:]:
            if not isinstance(other, Call) or other.name != first.name or len(other.args) != len(first.args):
                raise Unaligned
            if list(other.kwargs) != list(first.kwargs):
                raise Unaligned
        signature = self.signatures.get(first.name, EVERYTHING_SAID)
        hints = ("in_channels", "out_channels") if len(first.args) == 2 else ("channels",)
        if first.args and isinstance(first.args[0], tuple):
            hints = ("shape", "value")
        items: Items = []
        for i in range(len(first.args)):
            values = [value if value is MISSING else value.args[i] for value in column]
            items.append(("", self.text(values, hints[i] if i < len(hints) else "value")))
        said: dict[str, Solution] = {}
        for key in first.kwargs:
            values = [value if value is MISSING else value.kwargs[key] for value in column]
            if key == "padding" and self.is_half(column, said.get("kernel_size")):
                solved: Solution = Phrase((said["kernel_size"], " // 2"))
            else:
                solved = self.text(values, key)
            said[key] = solved
            if key in signature.defaults and alike(solved, self.default(signature, key, said)):
                continue
            items.append(("" if key in signature.places else f"{key}=", solved))
        return Make(first.name, tuple(items))

    def _class(self, column: list[Any]) -> Solution:
        """Layers of several classes, constructed without arguments: the class is what differs."""
        if not all(call is MISSING or self.is_bare(call) for call in column):
            raise Unaligned
        names = [call if call is MISSING else ClassName(call.name) for call in column]
        return Make(self.scalar(names, "layer"), ())

    def is_bare(self, call: Call) -> bool:
        """Whether a class is constructed without arguments."""
        unsaid = self.signatures.get(call.name, EVERYTHING_SAID).defaults
        return not call.args and all(
            key in unsaid and same(unsaid[key], value) for key, value in call.kwargs.items()
        )

    @staticmethod
    def is_half(column: list[Any], kernel: Solution | None) -> bool:
        """Whether every pad is half of a kernel that differs: the class takes one of both then."""
        present = [call.kwargs for call in column if call is not MISSING]
        return (
            isinstance(kernel, Added)
            and all(is_integer(each["padding"]) and is_integer(each["kernel_size"]) for each in present)
            and all(int(each["padding"]) == int(each["kernel_size"]) // 2 for each in present)
        )

    @staticmethod
    def default(signature: Signature, key: str, said: dict[str, Solution]) -> Solution:
        value = signature.defaults[key]
        return said["kernel_size"] if value is AS_KERNEL else literal(value)

    def _sequence(self, column: list[Any], present: list[Any], hint: str) -> Solution:
        first = present[0]
        if any(type(other) is not type(first) or len(other) != len(first) for other in present[1:]):
            return self.scalar(column, hint)
        items: Items = []
        for i in range(len(first)):
            values = [value if value is MISSING else value[i] for value in column]
            items.append(("", self.text(values, hint)))
        return Make("", tuple(items), "[]" if isinstance(first, list) else "()")

    def condition(self, tests: list[Test | None], column: list[bool], hint: str) -> Solution:
        """A condition that differs among the rows."""
        return self.scalar(column, hint)


class Part(Frame):
    """Rows that stand within those of another frame: some of them, which take one branch, or a loop's turns.

    `parents[i]` is the row of the frame around that row i belongs to. A column with one value for each of
    these is the frame's around to solve.
    """

    def __init__(self, parent: Frame, parents: list[int]) -> None:
        self.parent, self.parents, self.size = parent, parents, len(parents)
        self.numbers = [parent.numbers[row] for row in parents]
        self.signatures = parent.signatures

    def widened(self, column: list[Any]) -> list[Any] | None:
        """The column as the frame around has it; None where rows of one parent differ."""
        wide: list[Any] = [MISSING] * self.parent.size
        for row, value in zip(self.parents, column, strict=True):
            if value is MISSING:
                continue
            if wide[row] is not MISSING and not same_origin(wide[row], value):
                return None
            wide[row] = value
        return wide

    def scalar(self, column: list[Any], hint: str) -> Solution:
        wide = self.widened(column)
        return self.varying(column, hint) if wide is None else self.parent.scalar(wide, hint)

    def string(self, column: list[str]) -> Solution:
        wide = self.widened(column)
        return self.counting(column) if wide is None else self.parent.string(wide)

    def condition(self, tests: list[Test | None], column: list[bool], hint: str) -> Solution:
        wide, wide_tests = self.widened(column), self.widened(tests)
        if wide is None or wide_tests is None:
            return self.scalar(column, hint)
        return self.parent.condition(wide_tests, wide, hint)

    def varying(self, column: list[Any], hint: str) -> Solution:
        """The expression of a column that differs among the rows of one parent."""
        raise Unaligned

    def counting(self, column: list[str]) -> Solution:
        """The expression of names that differ among the rows of one parent."""
        raise Unaligned


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
        slope = f"{step} * " if step != 1 else ""
        before, after = literal(f"{prefix}{{{slope}")[:-1], literal(f"}}{suffix}")[1:]
        return Phrase((f"f{before}", self.index, f" + {start}{after}" if start else after))

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
