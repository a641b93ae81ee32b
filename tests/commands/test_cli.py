"""The command line as a whole: files, options, exit codes, streams."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cnnspec
from tests.commands.calling import run

LENET = """net LeNet5(classes=10) {
    input 1@28x28
    conv 6@5x5 pad=2, tanh, avgpool 2x2
    conv 16@5x5, tanh, avgpool 2x2
    flatten, linear 120, tanh, linear 84, tanh
    linear classes
}
"""
FINE = "lenet.cnn: LeNet5 ok, 1@28x28 -> 10, 61,706 parameters, 416,520 MACs\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("lenet.cnn").write_text(LENET)
    return tmp_path


def test_a_fine_file_takes_one_line() -> None:
    result = run("check", "lenet.cnn")
    assert (result.stdout, result.stderr, result.exit_code) == (FINE, "", 0)


def test_the_file_may_be_left_out_where_there_is_one() -> None:
    assert run("check").stdout == FINE
    Path("other.cnn").write_text(LENET)
    result = run("check")
    assert result.exit_code == 2
    assert "lenet.cnn, other.cnn" in result.stderr


def test_standard_input_is_a_dash() -> None:
    assert run("check", "-", stdin=LENET).stdout == FINE.replace("lenet.cnn", "<stdin>")
    assert "class LeNet5" in run("build", "-", stdin=LENET).stdout


def test_several_files_and_one_fault() -> None:
    Path("bad.cnn").write_text(LENET.replace("tanh", "tanhh", 1))
    result = run("check", "lenet.cnn", "bad.cnn")
    assert result.exit_code == 1
    assert result.stdout == FINE
    assert "bad.cnn:3:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "missing.cnn"], "no such file"),
        (["build", "."], "is a folder"),
        (["check", "/dev/null"], "is a device"),
        (["check", "--net", "LeNet4"], "LeNet5"),
        (["check", "--set", "clases=7"], "classes"),
        (["check", "--set", "classes"], "NAME=VALUE"),
        (["check", "--set", "classes=]"], "--set classes: ']' is no value"),
        (["check", "--input", "blue"], "--input: 'blue' is no shape: write 3@320x320"),
        (["check", "--input", "left=1@28x28"], "left"),
        (["build", "--backend", "abacus"], "abacus"),
        (["check", "--format", "poem"], "poem"),
        (["check", "--limit", "max_layers"], "NAME=N"),
        (["check", "--limit", "max_joy=9"], "max_layers"),
    ],
)
def test_a_wrong_call_exits_with_2(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_options_change_the_net() -> None:
    assert "-> 7, 61,451 parameters" in run("check", "--set", "classes=7").stdout
    assert "1@32x32 -> 10" in run("check", "--input", "1@32x32").stdout
    assert "1@32x32 -> 10" in run("check", "--input", "input=1@32x32").stdout


def test_reports_for_machines_go_to_standard_output() -> None:
    Path("lenet.cnn").write_text(LENET.replace("tanh", "tanhh", 1))
    for style in ("json", "sarif", "github"):
        result = run("check", "--format", style)
        assert result.exit_code == 1
        assert "E0201" in result.stdout
        assert result.stderr == ""
    assert json.loads(run("check", "--format", "json").stdout)["ok"] is False


WARNED = LENET.replace("linear classes", "linear classes, softmax")


def test_a_warning_fails_only_where_it_is_told_to() -> None:
    Path("lenet.cnn").write_text(WARNED)
    result = run("check")
    assert (result.stdout, result.exit_code) == (FINE, 0)
    assert result.stderr.startswith("warning[W0602]: ") and "\n  --> lenet.cnn:6:21\n" in result.stderr
    for style in ("text", "concise", "json", "sarif", "github"):
        assert run("check", "--strict", "--format", style).exit_code == 1
        assert run("check", "--format", style).exit_code == 0
    Path("lenet.cnn").write_text(WARNED.replace("softmax", "softmax  # allow W0602"))
    result = run("check", "--strict")
    assert (result.stdout, result.stderr, result.exit_code) == (FINE, "", 0)


def test_a_note_never_fails() -> None:
    Path("lenet.cnn").write_text(LENET.replace("avgpool 2x2\n    flat", "avgpool 2x2 -> 16@5x5\n    flat"))
    result = run("check", "--strict", "--input", "1@32x32")
    assert "note[N0801]" in result.stderr and result.exit_code == 0


def test_machines_are_told_that_it_is_a_warning() -> None:
    Path("lenet.cnn").write_text(WARNED)
    report = json.loads(run("check", "--format", "json").stdout)
    (warning,) = report["diagnostics"]
    assert report["ok"] is True
    assert (warning["severity"], warning["line"], warning["column"]) == ("warning", 6, 21)
    assert [fix["safe"] for fix in warning["fixes"]] == [False]
    (log,) = json.loads(run("check", "--format", "sarif").stdout)["runs"]
    assert [(each["ruleId"], each["level"]) for each in log["results"]] == [("W0602", "warning")]
    assert "6.2.2.3" in log["tool"]["driver"]["rules"][0]["help"]["text"]
    line = run("check", "--format", "github").stdout
    assert line.startswith("::warning file=lenet.cnn,line=6,col=21,endLine=6,endColumn=28,title=W0602::")


def test_only_check_warns() -> None:
    Path("lenet.cnn").write_text(WARNED)
    for command in (["build"], ["summary"], ["draw", "-o", "net.dot"]):
        assert "W0602" not in run(*command).stderr


def test_build_writes_whole_files_and_only_its_own() -> None:
    assert run("build", "-o", "-").stdout == run("build").stdout != ""
    assert run("build", "-o", "net.py").exit_code == 0
    first = Path("net.py").read_text()
    assert first == run("build").stdout
    assert run("build", "--set", "classes=7", "-o", "net.py").exit_code == 0
    assert Path("net.py").read_text() != first
    Path("mine.py").write_text("print(1)\n")
    refused = run("build", "-o", "mine.py")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert Path("mine.py").read_text() == "print(1)\n"
    assert run("build", "-o", "mine.py", "--force").exit_code == 0
    assert Path("mine.py").read_text() == first


def test_a_broken_net_builds_nothing() -> None:
    Path("lenet.cnn").write_text(LENET.replace("tanh", "tanhh", 1))
    result = run("build", "-o", "net.py")
    assert result.exit_code == 1
    assert not Path("net.py").exists()


def test_python_m_cnnspec_and_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cnnspec", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(cnnspec.__file__).parents[1])},
    )
    assert cnnspec.__version__ in done.stdout


def test_a_limit_is_an_option_that_its_message_names() -> None:
    refused = run("check", "--limit", "max_layers=5")
    assert refused.exit_code == 1
    assert "more than 5 layers (limit `max_layers`)" in refused.stderr
    refused = run("check", "--limit", "max_statements=5")
    assert refused.exit_code == 1
    assert "max_statements" in refused.stderr
    assert run("check", "--limit", "max_layers=50", "--limit", "max_source=500").exit_code == 0
