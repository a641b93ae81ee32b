"""`%load_ext cnnspec` and `%%cnn`, in IPython itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import cnnspec

pytestmark = pytest.mark.slow  # IPython loads for two seconds

testing = pytest.importorskip("IPython.core.interactiveshell")

CELL = "net Tiny(classes=2) { input 1@8x8, conv 4@3x3, relu, globalavgpool, flatten, linear classes }\n"


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    made = testing.InteractiveShell.instance()
    made.history_manager.enabled = False
    made.run_line_magic("load_ext", "cnnspec")
    yield made
    testing.InteractiveShell.clear_instance()


def test_a_cell_binds_its_nets_and_shows_the_first(shell: Any) -> None:
    other = "net Other { input 3@8x8, conv 4@3x3, relu }\n"
    result = shell.run_cell(f"%%cnn\n{CELL}{other}").result
    assert result is shell.user_ns["Tiny"] and shell.user_ns["Other"].shapes == "3@8x8 -> 4@6x6"
    shown, _ = shell.display_formatter.format(result)
    assert "<table>" in shown["text/html"] and "data:image/svg+xml" in shown["text/html"]


def test_a_line_chooses_net_parameters_and_input(shell: Any) -> None:
    result = shell.run_cell(f"%%cnn Tiny classes=7 input=1@9x9\n{CELL}").result
    assert result.shapes == "1@9x9 -> 7"


def test_a_fault_is_a_report_without_a_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run_cell("%%cnn\nnet A { input 1@8x8, conv 4@9x9 }\n")
    assert isinstance(result.error_in_exec, cnnspec.SpecError)
    said = capsys.readouterr().out
    assert said == f"{result.error_in_exec}\n" and "cell.cnn:1:" in said


@pytest.mark.parametrize("line", ["Tiny Other", "classes=", "input=blue"])
def test_a_wrong_line_is_refused(shell: Any, line: str) -> None:
    result = shell.run_cell(f"%%cnn {line}\n{CELL}")
    assert isinstance(result.error_in_exec, ValueError)
