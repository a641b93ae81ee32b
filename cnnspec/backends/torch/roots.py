"""The outermost frame: a block's instances, or a net alone; it knows the names of expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.columns import MISSING, ClassName, Frame, Unaligned, agree, literal, same
from cnnspec.backends.torch.signatures import Signature
from cnnspec.backends.writer import Text
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import Test
from cnnspec.layers import find
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.symbols import (
    Polynomial,
    Quotient,
    Symbol,
    constant,
    evaluate,
    names,
    polynomial,
    substitute,
    write,
)


class Root(Frame):
    """The instances of a block, or a net alone.

    `scopes` hold what each row's names stand for; `arguments` the values of its parameters; `free` are
    the names that stay open whatever their value here. `parameters` collects, in order of use, what
    the constructor has to be told: a name of the block (None) or a column of values of its own.
    `settled` are the names that the class does not take, since they are worth the same in all rows;
    `taken` those that it takes even so: what every use must say, and reaches nothing but widths.
    """

    def __init__(
        self,
        scopes: Sequence[Mapping[str, int]],
        arguments: Sequence[Mapping[str, Any]],
        free: frozenset[str],
        names_: Names,
        constants: Sequence[Mapping[str, int]],
        taken: Set[str],
        signatures: Mapping[str, Signature],
    ) -> None:
        self.size, self.scopes, self.arguments, self.free, self.names = (
            len(scopes),
            scopes,
            arguments,
            free,
            names_,
        )
        self.numbers = list(range(self.size))
        self.signatures = signatures
        self.parameters: dict[str, list[Any] | None] = {}
        self.settled = {
            name: constant(value)
            for name, value in (scopes[0].items() if scopes else ())
            if name not in free
            and name not in taken
            and all(name in scope and int(scope[name]) == int(value) for scope in scopes)
        }
        self.constants = self.common(constants)
        self.used_constants: dict[str, Polynomial] = {}

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

    def scalar(self, column: list[Any], hint: str) -> str:
        rows = [i for i, value in enumerate(column) if value is not MISSING]
        open_ = any(isinstance(column[i], Symbol) and column[i].names & self.free for i in rows)
        found = self.symbolic(column, rows, open_)
        if found is not None:
            return self.spell(found)
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

    def spell(self, terms: Polynomial) -> str:
        for name in sorted(names(terms)):
            self.parameters.setdefault(name, None)
        constant_ = self.constants.get(terms)
        if constant_ is not None:
            self.used_constants[constant_] = terms
            return self.names.parameter(f"={constant_}")
        return write(self.hoisted(terms), self.names.parameter)

    def hoisted(self, terms: Polynomial) -> Polynomial:
        """The polynomial with names for the quotients of sums in it: they are computed once, before."""
        made: dict[Any, Any] = {}
        for atoms, _ in terms:
            for atom in atoms:
                if isinstance(atom, Quotient) and len(atom.left) > 1:
                    inner = Quotient(atom.operator, self.hoisted(atom.left), atom.right)
                    made[atom] = self.local_for(((inner,), 1))
        return tuple((tuple(made.get(atom, atom) for atom in atoms), number) for atoms, number in terms)

    def local_for(self, term: tuple[tuple[Any, ...], int]) -> str:
        for name, known in self.used_constants.items():
            if known == (term,):
                return f"={name}"
        name = f"channels{len(self.used_constants) + 1}"
        self.used_constants[name] = (term,)
        return f"={name}"

    def named(self, column: list[Any], rows: list[int], hint: str) -> str:
        """A parameter of the block whose values these are, else one more parameter of the class."""
        for name in self.arguments[0]:
            given = [self.arguments[i].get(name, MISSING) for i in rows]
            equal = all(same(as_class(value), column[i]) for value, i in zip(given, rows, strict=True))
            if equal and not isinstance(given[0], Filter) and self.is_writable(name):
                return self.argument(name)
        for name, known in self.parameters.items():
            if known is not None and name.startswith("+") and all(same(known[i], column[i]) for i in rows):
                return self.names.parameter(name)
        name = f"+{hint}"
        while name in self.parameters:
            name += "_"
        first = column[rows[0]]
        self.parameters[name] = [first if value is MISSING else value for value in column]
        return self.names.parameter(name)

    def is_added(self, text: Text | None) -> bool:
        return any(name[0] == "+" and self.names.parameter(name) == text for name in self.parameters)

    def is_writable(self, name: str) -> bool:
        """Whether all that the block is told for a parameter can be written: every layer is a class."""
        return not any(isinstance(as_class(each.get(name)), LayerName) for each in self.arguments)

    def argument(self, name: str) -> str:
        """A parameter of the block that the class takes as it is told."""
        self.parameters.setdefault(name, [as_class(a.get(name, MISSING)) for a in self.arguments])
        return self.names.parameter(name)

    def condition(self, tests: list[Test | None], column: list[bool], hint: str) -> str:
        rows = [i for i, value in enumerate(column) if value is not MISSING]
        for test in dict.fromkeys(tests[i] for i in rows):
            if test is None:
                continue
            try:
                if all(self.holds(test, i) == column[i] for i in rows):
                    return self.spell_test(test)
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
                return f"{self.argument(name)} is not None"
        return self.named(column, rows, hint)

    def holds(self, test: Test, row: int) -> bool:
        values = [
            self.holds(side, row) if isinstance(side, Test) else evaluate(polynomial(side), self.scopes[row])
            for side in test.operands
        ]
        return bool(_MEANING[test.operator](*values))

    def spell_test(self, test: Test, inner: bool = False) -> str:
        sides = [
            self.spell_test(side, True)
            if isinstance(side, Test)
            else self.spell(substitute(polynomial(side), self.settled))
            for side in test.operands
        ]
        if test.operator == "not":
            return f"not {sides[0]}"
        if test.operator == "value":
            return f"bool({sides[0]})"
        text = f" {test.operator} ".join(sides)
        return f"({text})" if inner and test.operator in ("and", "or") else text


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
