"""A solved constructor as statements of text, in one go."""

from __future__ import annotations

from cnnspec.backends.torch.print.spelling import Speller
from cnnspec.backends.torch.solve import code
from cnnspec.backends.torch.solve.code import Line
from cnnspec.backends.torch.solve.solutions import Attribute, Choose, Define, Do, Loops, Solved, Statement
from cnnspec.values.symbols import write


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
        if isinstance(solved, Do):
            made = self.speller.text(solved.made)
            before = f"{self.speller.word(solved.target)} = " if solved.target is not None else ""
            return [Line(before, made, solved.comment)]
        if isinstance(solved, Define):
            return [self.define(solved)]
        return self.choose(solved) if isinstance(solved, Choose) else [self.loop(solved)]

    def define(self, solved: Define) -> Line:
        """A condition in an attribute; one that is known already is not computed again."""
        condition = self.speller.word(solved.condition)
        flag = self.speller.word(solved.flag)
        line = Line(f"{flag} = ", self.known.get(condition, condition))
        if solved.shared:
            self.known.setdefault(condition, flag)
        return line

    def choose(self, solved: Choose) -> list[code.Statement]:
        condition = self.speller.word(solved.condition)
        negation = f"not {condition}" if isinstance(solved.condition, Attribute) else f"not ({condition})"
        then, otherwise = self.body(solved.then), self.body(solved.otherwise)
        return [code.Branch(condition, then, negation, otherwise)] if then or otherwise else []

    def loop(self, solved: Loops) -> code.Turns:
        taken = self.speller.open(solved.turn)
        body = self.body(solved.body)
        targets, over = self.speller.header(solved)
        self.speller.close(solved.turn, taken)
        return code.Turns(targets, over, body)
