"""The iterations of a repeat as rows: what changes from one to the next is a straight line, or a table.

A LoopFrame is asked what a frame is; what does not change it asks the frame around. It knows no names, and a
TableFrame keeps the columns that it has to run over.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from cnnspec.backends.torch.solve.frames import Frame
from cnnspec.backends.torch.solve.literals import Share, literal
from cnnspec.backends.torch.solve.solutions import Formula, Phrase, Solution, Variable
from cnnspec.backends.torch.unify.columns import ByRow, Unaligned, alike_columns, same
from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import polynomial

NUMBER = "number"
"""What a variable of a table is called whose multiples of a share are meant."""


class LoopFrame(Frame):
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
        # {0: [64, 96], 1: [64, 96, 128]}: use 0 of the block runs the loop twice, use 1 three times
        by_parent: dict[int, list[Any]] = {}
        for turn, value in column.items():
            by_parent.setdefault(self.parents[turn], []).append(value)
        # a step that some turns skip has no value there for the line to go through
        if not all(map(is_integer, column.values())) or len(column) != len(self.parents):
            raise Unaligned
        # {0: [32], 1: [32, 32]}: 64 + 32 * i in both
        steps = {row: [b - a for a, b in pairwise(values)] for row, values in by_parent.items()}
        if any(not same_origin(step, found[0]) for found in steps.values() for step in found):
            raise Unaligned
        # through two points there is always a line: 3 + 61 * i says no more than 3 and 64
        if self.is_lone and len(column) == 2:
            raise Unaligned
        start = self.parent.scalar({row: values[0] for row, values in by_parent.items()}, hint)
        step = self.parent.scalar({row: found[0] for row, found in steps.items() if found}, hint)
        if isinstance(step, Formula) and len(step.terms) > 1 and step.terms not in self.constants:
            step = Phrase(("(", step, ")"))  # a sum is no factor
        # 3 + 1 * i is 3 + i, and 0 + 2 * i is 2 * i
        slope = self.index if step == "1" else Phrase((step, " * ", self.index))
        return slope if start == "0" else Phrase((start, " + ", slope))

    def counting(self, column: ByRow) -> Solution:
        """A name that counts along: `f"denselayer{j + 1}"`."""
        turns, names = [*column], [*column.values()]
        first, last = names[0], names[-1]
        # denselayer1, denselayer2, …; of conv1_1, conv1_2 the first number stays and the second one counts
        for found in re.finditer("[0-9]{1,8}", first) if self.is_lone else ():
            prefix, suffix = first[: found.start()], first[found.end() :]
            other = re.match("[0-9]{1,8}", last[found.start() :])
            # layer2, layer4, layer6 in the turns 0, 1, 2: (6 - 2) // (2 - 0) = 2
            step = (int(other[0]) - int(found[0])) // (turns[-1] - turns[0]) if other else 0
            start = int(found[0]) - step * turns[0]
            # layer8, layer9, layer10 count along; layer08, layer09 do not: no number is written so
            counted = [f"{prefix}{start + step * turn}{suffix}" for turn in turns]
            if step > 0 and start >= 0 and names == counted and not {*"{}"} & {*prefix, *suffix}:
                slope = f"{step} * " if step != 1 else ""
                before, after = literal(f"{prefix}{{{slope}")[:-1], literal(f"}}{suffix}")[1:]
                return Phrase((f"f{before}", self.index, f" + {start}{after}" if start else after))
        raise Unaligned


class TableFrame(LoopFrame):
    """The turns of a loop over the rows of a table: each column that differs is a variable of the loop."""

    def __init__(self, parent: Frame, parents: list[int]) -> None:
        super().__init__(parent, parents)
        self.columns: list[tuple[dict[int, Any], Variable]] = []

    def straight(self, column: ByRow, hint: str) -> Solution:
        # two places with the same numbers in every turn are one variable
        for known, variable in self.columns:
            if alike_columns(known, column):
                known.update(column)
                return variable
            # of 0.2 * number / 23 and 0.2 * (number + 1) / 23 one column is enough: the other is ahead by 1
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
            found.append((variable, [self.parent.solve({row: value}, variable.wish) for value in values]))
        return found


def same_origin(left: Any, right: Any) -> bool:
    """The same, and numbers come from the same names."""
    return same(left, right) and (not is_integer(left) or polynomial(left) == polynomial(right))
