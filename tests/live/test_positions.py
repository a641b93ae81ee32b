"""Lines and columns as editors count them, and files as they call them."""

from __future__ import annotations

import pytest

from cnnspec.live.positions import Lines, name_of, uri_of


def test_columns_count_units_of_utf_16() -> None:
    lines = Lines("a\U0001f600é\nb")
    assert [lines.position(offset) for offset in range(6)] == [(0, 0), (0, 1), (0, 3), (0, 4), (1, 0), (1, 1)]
    assert [lines.offset(0, column) for column in range(6)] == [0, 1, 2, 2, 3, 3]
    for text in ("", "plain\n\ntext", "\U0001f600\n\U0001f600\U0001f600", "é\n"):
        lines = Lines(text)
        for offset in range(len(text) + 1):
            assert lines.offset(*lines.position(offset)) == offset


def test_places_outside_of_a_text_are_its_nearest_end() -> None:
    lines = Lines("ab\ncd")
    assert [lines.offset(*place) for place in ((0, 99), (9, 0), (-1, 1), (1, -3))] == [2, 5, 1, 3]
    assert lines.position(99) == (1, 2) and lines.position(-1) == (0, 0)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("file:///home/a%20b/n.cnn", "/home/a b/n.cnn"),
        ("file://localhost/home/n.cnn", "/home/n.cnn"),
        ("untitled:Untitled-1", "untitled:Untitled-1"),
        ("vscode-vfs://github/a/n.cnn", "vscode-vfs://github/a/n.cnn"),
    ],
)
def test_a_uri_is_a_path(uri: str, name: str) -> None:
    assert name_of(uri, windows=False) == name


@pytest.mark.parametrize(
    ("uri", "name", "back"),
    [
        ("file:///C:/Users/a/n.cnn", "c:/Users/a/n.cnn", "file:///c:/Users/a/n.cnn"),
        ("file:///c%3A/Users/a%20b/n.cnn", "c:/Users/a b/n.cnn", "file:///c:/Users/a%20b/n.cnn"),
        ("file://server/share/n.cnn", "//server/share/n.cnn", "file://server/share/n.cnn"),
        ("untitled:Untitled-1", "untitled:Untitled-1", "untitled:Untitled-1"),
    ],
)
def test_a_uri_is_a_path_on_windows(uri: str, name: str, back: str) -> None:
    """A drive is spelt in several ways and is one file all the same."""
    assert name_of(uri, windows=True) == name
    assert uri_of(name, windows=True) == back
    assert name_of(back, windows=True) == name
    assert uri_of("C:\\a b\\n.cnn", windows=True) == "file:///c:/a%20b/n.cnn"
