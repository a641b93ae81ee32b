"""The user's cache: what comes back from it is what was kept, and nobody else's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnspec.text.cache import keep, load

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="nothing is kept on Windows")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "cnnspec"


def test_what_is_kept_comes_back(folder: Path) -> None:
    assert load("x") is None
    keep("x", b"one")
    assert load("x") == b"one"
    keep("x", b"two")
    assert load("x") == b"two"
    assert [path.name for path in folder.iterdir()] == ["x"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.chmod(0o620),
        lambda file: file.chmod(0o602),
        lambda file: file.parent.chmod(0o770),
        lambda file: file.parent.chmod(0o707),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes().replace(b"content", b"another")),
        lambda file: file.rename(file.with_name("y")).with_name("x").symlink_to("y"),
        lambda file: (file.unlink(), file.mkdir()),
    ],
    ids=["group", "all", "folder-group", "folder-all", "torn", "changed", "link", "no file"],
)
def test_what_others_may_have_written_or_is_damaged_is_not_read(
    folder: Path, spoil: Callable[[Path], object]
) -> None:
    keep("x", b"content")
    spoil(folder / "x")
    assert load("x") is None


def test_a_folder_behind_a_link_is_not_read(folder: Path) -> None:
    keep("x", b"content")
    folder.rename(folder.with_name("other"))
    folder.symlink_to("other")
    assert load("x") is None


def test_what_another_user_owns_is_neither_read_nor_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("x", b"content")
    before = (folder / "x").read_bytes()
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert load("x") is None
    keep("x", b"mine")
    assert (folder / "x").read_bytes() == before
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "further"))
    keep("x", b"mine")
    assert not (folder / "further").exists()


def test_where_nothing_can_be_kept_nothing_happens(folder: Path) -> None:
    folder.parent.write_text("a file where the folder is to be")
    keep("x", b"content")
    assert load("x") is None


def test_a_relative_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    monkeypatch.setenv("HOME", str(tmp_path))
    keep("x", b"content")
    assert not (tmp_path / "caches").exists()
    assert load("x") == b"content"
