"""The outermost frame: a block's instances, or a net alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from operator import and_, eq, ge, gt, le, lt, ne, not_, or_
from typing import Any, NamedTuple

from cnnspec.backends.torch.signatures import Signature
from cnnspec.backends.torch.solve.frames import Frame
from cnnspec.backends.torch.solve.solutions import (
    Added,
    ByRow,
    ClassName,
    Formula,
    Given,
    Phrase,
    Solution,
    agree,
    literal,
    same,
)
from cnnspec.backends.torch.unify import Unaligned
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import Test, Value
from cnnspec.graph.walk import Steps
from cnnspec.layers import find
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.symbols import (
    Polynomial,
    Symbol,
    constant,
    evaluate,
    names,
    polynomial,
    substitute,
)

MEANING: dict[str, Callable[..., Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
MEANING |= {"and": and_, "or": or_, "not": not_, "value": bool}
"""Of the operators of a Test."""


class Row(NamedTuple):
    """What a class stands for: an instance of a block, or the net. `scope`: what the integers' names mean."""

    steps: Steps
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    scope: Mapping[str, int]
    arguments: Mapping[str, Any]
    constants: Mapping[str, int]


class Root(Frame):
    """The instances of a block, or a net alone.

    `free` are the names that stay open whatever their value here. `settled` are the names that the class
    does not take, since they are worth the same in all rows; `taken` those that it takes even so: what every
    use must say, and reaches nothing but widths.
    """

    def __init__(
        self, rows: list[Row], free: frozenset[str], taken: Set[str], signatures: Mapping[str, Signature]
    ) -> None:
        self.free, self.signatures = free, signatures
        self.scopes = [row.scope for row in rows]
        self.arguments = [row.arguments for row in rows]
        self.settled = {
            name: constant(value)
            for name, value in self.scopes[0].items()
            if name not in free
            and name not in taken
            and all(name in scope and int(scope[name]) == int(value) for scope in self.scopes)
        }
        self.constants = self.common([row.constants for row in rows])

    def common(self, constants: Sequence[Mapping[str, int]]) -> dict[Polynomial, str]:
        """The block's own names for what takes more than a name to write, where all rows mean the same."""
        found: dict[Polynomial, str] = {}
        for name, value in constants[0].items():
            terms = substitute(polynomial(value), self.settled)
            everywhere = all(
                name in other and substitute(polynomial(other[name]), self.settled) == terms
                for other in constants
            )
            if (
                everywhere
                and names(terms)
                and not (len(terms) == 1 and len(terms[0][0]) == 1 and terms[0][1] == 1)
            ):
                found.setdefault(terms, name)
        return found

    def is_given(self, name: str, column: ByRow) -> bool:
        return all(same(as_class(self.arguments[row].get(name)), each) for row, each in column.items())

    def scalar(self, column: ByRow, hint: str) -> Solution:
        values = list(column.values())
        is_open = any(isinstance(value, Symbol) and value.names & self.free for value in values)
        found = self.symbolic(column, is_open) if all(map(is_integer, values)) else None
        if found is not None:
            return Formula(found) if names(found) else literal(evaluate(found, {}))
        if is_open:
            raise Unaligned
        return literal(values[0]) if agree(values) else self.named(column, hint)

    def symbolic(self, column: ByRow, is_open: bool) -> Polynomial | None:
        """A polynomial, by which some row was computed, that is right in every row."""
        computed = dict.fromkeys(substitute(polynomial(value), self.settled) for value in column.values())
        candidates = sorted(computed, key=lambda terms: not names(terms))
        if is_open and len(candidates) > 1:
            return None
        return next((each for each in candidates if self.is_right(each, column, self.evaluate)), None)

    def is_right(self, candidate: Any, column: ByRow, meaning: Callable[[Any, int], Any]) -> bool:
        """Whether a polynomial or a condition means the column's value in every row."""
        try:
            return all(meaning(candidate, row) == int(value) for row, value in column.items())
        except (KeyError, ZeroDivisionError):
            return False

    def evaluate(self, terms: Polynomial, row: int) -> int:
        return evaluate(terms, self.scopes[row])

    def named(self, column: ByRow, hint: str) -> Solution:
        """A parameter of the block whose values these are, else one more parameter of the class."""
        for name, value in self.arguments[0].items():
            if self.is_given(name, column) and not isinstance(value, Filter) and self.is_writable(name):
                return Given(name)
        return Added(column, hint)

    def is_writable(self, name: str) -> bool:
        """Whether all arguments for a parameter can be written: every layer is a class."""
        return not any(isinstance(as_class(each.get(name)), LayerName) for each in self.arguments)

    def condition(self, tests: ByRow, column: ByRow, hint: str) -> Solution:
        for test in dict.fromkeys(tests.values()):
            if test is not None and self.is_right(test, column, self.holds):
                return self.written(test)
        for name in self.arguments[0]:
            given = {row: self.arguments[row].get(name) for row in column}
            if (
                all(isinstance(each, LayerName) for each in given.values())
                and self.is_writable(name)
                and all((as_class(each) is not None) is column[row] for row, each in given.items())
            ):
                return Phrase((Given(name), " is not None"))
        return self.named(column, hint)

    def written(self, test: Test, inner: bool = False) -> Phrase:
        """A condition in the author's own words: `stride != 1 and …`."""
        first, *others = [
            self.written(side, inner=True)
            if isinstance(side, Test)
            else Formula(substitute(polynomial(side), self.settled))
            for side in test.operands
        ]
        if test.operator == "not":
            return Phrase(("not ", first))
        if test.operator == "value":
            return Phrase(("bool(", first, ")"))
        parts = (first, *(part for side in others for part in (f" {test.operator} ", side)))
        return Phrase(("(", *parts, ")") if inner and test.operator in ("and", "or") else parts)

    def holds(self, test: Test, row: int) -> bool:
        values = [
            self.holds(side, row) if isinstance(side, Test) else self.evaluate(polynomial(side), row)
            for side in test.operands
        ]
        return bool(MEANING[test.operator](*values))


def as_class(value: Any) -> Any:
    """A layer by name as its class in PyTorch, None where it does nothing; other values as they are."""
    if not isinstance(value, LayerName):
        return value
    layer = find(value.name)
    if layer is None or value.name == "identity":
        return None
    return ClassName(layer.torch_class) if layer.torch_class else value
