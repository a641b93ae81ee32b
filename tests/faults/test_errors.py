"""Every mistake in tests/errors gives exactly the report beside it, and every fix in it mends it.

A mistake is a `.cnn` file named after its code; a first line `# check: --set width=12` adds options. The
report is the `.txt` of the same name. After a change of wording, this writes the reports anew:
`CNNSPEC_UPDATE=1 python -m pytest tests/faults/test_errors.py`; read what `git diff` shows as someone would
who has made the mistake.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cnnspec.commands.cli import main
from tests.faults.codes import OF_SPECIFICATIONS

ERRORS = Path(__file__).parents[1] / "errors"
NAMES = sorted(path.name for path in ERRORS.glob("*.cnn"))


@pytest.fixture(autouse=True)
def in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ERRORS)


def check(name: str, *options: str) -> Result:
    """`cnnspec check` on a file of the folder."""
    first = Path(name).read_text("utf-8").partition("\n")[0]
    own = shlex.split(first.removeprefix("# check:")) if first.startswith("# check:") else []
    result = CliRunner().invoke(main, ["check", *own, *options, name])
    if not (result.exception is None or isinstance(result.exception, SystemExit)):
        raise result.exception
    return result


def diagnostics(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(check(name, "--format", "json").stdout)["diagnostics"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_report(name: str) -> None:
    result = check(name)
    expected = Path(name).with_suffix(".txt")
    if "CNNSPEC_UPDATE" in os.environ:
        expected.write_text(result.stderr, "utf-8")
    assert result.stderr == expected.read_text("utf-8")
    assert result.exit_code == ("error[" in result.stderr)
    assert " ok, " in result.stdout or result.exit_code


@pytest.mark.parametrize("name", [name for name in NAMES if re.match(r"[EWN]\d", name)])
def test_the_mistake_is_just_what_its_name_says(name: str) -> None:
    assert {found["code"] for found in diagnostics(name)} == {name[:5]}


def test_every_code_has_its_mistake() -> None:
    assert {name[:5] for name in NAMES} >= set(OF_SPECIFICATIONS)


def test_every_report_has_its_mistake() -> None:
    assert {path.stem for path in ERRORS.glob("*.txt")} == {Path(name).stem for name in NAMES}


def offset(text: str, line: int, column: int) -> int:
    return sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """The text with a fix's edits made, the last one first."""
    for edit in sorted(edits, key=lambda edit: (edit["line"], edit["column"]), reverse=True):
        start = offset(text, edit["line"], edit["column"])
        end = offset(text, edit["end_line"], edit["end_column"])
        text = text[:start] + edit["text"] + text[end:]
    return text


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_fix_makes_its_fault_go_away(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = diagnostics(name)
    text = Path(name).read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    for found in before:
        assert len(found["fixes"]) <= 3
        for fix in found["fixes"]:
            if not fix["edits"]:
                continue
            Path(name).write_text(applied(text, fix["edits"]), "utf-8")
            after = diagnostics(name)
            told = [(each["code"], each["message"]) for each in before]
            left = [(each["code"], each["message"]) for each in after]
            key = (found["code"], found["message"])
            assert left.count(key) < told.count(key), fix["title"]
