"""Fixes of a text's faults, each tried before it is offered: sought when asked for, or when there is time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cnnspec import compiler
from cnnspec.api import rechecker
from cnnspec.live.check import SETTINGS, Check, at_rest, ignore
from cnnspec.text.diagnostics import Diagnostic, Edit


class Interrupted(BaseException):
    """Something more urgent came up; no Exception, since what fails in the search is ignored."""


def nothing() -> None:
    """Never in a hurry."""


def with_fixes(check: Check, pause: Callable[[], None] = nothing) -> list[Diagnostic]:
    """The diagnostics of a text with their fixes, sought once. `pause` may raise Interrupted."""
    if check.fixed is None:
        from cnnspec.faults.fixes import with_fixes as seek

        pause()
        found = compiler.check(check.source, check.read, lint=True, keep=ignore)
        recheck = rechecker(check.source, found, check.read, None, SETTINGS)

        def recheck_or_pause(text: str, **options: object) -> compiler.Checked:
            pause()
            return recheck(text, **options)  # type: ignore[arg-type]

        with at_rest():
            check.fixed = seek(check.source, found, recheck_or_pause, ignore)
    return check.fixed


def safe_edits(diagnostics: Iterable[Diagnostic]) -> list[Edit]:
    """The edits of all fixes that cannot change what the author meant, as far as they do not overlap."""
    chosen: list[Edit] = []
    for diagnostic in diagnostics:
        for fix in diagnostic.fixes:
            apart = all(
                edit.span.end < other.span.start or other.span.end < edit.span.start
                for edit in fix.edits
                for other in chosen
            )
            if fix.safe and fix.edits and apart:
                chosen += fix.edits
                break
    return sorted(chosen, key=lambda edit: edit.span.start)
