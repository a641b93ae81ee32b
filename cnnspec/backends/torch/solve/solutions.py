"""What columns hold, and what they are solved to, as data: names are given when all is decided.

A str is Python text as it stands, such as a literal; a forward's calls are laid out as they stand, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from cnnspec.backends.torch.unify.columns import ByRow, alike_columns, same
from cnnspec.backends.writer import Text
from cnnspec.elaborate.special_values import LayerName
from cnnspec.layers import find
from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import Polynomial, polynomial

LONGEST_DECIMAL = 10  # characters of a number that nobody asks where it comes from
LARGEST_WHOLE = 1000
LEAST_SUMMARISED = 12  # numbers of a list that a rule says sooner than they

IS_GIVEN = " is not None"


class ClassName(str):
    """A class of the emitted program as a value: a layer that is an argument of a block."""


class Share(float):
    """`unit * number / whole`: a number of which its column shows how it was computed."""

    unit: float
    number: int
    whole: int

    def __new__(cls, unit: float, number: int, whole: int) -> Share:
        made = super().__new__(cls, unit * number / whole)
        made.unit, made.number, made.whole = unit, number, whole
        return made

    def says(self, number: Solution) -> Phrase:
        """The same share of another number."""
        return Phrase((f"{self.unit!r} * ", number, f" / {self.whole}" if self.whole > 1 else ""))


class Formula(NamedTuple):
    """A polynomial over the names that the class knows."""

    terms: Polynomial


class Given(NamedTuple):
    """A parameter of the block; `otherwise`: what stands there if the class does not take it anyhow."""

    name: str
    otherwise: str = ""


class Added(NamedTuple):
    """A parameter that the class takes beside those of its block: its value for each row."""

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
    items: tuple[Item, ...]
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


class Turns(NamedTuple):
    """`for …:` so many times, or over the rows of a table; as an argument, `*(… for …)` of its only line."""

    turn: Variable
    body: Solved
    times: Solution
    table: list[tuple[Variable, list[Solution]]] = []


Statement = Assign | Branch | Turns
Solved = list[Statement]
Item = tuple[str, Solution | Statement]
Items = list[Item]


def leaves(solved: Any) -> Iterator[Formula | Given | Added]:
    """What statements or expressions read of the class, from first to last."""
    if isinstance(solved, Formula | Given | Added):
        yield solved
    elif isinstance(solved, tuple | list):
        for part in solved:
            yield from leaves(part)


def replaced(solved: Any, old: Added, new: Added) -> Any:
    """Statements or expressions with another parameter in place of one."""
    if isinstance(solved, Added):
        return new if alike(solved, old) else solved
    if not isinstance(solved, tuple | list):
        return solved
    parts = [replaced(part, old, new) for part in solved]
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
        last.then.extend(statement.then)
        last.otherwise.extend(statement.otherwise)
    else:
        solved.append(statement)


def alike(left: Solution, right: Solution) -> bool:
    """Whether two solutions are written alike."""
    if isinstance(left, Added) and isinstance(right, Added):
        return alike_columns(left.column, right.column)
    return type(left) is type(right) and left == right


def literal(value: Any) -> str:
    """A checked value as Python text: nothing else of a specification ever becomes code."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, Share):
        return "".join(map(str, value.says(str(value.number)).parts)) if value else "0.0"
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, ClassName):
        return str(value)
    if isinstance(value, str):
        return '"' + value.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    raise TypeError(type(value))


def decimal(value: float) -> str:
    """The shortest of `0.1`, `1 / 17` and `1 - 0.9997` that is exactly this number."""
    if value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    ratio, rest = Fraction(value).limit_denominator(1000), 1 - value
    forms = {repr(value): value, f"{ratio.numerator} / {ratio.denominator}": float(ratio)}
    if 0 < value < 1:
        forms[f"1 - {rest!r}"] = 1 - rest
    exact = [text for text, number in forms.items() if number == value]
    return exact[0] if len(exact[0]) <= LONGEST_DECIMAL else min(exact, key=len)


def shares(column: ByRow) -> ByRow:
    """The column as multiples of one share, such as `0.2 * 3 / 23`, if no shorter numbers say it."""
    values = [*column.values()]
    if {*map(type, values)} != {float} or max(len(repr(value)) for value in values) <= LONGEST_DECIMAL:
        return column
    step = min(b - a for a, b in pairwise(sorted({0.0, *values})))
    if not max(map(abs, values)) / step < LARGEST_WHOLE:
        return column
    for whole in range(1, LARGEST_WHOLE):
        unit = float(f"{step * whole:.3g}")
        found = {row: Share(unit, round(value / step), whole) for row, value in column.items()}
        if found == column:
            return found
    return column


def summary(values: Any) -> str:
    """`[0] * 64` and `list(range(0, 64, 2))` for a list too long to be read number by number; else ""."""
    if not isinstance(values, list) or len(values) < LEAST_SUMMARISED or {*map(type, values)} != {int}:
        return ""
    step, (start, *_) = values[1] - values[0], values
    if any(b - a != step for a, b in pairwise(values)):
        return ""
    if step == 0:
        return f"[{start}] * {len(values)}"
    steps = f", {step}" if step != 1 else ""
    return f"list(range({start}, {start + step * len(values)}{steps}))"


def same_origin(left: Any, right: Any) -> bool:
    """The same, and numbers come from the same names."""
    return same(left, right) and (not is_integer(left) or polynomial(left) == polynomial(right))


def as_class(value: Any) -> Any:
    """A layer by name as its class in PyTorch, None where it does nothing; other values as they are."""
    if not isinstance(value, LayerName):
        return value
    layer = find(value.name)
    if layer is None or value.name == "identity":
        return None
    return ClassName(layer.torch_class) if layer.torch_class else value
