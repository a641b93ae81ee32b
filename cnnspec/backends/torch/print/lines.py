"""The statements of a function as lines."""

from __future__ import annotations

from cnnspec.backends.torch.solve.code import Branch, Line, Statement, Turns
from cnnspec.backends.writer import WIDTH, Writer


def print_body(statements: list[Statement], writer: Writer) -> None:
    """The statements as lines."""
    for statement in statements:
        if isinstance(statement, Line):
            room = WIDTH - 4 * writer.depth - len(statement.before)
            fits = not isinstance(statement.text, str) or len(statement.text) <= room
            writer.expression(statement.text, statement.before, comment=statement.comment if fits else "")
        elif isinstance(statement, Turns):
            writer.expression(statement.over, f"for {statement.targets} in ", ":")
            with writer.indented():
                print_body(statement.body, writer)
        else:
            print_branch(statement, writer)


def print_branch(branch: Branch, writer: Writer) -> None:
    head = f"if {branch.test}" if branch.then else f"if {branch.negation}"
    for keyword, inside in ((head, branch.then), ("else" if branch.then else head, branch.otherwise)):
        if inside:
            with writer.block(keyword):
                print_body(inside, writer)
