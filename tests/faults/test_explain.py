"""Every code has a page, and its examples are what the page says: one wrong in just that way, one right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cnnspec
from cnnspec.compiler import check
from cnnspec.faults import explain
from cnnspec.text.files import read_used
from cnnspec.text.source import Source
from tests.faults.codes import OF_SPECIFICATIONS

pytestmark = pytest.mark.slow

PACKAGE = Path(cnnspec.__file__).parent


def used_codes() -> set[str]:
    """The codes that the package's modules mention."""
    text = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    return set(re.findall(r'"([EWN]\d{4})"', text))


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(explain.codes()) == used_codes()


@pytest.mark.parametrize("code", OF_SPECIFICATIONS)
def test_the_examples_are_what_the_page_says(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = explain.page(code)
    assert page is not None and page.code == code
    monkeypatch.chdir(tmp_path)
    for text, expected in ((page.wrong, {code}), (page.right, set())):
        Path("x.cnn").write_text(text, "utf-8")  # an example may use itself
        found = check(Source("x.cnn", text), read_used, lint=True)
        assert {diagnostic.code for diagnostic in found.diagnostics} == expected


@pytest.mark.parametrize("code", explain.codes())
def test_a_page_is_complete_and_fits_a_terminal(code: str) -> None:
    page = explain.page(code)
    assert page is not None
    assert page.title and not page.title.endswith(".") and len(page.text) > 60
    assert bool(page.source) == code.startswith("W")
    assert all(len(line) <= 120 for line in page.text.split("\n"))


def test_a_page_as_text() -> None:
    page = explain.ExplainPage("W0501", "Odd", "It is odd.", "net A {\n}\n", "net B {\n}\n", "someone, 2020")
    assert explain.render(page) == (
        "W0501: Odd\n\nIt is odd.\n\nWrong:\n\n    net A {\n    }\n\n"
        "Right:\n\n    net B {\n    }\n\nSource: someone, 2020\n"
    )


@pytest.mark.parametrize("code", ["E9999", "", "../E0101", "E0101.md", "README", "é"])
def test_what_is_no_code_has_no_page(code: str) -> None:
    assert explain.page(code) is None


def test_codes_are_found_in_lower_case() -> None:
    assert explain.page("e0401") == explain.page("E0401") is not None


@pytest.mark.parametrize("lack", ["Wrong:", "Right:"])
def test_a_page_that_lacks_a_part_is_refused(lack: str) -> None:
    text = (PACKAGE / "faults" / "explain" / "E0401.md").read_text("utf-8")
    with pytest.raises(ValueError, match="E0401"):
        explain.parse(text.replace(f"\n{lack}\n", "\n"))
