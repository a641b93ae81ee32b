"""The pushdown automaton that runs on grammar_table.py, which Lark computes from the grammar.

It is Lark's own loop (Aho, Lam, Sethi and Ullman, Compilers, 2006, algorithm 4.44); to import Lark for it
would take longer than to check LeNet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from cnnspec.text.grammar_table import ENDS, RULES, STARTS, STATES
from cnnspec.text.scanner import Token

Stack = tuple[int, ...]
Action = tuple[Callable[[list[Any]], Any], str, int]
"""Of a rule: the function that makes its value of its parts' values, its symbol, its number of parts."""


def actions(callback: Callable[[str], Callable[..., Any]]) -> list[Action]:
    """Of each rule of the table. `callback` gives what a name in there calls."""
    return [(callback(name) if name else itemgetter(0), origin, len(parts)) for name, origin, *parts in RULES]


class Automaton:
    """Reads tokens. `states` is its stack, and `values` are those of what stands on it."""

    def __init__(
        self, start: str, rules: Sequence[Action], terminals: Mapping[str, Callable[[Token], Any]]
    ) -> None:
        """`terminals` make the values of tokens; those of other kinds are the tokens."""
        self.states, self.values, self.end = [STARTS[start]], list[Any](), ENDS[start]
        self.rules, self.terminals = rules, terminals

    def read(self, tokens: Sequence[Token], index: int) -> int:
        """Take tokens from an index on. The index of one that is unexpected, else that behind the last.

        Behind the last, `$END`, the one value that is left is that of all.
        """
        states, values, rules, terminals, table = self.states, self.values, self.rules, self.terminals, STATES
        for place in range(index, len(tokens)):
            token = tokens[place]
            kind = token.type
            while True:
                to = table[states[-1]].get(kind)
                if to is None:
                    return place
                if to >= 0:
                    states.append(to)
                    values.append(terminals[kind](token) if kind in terminals else token)
                    break
                # A state is its number, a rule ~number, below 0: one table holds both.
                call, origin, size = rules[~to]
                # Not [-size:]: of a rule without parts, as that of an empty file, this would be all values.
                parts = values[len(values) - size :]
                del states[len(states) - size :], values[len(values) - size :]
                values.append(call(parts))
                states.append(table[states[-1]][origin])
                if kind == "$END" and states[-1] == self.end:
                    return len(tokens)
        return len(tokens)

    def expects(self, terminal: str) -> bool:
        return advance(tuple(self.states), self.end, terminal) is not None


def advance(stack: Stack, end: int, terminal: str) -> Stack | None:
    """The stack of states after a terminal, or None where it is unexpected."""
    after = list(stack)
    while True:
        to = STATES[after[-1]].get(terminal)
        if to is None:
            return None
        if to >= 0:
            after.append(to)
            return tuple(after)
        _, origin, *parts = RULES[~to]
        del after[len(after) - len(parts) :]
        after.append(STATES[after[-1]][origin])
        if terminal == "$END" and after[-1] == end:
            return tuple(after)
