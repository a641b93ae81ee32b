"""The outermost frame: a block's instances, or a net alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from cnnspec.backends.torch.signatures import Signature
from cnnspec.backends.torch.solve.columns import Frame
from cnnspec.backends.torch.solve.solutions import (
    MISSING,
    Added,
    Check,
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
        self.size, self.free, self.signatures = len(rows), free, signatures
        self.numbers = list(range(self.size))
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

    def scalar(self, column: list[Any], hint: str) -> Solution:
        rows = [i for i, value in enumerate(column) if value is not MISSING]
        open_ = any(isinstance(column[i], Symbol) and column[i].names & self.free for i in rows)
        found = self.symbolic(column, rows, open_)
        if found is not None:
            return Formula(found) if names(found) else literal(evaluate(found, {}))
        if open_:
            raise Unaligned
        if agree([column[i] for i in rows]):
            return literal(column[rows[0]])
        return self.named(column, rows, hint)

    def symbolic(self, column: list[Any], rows: list[int], open_: bool) -> Polynomial | None:
        """A polynomial, by which some row was computed, that is right in every row."""
        if not all(is_integer(column[i]) for i in rows):
            return None
        candidates = list(dict.fromkeys(substitute(polynomial(column[i]), self.settled) for i in rows))
        candidates.sort(key=lambda terms: not names(terms))
        if open_ and len(candidates) > 1:
            return None
        for terms in candidates:
            try:
                if all(evaluate(terms, self.scopes[i]) == int(column[i]) for i in rows):
                    return terms
            except (KeyError, ZeroDivisionError):
                continue
        return None

    def named(self, column: list[Any], rows: list[int], hint: str) -> Solution:
        """A parameter of the block whose values these are, else one more parameter of the class."""
        for name in self.arguments[0]:
            given = [self.arguments[i].get(name, MISSING) for i in rows]
            equal = all(same(as_class(value), column[i]) for value, i in zip(given, rows, strict=True))
            if equal and not isinstance(given[0], Filter) and self.is_writable(name):
                return Given(name)
        return Added(tuple(column), hint)

    def is_writable(self, name: str) -> bool:
        """Whether all arguments for a parameter can be written: every layer is a class."""
        return not any(isinstance(as_class(each.get(name)), LayerName) for each in self.arguments)

    def condition(self, tests: list[Test | None], column: list[bool], hint: str) -> Solution:
        rows = [i for i, value in enumerate(column) if value is not MISSING]
        for test in dict.fromkeys(tests[i] for i in rows):
            if test is None:
                continue
            try:
                if all(self.holds(test, i) == column[i] for i in rows):
                    return self.check(test)
            except (KeyError, ZeroDivisionError):
                continue
        for name, value in self.arguments[0].items():
            given = [self.arguments[i].get(name) for i in rows]
            layers = isinstance(value, LayerName) and all(isinstance(each, LayerName) for each in given)
            if (
                layers
                and self.is_writable(name)
                and [as_class(each) is not None for each in given] == [column[i] for i in rows]
            ):
                return Phrase((Given(name), " is not None"))
        return self.named(column, rows, hint)

    def check(self, test: Test) -> Check:
        sides = [
            self.check(side)
            if isinstance(side, Test)
            else Formula(substitute(polynomial(side), self.settled))
            for side in test.operands
        ]
        return Check(test.operator, tuple(sides))

    def holds(self, test: Test, row: int) -> bool:
        values = [
            self.holds(side, row) if isinstance(side, Test) else evaluate(polynomial(side), self.scopes[row])
            for side in test.operands
        ]
        return bool(_MEANING[test.operator](*values))


def as_class(value: Any) -> Any:
    """A layer by name as its class in PyTorch, None where it does nothing; other values as they are."""
    if not isinstance(value, LayerName):
        return value
    layer = find(value.name)
    if layer is None or value.name == "identity":
        return None
    return ClassName(layer.torch_class) if layer.torch_class else value


_MEANING: dict[str, Callable[..., Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    "value": lambda a: a,
}
