"""What is solved as lines, in one go: here parameters, widths, indices and local variables get names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.solve.classes import Class
from cnnspec.backends.torch.solve.solutions import (
    Added,
    Assign,
    Branch,
    For,
    Formula,
    Given,
    Make,
    Phrase,
    Solution,
    Solved,
    Statement,
    Variable,
    append_to,
)
from cnnspec.backends.writer import WIDTH, Arguments, Text, Writer, behind, call, flat
from cnnspec.values.symbols import Polynomial, Quotient, write

INDICES = ("i", "j", "k", "m", "n")


class Printer:
    """Prints the body of a method; what is spelled first has the first choice of a name."""

    def __init__(self, cls: Class, local: Names) -> None:
        self.names, self.parameters, self.local = cls.names, cls.parameters, local
        self.constants, self.writer = cls.frame.constants, Writer(2)
        self.widths: dict[str, Polynomial] = {}  # names that the constructor gives to widths, before all else
        self.depth = 0  # loops around
        # variables of modules that are put somewhere, by class and by the variable that it is put into
        self.modules: dict[tuple[str, str], str] = {}

    # Statements

    def body(self, solved: Solved) -> list[str]:
        """The lines of a body; the names that it has for widths come first, behind a bare `super()`."""
        self.statements(solved)
        widths = Writer(2)
        spelled = self.names.parameter
        for name, terms in self.widths.items():
            widths.expression(write(terms, spelled), f"{spelled('=' + name)} = ")
        lines = self.writer.lines
        # super().__init__(nn.Conv2d(in_channels, out, 1)) reads `out`, so `out = 4 * width` stands before it
        first = int(lines[0] == "        super().__init__()")
        return lines[:first] + widths.lines + lines[first:]

    def statements(self, solved: Solved) -> None:
        for statement in solved:
            if isinstance(statement, Assign):
                self.line(statement)
            elif isinstance(statement, Branch):
                self.branch(statement)
            else:
                self.for_loop(statement)

    def line(self, line: Assign) -> None:
        """A line, with another before it or more behind it for modules that it has no room for."""
        self.text(line.made)  # what stands on the right has the first choice of names
        target, made = self.word(line.target), self.shorten(line.made)
        items, indent = made.items if isinstance(made, Make) else (), 4 * self.writer.depth + 4
        fitting = tuple(takewhile(lambda item: not self.is_too_long(item[1], indent), items))
        shown = made._replace(items=fitting) if isinstance(made, Make) else made
        self.writer.expression(self.text(shown), f"{target} = " if target else "", comment=line.comment)
        self.statements([append_to(target or "self", module) for _, module in items[len(fitting) :]])

    def is_too_long(self, item: Solution | Statement, indent: int) -> bool:
        """Whether an argument is, or holds, a loop that takes more than a line: it reads better as one."""
        if isinstance(item, For):
            return indent + len(self.word(item) + ",") > WIDTH
        made = item.made if isinstance(item, Assign) else item
        return isinstance(made, Make) and any(self.is_too_long(each, indent + 4) for _, each in made.items)

    def shorten(self, made: Solution) -> Solution:
        """`block.append(layer)`, where the module, which gets a line before, makes it longer than a line."""
        if not (isinstance(made, Make) and isinstance(made.head, Phrase)):
            return made
        *others, (key, module) = made.items
        if not isinstance(module, Make) or len(self.word(made)) <= WIDTH - 4 * self.writer.depth:
            return made
        owner = self.word(made.head).rpartition(".")[0]
        place = self.word(module.head), owner if owner in self.modules.values() else ""
        if place not in self.modules:
            self.modules[place] = self.local.local("layer")
        self.line(Assign(module, self.modules[place]))
        return made._replace(items=(*others, (key, self.modules[place])))

    def branch(self, branch: Branch) -> None:
        condition = self.word(branch.condition)
        negation = f"not {condition}" if " " not in condition else f"not ({condition})"
        if branch.then:
            with self.writer.block(f"if {condition}"):
                self.statements(branch.then)
        if branch.otherwise:
            with self.writer.block("else" if branch.then else f"if {negation}"):
                self.statements(branch.otherwise)

    def for_loop(self, loop: For) -> None:
        """A loop, whose body tells whether the index is read."""
        around, self.writer = self.writer, Writer(self.writer.depth + 1)
        with self.inside(loop.variable):
            self.statements(loop.body)
            header = self.header(loop)
        body, self.writer = self.writer.lines, around
        self.writer.expression(header, after=":")
        self.writer.lines += body

    # Loops

    @contextmanager
    def inside(self, index: Variable) -> Iterator[None]:
        """What is spelled now stands in a loop, whose index has a name."""
        taken = set(self.local.taken)
        index.name = index.name or self.local.local(INDICES[self.depth % len(INDICES)])
        self.depth += 1
        yield
        self.depth -= 1
        # names of the loop's own are free again behind it; those of modules are used again
        self.local.taken = taken.union(self.modules.values())

    def header(self, loop: For) -> Text:
        """The `for` of a loop whose body is spelled."""
        if columns := [(variable, cells) for variable, cells in loop.table if variable.is_read]:
            names = ", ".join(self.word(variable) for variable, _ in columns)
            rows = zip(*(cells for _, cells in columns), strict=True)
            lines = [call("", *map(self.text, row)) if len(row) > 1 else self.text(row[0]) for row in rows]
            return behind(f"for {names} in ", call("", *lines))
        index = loop.variable.name if loop.variable.is_read else "_"
        return f"for {index} in range({flat(self.text(loop.times))})"

    # Expressions

    def word(self, solved: Solution | Statement) -> str:
        """An expression that is never broken over lines."""
        return flat(self.text(solved))

    def text(self, solved: Solution | Statement) -> Text:
        """The expression, to be laid out."""
        match solved:
            case Make(head, items, brackets):
                return Arguments(
                    self.word(head), tuple((key, self.text(item)) for key, item in items), *brackets
                )
            case Assign(made):
                return self.text(made)
            case For(index, [Assign(made)]):
                with self.inside(index):
                    return f"*({self.word(made)} {flat(self.header(solved))})"
            case Formula(terms):
                return self.formula(terms)
            case Given(name, otherwise):
                taken = not otherwise or name in self.parameters.columns
                return self.names.parameter(name) if taken else otherwise
            case Added():
                return self.names.parameter(self.parameters.added(solved))
            case Phrase(parts):
                return "".join(map(self.word, parts))
            case Variable():
                solved.is_read, solved.name = True, solved.name or self.local.local(solved.wish)
                return solved.name
            case str() | Arguments():
                return solved
        raise TypeError(type(solved))  # a branch is no expression

    # Formulas

    def formula(self, terms: Polynomial) -> str:
        if terms in self.constants:
            own = self.constants[terms]
            self.widths[own] = terms
            return self.names.parameter(f"={own}")
        return write(self.hoist(terms), self.names.parameter)

    def hoist(self, terms: Polynomial) -> Polynomial:
        """The polynomial with names for the quotients of sums in it: they are computed once, before."""
        made: dict[Any, Any] = {}
        for atoms, _ in terms:
            for atom in atoms:
                # (6 * growth + width) // 2 is channels1; width // 2 stays as it is
                if isinstance(atom, Quotient) and len(atom.left) > 1:
                    inner = Quotient(atom.operator, self.hoist(atom.left), atom.right)
                    made[atom] = self.width(((inner,), 1))
        return tuple((tuple(made.get(atom, atom) for atom in atoms), number) for atoms, number in terms)

    def width(self, term: tuple[tuple[Any, ...], int]) -> str:
        for name, known in self.widths.items():
            if known == (term,):
                return f"={name}"
        name = f"channels{len(self.widths) + 1}"
        self.widths[name] = (term,)
        return f"={name}"
