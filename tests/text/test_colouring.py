"""The table of colours against the scanner, the grammar's words and the layers."""

from __future__ import annotations

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Error, Name

from cnnspec.layers import NAMES
from cnnspec.text.colouring import NO_PART, colour
from cnnspec.text.pygments_lexer import TOKENS, CnnLexer
from cnnspec.text.scanner import BUILT_IN, FILE_WORDS, STATEMENT_WORDS, WORDS, scan
from cnnspec.text.source import Source
from cnnspec.values.functions import FUNCTIONS
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS
from tests.text.parsing import TEXTS

KINDS = {
    "name layer label definition field": "NAME",
    "key definition": "KEY",
    "function name definition layer": "FUNC",
    "label name punctuation": "COMPUTED",
    "string": "STRING",
    "number": "INT SIZE FLOAT",
    "constant": "BOOL",
    "keyword": "NET BLOCK USE REQUIRE DEFAULT REPEAT IF ELSE FOR IN FROM AGAIN OUTPUT",
    "operator": "AND OR NOT SIGN TIMES POWER COMPARE ARROW AT VBAR",
    "punctuation": "LBRACE RBRACE LPAR RPAR LSQB RSQB SUBSCRIPT COMMA COLON DOT",
}
"""What the first character of which of the scanner's tokens may be coloured as."""

OF = {token: kinds.split() for kinds, tokens in KINDS.items() for token in tokens.split()}


def kinds(text: str) -> list[tuple[str, str]]:
    """The words of a text and their kinds, blanks apart."""
    return [(text[start:end], kind) for kind, start, end in colour(text) if kind != "blank"]


@pytest.mark.parametrize("name", TEXTS)
def test_each_token_has_the_colour_of_its_kind(name: str) -> None:
    text = TEXTS[name]
    starts = {stretch.start: stretch.kind for stretch in colour(text)}
    scanned = scan(Source(name, text), DEFAULT_TEXT_LIMITS)
    if scanned.faults:
        return
    for token in scanned.tokens:
        if token.type in OF:
            assert starts.get(token.start) in OF[token.type], (token, text[token.start : token.end])
    assert NO_PART not in starts.values()


def test_every_word_of_the_language_has_its_colour() -> None:
    for word in WORDS:
        assert kinds(f"x = {word}")[2][1] in ("keyword", "constant", "operator"), word
    for word in (*NAMES, *BUILT_IN):
        assert kinds(f"    {word}")[0] == (word, "layer")
    for word in FUNCTIONS:
        assert kinds(f"x = {word}(1)")[2] == (word, "function")
    for word in FILE_WORDS:
        assert kinds(f"{word} A")[0] == (word, "keyword")
        assert kinds(f"{word} = 3")[0] == (word, "key")
    for word in STATEMENT_WORDS:
        assert kinds(f"    {word} conv x=1")[0] == (word, "keyword")
        assert kinds(f"    {word}: conv 1@1")[0] == (word, "label")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stage{i+1}: relu", [("stage{i+1}", "label"), (":", "punctuation"), ("relu", "layer")]),
        (
            "a[i:j]",
            [
                ("a", "name"),
                ("[", "punctuation"),
                ("i", "name"),
                (":", "punctuation"),
                ("j", "name"),
                ("]", "punctuation"),
            ],
        ),
        ("in.height", [("in", "keyword"), (".", "punctuation"), ("height", "field")]),
        ("64@3x3 # x", [("64", "number"), ("@", "operator"), ("3x3", "number"), ("# x", "comment")]),
        ("a == b", [("a", "name"), ("==", "operator"), ("b", "name")]),
        ("net relu {", [("net", "keyword"), ("relu", "definition"), ("{", "punctuation")]),
        ("conv ü", [("conv", "layer"), ("ü", NO_PART)]),
    ],
)
def test_what_a_word_is_depends_on_what_stands_beside_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


def test_the_stretches_of_a_text_are_all_of_it() -> None:
    for text in (*TEXTS.values(), 'a "b\n\0 \U0001f600 [[]] ]: {{', ""):
        assert "".join(text[start:end] for _, start, end in colour(text)) == text


def test_pygments_finds_the_lexer_by_its_name_and_by_the_ending() -> None:
    assert type(get_lexer_by_name("cnn")) is type(get_lexer_for_filename("lenet.cnn")) is CnnLexer
    tokens = list(CnnLexer().get_tokens("net A { conv 8@3x3, ü }"))
    assert (Name.Class, "A") in tokens and (Name.Builtin, "conv") in tokens and (Error, "ü") in tokens
    assert TOKENS.keys() >= {kind for text in TEXTS.values() for kind, _, _ in colour(text)}
