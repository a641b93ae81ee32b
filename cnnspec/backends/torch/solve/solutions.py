"""What columns are solved to, as data: no name is given and no text is made before all is decided.

A str is Python text as it stands, such as a literal; a forward's calls are laid out as they stand, too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnspec.backends.torch.solve.values import alike_columns, same
from cnnspec.backends.writer import Text
from cnnspec.values.symbols import Polynomial


class Index:
    """The number of a loop's turn, known by identity; its name is found when it is printed first."""

    def __init__(self) -> None:
        self.name = ""
        self.is_read = False


class Formula(NamedTuple):
    """A polynomial over the names that the class knows."""

    terms: Polynomial


class Given(NamedTuple):
    """A parameter of the block, taken as it is given."""

    name: str


class Either(NamedTuple):
    """A parameter of the block where the class takes it anyhow, else what it is in all rows."""

    name: str
    otherwise: str


class Added(NamedTuple):
    """A parameter that the class takes beside those of its block: its value for each row."""

    column: tuple[Any, ...]
    hint: str


class Present(NamedTuple):
    """`act is not None`: whether a layer is given."""

    name: str


class Check(NamedTuple):
    """A condition in the author's own words: `stride != 1 and …`, its operator as a Test has it."""

    operator: str
    operands: tuple[Check | Formula, ...]


class Attribute(NamedTuple):
    """`self.has_bias`, `block.append`."""

    owner: str | Variable
    name: str


class Half(NamedTuple):
    """`kernel_size // 2`."""

    whole: Solution


class Straight(NamedTuple):
    """`start + step * i`: what changes by the same step from turn to turn of a loop."""

    turn: Index
    start: Solution
    step: Solution


class Numbered(NamedTuple):
    """A name that counts along with a loop: `f"layer{step * i + start}"`."""

    turn: Index
    prefix: str
    step: int
    start: int
    suffix: str


class Variable:
    """A local name like the wish, whose spelling is found when it is printed."""

    def __init__(self, wish: str) -> None:
        self.wish = wish


class Make(NamedTuple):
    """A call; a list or a tuple where there is no head."""

    head: Solution
    items: tuple[tuple[str, Solution], ...]
    brackets: str = "()"


class Remark(NamedTuple):
    """An argument with a comment behind it."""

    made: Solution
    comment: str


class Every(NamedTuple):
    """`*(made for i in range(times))`."""

    turn: Index
    made: Solution
    times: Solution


Solution = (
    Formula
    | Given
    | Either
    | Added
    | Present
    | Check
    | Attribute
    | Half
    | Straight
    | Numbered
    | Variable
    | Make
    | Remark
    | Every
    | Text
)
Items = list[tuple[str, Solution]]


class Line(NamedTuple):
    """`target = made  # comment`, or a call for its effect."""

    made: Solution
    target: Solution = ""
    comment: str = ""


class Return(NamedTuple):
    """`return made`."""

    made: Solution


class Define(NamedTuple):
    """`flag = condition`; a `shared` one is known in all of the constructor from there on."""

    flag: str
    condition: Solution
    shared: bool


class Branch(NamedTuple):
    """`if condition:` with its `else:`; one of both may be empty."""

    condition: Solution
    then: Solved
    otherwise: Solved


class Turns(NamedTuple):
    """`for …:` so many times, or over the rows of a table."""

    turn: Index
    body: Solved
    times: Solution
    table: list[tuple[Variable, list[Solution]]]  # a variable of the loop, and its value in each turn


Statement = Line | Return | Define | Branch | Turns
Solved = list[Statement]


def branch(condition: Solution, then: Solved, otherwise: Solved) -> Solved:
    """The branch, unless there is nothing to do either way."""
    return [Branch(condition, then, otherwise)] if then or otherwise else []


def alike(left: Solution, right: Solution) -> bool:
    """Whether two solutions are written alike."""
    if isinstance(left, Added) and isinstance(right, Added):
        return alike_columns(left.column, right.column, same)
    if isinstance(left, Make) and isinstance(right, Make):
        return (
            left.brackets == right.brackets
            and len(left.items) == len(right.items)
            and alike(left.head, right.head)
            and all(a[0] == b[0] and alike(a[1], b[1]) for a, b in zip(left.items, right.items, strict=True))
        )
    return type(left) is type(right) and left == right
