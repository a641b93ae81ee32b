"""The statements of a solved constructor, and how they are printed."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.backends.torch import code
from cnnspec.backends.torch.code import Line
from cnnspec.backends.torch.expressions import call
from cnnspec.backends.torch.loops import Loop
from cnnspec.backends.torch.solutions import Flag, Make, Solution, Variable
from cnnspec.backends.torch.spelling import Speller
from cnnspec.values.symbols import write

Place = str | Variable
"""What modules are put into: `self`, an attribute, a local variable."""


class Run(NamedTuple):
    """A call for its effect."""

    made: Make


class Let(NamedTuple):
    """`variable = made`."""

    variable: Variable
    made: Solution


class Put(NamedTuple):
    """`owner.name = made`."""

    owner: Place
    name: str
    made: Solution
    comment: str = ""


class Method(NamedTuple):
    """`owner.append(made)`."""

    owner: Place
    name: str
    arguments: tuple[Solution, ...]
    comment: str


class Define(NamedTuple):
    """`self.flag = condition`; a `shared` one is known in all of the constructor from there on."""

    flag: str
    condition: Solution
    shared: bool


class Choose(NamedTuple):
    condition: Solution
    then: Solved
    otherwise: Solved


class Loops(NamedTuple):
    """`for …:` so many times, or over the rows of a table."""

    loop: Loop
    times: Solution
    rows: list[list[Solution]]
    body: Solved


Statement = Run | Let | Put | Method | Define | Choose | Loops
Solved = list[Statement]


class Printer:
    """Prints a constructor in one go."""

    def __init__(self, speller: Speller) -> None:
        self.speller = speller
        self.known: dict[str, str] = {}  # conditions that an attribute remembers

    def constructor(self, solved: Solved) -> list[code.Statement]:
        """All statements; the names for widths come first."""
        inside = self.body(solved)
        spelled = self.speller.names.parameter
        widths = [
            Line(f"{spelled('=' + name)} = ", write(terms, spelled))
            for name, terms in self.speller.widths.items()
        ]
        return [*widths, *inside]

    def body(self, solved: Solved) -> list[code.Statement]:
        return [printed for statement in solved for printed in self.statement(statement)]

    def statement(self, solved: Statement) -> list[code.Statement]:
        word, text = self.speller.word, self.speller.text
        if isinstance(solved, Run):
            return [Line("", text(solved.made))]
        if isinstance(solved, Let):
            made = text(solved.made)
            return [Line(f"{word(solved.variable)} = ", made)]
        if isinstance(solved, Put):
            made = text(solved.made)
            return [Line(f"{word(solved.owner)}.{solved.name} = ", made, solved.comment)]
        if isinstance(solved, Method):
            made = call(f"{word(solved.owner)}.{solved.name}", *map(text, solved.arguments))
            return [Line("", made, solved.comment)]
        if isinstance(solved, Define):
            return [self.define(solved)]
        return self.choose(solved) if isinstance(solved, Choose) else [self.loop(solved)]

    def define(self, solved: Define) -> Line:
        """A condition in an attribute; one that is known already is not computed again."""
        condition = self.speller.word(solved.condition)
        line = Line(f"self.{solved.flag} = ", self.known.get(condition, condition))
        if solved.shared:
            self.known.setdefault(condition, f"self.{solved.flag}")
        return line

    def choose(self, solved: Choose) -> list[code.Statement]:
        condition = self.speller.word(solved.condition)
        negation = f"not {condition}" if isinstance(solved.condition, Flag) else f"not ({condition})"
        then, otherwise = self.body(solved.then), self.body(solved.otherwise)
        return [code.Branch(condition, then, negation, otherwise)] if then or otherwise else []

    def loop(self, solved: Loops) -> code.Turns:
        taken = self.speller.open(solved.loop)
        body = self.body(solved.body)
        targets, over = self.speller.header(solved.loop, solved.body, solved.times, solved.rows)
        self.speller.close(solved.loop, taken)
        return code.Turns(targets, over, body)
