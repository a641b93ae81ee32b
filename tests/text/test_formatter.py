"""The one layout: what it makes of ugly texts, and that nothing but blanks and newlines changes.

CNNSPEC_LONG=1 takes a thousand random specifications.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check
from cnnspec.faults import explain
from cnnspec.graph.tree import Network
from cnnspec.text import formatter
from cnnspec.text.files import read_library
from cnnspec.text.formatter import layout
from cnnspec.text.parser import parse
from cnnspec.text.scanner import Token, allowances, scan
from cnnspec.text.source import Source
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS, TextLimits
from tests.random.files import seeded
from tests.test_language import examples
from tests.text.parsing import ROOT, TEXTS, in_net, read, show, tree
from tests.text.test_parser import FILES, STATEMENTS, VALUES

UGLY = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "tests/data/layout").glob("*.cnn"))}


def laid(text: str) -> str:
    """The layout of a text without faults."""
    result, faults = layout(Source("x.cnn", text))
    assert result is not None, [(str(fault.span), fault.message) for fault in faults]
    return result


@pytest.mark.parametrize("name", UGLY)
def test_goldens(name: str) -> None:
    assert laid(UGLY[name]) == (ROOT / "tests/data/layout" / f"{name}.txt").read_text("utf-8")


# Texts of all kinds


def sound() -> Iterator[tuple[str, str]]:
    """Texts that parse, with their names: the zoo, all forms of the language, faults above its syntax."""
    yield from TEXTS.items()
    yield from UGLY.items()
    for path in sorted((ROOT / "tests/errors").glob("*.cnn")):
        text = path.read_text("utf-8")
        if not read(text)[1]:
            yield path.name, text
    for number, text in enumerate([*VALUES, *STATEMENTS, *FILES]):
        yield f"form {number}", text if text in FILES else in_net(f"x = {text}" if text in VALUES else text)


SOUND = dict(sound())
SEEDS = range(1000 if "CNNSPEC_LONG" in os.environ else 60)
ALL = [*SOUND, *SEEDS]


def text_of(name: str | int) -> str:
    """A text by its name, or the one that a seed makes."""
    return SOUND[name] if isinstance(name, str) else seeded(name)


def words(text: str) -> list[Token]:
    """The tokens, without newlines."""
    return [token for token in scan(Source("x.cnn", text), DEFAULT_TEXT_LIMITS).tokens if token.type != "NL"]


def comments(text: str) -> list[tuple[str, int, bool]]:
    """The comments, how many words stand before each, and whether one does on its line."""
    found = []
    position = 0
    for number, word in enumerate(words(text)):
        gap = text[position : word.start]
        for comment in re.finditer(r"#[^\n]*", gap):
            own = not number or "\n" in gap[: comment.start()]
            found.append((comment[0].rstrip(), number, own))
        position = word.end
    return found


def silenced(text: str) -> list[tuple[tuple[str, ...], set[int]]]:
    """For each comment that silences: the codes, and the words on its line."""
    source = Source("x.cnn", text)
    lines = [source.position(word.start)[0] for word in words(text)]
    return [
        (tuple(code.text for code in codes), {number for number, at in enumerate(lines) if at == line})
        for line, codes in allowances(source).items()
    ]


def assert_kept(text: str) -> str:
    """The layout of a text, in which only blanks and newlines may be others."""
    made = laid(text)
    assert laid(made) == made, "laid out twice is laid out once"
    assert "".join(made.split()) == "".join(text.split())
    assert show(tree(made)) == show(tree(text))
    assert comments(made) == comments(text)
    for (codes, before), (same, after) in zip(silenced(text), silenced(made), strict=True):
        assert codes == same and before <= after, "a silence covers all that it did"
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_only_blanks_and_newlines_change(name: str | int) -> None:
    text = text_of(name)
    made = assert_kept(text)
    assert strings(made) == strings(text)
    assert_tidy(made)


def strings(text: str) -> list[str]:
    return [text[word.start : word.end] for word in words(text) if word.type == "STRING"]


@pytest.mark.parametrize("name", SOUND)
def test_a_layout_is_tidy(name: str) -> None:
    assert_tidy(laid(SOUND[name]))


def assert_tidy(made: str) -> None:
    assert not re.search(r"[ \t]$|\t|\n\n\n|\A\n|[{(\[]\n\n|\n\n *[})\]]", made, re.MULTILINE)
    assert re.search(r"\A\Z|[^\n]\n\Z", made)


def graph(network: Network) -> object:
    flat = unroll(network)
    nodes = [
        (
            type(node.layer),
            vars(node.layer),
            [run._replace(span=None) for run in node.within],
            node._replace(layer=None, span=None, within=()),
        )
        for node in flat.nodes
    ]
    return network.name, flat.inputs, nodes, flat.outputs, flat.blocks


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_checked_graphs_are_the_same(name: str | int) -> None:
    text = text_of(name)
    found, again = (check(Source("x.cnn", t), read_library) for t in (text, laid(text)))
    assert [(d.code, d.message) for d in again.diagnostics] == [
        (d.code, d.message) for d in found.diagnostics
    ]
    for network, same in zip(found.networks[:3], again.networks[:3], strict=True):
        assert graph(same) == graph(network)
    assert len(again.networks) == len(found.networks)


# Texts whose blanks differ


OPENING, CLOSING = ("START", "LBRACE", "LPAR", "LSQB"), ("RBRACE", "RPAR", "RSQB", "$END")


def glued(before: str, behind: str) -> bool:
    """Whether nothing may stand between two words: there it would tell what they are."""
    return before == "FUNC" or behind == "SUBSCRIPT"


def blanks(chance: random.Random) -> str:
    return "".join(chance.choices(" \t", k=chance.choice((0, 0, 1, 3))))


def mangled(text: str, chance: random.Random) -> str:
    """A text in the layout with other blanks and newlines, where the layout takes no heed of them."""
    before, position = "START", 0
    text = f"\n{text}"  # so that all comments of the head stand on lines of their own
    parts = []
    for word in words(text):
        parts.append(regap(text[position : word.start], before, word.type, chance))
        written = text[word.start : word.end]
        parts.append(written.replace("=", blanks(chance) + "=") if word.type == "KEY" else written)
        before, position = word.type, word.end
    return "".join(parts)


def regap(gap: str, before: str, behind: str, chance: random.Random) -> str:
    """Other blanks between two words; more blank lines where there is one, or there can be none."""
    first, *rest = (line.strip(" ") for line in gap.split("\n"))
    if not rest:
        return gap + ("" if glued(before, behind) else blanks(chance))
    opens, closes = before in OPENING, behind in CLOSING
    if gap.isspace() and not closes and (opens or behind == "VBAR") and chance.random() < 0.3:
        return blanks(chance)
    lines = [first]
    for number, line in enumerate(rest, 1):
        last = number == len(rest)
        if not (line or last) or (opens and number == 1) or (closes and last):
            lines += [""] * chance.randint(0, 2)
        lines.append(line)
    return "\n".join(blanks(chance) + line + blanks(chance) for line in lines)


@pytest.mark.slow
@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_the_authors_blanks_do_not_matter(name: str | int, chance: random.Random) -> None:
    text = text_of(name)
    assume("allow" not in text)
    made = laid(text)
    assert laid(mangled(made, chance)) == made


# Texts with comments and newlines wherever they may stand


def roughened(text: str, chance: random.Random) -> str:
    """A text with more comments and newlines; it means the same."""
    before, position, depth = "START", 0, 0
    parts = []
    for word in words(text):
        gap = text[position : word.start]
        free = "\n" in gap or before in (*OPENING, "VBAR") or word.type in (*CLOSING, "VBAR") or depth
        if free and not glued(before, word.type) and chance.random() < 0.3:
            first, _, rest = gap.partition("\n")
            behind = "" if "#" in first else remark(chance)
            gap = f"{first} {behind}\n{chance.choice(('', '', chr(10)))}{remark(chance)}\n{rest}"
        parts += [gap, text[word.start : word.end]]
        depth += (word.type in ("LPAR", "LSQB", "SUBSCRIPT")) - (word.type in ("RPAR", "RSQB"))
        before, position = word.type, word.end
    return "".join(parts)


def remark(chance: random.Random) -> str:
    return chance.choice(("", "", "# so", "#", '# "no {', "# allow W0502", "# allow W0601, W0602 here"))


@pytest.mark.slow
@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_comments_stay_wherever_they_stand(name: str | int, chance: random.Random) -> None:
    text = roughened(text_of(name), chance)
    assert show(tree(text)) == show(tree(text_of(name)))
    assert_kept(text)


# What ships is laid out


@pytest.mark.parametrize("path", sorted((ROOT / "specs").rglob("*.cnn")), ids=lambda path: path.stem)
def test_the_specs_are_laid_out(path: Path) -> None:
    assert laid(path.read_text("utf-8")) == path.read_text("utf-8")


def documented() -> Iterator[tuple[str, str]]:
    """The examples of the reference and of the explain pages that parse; lines without a net stand in one."""
    for example in examples():
        own = re.search(r"^(net|block) ", example.text, re.MULTILINE)
        text = example.text if own else f"net N {{\n{indent(example.text, '    ')}}}\n"
        yield f"line {example.line}", text
    for code in explain.codes():
        page = explain.page(code)
        assert page is not None
        yield f"{code} wrong", page.wrong
        yield f"{code} right", page.right


DOCUMENTED = {name: text for name, text in documented() if not read(text)[1]}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_examples_are_laid_out(name: str) -> None:
    assert laid(DOCUMENTED[name]) == DOCUMENTED[name]


# Limits


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 63 + "1" + ")" * 63 + "\n",
        "x = " + " + ".join("1" * 200) + "\n",
        "x = " + "[\n" * 63 + "\n" + "]" * 63,
        "net N {" + "{\n" * 63 + "relu" + "}" * 64,
        "net N { if a {" + "} else if b {" * 150 + "} }",
    ],
)
def test_deep_texts(text: str) -> None:
    made = laid(text)
    assert laid(made) == made
    assert "".join(made.split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("net N {\n" + "{\n" * 5 + "relu\n" * 20 + "}\n" * 6, TextLimits(max_source=300)),
        ("net N { add { | relu\n" + "| relu " * 20 + "} }\n", TextLimits(max_statements=10)),
    ],
)
def test_a_text_over_a_limit_once_it_is_laid_out(
    text: str, limits: TextLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not parse(Source("x.cnn", text), limits)[1]
    assert layout(Source("x.cnn", text))[0] is not None
    monkeypatch.setattr(formatter, "DEFAULT_TEXT_LIMITS", limits)
    made, faults = layout(Source("x.cnn", text))
    assert made is None
    assert [fault.code for fault in faults] == ["E0105"]
