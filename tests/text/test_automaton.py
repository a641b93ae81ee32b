"""The automaton takes what Lark's own parser takes, and stops where that stops."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cnnspec.text.automaton import Automaton, advance
from cnnspec.text.grammar_table import RULES
from cnnspec.text.scanner import Token, scan
from cnnspec.text.source import Source
from cnnspec.values.limits import TextLimits

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").rglob("*.cnn"))
BROKEN = sorted((ROOT / "tests" / "errors").glob("E01*.cnn"))


@pytest.fixture(scope="module")
def lark() -> Any:
    """Lark's parser of the grammar, which it reads itself."""
    spec = importlib.util.spec_from_file_location("make_table", ROOT / "grammars" / "make_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build()


def stop_of_lark(lark: Any, tokens: Sequence[Token]) -> int:
    """The index of the token that Lark does not expect, or that behind the last."""
    from lark.exceptions import UnexpectedToken

    state = lark.parser.parser.parse_interactive(None, "start").parser_state
    for index, token in enumerate(tokens):
        try:
            state.feed_token(token, token is tokens[-1])
        except UnexpectedToken:
            return index
    return len(tokens)


def tokens_of(text: str) -> list[Token]:
    return list(scan(Source("x.cnn", text), TextLimits()).tokens)


def automaton() -> Automaton:
    """One that makes of each rule its name and its parts."""

    def action(name: str) -> Any:
        return lambda parts: (name, parts)

    rules = [(action(origin), origin, len(parts)) for _, origin, *parts in RULES]
    return Automaton("start", rules, {})


@pytest.mark.parametrize("files", [SPECS, BROKEN], ids=["specs", "broken"])
def test_it_stops_where_lark_stops(lark: Any, files: list[Path]) -> None:
    stops = []
    for file in files:
        tokens = tokens_of(file.read_text("utf-8"))
        stops.append(automaton().read(tokens, 0) < len(tokens))
        assert automaton().read(tokens, 0) == stop_of_lark(lark, tokens), file.name
    assert len(stops) > 20
    assert any(stops) == (files is BROKEN)


def test_every_token_is_a_leaf_of_the_value_in_its_place() -> None:
    def leaves(value: Any) -> list[Token]:
        return [leaf for part in value[1] for leaf in leaves(part)] if type(value) is tuple else [value]

    for file in SPECS[:10]:
        tokens = tokens_of(file.read_text("utf-8"))
        reader = automaton()
        assert reader.read(tokens, 0) == len(tokens)
        (value,) = reader.values
        assert leaves(value) == tokens[:-1]


def test_what_is_expected_is_what_can_be_read() -> None:
    tokens = tokens_of("net N { conv 8@3x3 }")
    reader = automaton()
    for place, token in enumerate(tokens[:-1]):
        assert reader.expects(token.type)
        assert reader.read([token], 0) == 1, place
    assert not reader.expects("RBRACE")
    assert reader.read([tokens[-2]], 0) == 0
    assert advance(tuple(reader.states), reader.end, "$END")
