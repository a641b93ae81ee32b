"""Comments that silence warnings, and those that silence nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cnnspec.compiler import check
from cnnspec.elaborate.settings import Settings
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.edits import apply
from cnnspec.text.files import read_used
from cnnspec.text.resources import folder
from cnnspec.text.shipped import names
from cnnspec.text.source import Source
from tests.analysis.lints.warned import linted, warned

PAIR = "block Pair { conv 3@1x1, conv 3@1x1 }"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relu, relu  # allow W0502", ""),
        ("relu, relu  # allow W0502: twice is safer", ""),
        ("relu, relu  # allow W0501, W0502", "W0500 W0501"),
        ("relu, relu  # allow W0503", "W0502 relu; W0500 W0503"),
        ("# allow W0502\nrelu, relu", "W0500 W0502; W0502 relu"),
        ("relu, relu  # allowing W0502", "W0502 relu"),
        ("relu # allow E0401", "W0500 E0401"),
        ("relu,  # allow W0502\nrelu", "W0500 W0502; W0502 relu"),  # the second is told of
        ("conv 3@1x1, conv 3@1x1, batchnorm  # allow W0503 W0601", ""),
        # On the line of a use, whichever; of several uses each for itself
        (PAIR + "  # allow W0503\nnet N {\n input 3@8x8\n Pair\n}", ""),
        (PAIR + "\nnet N {\n input 3@8x8\n Pair # allow W0503\n}", ""),
        (PAIR + "\nnet N {\n input 3@8x8\n Pair # allow W0503\n relu\n Pair\n}", "W0503 conv 3@1x1"),
        (PAIR + "\nnet N {\n input 3@8x8\n Pair\n relu\n Pair # allow W0503\n}", "W0503 conv 3@1x1"),
        (PAIR + "\nnet N {\n input 3@8x8\n Pair # allow W0503\n relu\n Pair # allow W0503\n}", ""),
        (PAIR + "\nblock Two { Pair, relu }\nnet N {\n input 3@8x8\n Two # allow W0503\n}", ""),
        # What no net uses, nobody has looked at
        (PAIR + " # allow W0503\nnet N { input 3@8x8, relu }", ""),
        (PAIR + " # allow W0501\nnet N { input 3@8x8, Pair }", "W0500 W0501; W0503 conv 3@1x1"),
    ],
)
def test_what_is_silenced(text: str, expected: str) -> None:
    assert sorted(warned(text).split("; ")) == sorted(expected.split("; "))


PATTERN = """net A(twice=no) {
    input 3@8x8
    relu, if twice { relu }     # allow W0502
}
net B = A twice=yes
"""


def test_a_comment_is_only_judged_where_all_nets_are_looked_at_as_written() -> None:
    assert warned(PATTERN) == ""
    assert warned(PATTERN, "A") == ""
    assert warned(PATTERN, settings=Settings({"twice": False})) == ""
    assert warned(PATTERN.replace("net B", "# net B")) == "W0500 W0502"


def test_a_comment_in_a_used_file_counts_and_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pairs.cnn").write_text(PAIR + "  # allow W0503, W0501\n")
    text = 'use "pairs.cnn"\nnet N { input 3@8x8, Pair }\n'
    assert check(Source("net.cnn", text), read_used, lint=True).diagnostics == ()
    Path("pairs.cnn").write_text(PAIR + "\n")
    (warning,) = check(Source("net.cnn", text), read_used, lint=True).diagnostics
    assert warning.code == "W0503" and warning.span.source.name == "pairs.cnn"
    quiet = text.replace("Pair }", "Pair }  # allow W0503")
    assert check(Source("net.cnn", quiet), read_used, lint=True).diagnostics == ()


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("    abs  # allow W0502", "    abs"),
        ("    abs  # allow W0502: for a reason", "    abs"),
        ("    abs, relu, relu  # allow W0501, W0502", "    abs, relu, relu  # allow W0502"),
        ("    abs, relu, relu  # allow W0502, W0501", "    abs, relu, relu  # allow W0502"),
        ('    "# allow W0502": abs  # allow W0503', '    "# allow W0502": abs'),
    ],
)
def test_dropping_what_is_unneeded(line: str, mended: str) -> None:
    (warning,) = unneeded(linted(line).diagnostics)
    (fix,) = warning.fixes
    after = apply(warning.span.source.text, fix.edits)
    assert fix.safe and mended in after.split("\n")
    assert not unneeded(linted(after).diagnostics)


def unneeded(diagnostics: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    return [each for each in diagnostics if each.code == "W0500"]


def test_the_last_line_needs_no_newline() -> None:
    text = "net N { input 3@8x8, relu } # allow W0502"
    (warning,) = linted(text).diagnostics
    assert apply(text, warning.fixes[0].edits) == "net N { input 3@8x8, relu }"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if "/" not in name])
def test_the_zoo_gives_no_warning_that_it_does_not_explain(name: str) -> None:
    path = folder("specs") / f"{name}.cnn"
    text = path.read_text("utf-8")
    found = check(Source(str(path), text), read_used, lint=True)
    assert found.networks and [(each.code, each.message) for each in found.diagnostics] == []
    comments = re.findall(r"#\s*allow (.*)", text)
    assert all(re.fullmatch(r"W\d{4}(, W\d{4})*: \S.{8,}", comment) for comment in comments), comments
