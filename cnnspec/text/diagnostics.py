"""A mistake as a value: what is wrong, where, why, and what would mend it.

Codes are stable. E01 syntax, E02 names and wiring, E03 arguments, E04 shapes, W05 structure,
W06 training, W07 cost, N08 notes, E10 imports, which are no Diagnostics; cnnspec/faults/explain
holds a page for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cnnspec.text.edits import Edit
from cnnspec.text.source import Span
from cnnspec.values.comparisons import Bound, Mismatch

SEVERITIES = {"E": "error", "W": "warning", "N": "note"}


class Note(NamedTuple):
    """A further fact: at a place of its own, or, without one, about the whole."""

    message: str
    span: Span | None = None


class Fix(NamedTuple):
    """A way out; without edits it is advice in words.

    `safe`: it is the only reading of what is written, and takes away neither a weight nor a size that the
    author stated. So a slip in a name is mended safely; a size that does not fit is not.
    """

    title: str
    edits: tuple[Edit, ...] = ()
    safe: bool = False


class Counted(NamedTuple):
    """The edits of a fix with what the text says that layers take, which the fix leaves out."""

    edits: tuple[Edit, ...]


class Lacking(NamedTuple):
    """Parameters of a net that have no value."""

    names: tuple[str, ...]


class Twice(NamedTuple):
    """A name that is given to two things."""

    name: str


class ShapeWanted(NamedTuple):
    """Where a shape belongs stands something else."""


Data = Mismatch | Bound | Counted | Lacking | Twice | ShapeWanted


class Diagnostic(NamedTuple):
    """One fault. `label` stands behind the carets; `notes` in the order to be read.

    `data` is what its message says, for programs: a fix reads this, never the message.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    notes: tuple[Note, ...] = ()
    fixes: tuple[Fix, ...] = ()
    data: Data | None = None

    @property
    def severity(self) -> str:
        return SEVERITIES[self.code[0]]


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)
