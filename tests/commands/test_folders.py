"""Commands that take many files: folders, patterns, and what is not a file of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec.text.files import FileProblem
from cnnspec.text.search import find_specs
from tests.commands.calling import run

NET = "net N { input 1@8x8, conv 2@3x3 }\n"
BLOCKS = "block A { relu  # allow W0502\n}\n\nblock B { tanh }\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nets beside each other, below each other, and hidden."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.cnn", "a.cnn", "deep/er/c.cnn", ".git/d.cnn", ".e.cnn", "deep/[x].cnn"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(NET)
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "empty").mkdir()
    (tmp_path / "deep" / "linked").symlink_to(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["."], ["a.cnn", "b.cnn", "deep/[x].cnn", "deep/er/c.cnn"]),
        (["deep", "b.cnn", "deep/"], ["deep/[x].cnn", "deep/er/c.cnn", "b.cnn"]),
        (["*.cnn"], ["a.cnn", "b.cnn"]),
        (["**/*.cnn"], ["a.cnn", "b.cnn", "deep/[x].cnn", "deep/er/c.cnn"]),
        (["de*"], ["deep/[x].cnn", "deep/er/c.cnn"]),
        (["deep/[x].cnn"], ["deep/[x].cnn"]),
        ([".git", ".e.cnn"], [".git/d.cnn", ".e.cnn"]),
        (["./a.cnn", "-", "a.cnn"], ["a.cnn", "-"]),
        (["missing.cnn", "."], ["missing.cnn", "a.cnn", "b.cnn", "deep/[x].cnn", "deep/er/c.cnn"]),
    ],
)
def test_the_files_that_names_mean(names: list[str], found: list[str]) -> None:
    assert find_specs(names) == found


@pytest.mark.parametrize(
    ("name", "said"),
    [("empty", "no .cnn file in this folder"), ("x*.cnn", "no file matches"), ("", "no such file")],
)
def test_nothing_found_is_a_wrong_call(name: str, said: str) -> None:
    with pytest.raises(FileProblem, match=said):
        find_specs(["a.cnn", name])
    assert run("check", name).exit_code == run("fmt", name).exit_code == 2


def test_a_folder_is_checked_and_laid_out() -> None:
    done = run("check", ".")
    assert done.exit_code == 0 and done.stdout.count(": N ok, ") == 4
    assert run("fmt", "--check", ".").stdout == ""
    Path("deep/er/c.cnn").write_text(NET.replace(", ", ","))
    assert run("fmt", ".").stderr == "formatted deep/er/c.cnn\n"
    assert Path("deep/er/c.cnn").read_text() == NET


def test_a_file_of_blocks_is_fine_and_no_net() -> None:
    Path("a.cnn").write_text(BLOCKS)
    done = run("check", "--strict", "a.cnn", "b.cnn")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("a.cnn: blocks for others: A, B\nb.cnn: N ok, ")
    done = run("build", "a.cnn")
    assert done.exit_code == 1 and "error[E0210]: no net in this file: only blocks" in done.stderr
