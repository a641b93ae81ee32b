"""`check --select` and `--ignore`: which warnings are shown, and that no error is hidden."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from cnnspec.commands.cli import main

NET = """net N {
    input 3@9x9
    conv 8@3x3 stride=2 pad=1, batchnorm, relu, relu
    flatten, linear 8, softmax
}
"""
"""W0601, W0502, W0602."""


def check(*arguments: str, text: str = NET) -> Result:
    return CliRunner().invoke(main, ["check", "-", "--format", "concise", *arguments], input=text)


def codes(*arguments: str) -> str:
    return " ".join(
        sorted(line.split()[1] for line in check(*arguments).stderr.splitlines() if "<stdin>" in line)
    )


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("", "W0502 W0601 W0602"),
        ("--select W06", "W0601 W0602"),
        ("--select W06 --ignore W0601", "W0602"),
        ("--ignore W06 --select W0601", "W0601"),
        ("--ignore W06 --select W06", ""),
        ("--ignore W05,W0602", "W0601"),
        ("--ignore w0502 --ignore W0601", "W0602"),
        ("--select E", ""),
        ("--ignore W", ""),
    ],
)
def test_the_more_exact_decides(options: str, shown: str) -> None:
    assert codes(*options.split()) == shown


def test_what_is_ignored_neither_fails_nor_is_fixed() -> None:
    assert check("--strict").exit_code == 1
    assert check("--strict", "--ignore", "W").exit_code == 0
    assert "bias=no" not in check("--fix", "--unsafe", "--ignore", "W0601").stdout
    assert "bias=no" in check("--fix", "--unsafe", "--select", "W0601").stdout


def test_errors_stay() -> None:
    done = check("--select", "W0502", text=NET.replace("softmax", "sotfmax"))
    assert done.exit_code == 1 and "E0201" in done.stderr


@pytest.mark.parametrize(
    ("option", "code", "said"),
    [
        ("--ignore", "E0410", "errors, which cannot be ignored"),
        ("--ignore", "W0620", "did you mean W0602?"),
        ("--select", "warning", "no code begins with 'WARNING'"),
    ],
)
def test_a_wrong_code_is_a_wrong_call(option: str, code: str, said: str) -> None:
    done = check(option, code)
    assert done.exit_code == 2 and said in done.stderr
