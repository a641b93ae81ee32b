"""What ends an evaluation early: a fault at its place, a value that a fault left unknown, too much work."""

from __future__ import annotations

from collections.abc import Iterable

from cnnspec.text import syntax
from cnnspec.text.diagnostics import Data, Diagnostic, Fix, Note
from cnnspec.text.source import Span
from cnnspec.values.limits import Limits


class Fault(Exception):
    """A mistake found: its diagnostic, unless it is reported already."""

    def __init__(self, diagnostic: Diagnostic | None) -> None:
        super().__init__(diagnostic and diagnostic.message)
        self.diagnostic = diagnostic


class Unknowable(Fault):
    """The value depends on one that an earlier fault left unknown."""

    def __init__(self) -> None:
        super().__init__(None)


def fault(
    code: str,
    message: str,
    span: Span,
    *notes: Note,
    label: str = "",
    fixes: Iterable[Fix] = (),
    data: Data | None = None,
) -> Fault:
    return Fault(Diagnostic(code, message, span, label, notes, tuple(fixes), data))


def unknown(
    code: str, message: str, word: str, span: Span, known: Iterable[str], *notes: Note, section: str = ""
) -> Fault:
    """The fault of a word that means nothing, with those of the known ones that may have been meant.

    `section`: that of foreign.txt which holds such words.
    """
    from cnnspec.text.spelling import hints  # loaded on demand: most files have no fault

    return fault(code, message, span, *notes, fixes=hints(span, word, known, section))


def unknown_parameter(
    code: str, keyword: syntax.Keyword, target: syntax.Net | syntax.Variant | syntax.Block, known: list[str]
) -> Fault:
    note = Note("its parameters stand here", target.name.span)
    message = f"`{target.name.name}` has no parameter `{keyword.name}`"
    return unknown(code, message, keyword.name, keyword.name_span, known, note)


class Meter:
    """What evaluating one net, or a file's constants, may still cost."""

    __slots__ = ("left",)

    def __init__(self, left: int = Limits().max_work) -> None:
        self.left = left

    def spend(self, work: int, span: Span) -> None:
        """Work is about to be done. Raises Fault where it is too much."""
        self.left -= work
        if self.left < 0:
            message = "this takes more computing than a network can need (limit `max_work`)"
            raise fault("E0307", message, span)
