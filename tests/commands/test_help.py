"""What the command line says of itself: its summaries, and what was meant by a word that is no command."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import COMMANDS, main


def test_every_command_has_a_whole_summary_in_80_columns() -> None:
    shown = CliRunner().invoke(main, ["--help"], terminal_width=80).stdout
    listed = shown.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    for line in listed:
        assert line.endswith(".") and not line.endswith("..") and len(line) <= 80, line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_of_itself(name: str) -> None:
    """In a process of its own the first context of a command is that of its call; here it is not."""
    shown = [CliRunner().invoke(main, [name, option]) for option in ("-h", "--help")]
    assert shown[0].exit_code == 0 and shown[0].stdout == shown[1].stdout
    assert "-h, --help" in shown[0].stdout


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("chekc", "did you mean `check`?"),
        ("Draw", "did you mean `draw`?"),
        ("lenet.cnn", "did you mean `cnnspec check lenet.cnn`?"),
        ("lint", "there is build, check, "),
    ],
)
def test_a_word_that_is_no_command(word: str, said: str) -> None:
    done = CliRunner().invoke(main, [word])
    assert done.exit_code == 2 and done.stdout == ""
    assert f"there is no command '{word}': {said}" in done.stderr
