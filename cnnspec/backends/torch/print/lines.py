"""The statements of a function as lines, in one go."""

from __future__ import annotations

from cnnspec.backends.torch.solve.solutions import Branch, Define, Line, Solved, Turns
from cnnspec.backends.torch.solve.spelling import Speller
from cnnspec.backends.writer import WIDTH, Writer


class Printer:
    """Prints the body of a function; `known` are the conditions that an attribute remembers."""

    def __init__(self, speller: Speller) -> None:
        self.speller, self.writer = speller, Writer(2)
        self.known: dict[str, str] = {}

    def body(self, solved: Solved) -> list[str]:
        """The lines of a body; the names that it has for widths come first."""
        self.statements(solved)
        widths = Writer(2)
        for name, text in self.speller.spelled_widths():
            widths.expression(text, f"{name} = ")
        return widths.lines + self.writer.lines

    def statements(self, solved: Solved) -> None:
        for statement in solved:
            if isinstance(statement, Line):
                self.line(statement)
            elif isinstance(statement, Define):
                self.define(statement)
            elif isinstance(statement, Branch):
                self.branch(statement)
            else:
                self.turns(statement)

    def line(self, line: Line) -> None:
        made, target = self.speller.text(line.made), self.speller.word(line.target)
        before = f"{target} = " if target else ""
        fits = not isinstance(made, str) or len(before) + len(made) <= WIDTH - 4 * self.writer.depth
        self.writer.expression(made, before, comment=line.comment if fits else "")

    def define(self, define: Define) -> None:
        """A condition in an attribute; one that is known already is not computed again."""
        condition = self.speller.word(define.condition)
        self.writer.line(f"{define.flag} = {self.known.get(condition, condition)}")
        if define.shared:
            self.known.setdefault(condition, define.flag)

    def branch(self, branch: Branch) -> None:
        condition = self.speller.word(branch.condition)
        negation = f"not {condition}" if isinstance(branch.condition, str) else f"not ({condition})"
        if branch.then:
            with self.writer.block(f"if {condition}"):
                self.statements(branch.then)
        if branch.otherwise:
            with self.writer.block("else" if branch.then else f"if {negation}"):
                self.statements(branch.otherwise)

    def turns(self, loop: Turns) -> None:
        """A loop, whose body tells whether the index is read."""
        around, self.writer = self.writer, Writer(self.writer.depth + 1)
        with self.speller.loop(loop.turn):
            self.statements(loop.body)
            targets, over = self.speller.header(loop)
        body, self.writer = self.writer.lines, around
        self.writer.expression(over, f"for {targets} in ", ":")
        self.writer.lines += body
