"""Fixes of a text's faults, each tried before it is offered: sought when asked for, or when there is time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnspec.api import check_source
from cnnspec.compiler import Checked
from cnnspec.elaborate.settings import Settings
from cnnspec.live.findings import SETTINGS, Check, ignore
from cnnspec.text.colouring import COMMENT, colour
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import insert
from cnnspec.text.scanner import allowances
from cnnspec.text.source import Source

UNNEEDED = "W0500"
"""Of comments that silence nothing."""


class Interrupted(BaseException):
    """Something more urgent came up; no Exception, since what fails in the search is ignored."""


def never() -> None:
    """Nothing is more urgent."""


def with_fixes(check: Check, pause: Callable[[], None] = never) -> list[Diagnostic]:
    """The diagnostics of a text with their fixes, sought once. `pause` may raise Interrupted.

    Where the net in view is set otherwise than the text does, those of that net alone.
    """
    if check.fixed is None:
        net = None if check.settings.empty else check.in_view
        check.fixed = list(recheck(check, check.source, net, check.settings, pause=pause).diagnostics)
    return check.fixed


def make_safe_fixes(
    check: Check, wants: Callable[[Diagnostic], bool] = bool, pause: Callable[[], None] = never
) -> str:
    """The text when all safe fixes of wanted faults are made, those that fixes bring to light too."""
    wanted = filter(wants, with_fixes(check, pause))
    if not any(fix.safe for diagnostic in wanted for fix in diagnostic.fixes):
        return check.source.text
    from cnnspec.faults.fixes.mend import mend

    def check_mended(text: str, skip: int) -> Checked:
        source = Source(check.source.name, text)
        return recheck(check, source, None, SETTINGS, skip=skip, wants=wants, pause=pause)

    return mend(check.source.text, check_mended).text


def recheck(check: Check, source: Source, net: str | None, settings: Settings, **more: Any) -> Checked:
    """Check a text beside the same files as before, and look for fixes."""
    return check_source(source, check.read, net, settings, lint=True, keep=ignore, **more)


def silence(diagnostic: Diagnostic) -> Fix | None:
    """The comment that silences a warning on its line; None of what cannot be silenced."""
    source, line = diagnostic.span.source, diagnostic.span.line
    if diagnostic.severity != "warning" or diagnostic.code == UNNEEDED:
        return None
    start = source.line_start(diagnostic.span.start)
    text = source.line(line)
    comment = next((each.start for each in colour(text) if each.kind == COMMENT), None)
    # `# allow W0701: as in the paper` -> `# allow W0701 W0502: as in the paper`
    allowed = allowances(source).get(line)
    if allowed:
        place, words = allowed[-1].end, f" {diagnostic.code}"
    elif comment is not None:
        place, words = start + comment + 1, f" allow {diagnostic.code}"
    else:
        place, words = start + len(text.rstrip()), f"  # allow {diagnostic.code}"
    return Fix(f"allow {diagnostic.code} on this line", (insert(source, place, words),))
