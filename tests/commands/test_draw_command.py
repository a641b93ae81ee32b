"""`cnnspec draw`: where the picture goes, in which format, and that it is shown."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import pytest

from tests.commands.calling import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_text("net N { input 1@8x8, conv 2@3x3 }\n")
    return tmp_path


draw = partial(run, "draw")


def test_the_format_is_chosen_where_no_name_tells_it() -> None:
    assert draw("--format", "dot").stderr == "wrote net.dot\n"
    assert draw("-o", "-", "--format", "dot").stdout == Path("net.dot").read_text()
    assert draw("-o", "-").stdout.startswith("<?xml")
    assert draw("-o", "a.dot", "--format", "dot").exit_code == 0
    refused = draw("-o", "a.svg", "--format", "dot")
    assert refused.exit_code == 2 and "a.svg" in refused.stderr and not Path("a.svg").exists()


def test_the_file_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(click, "launch", lambda path: shown.append(path) or 0)
    assert draw("--open").stderr == "wrote net.svg\n" and shown == ["net.svg"]
    assert draw("--open", "-o", "-").exit_code == 2
    monkeypatch.setattr(click, "launch", lambda _: 3)
    done = draw("--open", "-o", "b.svg")
    assert done.exit_code == 0 and done.stderr.endswith("cnnspec: --open: nothing here shows b.svg\n")
