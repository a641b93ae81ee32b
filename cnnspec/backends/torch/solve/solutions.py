"""What columns are solved to, as data: names are given when all is decided.

A str is Python text as it stands, such as a literal; a forward's calls are laid out as they stand, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnspec.backends.torch.unify.columns import ByRow, alike_columns
from cnnspec.backends.writer import Text
from cnnspec.values.symbols import Polynomial

IS_GIVEN = " is not None"


class Formula(NamedTuple):
    """A polynomial over the names that the class knows."""

    # 2 * g is ((("g",), 2),)
    terms: Polynomial


class Given(NamedTuple):
    """A parameter of the block; `otherwise`: what stands there if the class does not take it anyhow."""

    name: str
    otherwise: str = ""


class Added(NamedTuple):
    """A parameter that the class takes beside those of its block: its value for each row."""

    # {0: 3, 1: 1}, "kernel_size": ConvNorm(in_channels, out_channels, kernel_size)
    column: ByRow
    hint: str


class Phrase(NamedTuple):
    """Parts of Python text one behind the other, such as `act is not None`, `block.append`, `f"layer{i}"`."""

    parts: tuple[Solution, ...]


class Variable:
    """A local variable or the index of a loop, known by identity; it is named when it is printed first."""

    def __init__(self, wish: str = "") -> None:
        self.wish, self.name, self.is_read = wish, "", False


class Make(NamedTuple):
    """A call; a list or a tuple where there is no head. A statement among its items puts a module there."""

    head: Solution
    items: Items
    brackets: str = "()"


Solution = Formula | Given | Added | Phrase | Variable | Make | Text


class Assign(NamedTuple):
    """`target = made  # comment`, or a call for its effect; as an argument, a module and its comment."""

    made: Solution
    target: Solution = ""
    comment: str = ""


class Branch(NamedTuple):
    """`if condition:` with its `else:`; one of both may be empty."""

    condition: Solution
    then: Solved
    otherwise: Solved


class For(NamedTuple):
    """`for …:` so many times, or over the rows of a table; as an argument, `*(… for …)` of its only line."""

    variable: Variable
    body: Solved
    times: Solution
    table: list[tuple[Variable, list[Solution]]] = []


Statement = Assign | Branch | For
Solved = list[Statement]
Item = tuple[str, Solution | Statement]
Items = tuple[Item, ...]


def leaves(solved: Any) -> Iterator[Formula | Given | Added]:
    """What statements or expressions read of the class, from first to last."""
    if isinstance(solved, Formula | Given | Added):
        yield solved
    elif isinstance(solved, tuple | list):
        for part in solved:
            yield from leaves(part)


def replace(solved: Any, old: Added, new: Added) -> Any:
    """Statements or expressions with another parameter in place of one."""
    if isinstance(solved, Added):
        return new if alike(solved, old) else solved
    if not isinstance(solved, tuple | list):
        return solved
    parts = [replace(part, old, new) for part in solved]
    # a named tuple takes its fields one by one, a list or tuple takes them as one
    return type(solved)(*parts) if hasattr(solved, "_fields") else type(solved)(parts)


def append(solved: Solved, statement: Statement) -> None:
    """Append a statement: a branch not at all if it is empty, and into one right before of its condition.

    Where both sides of a branch do the same, they need no condition.
    """
    if not isinstance(statement, Branch):
        solved.append(statement)
        return
    last = solved[-1] if solved else None
    if statement.then == statement.otherwise:
        solved += statement.then
    elif isinstance(last, Branch) and last.condition == statement.condition:
        # one branch for both: what a condition reads does not change between them
        last.then.extend(statement.then)
        last.otherwise.extend(statement.otherwise)
    else:
        solved.append(statement)


def alike(left: Solution, right: Solution) -> bool:
    """Whether two solutions are written alike."""
    if isinstance(left, Added) and isinstance(right, Added):
        return alike_columns(left.column, right.column)
    return type(left) is type(right) and left == right


def append_to(owner: Solution, module: Solution | Statement) -> Statement:
    """`block.append(…)` for an argument of nn.Sequential: a module, or a loop of them."""
    if isinstance(module, For):
        return module._replace(body=[append_to(owner, each) for each in module.body])
    made = module.made if isinstance(module, Assign) else module
    return Assign(Make(Phrase((owner, ".append")), (("", made),)))
