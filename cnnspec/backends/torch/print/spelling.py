"""Solved expressions as text: the one place that names parameters, widths, indices and local variables."""

from __future__ import annotations

from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.solve.expressions import INDICES, numbered
from cnnspec.backends.torch.solve.roots import Root, as_class
from cnnspec.backends.torch.solve.solutions import (
    Added,
    Attribute,
    Cell,
    Check,
    Do,
    Every,
    Formula,
    Given,
    Half,
    Index,
    Loops,
    Make,
    Numbered,
    Present,
    Remark,
    Solution,
    Straight,
    Variable,
    counts_along,
)
from cnnspec.backends.torch.solve.values import MISSING, alike_columns, same, same_origin
from cnnspec.backends.writer import Arguments, Each, Noted, Text, flat
from cnnspec.graph.tree import Test
from cnnspec.values.symbols import Polynomial, Quotient, names, polynomial, substitute, write


class Speller:
    """Gives names in the order of the text: what is spelled first has the first choice.

    What becomes a parameter of the constructor is noted in the root's `parameters`.
    """

    def __init__(self, root: Root, parameters: Names, local: Names) -> None:
        self.root, self.names, self.local = root, parameters, local
        self.widths: dict[str, Polynomial] = {}  # names that the constructor gives to widths, before all else
        self.variables: dict[Variable, str] = {}
        self.indices: dict[Index, str] = {}
        self.tables: dict[Index, dict[str, Cell]] = {}

    # Loops

    def open(self, loop: Index) -> set[str]:
        """Begin a loop, with a name for its index; what it gives back ends the loop."""
        taken = set(self.local.taken)
        self.indices[loop] = self.local.local(INDICES[len(self.indices) % len(INDICES)])
        self.tables[loop] = {}
        return taken

    def close(self, loop: Index, taken: set[str]) -> None:
        del self.indices[loop]
        self.local.taken = taken

    def header(self, loop: Loops) -> tuple[str, Text]:
        """The targets of a `for`, and what it runs over."""
        counted, index = counts_along(loop.body, loop.turn), self.indices[loop.turn]
        if not loop.rows:
            return (index if counted else "_"), f"range({flat(self.text(loop.times))})"
        targets = ", ".join(map(self.cell, loop.heads))
        listed = Arguments("", tuple(("", self.row(row)) for row in loop.rows), *"[]")
        if counted:
            lone = targets if len(loop.heads) == 1 else f"({targets})"
            return f"{index}, {lone}", Arguments("enumerate", (("", listed),))
        return targets, listed

    def row(self, cells: list[Solution]) -> Text:
        texts = [self.text(cell) for cell in cells]
        return texts[0] if len(texts) == 1 else Arguments("", tuple(("", text) for text in texts))

    def cell(self, cell: Cell) -> str:
        """The variable of a loop for what differs by turns."""
        table = self.tables[cell.turn]
        for name, known in table.items():
            if alike_columns(known.column, cell.column, same_origin):
                return name
        name = self.local.local(cell.hint)
        table[name] = cell
        return name

    # Expressions

    def text(self, solved: Solution) -> Text:
        """The expression, to be laid out."""
        if isinstance(solved, Make):
            items = tuple((key, self.text(item)) for key, item in solved.items)
            return Arguments(self.word(solved.head), items, *solved.brackets)
        if isinstance(solved, Remark):
            return Noted(self.text(solved.made), solved.comment)
        if isinstance(solved, Every):
            taken = self.open(solved.turn)
            made = self.text(solved.made)
            targets, over = self.header(Loops(solved.turn, solved.times, [], [], [Do(solved.made)]))
            self.close(solved.turn, taken)
            return Each(made, f"for {targets} in {flat(over)}")
        return self.word(solved)

    def word(self, solved: Solution) -> str:
        """An expression that is never broken over lines."""
        if isinstance(solved, str):
            return solved
        if isinstance(solved, Formula):
            return self.formula(solved.terms)
        if isinstance(solved, Given | Present):
            name = self.argument(solved.name)
            return f"{name} is not None" if isinstance(solved, Present) else name
        if isinstance(solved, Added):
            return self.added(solved)
        if isinstance(solved, Check):
            return self.test(solved.test)
        if isinstance(solved, Attribute):
            return f"{self.word(solved.owner)}.{solved.name}"
        if isinstance(solved, Half):
            return f"{self.word(solved.whole)} // 2"
        if isinstance(solved, Straight):
            return self.straight(solved)
        if isinstance(solved, Cell):
            return self.cell(solved)
        if isinstance(solved, Numbered):
            return numbered(solved, self.indices[solved.turn])
        if isinstance(solved, Variable):
            if solved not in self.variables:
                self.variables[solved] = self.local.local(solved.wish)
            return self.variables[solved]
        return flat(self.text(solved))

    def argument(self, name: str) -> str:
        """A parameter of the block that the class takes as it is given."""
        given = [as_class(each.get(name, MISSING)) for each in self.root.arguments]
        self.root.parameters.setdefault(name, given)
        return self.names.parameter(name)

    def added(self, solved: Added) -> str:
        """One more parameter of the class, or one that it has already and that has the same values."""
        parameters = self.root.parameters
        for name, known in parameters.items():
            if known is not None and name[0] == "+" and alike_columns(known, solved.column, same):
                return self.names.parameter(name)
        name = f"+{solved.hint}"
        while name in parameters:
            name += "_"
        first = next(value for value in solved.column if value is not MISSING)
        parameters[name] = [first if value is MISSING else value for value in solved.column]
        return self.names.parameter(name)

    def straight(self, solved: Straight) -> str:
        start, step, index = self.word(solved.start), self.word(solved.step), self.indices[solved.turn]
        if isinstance(solved.step, Formula) and self.is_sum(solved.step.terms):
            step = f"({step})"
        slope = index if step == "1" else f"{step} * {index}"
        return slope if start == "0" else f"{start} + {slope}"

    # Formulas

    def formula(self, terms: Polynomial) -> str:
        for name in sorted(names(terms)):
            self.root.parameters.setdefault(name, None)
        if terms in self.root.constants:
            own = self.root.constants[terms]
            self.widths[own] = terms
            return self.names.parameter(f"={own}")
        return write(self.hoisted(terms), self.names.parameter)

    def is_sum(self, terms: Polynomial) -> bool:
        """Whether a formula is written as a sum, which a factor is not."""
        return len(terms) > 1 and terms not in self.root.constants

    def hoisted(self, terms: Polynomial) -> Polynomial:
        """The polynomial with names for the quotients of sums in it: they are computed once, before."""
        made: dict[Any, Any] = {}
        for atoms, _ in terms:
            for atom in atoms:
                if isinstance(atom, Quotient) and len(atom.left) > 1:
                    inner = Quotient(atom.operator, self.hoisted(atom.left), atom.right)
                    made[atom] = self.width(((inner,), 1))
        return tuple((tuple(made.get(atom, atom) for atom in atoms), number) for atoms, number in terms)

    def width(self, term: tuple[tuple[Any, ...], int]) -> str:
        for name, known in self.widths.items():
            if known == (term,):
                return f"={name}"
        name = f"channels{len(self.widths) + 1}"
        self.widths[name] = (term,)
        return f"={name}"

    def test(self, test: Test, inner: bool = False) -> str:
        sides = [
            self.test(side, True)
            if isinstance(side, Test)
            else self.formula(substitute(polynomial(side), self.root.settled))
            for side in test.operands
        ]
        if test.operator == "not":
            return f"not {sides[0]}"
        if test.operator == "value":
            return f"bool({sides[0]})"
        text = f" {test.operator} ".join(sides)
        return f"({text})" if inner and test.operator in ("and", "or") else text
