"""Warnings that a comment silences, written by an editor."""

from __future__ import annotations

import pytest

from cnnspec.compiler import check
from cnnspec.live.answers.fixes import make_safe_fixes, silence, with_fixes
from cnnspec.live.session import Session
from cnnspec.text.edits import apply
from cnnspec.text.files import read_library
from cnnspec.text.source import Source

NET = "net A {{\n    input 1@8x8\n    conv 4@3x3, batchnorm, relu, relu{}\n}}\n"


@pytest.mark.parametrize(
    "comment", ["", "   ", "  # why", "#", "  # allow W0502", "  # allow W0502, that is so"]
)
def test_a_comment_silences_a_warning(comment: str) -> None:
    source = Source("net.cnn", NET.format(comment))
    before = check(source, read_library, lint=True).diagnostics
    assert "W0601" in {d.code for d in before}
    (warning,) = [d for d in before if d.code == "W0601"]
    fix = silence(warning)
    assert fix is not None
    after = check(Source("net.cnn", apply(source.text, fix.edits)), read_library, lint=True)
    assert [d.code for d in after.diagnostics] == [d.code for d in before if d is not warning]


def test_errors_and_needless_comments_are_not_silenced() -> None:
    for text in (NET.format(", rleu"), NET.format(" # allow W0702")):
        found = check(Source("net.cnn", text), read_library, lint=True).diagnostics
        for diagnostic in found:
            assert (silence(diagnostic) is None) == (diagnostic.code in ("E0201", "W0500"))


def test_all_safe_fixes_are_made_of_what_is_wanted() -> None:
    session = Session()
    session.open("/w/net.cnn", NET.format("  # allow W0702"))
    document = session.refresh("/w/net.cnn")
    assert document is not None and document.check is not None
    assert "W0500" in {d.code for d in with_fixes(document.check)}
    assert make_safe_fixes(document.check) == NET.format("")
    assert make_safe_fixes(document.check, lambda diagnostic: diagnostic.code != "W0500") == document.text
