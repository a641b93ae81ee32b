"""Texts that are typed in: what is known of them at any time is what a fresh check finds."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnspec import compiler
from cnnspec.compiler import Checked
from cnnspec.live import session as session_module
from cnnspec.live.answers.sizes import LineSize, line_sizes
from cnnspec.live.findings import ALL
from cnnspec.live.session import Document, Session, move_diagnostic
from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.text.edits import difference
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import TextLimits
from tests.live.edits import edit

SPECS = Path(__file__).parents[2] / "specs"
LONG = "CNNSPEC_LONG" in os.environ
EDITS = 10_000 if LONG else 150


def settled(session: Session) -> None:
    """All that may wait is done."""
    while session.go_on() is not None:
        pass


def opened(text: str, name: str = "/w/net.cnn") -> tuple[Session, Document]:
    session = Session()
    session.open(name, text)
    document = session.refresh(name)
    assert document is not None
    return session, document


def typed(session: Session, document: Document, text: str) -> None:
    session.change(document.name, text)
    session.refresh(document.name)


def shown(sizes: list[LineSize], document: Document) -> dict[int, str]:
    """By line, counted from 1, what stands behind it."""
    return {
        document.source.position(s.offset)[0]: f"({s.shapes[0]})"
        if s.stale
        else ", ".join(map(str, s.shapes))
        for s in sizes
    }


def summary(found: list[Diagnostic] | Checked) -> list[tuple[object, ...]]:
    diagnostics = found.diagnostics if isinstance(found, Checked) else found
    return [
        (d.code, d.message, d.span.source.name, d.span.start, d.span.end, [n.message for n in d.notes])
        for d in diagnostics
    ]


def fresh(document: Document) -> Checked:
    session = Session()
    other = session.open(document.name, document.text)
    session.refresh(document.name)
    assert other.check is not None
    return compiler.check(other.source, other.check.read, lint=True)


LENET = (SPECS / "lenet.cnn").read_text("utf-8")


def test_sizes_stand_behind_the_lines_that_do_not_tell_them() -> None:
    _, document = opened(
        "net A {\n    input 1@28x28\n    conv 6@5x5, relu\n    maxpool 2x2  -> 6@12x12\n    flatten\n}\n"
    )
    assert shown(document.sizes, document) == {3: "6@24x24", 5: "864"}
    assert all(size.certain for size in document.sizes)


def test_a_line_that_runs_with_several_sizes_shows_each_once() -> None:
    block = "block B(w) {\n    conv w@3x3\n}\n"
    text = block + "net A {\n    input 1@9x9\n    repeat w in [4, 8] {\n        B w\n    }\n}\n"
    _, document = opened(text)
    assert shown(document.sizes, document) == {2: "4@7x7, 8@5x5", 7: "4@7x7, 8@5x5", 8: "8@5x5"}
    assert [size.certain for size in document.sizes] == [False, False, True]


def test_broken_text_keeps_its_last_sizes_as_stale() -> None:
    good = "net A {\n    input 1@9x9\n    conv 4@3x3\n    relu\n}\n"
    session, document = opened(good)
    typed(session, document, good.replace("4@3x3", "4@3x3 pad="))
    assert shown(document.sizes, document) == {3: "(4@7x7)", 4: "(4@7x7)"}
    typed(session, document, "# a line more\n" + document.text)
    typed(session, document, "# a line more\n" + good.replace("4@3x3", "4@3x3 strid=2"))
    assert shown(document.sizes, document) == {4: "(4@7x7)", 5: "(4@7x7)"}
    typed(session, document, "\0\n\n" + document.text)  # no text of the language
    assert shown(document.sizes, document) == {6: "(4@7x7)", 7: "(4@7x7)"}
    typed(session, document, good.replace("4@3x3", "4@3x3 stride=2"))
    assert shown(document.sizes, document) == {3: "4@4x4", 4: "4@4x4"}


def test_the_net_that_one_types_in_comes_into_view() -> None:
    text = "net A { input 1@8x8, relu }\nnet B { input 1@9x9, relu }\n"
    session, document = opened(text)
    assert document.view == "A"
    typed(session, document, text.replace("1@9x9", "1@7x7"))
    assert document.view == "B"
    assert shown(document.sizes, document) == {2: "1@7x7"}
    session.choose(document.name, "A")
    assert shown(document.sizes, document) == {1: "1@8x8"}


def test_a_pattern_is_seen_by_one_of_its_variants() -> None:
    pattern = "net P(w) {\n    input 1@9x9, conv w@1x1, relu\n}\n"
    text = f"net A {{ input 1@8x8 }}\n{pattern}net B = P w=2\nnet C = P w=3\n"
    session, document = opened(text)
    typed(session, document, text.replace("9x9", "7x7"))
    assert document.view == "B"
    session.choose(document.name, "C")
    typed(session, document, text)
    assert document.view == "C"
    typed(session, document, text.replace("w=2", "w=4"))
    assert document.view == "B"
    assert shown(document.sizes, document) == {3: "4@9x9"}


def test_nets_that_did_not_change_are_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "k = 3\nnet A { input 1@8x8, conv 2@k }\nnet B { input 1@9x9, conv 2@k }\nnet C = B\n"
    session, document = opened(text)
    settled(session)
    checked: list[str] = []
    check_net = compiler.check_net
    monkeypatch.setattr(
        compiler,
        "check_net",
        lambda module, name, *rest: checked.append(name) or check_net(module, name, *rest),
    )
    typed(session, document, text.replace("1@8x8", "1@7x7"))
    settled(session)
    assert checked == ["A"]
    typed(session, document, document.text.replace("k = 3", "k = 5"))
    settled(session)
    assert sorted(checked[1:]) == ["A", "B", "C"]


def test_a_used_file_that_did_not_change_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    parse = session_module.parse

    def noted(source: Source, limits: TextLimits) -> object:
        read.append(source.name)
        return parse(source, limits)

    monkeypatch.setattr(session_module, "parse", noted)
    text = 'use "blocks/residual.cnn"\nnet A { input 1@8x8, Basic 4 }\n'
    session, document = opened(text)
    typed(session, document, text.replace("4", "8"))
    assert [Path(name).name for name in read] == ["net.cnn", "residual.cnn", "net.cnn"]


def test_what_is_wrong_with_other_nets_stays_until_they_are_checked_again() -> None:
    text = "net A { input 1@8x8, relu }\nnet B { input 1@9x9, rleu }\n"
    session, document = opened(text)
    settled(session)
    typed(session, document, text.replace("1@8x8", "1@10x10"))
    assert document.view == "A"
    assert document.check is not None and document.check.left == ["B"]
    assert [(d.code, d.span.text) for d in document.diagnostics] == [("E0201", "rleu")]


def test_a_used_file_is_read_from_the_editor_and_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "b.cnn").write_text("block B { conv 4@3x3 }\n")
    session = Session()
    user, blocks = (tmp_path / "a.cnn").as_posix(), (tmp_path / "b.cnn").as_posix()
    document = session.open(user, 'use "b.cnn"\nnet A {\n    input 1@9x9\n    B\n}\n')
    session.refresh(user)
    assert shown(document.sizes, document) == {4: "4@7x7"}
    session.open(blocks, "block B { conv 8@5x5 }\n")  # not saved
    assert set(session.dirty()) == {user, blocks}
    session.refresh(user)
    assert shown(document.sizes, document) == {4: "8@5x5"}
    session.change(blocks, "block C { conv 8@5x5 }\n")
    session.refresh(user)
    assert [d.code for d in document.diagnostics] == ["E0201"]
    session.close(blocks)
    session.refresh(user)
    assert shown(document.sizes, document) == {4: "4@7x7"}
    (tmp_path / "b.cnn").write_text("block B { conv 16@3x3 }\n")
    session.touch(blocks)
    session.refresh(user)
    assert shown(document.sizes, document) == {4: "16@7x7"}


def test_blocks_show_the_sizes_of_an_open_net_that_uses_them(tmp_path: Path) -> None:
    session = Session()
    user, blocks = (tmp_path / "a.cnn").as_posix(), (tmp_path / "b.cnn").as_posix()
    document = session.open(blocks, "block B {\n    conv 4@3x3\n}\n")
    session.open(user, 'use "b.cnn"\nnet A { input 1@9x9, B }\n')
    for name in (user, blocks):
        session.refresh(name)
    assert shown(session.sizes(document), document) == {2: "4@7x7"}


def test_text_that_lies_nowhere_uses_the_library_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b.cnn").write_text("block B { conv 4@3x3 }\n")
    monkeypatch.chdir(tmp_path)
    _, document = opened('use "b.cnn"\nnet A { input 1@9x9, relu }\n', "untitled:Untitled-1")
    assert [d.code for d in document.diagnostics] == ["E0206"]
    _, document = opened('use "blocks/residual.cnn"\nnet A { input 1@9x9, relu }\n', "untitled:Untitled-1")
    assert not document.diagnostics


def test_text_that_cannot_be_one_has_a_fault_and_may_be_mended() -> None:
    session, document = opened("net A { input 1@8x8, relu }\0")
    assert [d.code for d in document.diagnostics] == ["E0102"]
    typed(session, document, "net A { input 1@8x8, relu \ud800 }")
    assert [d.code for d in document.diagnostics] == ["E0102"]
    typed(session, document, "net A { input 1@8x8, relu }")
    assert not document.diagnostics


@pytest.mark.slow
def test_nets_that_share_a_bound_are_over_it_together() -> None:
    nets = "".join(f"net N{i} {{ input 1@8x8, repeat 8000 {{ relu }} }}\n" for i in range(3))
    session, document = opened(nets)
    settled(session)
    assert [d.code for d in document.diagnostics] == [d.code for d in fresh(document).diagnostics]
    assert any(d.code == "E0307" for d in document.diagnostics)


def walks() -> Iterator[tuple[str, int]]:
    names = ("resnet", "lenet", "unet", "siamese", "squeezenet")
    share = EDITS // len(names)
    return ((name, share) for name in names)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "edits"), walks())
def test_after_any_edits_all_is_as_in_a_fresh_check(name: str, edits: int) -> None:
    """`CNNSPEC_LONG=1` makes 10,000 edits."""
    chance = random.Random(name)
    text = (SPECS / f"{name}.cnn").read_text("utf-8")
    session, document = opened(text, (SPECS / f"{name}.cnn").as_posix())
    for number in range(edits):
        if number % 25 == 0:
            session.change(document.name, text)
            session.refresh(document.name)
            settled(session)
        typed(session, document, edit(document.text, chance))
        assert document.fault is not None or document.check is not None
        if chance.random() < 0.4 or document.check is None:
            continue  # the next edit comes before the other nets are checked
        settled(session)
        found = fresh(document)
        assert summary(document.diagnostics) == summary(found), document.text
        check = document.check
        again = Session()
        other = again.open(document.name, document.text)
        again.refresh(document.name)
        if check.in_view != ALL:
            again.choose(document.name, check.in_view)
        assert other.check is not None
        known = [s for s in document.sizes if not s.stale]
        assert known == line_sizes(other.check.module.tree, other.check.runs), document.text


def test_a_diagnostic_moves_with_its_notes() -> None:
    old, new, other = Source("x", "aa bb cc"), Source("x", "aa new cc"), Source("y", "zz")
    places = {"first": Span(old, 0, 2), "touched": Span(old, 3, 5), "far": Span(other, 0, 2), "no": None}
    notes = tuple(Note(message, span) for message, span in places.items())
    change = difference(old, new.text)
    found = move_diagnostic(Diagnostic("E0101", "wrong", Span(old, 6, 8), notes=notes), change, new)
    assert found is not None
    assert found.span.text == "cc" and found.span.source is new
    left = [(note.message, note.span and note.span.text) for note in found.notes]
    assert left == [("first", "aa"), ("far", "zz"), ("no", None)]
    assert move_diagnostic(Diagnostic("E0101", "wrong", Span(old, 3, 5)), change, new) is None


def test_two_open_texts_that_use_each_other_settle_and_each_is_told() -> None:
    session = Session()
    names = "/w/a.cnn", "/w/b.cnn"
    texts = (
        'use "b.cnn"\nblock P(w) { conv w@3x3 pad=1 }\nnet N { input 3@32x32, Q 8 }\n',
        'use "a.cnn"\nblock Q(w) { P w, relu }\nnet M { input 3@32x32, Q 4 }\n',
    )
    for name, text in zip(names, texts, strict=True):
        session.open(name, text)
    for text in (texts[1], texts[1].replace("relu", "rel"), texts[1].replace('use "a.cnn"\n', "")):
        session.change(names[1], text)
        for name in session.dirty():
            session.refresh(name)
        assert not session.dirty()  # a check makes no other one necessary
        circle = "use" in text
        for name in names:
            codes = {fault.code for fault in session.documents[name].diagnostics}
            assert ("E0207" in codes) == circle, (name, text)
