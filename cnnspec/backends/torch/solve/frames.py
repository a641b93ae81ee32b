"""From what differs among the uses of a block to the expressions that tell it.

A block's class stands for several instances, a loop's body (loops.py) for several iterations. Both are
Frames: so many rows of the same structure. The values that one place has over the rows are a column, and the
frame solves the column: a literal where all rows agree, else what the symbols say, where that is right
in every row, else a parameter or a loop variable. What is solved is data: a frame knows no names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from itertools import chain, repeat
from operator import and_, eq, ge, gt, le, lt, ne, not_, or_
from typing import Any, NamedTuple

from cnnspec.backends.torch.signatures import AS_KERNEL, EVERYTHING_SAID, Signature
from cnnspec.backends.torch.solve.literals import ClassName, as_class, literal, summary
from cnnspec.backends.torch.solve.solutions import (
    IS_GIVEN,
    Added,
    Formula,
    Given,
    Make,
    Phrase,
    Solution,
    Variable,
    alike,
)
from cnnspec.backends.torch.unify.columns import ByRow, Unaligned, Way, agree, same
from cnnspec.backends.torch.unify.steps import referenced
from cnnspec.elaborate.special_values import LayerName
from cnnspec.graph.tree import From, Instance, Network, Test, Value
from cnnspec.graph.walk import Steps
from cnnspec.layers.base import Construction
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.symbols import Polynomial, Symbol, constant, evaluate, names, polynomial, substitute

MEANING: dict[str, Callable[..., Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
MEANING |= {"and": and_, "or": or_, "not": not_, "value": bool}
"""Of the operators of a Test."""


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
            return self.solve_call(column, first)
        if isinstance(first, list | tuple):
            return self.solve_sequence(column, first, hint)
        return self.scalar(column, hint)

    def solve_call(self, column: ByRow, first: Construction) -> Solution:
        calls = list(column.values())
        if not all(isinstance(call, Construction) for call in calls):
            raise Unaligned
        # nn.ReLU() in one row and nn.SiLU() in another: act()
        if any(call.name != first.name for call in calls):
            return self.solve_class(column)
        # bilinear upsampling says align_corners=, nearest does not: no one line is right for both
        if len({(len(call.args), *call.kwargs) for call in calls}) > 1:
            raise Unaligned
        signature = self.signatures.get(first.name, EVERYTHING_SAID)
        # what a parameter is called that the class may have to add
        hints = ("in_channels", "out_channels") if len(first.args) == 2 else ("channels",)
        if first.args and isinstance(first.args[0], tuple):
            hints = ("shape", "value")
        items = [
            ("", self.solve({row: call.args[i] for row, call in column.items()}, hint))
            for i, hint in zip(range(len(first.args)), chain(hints, repeat("value")), strict=False)
        ]
        said: dict[str, Solution] = {}
        for key in first.kwargs:
            # a kernel of 3 or 5 that a class takes brings its pad with it: 3 // 2 = 1, 5 // 2 = 2
            if key == "padding" and self.is_half(column, said.get("kernel_size")):
                solved: Solution = Phrase((said["kernel_size"], " // 2"))
            else:
                solved = self.solve({row: call.kwargs[key] for row, call in column.items()}, key)
            said[key] = solved
            if key in signature.defaults and alike(solved, self.default(signature, key, said)):
                continue
            items.append(("" if key in signature.positional else f"{key}=", solved))
        return Make(first.name, tuple(items))

    def solve_class(self, column: ByRow) -> Solution:
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
        # MaxPool2d(2, stride=2) needs no stride, MaxPool2d(k, stride=k) neither
        return said["kernel_size"] if value is AS_KERNEL else literal(value)

    def solve_sequence(self, column: ByRow, first: Any, hint: str) -> Solution:
        # 3 in one use and (3, 5) in another: no list of items, but one parameter that takes either
        if any(type(other) is not type(first) or len(other) != len(first) for other in column.values()):
            return self.scalar(column, hint)
        if agree(column.values()) and (text := summary(first)):
            return text
        items = [
            ("", self.solve({row: value[i] for row, value in column.items()}, hint))
            for i in range(len(first))
        ]
        return Make("", tuple(items), "[]" if isinstance(first, list) else "()")


class ClassRow(NamedTuple):
    """What a class stands for: an instance of a block, or the net.

    `scope`: what the integers' names mean. Layers among the arguments are classes.
    """

    steps: Steps
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    scope: Mapping[str, int]
    arguments: Mapping[str, Any]
    constants: Mapping[str, int]

    @property
    def ends_in_last(self) -> bool:
        """Whether all that leaves is what the last step makes."""
        made = [step.output for step in self.steps[-1:] if not isinstance(step, From)]
        return made == list(self.outputs)

    @property
    def kept(self) -> set[Value]:
        """What is wanted elsewhere than at the next step."""
        return {*referenced(self.steps), *(() if self.ends_in_last else self.outputs)}


def row_of(owner: Instance | Network, inputs: tuple[Value, ...], outputs: tuple[Value, ...]) -> ClassRow:
    arguments = {name: as_class(value) for name, value in owner.arguments.items()}
    return ClassRow(owner.steps, inputs, outputs, owner.scope_names, arguments, owner.constants)


class ClassFrame(Frame):
    """The rows of a class.

    `free` are the names that stay open whatever their value here. `settled` are the names that the class
    does not take, since they are worth the same in all rows; `taken` those that it takes even so: what every
    use must say, and reaches nothing but widths.
    """

    def __init__(
        self, rows: list[ClassRow], signatures: Mapping[str, Signature], free: frozenset[str], taken: Set[str]
    ) -> None:
        self.rows, self.signatures, self.free = rows, signatures, free
        self.settled = {
            name: constant(value)
            for name, value in rows[0].scope.items()
            if name not in free | taken and all(row.scope.get(name) == value for row in rows)
        }
        self.constants = self.common()

    def common(self) -> dict[Polynomial, str]:
        """The block's own names for what takes more than a name to write, where all rows mean the same."""
        first, *others = [
            {name: substitute(polynomial(value), self.settled) for name, value in row.constants.items()}
            for row in self.rows
        ]
        found: dict[Polynomial, str] = {}
        for name, terms in first.items():
            # `w = width` has one atom and the factor 1: it takes no more to write than itself
            is_name = [(len(atoms), factor) for atoms, factor in terms] == [(1, 1)]
            if names(terms) and not is_name and all(other.get(name) == terms for other in others):
                # {4 * width: "out"}: `out = 4 * width` once, then its name; the first of two names for it
                found.setdefault(terms, name)
        return found

    def is_given(self, name: str, column: ByRow) -> bool:
        return all(same(self.rows[row].arguments.get(name), each) for row, each in column.items())

    def scalar(self, column: ByRow, hint: str) -> Solution:
        values = list(column.values())
        is_open = any(isinstance(value, Symbol) and value.names & self.free for value in values)
        found = self.symbolic(column, is_open) if all(map(is_integer, values)) else None
        if found is not None:
            # `4 * 1`, with all names settled, is 4
            return Formula(found) if names(found) else literal(evaluate(found, {}))
        if is_open:
            raise Unaligned
        return literal(values[0]) if agree(values) else self.named(column, hint)

    def symbolic(self, column: ByRow, is_open: bool) -> Polynomial | None:
        """A polynomial, by which some row was computed, that is right in every row."""
        computed = dict.fromkeys(substitute(polynomial(value), self.settled) for value in column.values())
        # formulas before plain numbers: of 4 * width and 64 the first is right for another width, too
        candidates = sorted(computed, key=lambda terms: not names(terms))
        # what must stay open is right for other values, too: two formulas that agree here differ there
        if is_open and len(candidates) > 1:
            return None
        return next((each for each in candidates if self.is_right(each, column, evaluate)), None)

    def is_right(self, rule: Any, column: ByRow, meaning: Callable[[Any, Mapping[str, int]], Any]) -> bool:
        """Whether a polynomial or a condition means the column's value in every row."""
        try:
            return all(meaning(rule, self.rows[row].scope) == int(value) for row, value in column.items())
        except (KeyError, ZeroDivisionError):
            return False

    def named(self, column: ByRow, hint: str) -> Solution:
        """A parameter of the block whose values these are, else one more parameter of the class."""
        for name, value in self.rows[0].arguments.items():
            # a Filter such as 64@3x3 is two parameters, out_channels and kernel_size
            if self.is_given(name, column) and not isinstance(value, Filter) and self.is_writable(name):
                return Given(name)
        return Added(column, hint)

    def is_writable(self, name: str) -> bool:
        """Whether all arguments for a parameter can be written: every layer is a class."""
        return not any(isinstance(row.arguments.get(name), LayerName) for row in self.rows)

    def is_class(self, name: str) -> bool:
        """Whether the values of a parameter are classes, None for no layer."""
        values = [row.arguments.get(name) for row in self.rows]
        return any(isinstance(value, ClassName) for value in values) and all(
            value is None or isinstance(value, ClassName) for value in values
        )

    def condition(self, way: Way, hint: str) -> Solution:
        for test in dict.fromkeys(step.test for step in way.steps.values()):
            # the author's own test, such as `stride != 1`, if it holds in the rows that go this way alone
            if test is not None and self.is_right(test, way.there, holds):
                return test_phrase(test, self.settled)
        # where no test tells the rows apart, a layer that is None in the others does: `if act is not None`
        for name in self.rows[0].arguments:
            given = {row: self.rows[row].arguments[name] is not None for row in way.there}
            if self.is_class(name) and given == way.there:
                return Phrase((Given(name), IS_GIVEN))
        return self.named(way.there, hint)


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
