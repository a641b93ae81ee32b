"""Writes cnn.tmLanguage.json anew, the TextMate grammar, from the table of the language's colours.

python grammars/vscode/make_grammar.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnnspec.text import colouring
from cnnspec.text.colouring import BLANK, LABEL, TABLE, Rule

FILE = Path(__file__).parent / "cnn.tmLanguage.json"

SCOPES = {
    colouring.COMMENT: "comment.line.number-sign",
    colouring.STRING: "string.quoted.double",
    colouring.NUMBER: "constant.numeric",
    colouring.CONSTANT: "constant.language",
    colouring.KEYWORD: "keyword.control",
    colouring.DEFINITION: "entity.name.type",
    colouring.LABEL: "entity.name.label",
    colouring.KEY: "variable.parameter",
    colouring.LAYER: "support.function",
    colouring.FUNCTION: "entity.name.function",
    colouring.FIELD: "variable.other.property",
    colouring.OPERATOR: "keyword.operator",
    colouring.PUNCTUATION: "punctuation",
    colouring.PLAIN: "variable.other",
}
"""The names that colour schemes know, by the table's kinds."""


def scope(kind: str) -> str:
    return f"{SCOPES[kind]}.cnn"


def pattern(rule: Rule) -> dict[str, Any]:
    """A rule as the grammar has it."""
    if not rule.groups:
        return {"name": scope(rule.kind), "match": rule.pattern}
    captures = {
        str(number): {"name": scope(kind)} for number, kind in enumerate(rule.groups, 1) if kind != BLANK
    }
    return {"match": rule.pattern, "captures": captures}


def grammar() -> dict[str, Any]:
    """The grammar: in square brackets, where `:` makes a slice, nothing is a label."""
    rules = [rule for rule in TABLE if rule.kind != BLANK]
    brackets = {
        "begin": r"\[",
        "end": r"\]",
        "captures": {"0": {"name": scope(colouring.PUNCTUATION)}},
        "patterns": [{"include": "#brackets"}, {"include": "#inside"}],
    }
    return {
        "name": "cnnspec",
        "scopeName": "source.cnn",
        "fileTypes": ["cnn"],
        "patterns": [{"include": "#brackets"}, {"include": "#anywhere"}],
        "repository": {
            "brackets": brackets,
            "anywhere": {"patterns": [pattern(rule) for rule in rules]},
            "inside": {"patterns": [pattern(rule) for rule in rules if rule.kind != LABEL]},
        },
    }


def text() -> str:
    return json.dumps(grammar(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
