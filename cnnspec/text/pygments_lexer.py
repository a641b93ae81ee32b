"""The colours of `.cnn` files for whatever uses Pygments: Sphinx, MkDocs, rich, LaTeX by minted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pygments.lexer import Lexer
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from cnnspec.text import colouring

TOKENS = {
    colouring.BLANK: Whitespace,
    colouring.COMMENT: Comment.Single,
    colouring.STRING: String.Double,
    colouring.NUMBER: Number,
    colouring.CONSTANT: Keyword.Constant,
    colouring.KEYWORD: Keyword,
    colouring.DEFINITION: Name.Class,
    colouring.LABEL: Name.Label,
    colouring.KEY: Name.Attribute,
    colouring.LAYER: Name.Builtin,
    colouring.FUNCTION: Name.Function,
    colouring.FIELD: Name.Property,
    colouring.OPERATOR: Operator,
    colouring.PUNCTUATION: Punctuation,
    colouring.PLAIN: Name,
    colouring.NO_PART: Error,
}


class CnnLexer(Lexer):  # type: ignore[misc]  # Pygments tells no types
    """The language of cnnspec; Pygments finds it by `cnn` and by the ending `.cnn`."""

    name = "cnnspec"
    aliases = ["cnn", "cnnspec"]
    filenames = ["*.cnn"]
    url = "https://pypi.org/project/cnnspec/"

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Each stretch of a text with its place."""
        for kind, start, end in colouring.colour(text):
            yield start, TOKENS[kind], text[start:end]
