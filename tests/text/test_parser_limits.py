"""Whatever the text, a tree and faults come back, soon; and the shipped table is the grammar's."""

from __future__ import annotations

import gc
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.lexer import Lexer

from cnnspec.text import grammar_table, syntax
from cnnspec.text.decoding import decode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.parser import parse
from cnnspec.text.scanner import PUNCTUATION, WORDS, scan
from cnnspec.text.source import Source
from cnnspec.values.limits import TextLimits
from tests.text.parsing import ROOT, TEXTS, in_net, nodes, read

MEGABYTE = 2**20
ANY = {
    "stars": "x = " + "a * " * 100_000 + "a",
    "powers": "x = " + "1 if a else " * 50_000 + "1",
    "not": "x = " + "not " * 100_000 + "a",
    "minus": "x = " + "- " * 100_000 + "a",
    "else if": "if a { } " + "else if a { } " * 20_000,
}
REFUSED = {
    "statements": ("a," * (MEGABYTE // 2 - 20), "a file has at most 60,000 statements (max_statements)"),
    "lines": ("a\n" * (MEGABYTE // 2 - 20), "a file has at most 60,000 statements (max_statements)"),
    "braces": ("{" * 100_000, "nesting has at most 64 brackets (max_nesting)"),
    "round brackets": ("x = " + "(" * 100_000, "nesting has at most 64 brackets (max_nesting)"),
    "lists": ("x = " + "[" * 100_000, "nesting has at most 64 brackets (max_nesting)"),
    "name": ("a" * 300, "a name has at most 255 bytes (max_name)"),
    "name of an argument": ("a " + "b" * 256 + "=1", "a name has at most 255 bytes (max_name)"),
    "quoted name": ('"' + "é" * 130 + '": a', "a name has at most 255 bytes (max_name)"),
    "source": ("#" * MEGABYTE, "a file has at most 1,048,576 bytes (max_source)"),
} | {name: (text, "operators and tests nest at most 200 deep (max_expression)") for name, text in ANY.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_over_a_limit_is_refused_at_its_place(name: str) -> None:
    statement, message = REFUSED[name]
    _, faults = read(in_net(statement))
    assert [(fault.code, fault.message) for fault in faults] == [("E0105", message)]


@pytest.mark.slow
def test_what_is_just_within_the_limits() -> None:
    lines = "relu\n" * (60_000 - 3)
    assert read(f"net A {{\n{lines}}}\n")[1] == []
    nested = "(" * 63 + "1" + ")" * 63
    assert read(in_net(f"x = {nested}"))[1] == []
    assert read(in_net("x = " + "1 + " * 200 + "1"))[1] == []
    assert read(in_net("x = [" + "1/9, " * 10_000 + "2147483647]"))[1] == []
    assert read(in_net("a" * 255))[1] == []
    assert read(in_net('"' + "é" * 127 + '": a'))[1] == []
    assert read(in_net("a " + "b" * 255 + " " * 300 + "=1"))[1] == []
    assert read(in_net("x = 000000000000000000001"))[1] == []


def test_limits_are_options() -> None:
    limits = TextLimits(max_statements=2, max_nesting=3)
    _, faults = parse(Source("x", "a = 1\nb = 2\nc = 3\n"), limits)
    assert [fault.message for fault in faults] == ["a file has at most 2 statements (max_statements)"]
    _, faults = parse(Source("x", "a = [[[[]]]]"), limits)
    assert [fault.message for fault in faults] == ["nesting has at most 3 brackets (max_nesting)"]


def depth(node: Any) -> int:
    """How deep a tree is, without recursion."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        current, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += [
            (part, level + 1) for part in current if isinstance(part, tuple) and not hasattr(part, "source")
        ]
    return deepest


@pytest.mark.slow
@pytest.mark.parametrize("name", ANY)
def test_trees_are_no_deeper_than_recursion_can_walk(name: str) -> None:
    assert depth(read(in_net(ANY[name]))[0]) < 900


FLOODS = {
    "bars": "|" * MEGABYTE,
    "braces": "}" * MEGABYTE,
    "brackets": "]\n" * 59_000,
    "at": "@" * MEGABYTE,
    "broken lines": "conv 64@\n" * 59_000,
    "open nets": "net A {\n" * 59_000,
    "open brackets": "{ x = (\na\na\na\n}\n" * 10_000,
    "words": "net " * 250_000,
    "references": "output " + "a{1} " * 100_000,
    "commas": "x = f(" + "a, " * 200_000 + ")",
    "quotes": '"' * MEGABYTE,
    "typographic": "“" * 300_000,
    "labels": "a:" * 400_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOODS)
def test_floods_of_faults_end(name: str) -> None:
    text = FLOODS[name][: MEGABYTE - 40]
    for whole in (text, f"net A {{\n{text}\n}}"):
        _, faults = read(whole)
        assert len(faults) <= 200


# No text raises


def check(text: str) -> None:
    file, faults = read(text)
    assert isinstance(file, syntax.File)
    lines = [fault.span.line for fault in faults]
    assert lines == sorted(set(lines))
    for fault in faults:
        assert re.fullmatch(r"E010\d", fault.code)
        assert fault.message
        assert 0 <= fault.span.start <= fault.span.end <= len(text)
    for node in nodes(file):
        assert 0 <= node.span.start <= node.span.end <= len(text)
        if isinstance(node, syntax.Broken):
            assert faults


@pytest.mark.slow
@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes(data: bytes) -> None:
    source = decode("x", data)
    if not isinstance(source, Diagnostic):
        check(source.text)


WORDS_AND_SIGNS = sorted(
    {*WORDS, *PUNCTUATION, "net", "block", "use", "require", "default", "a", "b{i}", "a=", "f("}
)
SOUP = st.sampled_from(
    [*WORDS_AND_SIGNS, "\n", "\n", "{\n", "\n}", "3", "5x5", "1.5", '"s"', "==", "-", "*", "#", "$"]
)


@pytest.mark.slow
@given(st.lists(SOUP, max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_words(words: list[str]) -> None:
    check(" ".join(words))


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_prefixes_and_lost_lines(name: str) -> None:
    text = TEXTS[name]
    for token in scan(Source(name, text), TextLimits()).tokens[::3]:
        check(text[: token.end])
    lines = text.splitlines(keepends=True)
    for number in range(0, len(lines), 2):
        check("".join(lines[:number] + lines[number + 1 :]))


# The grammar and its table


def tool() -> ModuleType:
    """grammars/make_table.py"""
    spec = importlib.util.spec_from_file_location("make_table", ROOT / "grammars" / "make_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_the_grammars() -> None:
    made = tool()
    shipped = Path(grammar_table.__file__).read_text("utf-8")
    assert made.render(made.build()) == shipped, "run python grammars/make_table.py"


class NoLexer(Lexer):
    """Strict mode wants a further package to compare terminals; only the rules are judged here."""

    __future_interface__ = 2

    def __init__(self, conf: Any) -> None: ...

    def lex(self, lexer_state: Any, parser_state: Any) -> Any: ...


def test_the_grammar_has_no_conflicts() -> None:
    grammar = (ROOT / "grammars" / "cnn.lark").read_text("utf-8")
    Lark(
        grammar,
        parser="lalr",
        lexer=NoLexer,
        strict=True,
        start=["start", "value"],
    )


def test_the_scanner_knows_the_grammars_words_and_signs() -> None:
    lark = tool().build()
    fixed = {term.pattern.value: term.name for term in lark.terminals if term.pattern.type == "str"}
    own = PUNCTUATION | WORDS | {word: word.upper() for word in ("net", "block", "use", "require", "default")}
    del own["yes"], own["no"]
    assert own == fixed


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_the_scanner_agrees_with_the_grammars_terminals(name: str) -> None:
    """Every token's text is one that the grammar's terminal matches there."""
    source = Source(name, TEXTS[name])
    terminals = {term.name: term.pattern.to_regexp() for term in tool().build().terminals}
    for token in scan(source, TextLimits()).tokens:
        if token.type not in ("$END", "NL"):
            found = re.compile(terminals[token.type]).match(source.text, token.start)
            references = token.type == "COMPUTED" and found is None
            assert references or (found and found.end() == token.end), token


def test_no_layer_stands_in_the_grammar() -> None:
    from cnnspec import layers

    grammar = re.sub("//.*", "", (ROOT / "grammars" / "cnn.lark").read_text("utf-8"))
    assert not set(re.findall(r"\w+", grammar)) & (set(layers.NAMES) - {"filter", "slice"})


def test_the_collector_is_left_as_it_was() -> None:
    assert gc.isenabled()
    read("net A {")
    assert gc.isenabled()
