"""`cnnspec explain`: a page for every code and every layer, help for anything else."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cnnspec import layers
from cnnspec.commands.cli import main
from cnnspec.faults import explain, handbook

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("code", explain.codes())
def test_a_code(code: str) -> None:
    found = explain.page(code)
    assert found is not None
    result = CliRunner().invoke(main, ["explain", code.lower()])
    assert (result.exit_code, result.output) == (0, explain.render(found))


@pytest.mark.parametrize("name", layers.NAMES)
def test_a_layer(name: str) -> None:
    result = CliRunner().invoke(main, ["explain", name])
    assert result.exit_code == 0
    assert result.output.startswith(f"{name}\n\n")


def test_without_a_word_all_are_listed() -> None:
    result = CliRunner().invoke(main, ["explain"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line[:5] for line in lines[: len(explain.codes())]] == explain.codes()
    assert "E0410  `in=` claims other features than arrive" in lines
    assert set(layers.NAMES) <= set(result.output.split())


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("conv2d", "did you mean `conv`?"),
        ("E410", "did you mean `E0410`?"),
        ("InstanceNorm2d", "did you mean `instancenorm`?"),
        ("kernal", "did you mean `kernel`"),
        ("receptive feild", "did you mean `receptive field`?"),
        ("cnv", "did you mean `conv`?"),
        ("zzzzzzzz", "`cnnspec explain` lists"),
        ("../explain/E0101", "`cnnspec explain` lists"),
    ],
)
def test_what_has_no_page(word: str, hint: str) -> None:
    with pytest.raises(handbook.NoPage, match=r"no code, layer or word is called"):
        handbook.page(word)
    result = CliRunner().invoke(main, ["explain", word])
    assert result.exit_code == 2
    assert hint in result.output and "Traceback" not in result.output
