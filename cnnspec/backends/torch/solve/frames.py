"""From what differs among the uses of a block to the expressions that tell it.

A block's class stands for several instances, a loop's body for several iterations. Both are Frames: so
many rows of the same structure. The values that one place has over the rows are a column, and the
frame solves the column: a literal where all rows agree, else what the symbols say, where that is right
in every row, else a parameter or a loop variable. What is solved is data: a frame knows no names, and
only a loop keeps what it is asked, the columns that it has to run over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain, pairwise, repeat
from operator import and_, eq, ge, gt, le, lt, ne, not_, or_
from typing import Any

from cnnspec.backends.torch.signatures import AS_KERNEL, EVERYTHING_SAID, Signature
from cnnspec.backends.torch.solve.literals import ClassName, Share, literal, summary
from cnnspec.backends.torch.solve.solutions import Added, Formula, Make, Phrase, Solution, Variable, alike
from cnnspec.backends.torch.unify.columns import ByRow, Unaligned, Way, agree, alike_columns, same
from cnnspec.graph.tree import Test
from cnnspec.layers.base import Construction
from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import Polynomial, evaluate, polynomial, substitute

MEANING: dict[str, Callable[..., Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
MEANING |= {"and": and_, "or": or_, "not": not_, "value": bool}
"""Of the operators of a Test."""


NUMBER = "number"
"""What a variable of a table is called whose multiples of a share are meant."""


class Frame:
    """Rows of equal structure, known by number."""

    signatures: Mapping[str, Signature]
    constants: Mapping[Polynomial, str]  # those that have a name of their own

    def is_given(self, name: str, column: ByRow) -> bool:
        """Whether these are the values that a parameter of the block has."""
        raise NotImplementedError

    def scalar(self, column: ByRow, hint: str) -> Solution:
        """The expression of a column of numbers, words, flags. Raises Unaligned."""
        raise NotImplementedError

    def string(self, column: ByRow) -> Solution:
        """A column of names as a string expression. Raises Unaligned."""
        first, *_ = column.values()
        if not agree(column.values()):
            raise Unaligned
        return literal(first)

    def condition(self, way: Way, hint: str) -> Solution:
        """What holds in the rows that go a way alone."""
        return self.scalar(way.there, hint)

    def solve(self, column: ByRow, hint: str = "value") -> Solution:
        """The expression of a column of values or constructor calls. Raises Unaligned."""
        first, *_ = column.values()
        if isinstance(first, Construction):
            return self._call(column, first)
        if isinstance(first, list | tuple):
            return self._sequence(column, first, hint)
        return self.scalar(column, hint)

    def _call(self, column: ByRow, first: Construction) -> Solution:
        calls = list(column.values())
        if not all(isinstance(call, Construction) for call in calls):
            raise Unaligned
        if any(call.name != first.name for call in calls):
            return self._class(column)
        if len({(len(call.args), *call.kwargs) for call in calls}) > 1:
            raise Unaligned
        signature = self.signatures.get(first.name, EVERYTHING_SAID)
        hints = ("in_channels", "out_channels") if len(first.args) == 2 else ("channels",)
        if first.args and isinstance(first.args[0], tuple):
            hints = ("shape", "value")
        items = [
            ("", self.solve({row: call.args[i] for row, call in column.items()}, hint))
            for i, hint in zip(range(len(first.args)), chain(hints, repeat("value")), strict=False)
        ]
        said: dict[str, Solution] = {}
        for key in first.kwargs:
            if key == "padding" and self.is_half(column, said.get("kernel_size")):
                solved: Solution = Phrase((said["kernel_size"], " // 2"))
            else:
                solved = self.solve({row: call.kwargs[key] for row, call in column.items()}, key)
            said[key] = solved
            if key in signature.defaults and alike(solved, self.default(signature, key, said)):
                continue
            items.append(("" if key in signature.positional else f"{key}=", solved))
        return Make(first.name, tuple(items))

    def _class(self, column: ByRow) -> Solution:
        """Layers of several classes, constructed without arguments: the class is what differs."""
        if not all(map(self.is_bare, column.values())):
            raise Unaligned
        names = {row: ClassName(call.name) for row, call in column.items()}
        return Make(self.scalar(names, "layer"), ())

    def is_bare(self, call: Construction) -> bool:
        """Whether a class is constructed without arguments."""
        unsaid = self.signatures.get(call.name, EVERYTHING_SAID).defaults
        return not call.args and all(
            key in unsaid and same(unsaid[key], value) for key, value in call.kwargs.items()
        )

    @staticmethod
    def is_half(column: ByRow, kernel: Solution | None) -> bool:
        """Whether every pad is half of a kernel that differs: the class takes one of both then."""
        pairs = [(call.kwargs["padding"], call.kwargs.get("kernel_size")) for call in column.values()]
        return isinstance(kernel, Added | Variable) and all(
            is_integer(pad) and is_integer(size) and int(pad) == int(size) // 2 for pad, size in pairs
        )

    @staticmethod
    def default(signature: Signature, key: str, said: dict[str, Solution]) -> Solution:
        value = signature.defaults[key]
        return said["kernel_size"] if value is AS_KERNEL else literal(value)

    def _sequence(self, column: ByRow, first: Any, hint: str) -> Solution:
        if any(type(other) is not type(first) or len(other) != len(first) for other in column.values()):
            return self.scalar(column, hint)
        if agree(column.values()) and (text := summary(first)):
            return text
        items = [
            ("", self.solve({row: value[i] for row, value in column.items()}, hint))
            for i in range(len(first))
        ]
        return Make("", tuple(items), "[]" if isinstance(first, list) else "()")


class Loop(Frame):
    """The iterations of a repeat: `parents[i]` is the row of the frame around that iteration i belongs to.

    What does not change from one to the next is the frame's around to solve. The rest is a straight line over
    the index.
    """

    def __init__(self, parent: Frame, parents: list[int]) -> None:
        self.parent, self.parents = parent, parents
        self.signatures, self.constants, self.index = parent.signatures, parent.constants, Variable()

    @property
    def is_lone(self) -> bool:
        """Whether all iterations belong to one row."""
        return len(set(self.parents)) == 1

    def around(self, column: ByRow) -> ByRow | None:
        """The column as the frame around has it; None where it changes from one iteration to the next."""
        found: dict[int, Any] = {}
        for turn, value in column.items():
            if not same_origin(found.setdefault(self.parents[turn], value), value):
                return None
        return found

    def is_given(self, name: str, column: ByRow) -> bool:
        around = self.around(column)
        return around is not None and self.parent.is_given(name, around)

    def scalar(self, column: ByRow, hint: str) -> Solution:
        around = self.around(column)
        return self.varying(column, hint) if around is None else self.parent.scalar(around, hint)

    def string(self, column: ByRow) -> Solution:
        around = self.around(column)
        return self.counting(column) if around is None else self.parent.string(around)

    def varying(self, column: ByRow, hint: str) -> Solution:
        values = list(column.values())
        first = values[0]
        if isinstance(first, Share) and all(isinstance(each, Share) for each in values):
            turn = self.varying({row: each.number for row, each in column.items()}, NUMBER)
            return first.says(turn if isinstance(turn, Variable) else Phrase(("(", turn, ")")))
        return self.straight(column, hint)

    def straight(self, column: ByRow, hint: str) -> Solution:
        """`start + step * i`: what grows by one step from turn to turn, in each row of the frame around."""
        by_parent: dict[int, list[Any]] = {}
        for turn, value in column.items():
            by_parent.setdefault(self.parents[turn], []).append(value)
        if not all(map(is_integer, column.values())) or len(column) != len(self.parents):
            raise Unaligned
        steps = {row: [b - a for a, b in pairwise(values)] for row, values in by_parent.items()}
        if any(not same_origin(step, found[0]) for found in steps.values() for step in found):
            raise Unaligned
        if self.is_lone and len(column) == 2:
            raise Unaligned
        start = self.parent.scalar({row: values[0] for row, values in by_parent.items()}, hint)
        step = self.parent.scalar({row: found[0] for row, found in steps.items() if found}, hint)
        if isinstance(step, Formula) and len(step.terms) > 1 and step.terms not in self.constants:
            step = Phrase(("(", step, ")"))  # a sum is no factor
        slope = self.index if step == "1" else Phrase((step, " * ", self.index))
        return slope if start == "0" else Phrase((start, " + ", slope))

    def counting(self, column: ByRow) -> Solution:
        """A name that counts along: `f"denselayer{j + 1}"`."""
        parts = [re.split("([0-9]+)", name) for name in column.values()]
        varied = [n for n, part in enumerate(zip(*parts, strict=False)) if len(set(part)) > 1]
        if not self.is_lone or len(varied) != 1 or len(set(map(len, parts))) > 1:
            raise Unaligned
        (place,) = varied
        words = [part[place] for part in parts]
        prefix, suffix = "".join(parts[0][:place]), "".join(parts[0][place + 1 :])
        if not all(map(is_plain_number, words)) or "{" in prefix + suffix or "}" in prefix + suffix:
            raise Unaligned
        numbers, turns = [int(word) for word in words], list(column)
        step = (numbers[-1] - numbers[0]) // (turns[-1] - turns[0])
        start = numbers[0] - step * turns[0]
        if step < 1 or start < 0 or numbers != [start + step * turn for turn in turns]:
            raise Unaligned
        slope = f"{step} * " if step != 1 else ""
        before, after = literal(f"{prefix}{{{slope}")[:-1], literal(f"}}{suffix}")[1:]
        return Phrase((f"f{before}", self.index, f" + {start}{after}" if start else after))


class Table(Loop):
    """The turns of a loop over the rows of a table: each column that differs is a variable of the loop."""

    def __init__(self, parent: Frame, parents: list[int]) -> None:
        super().__init__(parent, parents)
        self.columns: list[tuple[dict[int, Any], Variable]] = []

    def straight(self, column: ByRow, hint: str) -> Solution:
        for known, variable in self.columns:
            if alike_columns(known, column):
                known.update(column)
                return variable
            if hint == NUMBER == variable.wish:
                ahead = {value - known[row] for row, value in column.items()}
                if len(ahead) == 1:
                    return Phrase((variable, f" + {ahead.pop()}"))
        variable = Variable(hint)
        self.columns.append((dict(column), variable))
        return variable

    def counting(self, column: ByRow) -> Solution:
        raise Unaligned

    def cells(self) -> list[tuple[Variable, list[Solution]]]:
        """The columns; a row in which a variable is not read has any value there."""
        (row,) = set(self.parents)
        found = []
        for column, variable in self.columns:
            other, *_ = column.values()
            values = [column.get(turn, other) for turn in range(len(self.parents))]
            found.append((variable, [self.parent.scalar({row: value}, variable.wish) for value in values]))
        return found


def is_plain_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 9 and str(int(text)) == text


def same_origin(left: Any, right: Any) -> bool:
    """The same, and numbers come from the same names."""
    return same(left, right) and (not is_integer(left) or polynomial(left) == polynomial(right))


# Conditions


def holds(test: Test, scope: Mapping[str, int]) -> bool:
    """Whether a condition holds where its names have these values. Raises KeyError, ZeroDivisionError."""
    sides = (
        holds(side, scope) if isinstance(side, Test) else evaluate(polynomial(side), scope)
        for side in test.operands
    )
    return bool(MEANING[test.operator](*sides))


def test_phrase(test: Test, settled: Mapping[str, Polynomial], inner: bool = False) -> Phrase:
    """A condition in the author's own words: `stride != 1 and …`."""
    first, *others = [
        test_phrase(side, settled, inner=True)
        if isinstance(side, Test)
        else Formula(substitute(polynomial(side), settled))
        for side in test.operands
    ]
    if test.operator == "not":
        return Phrase(("not ", first))
    if test.operator == "value":
        return Phrase(("bool(", first, ")"))
    parts = (first, *(part for side in others for part in (f" {test.operator} ", side)))
    return Phrase(("(", *parts, ")") if inner and test.operator in ("and", "or") else parts)
