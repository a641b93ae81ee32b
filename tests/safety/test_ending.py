"""A fault of cnnspec's own costs no report, and what cannot be written is told in a line (promise 3)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner, Result

from cnnspec.analysis.lints import LINTS
from cnnspec.commands.cli import COMMANDS, main
from cnnspec.faults import fixes
from cnnspec.tables import one_line, summary
from tests.safety.running import ROOT

SMALL = f"{ROOT / 'tests' / 'importers' / 'small.py'}:Small"
LENET = str(ROOT / "specs" / "lenet.cnn")
WRONG = "net N {\n    input 3@8x8\n    conv 8@3x3 -> 7@6x6\n    rleu\n}\n"


def broken(*given: Any, **named: Any) -> NoReturn:
    raise KeyError("t.0\x1b[2J")


def exhausted(*given: Any, **named: Any) -> NoReturn:
    raise MemoryError


def endless(*given: Any, **named: Any) -> NoReturn:
    endless(*given, **named)  # with no arguments, Python 3.13.0 would never see how deep it is


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    path = tmp_path / "wrong.cnn"
    path.write_text(WRONG)
    return str(path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def blames_itself(result: Result) -> bool:
    last = result.stderr.splitlines()[-1]
    assert result.exit_code == 70
    assert "Traceback" not in result.stderr and "\x1b" not in last
    return last.startswith("cnnspec: this is a fault of cnnspec ") and "CNNSPEC_DEBUG=1" in last


@pytest.mark.slow
@pytest.mark.parametrize("failing", [broken, exhausted, endless])
@pytest.mark.parametrize("style", ["text", "concise", "json", "sarif", "github"])
def test_where_the_search_for_fixes_fails_the_report_comes_out(
    style: str, failing: Any, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fixes.REMEDIES, "E0403", fixes.any_of(failing))
    result = call("check", wrong, LENET, "--format", style)
    assert blames_itself(result)
    assert "E0403" in result.output and "E0201" in result.output


def test_the_fixes_of_other_faults_are_sought(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fixes.REMEDIES, "E0403", fixes.any_of(broken))
    assert "did you mean `relu`?" in call("check", wrong).stderr


def test_where_a_lint_fails_the_others_warn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.cnn"
    path.write_text("net N { input 3@8x8, conv 8@3x3, batchnorm, relu, relu } # allow W0701\n")
    assert "W0500" in call("check", str(path)).stderr
    monkeypatch.setattr("cnnspec.analysis.lints.LINTS", [broken, *LINTS])
    result = call("check", str(path))
    assert blames_itself(result)
    assert "W0601" in result.stderr and "N ok" in result.stdout
    assert "W0500" not in result.stderr, "the broken lint may have needed the comment"


@pytest.mark.parametrize("style", ["text", "json"])
def test_where_an_analysis_fails_the_report_comes_out(
    style: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_line, "costs", broken)
    result = call("check", wrong, LENET, "--format", style)
    assert blames_itself(result)
    assert "E0403" in result.output


def test_where_a_command_fails_the_report_comes_out(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "table", broken)
    result = call("summary", wrong)
    assert blames_itself(result)
    assert "E0403" in result.stderr


def test_debugging_shows_the_traceback(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fixes.REMEDIES, "E0403", fixes.any_of(broken))
    monkeypatch.setenv("CNNSPEC_DEBUG", "1")
    result = call("check", wrong)
    assert result.exit_code == 70
    assert "Traceback" in result.stderr and "in broken" in result.stderr


CALLS = {
    "build": [LENET],
    "check": [LENET],
    "completion": ["bash"],
    "diff": [LENET, LENET],
    "explain": ["conv"],
    "fmt": ["-"],
    "import": [SMALL],
    "man": [],
    "sizes": [LENET],
    "summary": [LENET],
    "verify": [LENET, "--backends", "numpy"],
    "zoo": [],
}


def outside(command: str, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "cnnspec", *command.split()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | streams,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk to write to")
@pytest.mark.parametrize(
    "command", ["--help", "check --help", *(f"{c} {' '.join(a)}" for c, a in CALLS.items())]
)
def test_a_full_disk_behind_standard_output(command: str, tmp_path: Path) -> None:
    if command.startswith(("import", "verify")):
        pytest.importorskip("torch" if command.startswith("import") else "numpy")
    text = tmp_path / "net.cnn"
    text.write_text("net N { input 3@8x8, relu }\n")
    with Path("/dev/full").open("wb") as full, text.open("rb") as given:
        ran = outside(command, stdout=full, stdin=given)
    assert (ran.returncode, ran.stderr) == (2, b"cnnspec: standard output: No space left on device\n")


def test_every_command_that_writes_to_standard_output_is_tried() -> None:
    # They need files or folders, a net with weights of its own, a run, an editor or a browser.
    others = {"draw", "eval", "lsp", "report", "run", "serve", "site", "train", "weights"}
    assert set(COMMANDS) - set(CALLS) == others


@pytest.mark.skipif(os.name != "posix", reason="streams are closed by the shell")
@pytest.mark.parametrize("command", ["check", "fmt", "build", "diff"])
def test_standard_input_that_is_closed(command: str) -> None:
    line = f"exec {sys.executable} -m cnnspec {command} - {LENET if command == 'diff' else ''} <&-"
    ran = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (2, b"cnnspec: -: standard input is closed\n")


@pytest.mark.skipif(os.name != "posix", reason="streams are closed by the shell")
def test_standard_error_that_is_closed(wrong: str) -> None:
    line = f"exec {sys.executable} -m cnnspec check {wrong} 2>&-"
    assert subprocess.run(["sh", "-c", line], cwd=ROOT, timeout=60).returncode == 1
