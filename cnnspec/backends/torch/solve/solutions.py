"""What columns are solved to, as data: no name is given and no text is made before all is decided.

A str is Python text as it stands: a literal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnspec.backends.torch.solve.values import alike_columns, same, same_origin
from cnnspec.graph.tree import Test
from cnnspec.values.symbols import Polynomial


class Index:
    """The turns of a loop, known by identity: their number is named when it is printed."""


class Formula(NamedTuple):
    """A polynomial over the names that the class knows."""

    terms: Polynomial


class Given(NamedTuple):
    """A parameter of the block, taken as it is given."""

    name: str


class Added(NamedTuple):
    """A parameter that the class takes beside those of its block: its value for each row."""

    column: tuple[Any, ...]
    hint: str


class Present(NamedTuple):
    """`act is not None`: whether a layer is given."""

    name: str


class Check(NamedTuple):
    """A condition in the author's own words."""

    test: Test


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


class Cell(NamedTuple):
    """A variable of a loop that runs over a table: its value in each turn."""

    turn: Index
    column: tuple[Any, ...]
    hint: str


class Numbered(NamedTuple):
    """A name that counts along with a loop: `f"layer{step * i + start}"`."""

    turn: Index
    prefix: str
    step: int
    start: int
    suffix: str


class Variable:
    """A local name, whose spelling is found when it is printed."""

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
    str
    | Formula
    | Given
    | Added
    | Present
    | Check
    | Attribute
    | Half
    | Straight
    | Cell
    | Numbered
    | Variable
    | Make
    | Remark
    | Every
)
Items = list[tuple[str, Solution]]


class Do(NamedTuple):
    """`target = made`, or a call for its effect."""

    made: Solution
    target: Variable | Attribute | None = None
    comment: str = ""


class Define(NamedTuple):
    """`self.flag = condition`; a `shared` one is known in all of the constructor from there on."""

    flag: Attribute
    condition: Solution
    shared: bool


class Choose(NamedTuple):
    """`if condition:` with its `else:`."""

    condition: Solution
    then: Solved
    otherwise: Solved


class Loops(NamedTuple):
    """`for …:` so many times, or over the rows of a table, whose columns are the cells of `heads`."""

    turn: Index
    times: Solution
    heads: list[Cell]
    rows: list[list[Solution]]
    body: Solved


Statement = Do | Define | Choose | Loops
Solved = list[Statement]


def alike(left: Solution, right: Solution) -> bool:
    """Whether two solutions are written alike."""
    if isinstance(left, Added) and isinstance(right, Added):
        return alike_columns(left.column, right.column, same)
    if isinstance(left, Cell) and isinstance(right, Cell):
        return left.turn is right.turn and alike_columns(left.column, right.column, same_origin)
    if isinstance(left, Make) and isinstance(right, Make):
        return (
            left.brackets == right.brackets
            and len(left.items) == len(right.items)
            and alike(left.head, right.head)
            and all(a[0] == b[0] and alike(a[1], b[1]) for a, b in zip(left.items, right.items, strict=True))
        )
    return type(left) is type(right) and left == right


def leaves(solved: Any) -> Iterator[Any]:
    """The solutions of columns in statements and expressions, in order."""
    if isinstance(solved, Straight):
        yield from leaves(solved.start)
        yield from leaves(solved.step)
        yield solved
    elif isinstance(solved, Cell | Numbered | Added):
        yield solved
    elif isinstance(solved, tuple | list):
        for each in solved:
            yield from leaves(each)


def counts_along(solved: Any, index: Index) -> bool:
    """Whether something in the loop reads its index."""
    return any(isinstance(each, Straight | Numbered) and each.turn is index for each in leaves(solved))
