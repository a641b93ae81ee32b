"""What people in the field typed and met: public bug reports and questions, with their authors' mistakes.

Each file in tests/cases is one; expected.json holds, by name, where it is from (`source`) and what is wanted:

- `ok`, with `params`, `macs` and `codes`, the warnings: there is nothing wrong;
- else `code` and `line` of a fault, of whose help `help_has` and `help_not` hold stretches of text, of whose
  message and notes `told_has`;
- `some_fix`: one of its fixes comes with edits; `some_hint`: one at least says in words what to do, here for
  instance; `mends`: one leaves a text without faults;
- `why`: what the author needs to know.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main
from tests.faults.test_errors import applied

CASES = Path(__file__).parents[1] / "cases"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CASES / "expected.json").read_text("utf-8"))

Check = Callable[[str], dict[str, Any]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """What `cnnspec check` reports of a text."""
    monkeypatch.chdir(tmp_path)

    def report(text: str) -> dict[str, Any]:
        Path("net.cnn").write_text(text, "utf-8")
        result = CliRunner().invoke(main, ["check", "--format", "json", "net.cnn"])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return report


def errors(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in report["diagnostics"] if each["severity"] == "error"]


def test_every_case_is_expected() -> None:
    assert {path.stem for path in CASES.glob("*.cnn")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_case(name: str, check: Check) -> None:
    text, want = (CASES / f"{name}.cnn").read_text("utf-8"), EXPECTED[name]
    report = check(text)
    if want.get("ok"):
        assert report["ok"]
        (net,) = report["files"][0]["networks"]
        assert net["params"] == want["params"]
        assert "macs" not in want or net["macs"] == want["macs"]
        assert {each["code"] for each in report["diagnostics"]} >= set(want.get("codes", ()))
        return
    fault = next(
        each
        for each in errors(report)
        if each["line"] == want.get("line", each["line"]) and each["code"] == want.get("code", each["code"])
    )
    told = "\n".join(fix["title"] for fix in fault["fixes"])
    for words in want.get("help_has", ()):
        assert words in told
    said = "\n".join([fault["message"], *(note["message"] for note in fault["notes"])])
    for words in want.get("told_has", ()):
        assert words in said
    for words in want.get("help_not", ()):
        assert words not in told
    edits = [fix["edits"] for fix in fault["fixes"] if fix["edits"]]
    assert edits or not want.get("some_fix")
    assert told or not want.get("some_hint")
    left = [errors(check(applied(text, each))) for each in edits]
    assert [] in left or not want.get("mends")
    key = fault["code"], fault["message"]  # a second line may hold the same mistake

    def count(faults: list[dict[str, Any]]) -> int:
        return [(each["code"], each["message"]) for each in faults].count(key)

    assert all(count(found) < count(errors(report)) for found in left)
