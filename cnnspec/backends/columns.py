"""From what differs among the uses of a block to the expressions that tell it.

A block's class stands for several instances, a loop's body for several iterations. Both are Frames: so
many rows of the same structure. The values that one place has over the rows are a column, and the
frame writes the column as an expression: a literal where all rows agree, else what the symbols say,
where that is right in every row, else a parameter or a loop variable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.writer import Arguments, Text
from cnnspec.graph import Test
from cnnspec.layers.base import Call, Filter, is_integer
from cnnspec.symbols import (
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

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
"""What a row has at a place that it does not reach."""


class Unaligned(Exception):
    """The rows differ in more than what an expression can tell."""


def literal(value: Any) -> str:
    """A checked value as Python text: nothing else of a specification ever becomes code."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            return f'float("{value}")'
        return repr(value)
    if isinstance(value, str):
        return '"' + value.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    raise TypeError(type(value))


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type: 1, 1.0 and True are three things."""
    if isinstance(left, int) and isinstance(right, int):
        return isinstance(left, bool) == isinstance(right, bool) and int(left) == int(right)
    if isinstance(left, list | tuple) and type(left) is type(right):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def agree(column: Sequence[Any]) -> bool:
    return all(same(value, column[0]) for value in column[1:])


class Frame:
    """Rows of equal structure, `size` of them."""

    size: int

    def scalar(self, column: list[Any], hint: str) -> str:
        """The expression of a column of numbers, words, flags. Raises Unaligned."""
        raise NotImplementedError

    def string(self, column: list[str]) -> str:
        """A column of names as a string expression."""
        present = [name for name in column if name is not MISSING]
        if not agree(present):
            raise Unaligned
        return literal(present[0])

    def text(self, column: list[Any], hint: str = "value") -> Text:
        """The expression of a column of values or constructor calls. Raises Unaligned."""
        present = [value for value in column if value is not MISSING]
        first = present[0]
        if isinstance(first, Call):
            return self._call(column, present)
        if isinstance(first, list | tuple):
            return self._sequence(column, present, hint)
        return self.scalar(column, hint)

    def _call(self, column: list[Any], present: list[Call]) -> Text:
        first = present[0]
        for other in present[1:]:
            if not isinstance(other, Call) or other.name != first.name or len(other.args) != len(first.args):
                raise Unaligned
            if list(other.kwargs) != list(first.kwargs):
                raise Unaligned
        hints = ("in_channels", "out_channels") if len(first.args) == 2 else ("channels",)
        items: list[tuple[str, Text]] = []
        for i in range(len(first.args)):
            values = [value if value is MISSING else value.args[i] for value in column]
            items.append(("", self.text(values, hints[i] if i < len(hints) else "value")))
        for key in first.kwargs:
            values = [value if value is MISSING else value.kwargs[key] for value in column]
            items.append((f"{key}=", self.text(values, key)))
        return Arguments(first.name, tuple(items))

    def _sequence(self, column: list[Any], present: list[Any], hint: str) -> Text:
        first = present[0]
        if any(type(other) is not type(first) or len(other) != len(first) for other in present[1:]):
            return self.scalar(column, hint)
        items: list[tuple[str, Text]] = []
        for i in range(len(first)):
            values = [value if value is MISSING else value[i] for value in column]
            items.append(("", self.text(values, hint)))
        return Arguments("", tuple(items), *("[]" if isinstance(first, list) else "()"))

    def condition(self, tests: list[Test | None], column: list[bool], hint: str) -> str:
        """A condition that differs among the rows."""
        return self.scalar(column, hint)


class Root(Frame):
    """The instances of a block, or a net alone.

    `scopes` hold what each row's names stand for; `arguments` the values of its parameters; `free` are
    the names that stay open whatever their value here. `parameters` collects, in order of use, what
    the constructor has to be told: a name of the block (None) or a column of values of its own.
    """

    def __init__(
        self,
        scopes: Sequence[Mapping[str, int]],
        arguments: Sequence[Mapping[str, Any]],
        free: frozenset[str],
        names_: Names,
        constants: Sequence[Mapping[str, int]],
    ) -> None:
        self.size, self.scopes, self.arguments, self.free, self.names = (
            len(scopes),
            scopes,
            arguments,
            free,
            names_,
        )
        self.parameters: dict[str, list[Any] | None] = {}
        self.settled = {
            name: constant(value)
            for name, value in (scopes[0].items() if scopes else ())
            if name not in free and all(name in scope and int(scope[name]) == int(value) for scope in scopes)
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
        first = column[rows[0]]
        open_ = any(isinstance(column[i], Symbol) and column[i].names & self.free for i in rows)
        if not open_ and agree([column[i] for i in rows]):
            return literal(first)
        found = self.symbolic(column, rows, open_)
        if found is not None:
            return self.spell(found)
        if open_:
            raise Unaligned
        return self.named(column, rows, hint)

    def symbolic(self, column: list[Any], rows: list[int], open_: bool) -> Polynomial | None:
        """A polynomial, by which some row was computed, that is right in every row."""
        if not all(is_integer(column[i]) for i in rows):
            return None
        candidates = list(dict.fromkeys(substitute(polynomial(column[i]), self.settled) for i in rows))
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
            if all(same(value, column[i]) for value, i in zip(given, rows, strict=True)):
                if not isinstance(given[0], Filter):
                    self.parameters.setdefault(name, [a.get(name, MISSING) for a in self.arguments])
                    return self.names.parameter(name)
        for name, known in self.parameters.items():
            if known is not None and name.startswith("+") and all(same(known[i], column[i]) for i in rows):
                return self.names.parameter(name)
        name = f"+{hint}"
        while name in self.parameters:
            name += "_"
        first = column[rows[0]]
        self.parameters[name] = [first if value is MISSING else value for value in column]
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


class Part(Frame):
    """Some of a frame's rows: those that take one branch."""

    def __init__(self, parent: Frame, rows: list[int]) -> None:
        self.parent, self.rows, self.size = parent, rows, len(rows)

    def spread(self, column: list[Any]) -> list[Any]:
        wide = [MISSING] * self.parent.size
        for row, value in zip(self.rows, column, strict=True):
            wide[row] = value
        return wide

    def scalar(self, column: list[Any], hint: str) -> str:
        return self.parent.scalar(self.spread(column), hint)

    def string(self, column: list[str]) -> str:
        return self.parent.string(self.spread(column))

    def condition(self, tests: list[Test | None], column: list[bool], hint: str) -> str:
        return self.parent.condition(self.spread(tests), self.spread(column), hint)


class Loop(Frame):
    """The iterations of a repeat: `parents[i]` is the row of the frame around that iteration i belongs to.

    Columns that do not change from one iteration to the next are the parent's to write. Others are a
    straight line over the index, or, where `tables` are allowed, a loop variable that runs over a list.
    """

    def __init__(self, parent: Frame, parents: list[int], index: str, tables: bool, names_: Names) -> None:
        self.parent, self.parents, self.index, self.tables, self.names = (
            parent,
            parents,
            index,
            tables,
            names_,
        )
        self.size = len(parents)
        self.uses_index = False
        self.table: dict[str, list[Any]] = {}

    def scalar(self, column: list[Any], hint: str) -> str:
        wide: list[Any] = [MISSING] * self.parent.size
        for row, value in zip(self.parents, column, strict=True):
            if value is MISSING:
                continue
            if wide[row] is not MISSING and not (same(wide[row], value) and self.equal(wide[row], value)):
                return self.varying(column, hint)
            wide[row] = value
        return self.parent.scalar(wide, hint)

    @staticmethod
    def equal(left: Any, right: Any) -> bool:
        return not is_integer(left) or polynomial(left) == polynomial(right)

    def varying(self, column: list[Any], hint: str) -> str:
        if len(set(self.parents)) > 1:
            raise Unaligned
        whole = all(value is not MISSING for value in column)
        if whole and all(map(is_integer, column)) and self.size > 2:
            steps = [int(b) - int(a) for a, b in zip(column, column[1:], strict=False)]
            symbolic = (
                len({substitute(polynomial(b - a), {}) for a, b in zip(column, column[1:], strict=False)})
                == 1
            )
            if symbolic and agree(steps):
                self.uses_index = True
                start = self.parent.scalar(self.at_parent(column[0]), hint)
                step = self.parent.scalar(self.at_parent(column[1] - column[0]), hint)
                slope = self.index if step == "1" else f"{_factor(step)} * {self.index}"
                return slope if start == "0" else f"{start} + {slope}"
        if not self.tables:
            raise Unaligned
        for name, known in self.table.items():
            pairs = [(a, b) for a, b in zip(known, column, strict=True) if b is not MISSING]
            if all(same(a, b) and self.equal(a, b) for a, b in pairs):
                return name
        name = self.names.local(hint)
        present = [value for value in column if value is not MISSING]
        self.table[name] = [present[0] if value is MISSING else value for value in column]
        return name

    def at_parent(self, value: Any) -> list[Any]:
        wide: list[Any] = [MISSING] * self.parent.size
        wide[self.parents[0]] = value
        return wide

    def string(self, column: list[str]) -> str:
        """A name that counts along: `f"denselayer{j + 1}"`."""
        if agree(column):
            return self.parent.string(list(dict.fromkeys(column)) * self.parent.size)
        if len(set(self.parents)) > 1:
            raise Unaligned
        prefix, suffix = _shared(column)
        middles = [name[len(prefix) : len(name) - len(suffix)] for name in column]
        if (
            not all(m.isdecimal() and str(int(m)) == m and len(m) < 9 for m in middles)
            or "{" in prefix + suffix
        ):
            raise Unaligned
        numbers = [int(m) for m in middles]
        step = numbers[1] - numbers[0]
        if any(b - a != step for a, b in zip(numbers, numbers[1:], strict=False)) or step < 1:
            raise Unaligned
        self.uses_index = True
        slope = self.index if step == 1 else f"{step} * {self.index}"
        inner = f"{slope} + {numbers[0]}" if numbers[0] else slope
        return "f" + literal(f"{prefix}{{{inner}}}{suffix}")

    def header(self) -> tuple[str, Text]:
        """The `for` clause's targets, and what they run over (several rows: never with a table)."""
        rows = [literal_rows(self, i) for i in range(self.size)] if self.table else []
        if not self.table:
            counts: list[Any] = [self.parents.count(row) for row in range(self.parent.size)]
            bound = self.parent.scalar(counts, "depth")
            return (self.index if self.uses_index else "_"), f"range({bound})"
        targets = ", ".join(self.table)
        listed = Arguments("", tuple(("", row) for row in rows), *"[]")
        if self.uses_index:
            lone = targets if len(self.table) == 1 else f"({targets})"
            return f"{self.index}, {lone}", Arguments("enumerate", (("", listed),))
        return targets, listed


def literal_rows(loop: Loop, i: int) -> Text:
    cells = [loop.parent.scalar(loop.at_parent(column[i]), "value") for column in loop.table.values()]
    return cells[0] if len(cells) == 1 else Arguments("", tuple(("", cell) for cell in cells))


def _factor(text: str) -> str:
    return f"({text})" if " + " in text or " - " in text else text


def _shared(words: list[str]) -> tuple[str, str]:
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
