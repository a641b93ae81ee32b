"""Edits: what they make of a text, and where they move what stands in it."""

from __future__ import annotations

import random

import pytest

from cnnspec.text.edits import (
    Edit,
    apply,
    changed_lines,
    difference,
    insert,
    insert_into,
    new_offset,
    new_span,
    new_starts,
    old_offset,
)
from cnnspec.text.source import Source, Span
from tests.live.edits import edit

TEXT = "net A {\n    input 1@8x8\n    relu\n}\n" * 3


@pytest.mark.parametrize(
    ("start", "end", "text", "offsets"),
    [
        (2, 2, "xy", {0: 0, 1: 1, 2: 4, 3: 5}),
        (2, 4, "", {1: 1, 2: 2, 3: 2, 4: 2, 5: 3}),
        (2, 4, "xyz", {2: 2, 4: 5, 5: 6}),
    ],
)
def test_offsets_move_along(start: int, end: int, text: str, offsets: dict[int, int]) -> None:
    change = Edit(Span(Source("", "abcdef"), start, end), text)
    assert {offset: new_offset(offset, [change]) for offset in offsets} == offsets
    assert old_offset(new_offset(5, [change]), [change]) == 5


def test_what_goes_to_one_place_keeps_its_order() -> None:
    source = Source("", "abcdef")
    replaced = Edit(Span(source, 2, 4), "x")
    edits = (replaced, insert(source, 2, "1"), insert(source, 2, "2"))
    assert apply(source.text, edits) == "ab12xef"
    assert new_starts(edits) == [(edits[1], 2), (edits[2], 3), (replaced, 4)]


def test_more_text_goes_into_an_edit_or_beside_it() -> None:
    source = Source("", "abcdef")
    edits = (Edit(Span(source, 1, 2), "xyz"), insert(source, 4, "-"))
    made = apply(source.text, edits)
    assert made == "axyzcd-ef"
    for offset in range(len(made) + 1):
        more = apply(source.text, insert_into(source, edits, offset, "!"))
        assert more == f"{made[:offset]}!{made[offset:]}"


def test_what_an_edit_leaves_keeps_its_text_where_it_goes() -> None:
    chance, text = random.Random(0), TEXT
    for _ in range(300):
        old, new = Source("x", text), Source("x", edit(text, chance))
        change = difference(old, new.text)
        assert apply(text, [change]) == apply(text, changed_lines(old, new.text)) == new.text
        for start in range(0, len(text), 5):
            span = Span(old, start, min(start + 4, len(text)))
            moved = new_span(span, change, new)
            assert moved is None or moved.text == span.text
        untouched = [n for n in range(len(text)) if new_span(Span(old, n, n + 1), change, new) is not None]
        assert len(untouched) == len(text) - len(change.span.text)
        text = new.text or "net"


def test_lines_that_stay_are_in_no_edit() -> None:
    source = Source("x", TEXT)
    (first, last) = changed_lines(source, "# a\n" + TEXT.replace("    relu\n}\n", "}\n", 1))
    assert (first.span.text, first.text) == ("", "# a\n")
    assert (last.span.text, last.text) == ("    relu\n", "")
