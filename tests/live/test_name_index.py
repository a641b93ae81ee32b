"""What names mean, and what happens when they become others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec.live.answers.find import RenameRefused, definition, references, rename
from cnnspec.live.name_index import index_of, mention_at
from cnnspec.live.session import Document, Session
from cnnspec.text.edits import apply

SPECS = Path(__file__).parents[2] / "specs"

TEXT = """\
depth = 2
block Unit(width, act=relu) {
    half = width // 2
    conv half@1x1, act
    out: conv width@1x1
}
net A(width=8) {
    input 1@8x8
    features: {
        repeat i in [width, 16] { stage{i}: Unit i act=tanh }
        pool: maxpool 2x2
    }
    add { | from features.pool | identity }
    last: Unit (max(width, depth))
    again last
    output last
}
net B = A width=4
"""


def opened(text: str = TEXT, name: str = "/w/net.cnn") -> tuple[Session, Document]:
    session = Session()
    document = session.open(name, text)
    session.refresh(name)
    return session, document


def at(document: Document, words: str, inside: str = "") -> int:
    """The offset of a word within the first place where these words stand."""
    start = document.source.text.index(words)
    return start + words.index(inside or words.split()[0])


def places(document: Document, words: str, inside: str = "") -> list[int]:
    """The lines of all places of the name there."""
    session = Session()
    mention = mention_at(document, at(document, words, inside))
    assert mention is not None, words
    return [each.span.line for each in references(session, document, mention.symbol)]


@pytest.mark.parametrize(
    ("words", "inside", "lines"),
    [
        ("depth = 2", "depth", [1, 14]),
        ("Unit(width", "Unit", [2, 10, 14]),
        ("(width, act", "width", [2, 3, 5]),
        ("act=relu", "act", [2, 4, 10]),
        ("half =", "half", [3, 4]),
        ("A(width=8", "width", [7, 10, 14, 18]),
        ("net A", "A", [7, 18]),
        ("i in [", "i", [10, 10, 10]),
        ("pool: max", "pool", [11, 13]),
        ("features: {", "features", [9, 13]),
        ("last: Unit", "last", [14, 15, 16]),
        ("maxpool 2x2", "maxpool", [11]),
        ("max(width", "max", [14]),
    ],
)
def test_a_name_is_found_in_all_its_places(words: str, inside: str, lines: list[int]) -> None:
    _, document = opened()
    assert places(document, words, inside) == lines


def test_definitions_are_where_names_are_given() -> None:
    session, document = opened()
    for words, inside, given in (
        ("from features.pool", "pool", "pool: max"),
        ("= A width", "width", "width=8"),
        ("act=tanh", "act", "act=relu"),
        ("{ stage{i}", "i}", "i in"),
        ("= A width", "A", "A(width"),
    ):
        span = definition(session, document, at(document, words, inside))
        assert span is not None
        assert document.source.text.startswith(given, span.start), words
    assert definition(session, document, at(document, "maxpool 2x2", "maxpool")) is None


@pytest.mark.slow
def test_every_name_of_the_zoo_leads_somewhere() -> None:
    """What stands in a file's text as a name is either the language's, or given somewhere."""
    for path in sorted(SPECS.rglob("*.cnn")):
        session, document = opened(path.read_text("utf-8"), path.as_posix())
        index = index_of(document)
        assert index is not None
        for mention in index.mentions:
            if mention.symbol.home[1] >= 0 and not mention.gives:
                assert definition(session, document, mention.span.start) is not None, (path, mention)


def test_definitions_lead_into_files_that_are_used(tmp_path: Path) -> None:
    (tmp_path / "b.cnn").write_text("# about\nblock B(w=4) { conv w@3x3 }\n")
    text = 'use "b.cnn"\nuse "blocks/residual.cnn"\nnet A { input 1@9x9, B w=8, Basic 8 }\n'
    session, document = opened(text, (tmp_path / "a.cnn").as_posix())
    for words, inside, line in (("B w=8", "B", 2), ("w=8", "w", 2), ('use "b', '"', 1)):
        span = definition(session, document, at(document, words, inside))
        assert span is not None
        assert (span.source.name, span.line) == ((tmp_path / "b.cnn").as_posix(), line)
    span = definition(session, document, at(document, "Basic 8"))
    assert span is not None and span.source.name == "<cnnspec>/blocks/residual.cnn" and span.text == "Basic"


def renamed(session: Session, document: Document, words: str, inside: str, name: str) -> dict[str, str]:
    """The texts by file behind a rename."""
    edits = rename(session, document, at(document, words, inside), name)
    found: dict[str, str] = {}
    for source in {edit.span.source.name: edit.span.source for edit in edits}.values():
        own = [edit for edit in edits if edit.span.source.name == source.name]
        found[source.name] = apply(source.text, own)
    return found


def test_a_parameter_is_renamed_where_it_is_given_and_where_it_is_set() -> None:
    session, document = opened()
    (text,) = renamed(session, document, "A(width=8", "width", "wide").values()
    assert text == (
        TEXT.replace("A(width=8", "A(wide=8")
        .replace("[width, 16]", "[wide, 16]")
        .replace("max(width", "max(wide")
        .replace("A width=4", "A wide=4")
    )


def test_a_block_is_renamed_in_other_files_too(tmp_path: Path) -> None:
    blocks, other = tmp_path / "b.cnn", tmp_path / "c.cnn"
    blocks.write_text("block B { conv 4@3x3 }\n")
    other.write_text('use "b.cnn"\nnet C { input 1@9x9, B }\n')
    session, document = opened('use "b.cnn"\nnet A { input 1@9x9, B }\n', (tmp_path / "a.cnn").as_posix())
    session.roots = [tmp_path.as_posix()]
    found = renamed(session, document, ", B }", "B", "Body")
    assert {Path(name).name: text for name, text in found.items()} == {
        "a.cnn": 'use "b.cnn"\nnet A { input 1@9x9, Body }\n',
        "b.cnn": "block Body { conv 4@3x3 }\n",
        "c.cnn": 'use "b.cnn"\nnet C { input 1@9x9, Body }\n',
    }


@pytest.mark.parametrize(
    ("words", "inside", "name"),
    [
        ("Unit(width", "Unit", "conv"),  # a layer
        ("Unit(width", "Unit", "A"),  # given already
        ("depth = 2", "depth", "width"),  # another name would hide it
        ("half =", "half", "if"),
        ("half =", "half", "2b"),
        ("maxpool 2x2", "maxpool", "pool"),
        ("stage{i}:", "stage", "part"),  # computed
        ("pool: max", "pool", "train"),  # torch modules have it
    ],
)
def test_what_would_mean_something_else_is_refused(words: str, inside: str, name: str) -> None:
    session, document = opened()
    with pytest.raises(RenameRefused):
        rename(session, document, at(document, words, inside), name)
