"""The colours of `.cnn` files for whatever uses Pygments: Sphinx, MkDocs, rich, LaTeX by minted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pygments import token
from pygments.lexer import Lexer

from cnnspec.text import colouring

TOKENS = {
    colouring.BLANK: token.Whitespace,
    colouring.COMMENT: token.Comment.Single,
    colouring.STRING: token.String.Double,
    colouring.NUMBER: token.Number,
    colouring.CONSTANT: token.Keyword.Constant,
    colouring.KEYWORD: token.Keyword,
    colouring.DEFINITION: token.Name.Class,
    colouring.LABEL: token.Name.Label,
    colouring.KEY: token.Name.Attribute,
    colouring.LAYER: token.Name.Builtin,
    colouring.FUNCTION: token.Name.Function,
    colouring.FIELD: token.Name.Property,
    colouring.OPERATOR: token.Operator,
    colouring.PUNCTUATION: token.Punctuation,
    colouring.PLAIN: token.Name,
    colouring.NO_PART: token.Error,
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
