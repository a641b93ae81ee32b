"""`cnnspec.toml` and `[tool.cnnspec]`: where they are found, what they may say, and what goes before them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import Result

from cnnspec.commands.cli import COMMANDS, main
from cnnspec.commands.config import KEYS
from cnnspec.text.resources import folder as folder_of
from tests.commands.calling import run

NET = "net N {\n    input 1@9x9\n    conv 8@3x3, relu\n    flatten, linear 8, softmax\n}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "net.cnn").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str) -> Result:
    return run("check", *arguments, "deep/er/net.cnn")


def test_options_are_taken_from_above_the_file() -> None:
    assert check().exit_code == 0
    Path("cnnspec.toml").write_text("strict = true\n")
    assert check().exit_code == 1
    Path("cnnspec.toml").write_text('strict = true\n[check]\nignore = ["W06"]\nformat = "json"\n')
    done = check()
    assert done.exit_code == 0 and done.stdout.startswith("{")
    assert check("--format", "text").stdout.startswith("deep/er/net.cnn: N ok")


def test_it_is_looked_for_from_the_file_not_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("deep/cnnspec.toml").write_text("strict = true\n")
    assert check().exit_code == run("check", "deep").exit_code == 1
    Path("other").mkdir()
    monkeypatch.chdir("other")
    assert run("check", "../deep/er/net.cnn").exit_code == 1
    monkeypatch.chdir("../deep/er")
    assert run("check").exit_code == 1


def test_the_nearest_counts_and_a_project_that_says_nothing_does_not() -> None:
    Path("pyproject.toml").write_text("[tool.cnnspec]\nstrict = true\n")
    Path("deep/pyproject.toml").write_text("[project]\nname = 'cnnspec-nets'\n")
    assert check().exit_code == 1
    Path("deep/er/cnnspec.toml").write_text("strict = false\n")
    assert check().exit_code == 0


def test_another_project_s_broken_file_is_its_own_affair() -> None:
    Path("deep/pyproject.toml").write_text("= broken\n")
    assert check().exit_code == 0


def test_a_pipe_or_a_folder_of_its_name_is_passed_over() -> None:
    """As `mkfifo cnnspec.toml` makes one, which nobody writes to."""
    os.mkfifo("deep/cnnspec.toml")
    Path("deep/er/cnnspec.toml").mkdir()
    Path("cnnspec.toml").write_text("strict = true\n")
    assert check().exit_code == 1


def test_bounds_of_the_call_stand_beside_those_kept() -> None:
    Path("cnnspec.toml").write_text("limits = { max_layers = 2 }\n")
    assert "max_layers" in check().stderr
    assert "max_layers" in check("--limit", "max_depth=9").stderr
    assert check("--limit", "max_layers=9").exit_code == 0


def test_a_picture_has_the_theme_of_the_project() -> None:
    light = run("draw", "deep/er/net.cnn", "-o", "-").stdout
    Path("cnnspec.toml").write_text('theme = "dark"\n[draw]\ndetail = "full"\n')
    kept = run("draw", "deep/er/net.cnn", "-o", "-").stdout
    assert kept != light
    assert kept == run("draw", "deep/er/net.cnn", "-o", "-", "--theme", "dark", "--detail", "full").stdout
    assert run("draw", "deep/er/net.cnn", "-o", "-", "--view", "volume").exit_code == 0
    assert run("draw", "deep/er/net.cnn", "-o", "-", "--view", "volume", "--detail", "full").exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sttrict = true", "there is no `sttrict`: did you mean `strict`?"),
        ("[chekc]\nstrict = true", "there is no `chekc`: did you mean `check`?"),
        ("[check]\ntheme = 'dark'", "there is no `theme`: there is strict, select, ignore, format, limits"),
        ("format = 'json'", "there is no `format`"),  # `summary` has others than `check`
        ("strict = 1", "`strict` wants true or false, not 1"),
        ("check = 3", "`check` wants a table, not 3"),
        ("[check]\nignore = 'W06'", "`ignore` wants a list of strings, not 'W06'"),
        ("limits = { max_layers = '5' }", "`limits` wants a table of integers"),
        ("limits = { max_layers = 50000 }", "only `--limit max_layers=50000` raises a limit above 20000"),
        ("[check]\nformat = 'poem'", "format: 'poem' is not one of"),
        ("force = true", "there is no `force`"),
        ("fix = true", "there is no `fix`"),
        ("= 3", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_file(text: str, said: str) -> None:
    Path("deep/cnnspec.toml").write_text(text)
    done = check()
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith(f"cnnspec: deep/cnnspec.toml: {said}"), done.stderr


def test_the_example_of_the_reference_is_taken() -> None:
    reference = (folder_of("grammars") / "README.md").read_text("utf-8")
    example = reference.partition("\n    [tool.cnnspec]\n")[2].partition("\nThe keys are")[0]
    Path("pyproject.toml").write_text("[tool.cnnspec]\n" + example)
    assert check().stderr.startswith("deep/er/net.cnn:4:24: W0602 ") and check().exit_code == 1
    keys = re.findall("`([a-z]+)`", reference.partition("\nThe keys are")[2].partition("Nothing")[0])
    assert sorted(keys) == sorted(KEYS)


def test_each_key_is_an_option_of_some_command() -> None:
    context = main.make_context("cnnspec", [], resilient_parsing=True)
    flags = set()
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        flags |= {flag for option in command.params for flag in option.opts}
    assert {f"--{key}".replace("limits", "limit") for key in KEYS} <= flags
