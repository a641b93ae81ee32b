"""What is coloured how in a text: the one table that editors' grammars and highlighters are made of.

A rule is a regular expression that Python's `re` and Oniguruma read alike. At each place the first rule that
matches is taken; within square brackets those of labels are left out, since `:` makes a slice there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cnnspec.layers import NAMES
from cnnspec.text.scanner import BUILT_IN, FIELDS, FILE_WORDS, STATEMENT_WORDS, WORDS
from cnnspec.values.functions import FUNCTIONS

NAME = "[A-Za-z_][A-Za-z0-9_]*"

CONSTANTS = ("yes", "no")
OPERATORS = ("and", "or", "not")


class Rule(NamedTuple):
    """What a stretch of text is; its `groups` have kinds of their own where there are any."""

    kind: str
    pattern: str
    groups: tuple[str, ...] = ()


COMMENT, STRING, NUMBER, CONSTANT, KEYWORD = "comment", "string", "number", "constant", "keyword"
DEFINITION, LABEL, KEY, LAYER, FUNCTION = "definition", "label", "key", "layer", "function"
FIELD, OPERATOR, PUNCTUATION, PLAIN, BLANK = "field", "operator", "punctuation", "name", "blank"


def words(*each: str) -> str:
    """One of several words, and nothing longer."""
    return rf"\b(?:{'|'.join(sorted(each))})\b"


# In order: `in.channels` before the word `in`, `3x3` before the number 3, which would leave a name x3.
TABLE = (
    Rule(BLANK, r"[ \t\r\n]+"),
    Rule(COMMENT, r"#[^\n]*"),
    Rule(STRING, r'"[^"\n]*"'),
    Rule(LABEL, rf"{NAME}(?:\{{[^{{}}\n]*\}}[A-Za-z0-9_]*)+(?=[ \t]*:)"),
    Rule("", rf"^(net|block)([ \t]+)({NAME})", (KEYWORD, BLANK, DEFINITION)),
    Rule(KEYWORD, rf"^(?:{'|'.join(sorted(FILE_WORDS))})\b(?![ \t]*[=:])"),
    Rule("", rf"\b(in)(\.)({'|'.join(FIELDS)})\b", (KEYWORD, PUNCTUATION, FIELD)),
    Rule(CONSTANT, words(*CONSTANTS)),
    Rule(OPERATOR, words(*OPERATORS)),
    Rule(KEYWORD, words(*(WORDS.keys() - {*CONSTANTS, *OPERATORS}))),
    Rule(LABEL, rf"\b{NAME}(?=[ \t]*:)"),
    Rule(KEY, rf"\b{NAME}(?=[ \t]*=(?!=))"),
    Rule(KEYWORD, rf"{words(*STATEMENT_WORDS)}(?=[ \t]*[^ \t\r\n:,}}|#])"),
    Rule(FUNCTION, rf"{words(*FUNCTIONS)}(?=\()"),
    Rule(LAYER, words(*NAMES, *BUILT_IN)),
    Rule(PLAIN, NAME),
    Rule(NUMBER, r"[0-9]+(?:x[0-9]+)+\b"),
    Rule(NUMBER, r"[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)?"),
    Rule(OPERATOR, r"->|==|!=|<=|>=|//|\*\*|[<>=+*/%@|-]"),
    Rule(PUNCTUATION, r"[{}()\[\],:.]"),
)
"""Anything else has no place in the language."""

NO_PART = "nothing"


class ColouredText(NamedTuple):
    """A stretch of a text that is of one kind."""

    kind: str
    start: int
    end: int


def compile_rules(rules: tuple[Rule, ...]) -> re.Pattern[str]:
    """All rules as one, each a group named by its place in the table."""
    rows = [f"(?P<r{TABLE.index(rule)}>{rule.pattern})" for rule in rules]
    return re.compile("|".join([*rows, f"(?P<{NO_PART}>.)"]), re.MULTILINE | re.DOTALL)


ANYWHERE = compile_rules(TABLE)
IN_BRACKETS = compile_rules(tuple(rule for rule in TABLE if rule.kind != LABEL))


def colour(text: str) -> Iterator[ColouredText]:
    """The stretches of a text from its start to its end; NO_PART is what has no place in the language."""
    position, depth = 0, 0
    while position < len(text):
        found = (IN_BRACKETS if depth else ANYWHERE).match(text, position)
        assert found is not None and found.lastgroup is not None  # any character has a group
        rule = TABLE[int(found.lastgroup[1:])] if found.lastgroup.startswith("r") else Rule(NO_PART, "")
        if rule.groups:
            # A rule's own groups are numbered right behind the group that is the rule.
            first = found.re.groupindex[found.lastgroup] + 1
            for number, kind in enumerate(rule.groups, first):
                yield ColouredText(kind, *found.span(number))
        else:
            yield ColouredText(rule.kind, position, found.end())
        if rule.kind == PUNCTUATION:
            depth = max(0, depth + {"[": 1, "]": -1}.get(found[0], 0))
        position = found.end()
