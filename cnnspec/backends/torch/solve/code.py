"""The body of a function as data: all of it is decided before a line is printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from cnnspec.backends.writer import WIDTH, Text


class Line(NamedTuple):
    """A statement, such as `self.conv1 = nn.Conv2d(…)  # 64@112x112`: `before` ends in `= `."""

    before: str
    text: Text
    comment: str = ""


class Branch(NamedTuple):
    """`if test:` with its `else:`; `negation` is the test where the first of both does nothing."""

    test: str
    then: list[Statement]
    negation: str = ""
    otherwise: list[Statement] = []


class Turns(NamedTuple):
    """`for targets in over:` and what it does."""

    targets: str
    over: Text
    body: list[Statement]


Statement = Line | Branch | Turns


class Body:
    """The statements of a function under way; `depth` is how far in the next one stands."""

    def __init__(self, depth: int = 2) -> None:
        self.statements: list[Statement] = []
        self.depth = depth

    @property
    def room(self) -> int:
        return WIDTH - 4 * self.depth

    def line(self, text: Text, before: str = "", comment: str = "") -> None:
        self.statements.append(Line(before, text, comment))

    def branch(self, test: str, then: list[Statement], negation: str, otherwise: list[Statement]) -> None:
        if then or otherwise:
            self.statements.append(Branch(test, then, negation, otherwise))

    @contextmanager
    def aside(self) -> Iterator[list[Statement]]:
        """Statements one deeper, kept apart until it is known whether and where they stand."""
        around, self.statements = self.statements, []
        self.depth += 1
        try:
            yield self.statements
        finally:
            self.statements = around
            self.depth -= 1

    @contextmanager
    def under(self, test: str) -> Iterator[None]:
        """Statements under `if test:`: in the one right before, where that has the same test."""
        with self.aside() as inside:
            yield
        last = self.statements[-1] if self.statements else None
        if isinstance(last, Branch) and last.test == test and last.then and not last.otherwise:
            last.then.extend(inside)
        else:
            self.branch(test, inside, "", [])
