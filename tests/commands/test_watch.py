"""`--watch`: a call is done again when a file that it reads changes, and ends with 0 by Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnnspec.commands import watch
from cnnspec.commands.cli import main

NET = 'use "blocks.cnn"\n\nnet N { input 1@8x8, B }\n'
BLOCKS = "block B { conv 2@3x3 }\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_text(NET)
    Path("blocks.cnn").write_text(BLOCKS)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, changes: list[Callable[[], object]], *arguments: str) -> Result:
    """A call during whose pauses these changes are made, one in each, and then Ctrl-C is pressed."""
    left = iter(changes)

    def pause(_: float) -> None:
        change = next(left, None)
        if change is None:
            raise KeyboardInterrupt
        change()

    monkeypatch.setattr(watch, "sleep", pause)
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def write(name: str, text: str) -> Callable[[], object]:
    return lambda: Path(name).write_text(text)


def test_a_change_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = write("net.cnn", NET.replace("B }", "B, rleu }"))
    done = run(monkeypatch, [broken, write("net.cnn", NET)], "check", "--watch", "net.cnn")
    assert done.exit_code == 0
    assert done.stdout.count("net.cnn: N ok") == 2 and done.stderr.count("E0201") == 2  # and in `see:`
    assert done.stderr.count("watching 2 files; Ctrl-C ends it\n") == 3


def test_so_are_a_used_file_and_one_that_goes_and_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = [
        write("blocks.cnn", BLOCKS.replace("2@", "37@")),
        Path("blocks.cnn").unlink,
        write("blocks.cnn", BLOCKS),
        Path("net.cnn").unlink,
        write("net.cnn", NET),
    ]
    done = run(monkeypatch, changes, "check", "--watch", "net.cnn", "--format", "concise")
    assert done.exit_code == 0
    parameters = [line.split()[6] for line in done.stdout.splitlines()]
    assert parameters == ["20", "370", "20", "20"]
    assert done.stderr.count("E0206") == 1 and done.stderr.count("net.cnn: no such file") == 1


def test_new_files_of_a_folder_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, [write("other.cnn", "net M { input 1@8x8, relu }\n")], "check", "--watch", ".")
    assert done.stdout.count("N ok") == 2 and done.stdout.count("M ok") == 1


def test_what_stays_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, [lambda: None] * 3, "check", "--watch", "net.cnn")
    assert done.stdout.count("N ok") == 1


def test_a_picture_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    changes: list[Callable[[], object]] = [
        lambda: seen.append(Path("net.svg").read_bytes()),
        write("net.cnn", NET.replace("B }", "B, relu }")),
        lambda: seen.append(Path("net.svg").read_bytes()),
    ]
    done = run(monkeypatch, changes, "draw", "--watch", "net.cnn")
    assert done.exit_code == 0 and done.stderr.count("wrote net.svg\n") == 2
    assert seen[0] != seen[1]


@pytest.mark.parametrize(
    "arguments",
    [["check", "-"], ["check", "net.cnn", "--fix"], ["draw", "-"], ["draw", "net.cnn", "-o", "-"]],
)
def test_what_cannot_be_watched(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    done = run(monkeypatch, [], *arguments, "--watch")
    assert done.exit_code == 2 and "--watch" in done.stderr
